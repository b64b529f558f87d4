//! Exercise 3: a stress client, and a client for the keyboard. The checks play the server.

use std::time::Duration;

use harness::draw::many_clients;
use harness::{ClosedPort, DeafHost, Host, Outcome, Peer, Program, Rule, Run, reply_to};
use rstest::{fixture, rstest};

/// For how long a client's reply is withheld: any client waits longer than that, at least 2 s.
const WITHHELD: Duration = Duration::from_millis(1500);

fn program() -> Program {
    harness::program!()
}

fn manual_client() -> Program {
    harness::program!("client")
}

/// A server for the stress client.
#[fixture]
fn host() -> Host {
    Host::new(program())
}

/// A server for the client for the keyboard.
#[fixture]
fn manual_host() -> Host {
    Host::new(manual_client())
}

/// Answers these clients as a right server does, and returns each one's number and reply.
fn answer(peers: &[Peer]) -> Vec<(usize, String)> {
    peers.iter().map(Peer::answer).enumerate().collect()
}

/// All clients are connected and wait for their reply at the same time: none is answered before all
/// have said hello. *Deadline.*
#[rstest]
#[case::one(1)]
#[case::twenty(20)]
#[case::more_than_a_hundred(many_clients())]
fn all_clients_wait_for_their_reply_at_the_same_time(host: Host, #[case] clients: usize) {
    let host = host.strict_about(Rule::FormOfHellos);
    let run = host.run(&[&clients.to_string()]);
    let peers = host.hellos(clients);
    let replies = answer(&peers);
    run.expect_exit().expect_report(clients, &[], &replies);
}

/// There are 20 clients unless told otherwise. *Deadline.*
#[rstest]
fn there_are_twenty_clients_unless_told_otherwise(host: Host) {
    let run = host.run(&[]);
    let peers = host.hellos(20);
    let replies = answer(&peers);
    run.expect_exit().expect_report(20, &[], &replies);
}

/// A name can have several addresses: each is tried until one accepts. *Decided*, of a program that takes
/// names, where this machine's own name has several addresses.
#[rstest]
fn every_address_of_a_name_is_tried(host: Host) {
    let run = host.run(&["1"]);
    let replies = answer(&host.hellos(1));
    run.expect_exit().expect_report(1, &[], &replies);

    let Some([first, last]) = Host::at_both_ends_of_a_name(&program()) else {
        return eprintln!("skipped: this machine's name has only one address");
    };
    let run = first.run(&["1"]);
    if !first.is_reached() {
        return eprintln!("skipped: the program takes no names");
    }
    drop(run);
    let run = last.run(&["1"]);
    let replies = answer(&last.hellos(1));
    run.expect_exit().expect_report(1, &[], &replies);
}

/// The program ends when the last client has its reply, not before. *Quiet window.*
#[rstest]
fn it_waits_for_every_reply(host: Host) {
    let run = host.run(&["5"]);
    let peers = host.hellos(5);
    let mut replies = answer(&peers[..4]);
    run.expect_to_wait_for(WITHHELD);
    replies.push((4, peers[4].answer()));
    run.expect_exit().expect_report(5, &[], &replies);
}

/// A reply ends at its newline: a client that has it disconnects, whatever the others wait for and
/// although the server keeps the connection open. *Deadline.*
#[rstest]
fn each_client_disconnects_when_it_has_its_reply(host: Host) {
    let run = host.run(&["5"]);
    let peers = host.hellos(5);
    let mut replies = answer(&peers[..4]);
    host.expect_ends_before(&peers[..4], &peers[4]);
    replies.push((4, peers[4].answer()));
    run.expect_exit().expect_report(5, &[], &replies);
}

/// A reply can arrive in pieces. *Decided.*
#[rstest]
fn a_reply_can_arrive_in_pieces(host: Host) {
    let run = host.run(&["1"]);
    let peers = host.hellos(1);
    let reply = reply_to(&peers[0].message());
    let (start, end) = reply.split_at(40);
    peers[0].send(start.as_bytes());
    peers[0].wait_until_read();
    peers[0].send(format!("{end}\n").as_bytes());
    run.expect_exit().expect_report(1, &[], &[(0, reply)]);
}

/// Every form of timestamp that the protocol allows is right. *Decided.*
#[rstest]
#[case::utc_offset("2026-01-31 12:00:00.123456+01:00")]
#[case::one_digit("2026-01-31 12:00:00.1")]
#[case::nine_digits("2026-01-31 12:00:00.123456789")]
fn every_form_of_timestamp_is_accepted(host: Host, #[case] timestamp: &str) {
    let run = host.run(&["1"]);
    let peers = host.hellos(1);
    let reply = format!("[{timestamp}] Server got '{}'", peers[0].message());
    peers[0].send(format!("{reply}\n").as_bytes());
    run.expect_exit().expect_report(1, &[], &[(0, reply)]);
}

