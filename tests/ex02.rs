//! Exercise 2: a server with a thread for each client.

mod protocol;

use harness::{Program, QUIET_WINDOW, Server};
use rstest::{fixture, rstest};

fn program() -> Program {
    harness::program!()
}

#[fixture]
fn server() -> Server {
    Server::start(program())
}

/// Any client is answered while all the others stay connected: the last to come is the first to
/// speak. *Deadline.*
#[rstest]
#[case::five(5)]
#[case::twenty(20)]
#[case::hundred(100)]
fn any_client_is_answered_while_the_others_stay_connected(server: Server, #[case] clients: usize) {
    let mut clients = server.connect_many(clients);
    for (number, client) in clients.iter_mut().enumerate().rev() {
        client.ask(&format!("client {number} speaks"));
    }
}

/// A client that says nothing stops nobody, whether it came before or after. *Deadline.*
#[rstest]
fn a_silent_client_stops_nobody(server: Server) {
    let mut before = server.connect();
    before.ask("here before it");
    let _silent = server.connect();
    server.connect().ask("here after it");
    before.ask("still here");
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
    open.ask("before");
    let mut odd = server.connect();
    odd.send(b"\xff\xfe\n");
    odd.expect_lossy_reply_or_end("\u{FFFD}");
    open.ask("after");
    server.connect().ask("new");
}

/// A client that sends and never reads stops nobody. *Deadline.*
#[rstest]
fn a_client_that_never_reads_stops_nobody(server: Server) {
    let mut open = server.connect();
    open.ask("before");
    let stuck = server.connect_without_reading();
    stuck.flood();
    open.ask("after");
    server.connect().ask("new");
}

/// A client that leaves is logged as gone while others stay. *Deadline.*
#[rstest]
fn a_client_is_logged_as_gone_while_others_stay(server: Server) {
    let mut stays = server.connect();
    stays.ask("I stay");
    let mut leaves = server.connect();
    leaves.ask("I leave");
    let address = leaves.leave();
    server.expect_log_of(address);
    stays.ask("I am still here");
}

/// Threads and descriptors go when the client goes: after 200 clients there are no more than after
/// one. *Deadline*, on Linux.
#[rstest]
fn threads_and_descriptors_go_with_the_client(server: Server) {
    let visit = || {
        let mut client = server.connect();
        client.ask("just visiting");
        client.leave()
    };
    server.expect_log_of(visit());
    let Some(before) = server.load() else {
        return eprintln!("skipped: this system does not tell a program's threads");
    };
    for _ in 0..200 {
        visit();
    }
    server.expect_load_back_to(before, 200);
}

/// Running out of descriptors is survived: when clients leave, new ones are served again. *Deadline*,
/// on Linux.
#[rstest]
fn running_out_of_descriptors_is_survived(server: Server) {
    server.connect().ask("there is room");
    let Some(before) = server.load().filter(|_| server.limit_descriptors(6)) else {
        return eprintln!("skipped: this system can't limit a running program's descriptors");
    };
    let clients = server.connect_many(20);
    server.wait_for_descriptors(before, 6);
    server.expect_to_survive_for(QUIET_WINDOW);
    drop(clients);
    server.connect().ask("there is room again");
}
