//! What every server of the course must do, however it is built.

use harness::draw::{between, fresh, many_clients, word};
use harness::{After, DefaultPort, Refusal, Rule, Server, connected, disconnected, silence};
use rstest::rstest;

use crate::{program, server};

/// Every client that is connected gets its own reply with a timestamp: 1, 20 and some more than 120 of
/// them at the same time, in whatever order. *Deadline.*
#[rstest]
#[case::one(1)]
#[case::twenty(20)]
#[case::more_than_a_hundred(many_clients())]
fn every_client_gets_its_own_timestamped_reply(server: Server, #[case] clients: usize) {
    let hellos = (0..clients).map(|number| fresh(&format!("Hello from client {number}")));
    let clients: Vec<_> = server
        .connect_many(clients)
        .into_iter()
        .zip(hellos)
        .collect();
    for (client, hello) in &clients {
        client.say(hello);
    }
    server.expect_each_reply(clients);
}

/// A reply is `[TIMESTAMP] Server got 'MESSAGE'` and a newline, to the letter, and nothing else is sent.
/// *Deadline.*
#[rstest]
fn a_reply_has_the_form_of_the_protocol(server: Server) {
    let server = server.strict_about(Rule::FormOfReplies);
    let mut client = server.connect();
    client.ask(&word());
    client.ask(&fresh("two words"));
    client.finish();
}

/// The first argument is the address to listen on; with port 0 the banner tells the real port.
/// *Decided.*
#[rstest]
#[case::loopback("127.0.0.1:0")]
// All of 127.0.0.0/8 is loopback on Linux; elsewhere only that one address.
#[cfg_attr(target_os = "linux", case::another("127.0.0.2:0"))]
fn it_listens_on_the_address_it_is_given(#[case] address: &str) {
    let server = Server::start_with(program(), &[address]);
    server.expect_address();
    server.expect_serving();
}

/// Without an argument, the address is 127.0.0.1:5000. *Decided*: if another program has that port,
/// the refusal names it.
#[rstest]
fn without_an_address_it_listens_on_port_5000(server: Server) {
    server.expect_serving();
    let _turn = DefaultPort::take();
    let expected = "127.0.0.1:5000";
    Refusal::attempt(program(), &[], expected).expect_nowhere_but(expected);
}

/// An address that can't be used is refused in one clear line. *Decided.*
#[rstest]
#[case::no_port("nonsense")]
#[case::port_too_large("127.0.0.1:99999")]
#[case::not_of_this_machine("192.0.2.1:0")]
fn a_bad_address_is_refused(#[case] address: &str) {
    Refusal::expect(program(), &[address], address);
}

/// A port that is in use is refused in one clear line. *Decided.*
#[rstest]
fn a_port_in_use_is_refused(server: Server) {
    let address = server.address().to_string();
    Refusal::expect(program(), &[&address], &address);
    server.expect_serving();
}

/// Each client is logged when it is taken up, before it has said anything, and when it is gone, not
/// earlier. *Deadline.*
#[rstest]
fn each_client_is_logged_when_it_comes_and_when_it_goes(server: Server) {
    let mut before = None;
    for _ in 0..2 {
        let mut client = server.connect();
        server.expect_entry(&connected(client.address()));
        client.ask(&fresh("here I am"));
        client.ask(&fresh("still here"));
        server.expect_log_of(client.address(), &[connected(client.address())]);
        let address = client.leave();
        server.expect_gone(address);
        if let Some(before) = before.replace(address) {
            // Of the client before, nothing more was said meanwhile.
            server.expect_log_of(before, &[connected(before), disconnected(before)]);
        }
    }
}

/// Each client that goes is logged, however it goes. *Deadline.*
#[rstest]
fn a_client_is_logged_as_gone_however_it_goes(server: Server) {
    server.expect_gone(server.connect().leave());

    let mut resets = server.connect();
    resets.ask("here I am");
    resets.send(b"and now I a");
    resets.wait_until_read();
    server.expect_gone(resets.reset());

    let mut odd = server.connect();
    odd.send(b"caf\xff\xfe!\n");
    odd.expect_lossy_reply_or_end("caf\u{FFFD}!");
    server.expect_gone(odd.leave());
}

/// Each of many clients that are connected at the same time is logged, when it comes and when it goes.
/// *Deadline.*
#[rstest]
fn each_of_many_clients_is_logged(server: Server) {
    let clients = server.connect_many(between(41, 47));
    let clients: Vec<_> = clients
        .into_iter()
        .map(|client| (client, fresh("one of many")))
        .collect();
    let gone: Vec<_> = clients.iter().map(|(client, _)| client.address()).collect();
    for (client, message) in &clients {
        client.say(message);
    }
    server.expect_each_reply(clients);
    for address in gone {
        server.expect_gone(address);
    }
}

/// A client may send one message after another; the connection lasts until the client closes it.
/// *Deadline.*
#[rstest]
fn a_connection_lasts_for_many_messages(server: Server) {
    let server = server.strict_about(Rule::EachMessageByItself);
    let mut client = server.connect();
    client.ask(&fresh("one"));
    client.ask(&fresh("two"));
    client.ask(&fresh("three"));
    client.finish();
}