/// A client whose reply is not its own, or not a reply, has failed; the others have not. *Decided.* (Its own
/// message stands for `OWN`, that of client 1, with which it begins, for `SHORT`, another client's for
/// `OTHER`.)
#[rstest]
#[case::anothers("[2026-01-31 12:00:00.123456] Server got 'OTHER'\n")]
#[case::longer_number("[2026-01-31 12:00:00.123456] Server got 'OWN7'\n")]
#[case::shorter_number("[2026-01-31 12:00:00.123456] Server got 'SHORT'\n")]
#[case::more_before_it("[INFO] [2026-01-31 12:00:00.123456] Server got 'OWN'\n")]
#[case::more_after_it("[2026-01-31 12:00:00.123456] Server got 'OWN' and more\n")]
#[case::other_words("[2026-01-31 12:00:00.123456] Server lost 'OWN'\n")]
#[case::no_timestamp("Server got 'OWN'\n")]
#[case::empty_timestamp("[] Server got 'OWN'\n")]
#[case::no_such_date("[2026-02-30 12:00:00.123456] Server got 'OWN'\n")]
#[case::no_such_time("[2026-01-31 25:00:00.123456] Server got 'OWN'\n")]
#[case::odd_offset("[2026-01-31 12:00:00.123456 or so] Server got 'OWN'\n")]
#[case::only_an_echo("OWN\n")]
#[case::empty("\n")]
fn a_wrong_reply_is_a_failure(host: Host, #[case] reply: &str) {
    let run = host.run(&["12"]);
    let peers = host.hellos(12);
    let [replied_before, tenth, replied_after] = [&peers[..10], &peers[10..11], &peers[11..]];
    let mut replies = answer(replied_before);
    let reply = reply
        .replace("OWN", &tenth[0].message())
        .replace("SHORT", &peers[1].message())
        .replace("OTHER", &peers[11].message());
    tenth[0].send(reply.as_bytes());
    replies.extend(replied_after.iter().map(|peer| (11, peer.answer())));
    run.expect_exit().expect_report(12, &[10], &replies);
}

/// Two clients that get each other's reply have both failed, although every reply has come. *Decided.*
#[rstest]
fn swapped_replies_are_failures_of_both(host: Host) {
    let run = host.run(&["5"]);
    let peers = host.hellos(5);
    for (peer, other) in [(1, 3), (3, 1)] {
        let reply = reply_to(&peers[other].message());
        peers[peer].send(format!("{reply}\n").as_bytes());
    }
    let replies = [0, 2, 4].map(|number| (number, peers[number].answer()));
    run.expect_exit().expect_report(5, &[1, 3], &replies);
}

/// A client whose connection ends without a whole reply has failed; the others have not. *Decided.*
#[rstest]
#[case::no_reply("")]
#[case::half_a_reply("[2026-01-31 12:00:00.123456] Server got 'Hello fr")]
#[case::all_but_the_newline("[2026-01-31 12:00:00.123456] Server got 'Hello from client 2'")]
fn a_connection_that_ends_too_early_is_a_failure(host: Host, #[case] reply: &str) {
    let run = host.run(&["3"]);
    let mut peers = host.hellos(3);
    let last = peers.remove(2);
    last.send(reply.as_bytes());
    last.close();
    let replies = answer(&peers);
    run.expect_exit().expect_report(3, &[2], &replies);
}

/// Of five clients, the third gets a wrong reply. Returns how that ended, and the others' replies.
fn one_of_five_fails(host: &Host) -> (Outcome, Vec<(usize, String)>) {
    let run = host.run(&["5"]);
    let peers = host.hellos(5);
    let numbers = [0, 1, 3, 4];
    peers[2].send(b"something else\n");
    let replies = numbers.map(|number| (number, peers[number].answer()));
    (run.expect_exit(), replies.to_vec())
}

/// Each reply is printed in a line of its own, `client NUMBER: REPLY`, and nothing of a client that has
/// failed. *Decided.*
#[rstest]
fn each_reply_is_printed_with_its_clients_number(host: Host) {
    let host = host.strict_about(Rule::PrintedReplies);
    let (outcome, replies) = one_of_five_fails(&host);
    outcome.expect_report(5, &[2], &replies);
}

