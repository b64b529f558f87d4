//! Exercise 2: a server with a thread for each client.

mod protocol;

use harness::draw::{between, fresh, many_clients};
use harness::{Client, Program, QUIET_WINDOW, Server};
use rstest::{fixture, rstest};

fn program() -> Program {
    harness::program!()
}

#[fixture]
fn server() -> Server {
    Server::start(program())
}

// ANCHOR: any-client
/// Any client is answered while all the others stay connected: the last to come is the first to
/// speak. *Deadline.*
#[rstest]
#[case::five(5)]
#[case::twenty(20)]
#[case::more_than_a_hundred(many_clients())]
fn any_client_is_answered_while_the_others_stay_connected(server: Server, #[case] clients: usize) {
    let mut clients = server.connect_many(clients);
    for (number, client) in clients.iter_mut().enumerate().rev() {
        client.ask(&fresh(&format!("client {number} speaks")));
    }
}
// ANCHOR_END: any-client

/// A client that says nothing, or half a message, stops nobody, whether it came before or after.
/// *Deadline.*
#[rstest]
fn a_silent_client_stops_nobody(server: Server) {
    let mut before = server.connect();
    before.ask(&fresh("here before it"));
    let mut silent = server.connect();
    server.connect().ask(&fresh("here after it"));
    silent.send(b"I am just");
    silent.wait_until_read();
    before.ask(&fresh("still here"));
    server.connect().ask(&fresh("here later"));
    let rest = fresh("thinking");
    silent.send(format!(" {rest}\n").as_bytes());
    silent.expect_reply(&format!("I am just {rest}"));
}

/// Each client gets the replies to its own messages, however the clients' messages mix. *Decided.*
#[rstest]
fn each_client_gets_the_replies_to_its_own_messages(server: Server) {
    let mut clients = server.connect_many(10);
    for round in 0..10 {
        let message = |number: usize| format!("client {number}, round {round}");
        for (number, client) in clients.iter().enumerate() {
            client.say(&message(number));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            client.expect_reply(&message(number));
        }
    }
}

/// What one client's bytes do to its thread is no matter for those who are connected, nor for those
/// who come. *Deadline.*
#[rstest]
fn one_clients_bytes_harm_no_open_client(server: Server) {
    let mut open = server.connect();
    open.ask(&fresh("before"));
    let mut odd = server.connect();
    odd.send(b"\xff\xfe\n");
    odd.expect_lossy_reply_or_end("\u{FFFD}");
    open.ask(&fresh("after"));
    server.connect().ask(&fresh("new"));
}

/// A client that sends and never reads stops nobody. *Deadline.*
#[rstest]
fn a_client_that_never_reads_stops_nobody(server: Server) {
    let mut open = server.connect();
    open.ask(&fresh("before"));
    let stuck = server.connect_without_reading();
    stuck.flood();
    open.ask(&fresh("after"));
    server.connect().ask(&fresh("new"));
}

/// A client that leaves is logged as gone while others stay. *Deadline.*
#[rstest]
fn a_client_is_logged_as_gone_while_others_stay(server: Server) {
    let mut stays = server.connect();
    stays.ask(&fresh("I stay"));
    let mut leaves = server.connect();
    leaves.ask(&fresh("I leave"));
    let address = leaves.leave();
    server.expect_gone(address);
    stays.ask(&fresh("I am still here"));
}

/// Connects clients until the server has no descriptor left; none where the system can't limit them.
fn take_all_descriptors(server: &Server) -> Option<Vec<Client>> {
    let mut client = server.connect();
    client.ask(&fresh("there is room"));
    server.expect_gone(client.leave());
    let limit = server.limit_descriptors(6)?;
    let clients = server.connect_many(between(10, 13));
    server.wait_until_out_of_descriptors(limit);
    Some(clients)
}

/// Running out of descriptors is survived: when clients leave, new ones are served again. *Deadline*,
/// on Linux.
#[rstest]
fn running_out_of_descriptors_is_survived(server: Server) {
    let Some(clients) = take_all_descriptors(&server) else {
        return eprintln!("skipped: this system can't limit a running program's descriptors");
    };
    server.expect_to_survive_for(QUIET_WINDOW);
    drop(clients);
    server.connect().ask(&fresh("there is room again"));
}

/// A server that is out of descriptors waits for one, and does not try without a pause. *Quiet window*, on
/// Linux.
#[rstest]
fn a_server_without_a_descriptor_rests(server: Server) {
    let Some(_clients) = take_all_descriptors(&server) else {
        return eprintln!("skipped: this system can't limit a running program's descriptors");
    };
    server.expect_rest();
}