/// TCP keeps no message boundaries: lines that arrive together are each answered, in order.
/// *Deadline.*
#[rstest]
fn lines_that_arrive_together_are_each_answered(server: Server) {
    let server = server.strict_about(Rule::EachMessageByItself);
    let mut client = server.connect();
    let messages = ["one", "two", "three"].map(fresh);
    client.send((messages.join("\n") + "\n").as_bytes());
    for message in &messages {
        client.expect_reply(message);
    }
    client.ask(&fresh("four"));
    client.finish();
}

// ANCHOR: pieces
/// A message can arrive in any number of pieces; nothing is answered before its end. *Decided.*
#[rstest]
fn a_message_can_arrive_in_pieces(server: Server) {
    let mut client = server.connect();
    client.send(b"Hel");
    client.wait_until_read();
    let (first, second) = (word(), word());
    client.send(format!("{first}\n{}", &second[..3]).as_bytes());
    client.expect_reply(&format!("Hel{first}"));
    client.wait_until_read();
    client.send(format!("{}\n", &second[3..]).as_bytes());
    client.expect_reply(&second);
    client.finish();
}
// ANCHOR_END: pieces

/// The pieces can be as small as a byte, and cut a character in two. *Decided.*
#[rstest]
fn a_character_can_arrive_in_pieces(server: Server) {
    let mut client = server.connect();
    for byte in "h\u{e9}\u{20ac}\u{1f980}".bytes() {
        client.send(&[byte]);
        client.wait_until_read();
    }
    client.send(b"\n");
    client.expect_reply("h\u{e9}\u{20ac}\u{1f980}");
    client.finish();
}

/// A line of more than 64 KiB is one message, whatever it consists of: it ends at its newline, not where a
/// buffer does. *Decided.*
#[rstest]
#[case::ascii("long ")]
#[case::other_characters("l\u{f6}\u{f1}g \u{1f980} ")]
fn a_long_line_is_one_message(server: Server, #[case] part: &str) {
    let mut client = server.connect();
    let times = between(70_000, 100_000) / part.len();
    client.ask(&fresh(&part.repeat(times)));
    client.ask(&fresh("short"));
    client.finish();
}

/// The end of the stream ends a line too. *Deadline.*
#[rstest]
fn the_end_of_the_stream_ends_a_line_too(server: Server) {
    let mut client = server.connect();
    let (with, without) = (fresh("with"), fresh("without"));
    client.send(format!("{with}\n{without}").as_bytes());
    client.half_close();
    client.expect_reply(&with);
    client.expect_reply(&without);
    client.expect_end();
}

/// A client that has no more to send still gets all its replies, and then the end. *Deadline.*
#[rstest]
fn a_half_closed_client_gets_all_its_replies(server: Server) {
    let mut client = server.connect();
    let messages: Vec<_> = (0..between(200, 250))
        .map(|number| format!("message {number}"))
        .collect();
    client.send((messages.join("\n") + "\n").as_bytes());
    client.half_close();
    for message in &messages {
        client.expect_reply(message);
    }
    client.expect_end();
}

/// White space around a message does not belong to it, the carriage return of `\r\n` included.
/// *Decided.*
#[rstest]
#[case::carriage_return("telnet\r\n", "telnet")]
#[case::spaces_and_tabs(" \t two words \t \n", "two words")]
#[case::nothing_else(" \t \r\n", "")]
fn white_space_around_a_message_is_left_out(
    server: Server,
    #[case] line: &str,
    #[case] message: &str,
) {
    let mut client = server.connect();
    client.send(line.as_bytes());
    client.expect_reply(message);
    client.finish();
}

/// An empty line is a message. *Deadline.*
#[rstest]
fn an_empty_line_is_a_message(server: Server) {
    let mut client = server.connect();
    client.ask("");
    client.ask(&fresh("after the empty line"));
    client.finish();
}

/// Nothing but a newline ends a message, and no message is special. *Decided.*
#[rstest]
fn nothing_but_a_newline_ends_a_message(server: Server) {
    let mut client = server.connect();
    for message in [
        "a\0b",
        "one\u{b}two\u{85}three\u{2028}four",
        "a carriage return\rin a message",
        "quit",
        "Exit",
        "BYE",
        "STOP",
        "/quit",
        "Q",
        ":q!",
        "shutdown",
        "close",
        "logout",
        "end",
        ".",
        "\u{4}",
        "help",
        "0",
        "-1",
        "null",
        "'; --",
        "{} %s \\n",
        "GET / HTTP/1.1",
    ] {
        client.ask(message);
    }
    client.ask(&word());
    client.finish();
}

/// A timestamp is the time at which its message is answered. *Decided.*
#[rstest]
fn a_timestamp_is_taken_when_its_message_is_answered(server: Server) {
    let server = server.strict_about(Rule::Timestamps);
    let mut client = server.connect();
    client.ask(&fresh("early"));
    client.wait_for_the_clock();
    client.ask(&fresh("late"));
    client.wait_for_the_clock();
    client.ask(&fresh("later"));
}