/// Each client that has failed is named on stderr with the reason, and no other is. *Decided.*
#[rstest]
fn each_failure_is_named(host: Host) {
    let host = host.strict_about(Rule::NamedFailures);
    let (outcome, replies) = one_of_five_fails(&host);
    outcome.expect_report(5, &[2], &replies);
}

/// The last line on stdout is the summary. *Decided.*
#[rstest]
fn the_last_line_is_the_summary(host: Host) {
    let host = host.strict_about(Rule::Summary);
    let (outcome, replies) = one_of_five_fails(&host);
    outcome.expect_report(5, &[2], &replies);
}

/// The exit status is 0 if every client got its reply, and 1 if one has failed. *Decided.*
#[rstest]
#[case::none_fails(false)]
#[case::one_fails(true)]
fn the_exit_status_tells_whether_a_client_failed(host: Host, #[case] one_fails: bool) {
    let host = host.strict_about(Rule::ExitStatus);
    if one_fails {
        let (outcome, replies) = one_of_five_fails(&host);
        outcome.expect_report(5, &[2], &replies);
    } else {
        let run = host.run(&["5"]);
        let replies = answer(&host.hellos(5));
        run.expect_exit().expect_report(5, &[], &replies);
    }
}

/// Where nobody listens, every client has failed. *Decided.*
#[rstest]
fn nobody_listening_is_a_failure_of_every_client() {
    let port = ClosedPort::take();
    let run = Run::new(program(), &[&port.address().to_string(), "3"]);
    let run = run.strict_about(Rule::ExitStatus);
    run.expect_exit().expect_report(3, &[0, 1, 2], &[]);
}

/// If the server dies, every client has failed and the program ends. *Deadline.*
#[rstest]
fn a_server_that_dies_is_a_failure_of_every_client(host: Host) {
    let run = host.run(&["20"]);
    for (number, peer) in host.hellos(20).into_iter().enumerate() {
        if number % 2 == 0 {
            peer.reset();
        } else {
            peer.close();
        }
    }
    run.expect_exit()
        .expect_report(20, &(0..20).collect::<Vec<_>>(), &[]);
}

/// A server that never answers is waited for, for at least 2 s, and then given up. *Decided*, then
/// *deadline*.
#[rstest]
fn a_silent_server_is_given_up_in_time(host: Host) {
    let run = host.run(&["5"]);
    let _silent = host.hellos(5);
    run.expect_patience(Duration::from_secs(2));
    run.expect_to_give_up()
        .expect_report(5, &[0, 1, 2, 3, 4], &[]);
}

/// A server that sends one byte after another, and never comes to the end of the line, is given up
/// too. *Deadline.*
#[rstest]
fn a_server_that_never_ends_its_line_is_given_up_in_time(host: Host) {
    let run = host.run(&["2"]);
    let mut peers = host.hellos(2);
    let _endless = peers.pop().map(|peer| peer.trickle(b'x'));
    let replies = answer(&peers);
    run.expect_to_give_up().expect_report(2, &[1], &replies);
}

/// A server that does not accept is given up too. *Deadline.*
#[rstest]
fn a_server_that_does_not_accept_is_given_up_in_time() {
    let deaf = DeafHost::new();
    let run = Run::new(program(), &[&deaf.address().to_string(), "3"]);
    run.expect_to_give_up().expect_report(3, &[0, 1, 2], &[]);
}

/// Arguments that make no sense are refused in one clear line; others are not. *Decided.*
#[rstest]
#[case::no_address(&["nonsense", "3"], "nonsense")]
#[case::no_number(&["127.0.0.1:1", "many"], "many")]
fn bad_arguments_are_refused(host: Host, #[case] arguments: &[&str], #[case] naming: &str) {
    let run = host.run(&["1"]);
    let replies = answer(&host.hellos(1));
    run.expect_exit().expect_report(1, &[], &replies);
    Run::new(program(), arguments)
        .expect_exit()
        .expect_refusal(arguments, naming);
}

/// The manual client sends each line as it is typed and prints its reply; the end of input closes
/// the connection. *Deadline.*
#[rstest]
fn the_manual_client_sends_what_is_typed_and_prints_the_reply(manual_host: Host) {
    let mut run = manual_host.run(&[]);
    run.type_line("good morning");
    let mut peer = manual_host.first_message("good morning");
    run.expect_output(&peer.answer());
    for line in ["and good night", "", "h\u{e9}llo"] {
        run.type_line(line);
        peer.expect_message(line);
        run.expect_output(&peer.answer());
    }
    run.end_input();
    peer.expect_end();
    run.expect_exit().expect_success();
}

/// Input that comes all at once is sent and answered like the typed one, a last line without a newline
/// too. *Deadline.*
#[rstest]
fn the_manual_client_can_be_fed_from_a_file(manual_host: Host) {
    let mut run = manual_host.run(&[]);
    run.type_line("one");
    run.type_line("two");
    run.type_text("three");
    run.end_input();
    let mut peer = manual_host.first_message("one");
    let mut replies = vec![peer.answer()];
    for message in ["two", "three"] {
        peer.expect_message(message);
        replies.push(peer.answer());
    }
    for reply in &replies {
        run.expect_output(reply);
    }
    peer.expect_end();
    run.expect_exit().expect_success();
}

/// The manual client, too, reads a reply to its end. *Decided.*
#[rstest]
fn the_manual_client_reads_a_reply_in_pieces(manual_host: Host) {
    let mut run = manual_host.run(&[]);
    run.type_line("slowly");
    let peer = manual_host.first_message("slowly");
    let reply = reply_to("slowly");
    peer.send(&reply.as_bytes()[..10]);
    peer.wait_until_read();
    peer.send(format!("{}\n", &reply[10..]).as_bytes());
    run.expect_output(&reply);
}

/// The manual client ends by itself when its input does, with success, once it has the replies to all that
/// it has sent. *Quiet window*, then *deadline*.
#[rstest]
#[case::nothing(&[])]
#[case::a_line(&["goodbye"])]
#[case::lines(&["well then", "goodbye"])]
fn the_manual_client_ends_with_its_input(manual_host: Host, #[case] lines: &[&str]) {
    let mut run = manual_host.run(&[]);
    lines.iter().for_each(|line| run.type_line(line));
    run.end_input();
    if let Some((first, others)) = lines.split_first() {
        let mut peer = manual_host.first_message(first);
        let mut replies = Vec::new();
        for line in others {
            replies.push(peer.answer());
            peer.expect_message(line);
        }
        run.expect_to_wait_for(WITHHELD);
        replies.push(peer.answer());
        replies.iter().for_each(|reply| run.expect_output(reply));
    }
    run.expect_exit().expect_success();
}

/// The manual client, too, tries every address of a name. *Decided*, as for the stress client.
#[rstest]
fn the_manual_client_tries_every_address_of_a_name(manual_host: Host) {
    let expect_session = |host: &Host| {
        let mut run = host.run(&[]);
        run.type_line("anyone?");
        let peer = host.first_message("anyone?");
        run.expect_output(&peer.answer());
        run.end_input();
        peer.expect_end();
        run.expect_exit().expect_success();
    };
    expect_session(&manual_host);

    let Some([first, last]) = Host::at_both_ends_of_a_name(&manual_client()) else {
        return eprintln!("skipped: this machine's name has only one address");
    };
    let run = first.run(&[]);
    if !first.is_reached() {
        return eprintln!("skipped: the program takes no names");
    }
    drop(run);
    expect_session(&last);
}

/// When the server closes the connection in place of a reply, or in the middle of it, the manual client says
/// so and fails, although nothing more is typed. *Deadline.*
#[rstest]
#[case::no_reply("")]
#[case::half_a_reply("[2026-01-31 12:00:00.123456] Server got 'are you")]
fn the_manual_client_notices_that_no_reply_comes(manual_host: Host, #[case] reply: &str) {
    let mut run = manual_host.run(&[]);
    run.type_line("good morning");
    let mut peer = manual_host.first_message("good morning");
    run.expect_output(&peer.answer());
    run.type_line("are you there?");
    peer.expect_message("are you there?");
    peer.send(reply.as_bytes());
    peer.close();
    run.expect_exit().expect_failure();
}

/// When the server is gone, the manual client says so and fails. *Deadline.*
#[rstest]
fn the_manual_client_says_that_the_server_is_gone(manual_host: Host) {
    let mut run = manual_host.run(&[]);
    run.type_line("are you there?");
    let peer = manual_host.first_message("are you there?");
    run.expect_output(&peer.answer());
    peer.close();
    run.type_line("and now?");
    run.expect_exit().expect_failure();
}

/// Where nobody listens, the manual client says so and fails; where somebody does, it does not.
/// *Decided.*
#[rstest]
fn the_manual_client_says_that_nobody_listens(manual_host: Host) {
    let port = ClosedPort::take();
    let mut run = manual_host.run(&[]);
    run.type_line("anyone?");
    let peer = manual_host.first_message("anyone?");
    run.expect_output(&peer.answer());
    run.end_input();
    peer.expect_end();
    run.expect_exit().expect_success();

    let run = Run::new(manual_client(), &[&port.address().to_string()]);
    run.expect_exit().expect_failure();
}