/// A client may be silent for as long as it likes, in the middle of a message too. *Quiet window.*
#[rstest]
fn a_silent_client_is_not_turned_away(server: Server) {
    let mut client = server.connect();
    client.ask("let me think");
    client.send(b"I was");
    client.expect_silence_for(silence());
    let rest = fresh("thinking");
    client.send(format!(" {rest}\n").as_bytes());
    client.expect_reply(&format!("I was {rest}"));
    client.finish();
}

/// A client that leaves without a word harms nobody. *Deadline.*
#[rstest]
fn a_client_may_leave_without_a_word(server: Server) {
    server.connect().leave();
    server.connect().ask(&fresh("still there?"));
}

/// A client that leaves in the middle of a message harms nobody. *Deadline.*
#[rstest]
fn a_client_may_leave_in_mid_message(server: Server) {
    let client = server.connect();
    client.send(b"I was about to s");
    client.wait_until_read();
    client.leave();
    server.connect().ask(&fresh("still there?"));
}

/// A client that vanishes (a reset, in the middle of a message) harms nobody. *Deadline.*
#[rstest]
fn a_client_may_vanish(server: Server) {
    let mut client = server.connect();
    client.ask("here I am");
    client.send(b"and now I a");
    client.wait_until_read();
    client.reset();
    server.connect().ask(&fresh("still there?"));
}

/// A client may vanish even before it has been accepted. *Deadline.*
#[rstest]
fn a_client_may_vanish_before_it_is_accepted(server: Server) {
    server.while_stopped(|| {
        server.connect().reset();
    });
    server.connect().ask(&fresh("still there?"));
}

/// A client that sends without ever reading the replies, and leaves, harms nobody. *Deadline.*
#[rstest]
fn a_client_may_leave_without_reading(server: Server) {
    let client = server.connect_without_reading();
    client.flood();
    client.leave();
    server.connect().ask(&fresh("still there?"));
}

/// A client may be gone before its replies are written. *Deadline.*
#[rstest]
fn a_client_may_leave_before_it_is_answered(server: Server) {
    server.while_stopped(|| {
        let client = server.connect();
        // As many as lie in a queue: on a busy machine, the first hundred replies are written before the
        // kernel has told that nobody will read them.
        client.send("?\n".repeat(16_000).as_bytes());
        client.leave();
    });
    server.connect().ask(&fresh("still there?"));
}

/// Bytes that are not UTF-8 are answered with U+FFFD in their place, or end that one connection.
/// *Deadline.*
#[rstest]
fn bytes_that_are_not_utf8_harm_nobody_else(server: Server) {
    let mut client = server.connect();
    client.send(b"caf\xff\xfe!\n");
    client.expect_lossy_reply_or_end("caf\u{FFFD}!");
    client.leave();
    server.connect().ask(&fresh("still there?"));
}

/// Nothing is left of clients that have gone, however they went: no thread, no descriptor, no memory.
/// *Deadline*, on Linux.
#[rstest]
fn nothing_is_left_of_clients_that_have_gone(server: Server) {
    let visit = |number: usize| {
        let mut client = server.connect();
        client.ask(&fresh("just visiting"));
        match number % 3 {
            0 => client.leave(),
            1 => client.reset(),
            _ => {
                client.send(b"I was about to s");
                client.leave()
            }
        };
    };
    visit(0);
    let Some(before) = server.load() else {
        return eprintln!("skipped: this system does not tell a program's threads");
    };
    let visits = between(90, 99);
    (0..visits).for_each(visit);
    server.expect_load_back_to(before, After::Clients(visits));
}

/// More than a thousand clients, one after another, are served, and nothing is left of them. *Deadline*;
/// what is left, on Linux.
#[rstest]
fn a_thousand_clients_may_come_and_go(server: Server) {
    for _ in 0..3 {
        let mut client = server.connect();
        client.ask(&fresh("one of a thousand"));
        client.leave();
    }
    server.serve_crowd(between(1030, 1040));
}

/// Of ten thousand messages, nothing is left. *Deadline*, on Linux.
#[rstest]
fn nothing_is_left_of_ten_thousand_messages(server: Server) {
    let mut client = server.connect();
    for _ in 0..3 {
        client.ask(&fresh("one of ten thousand"));
    }
    client.leave();
    let Some(before) = server.load() else {
        return eprintln!("skipped: this system does not tell a program's memory");
    };
    let messages = server.serve_many_messages(10_000);
    server.expect_load_back_to(before, After::Messages(messages));
}

/// A server that waits, for a client or for the end of a message, uses no processor time. *Quiet window*,
/// on Linux.
#[rstest]
fn a_server_that_waits_rests(server: Server) {
    server.expect_rest();
    let mut client = server.connect();
    client.ask(&fresh("let me think"));
    client.send(b"I was");
    client.wait_until_read();
    server.expect_rest();
}
