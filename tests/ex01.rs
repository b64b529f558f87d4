//! Exercise 1: a server that talks to one client at a time.

mod protocol;

use std::time::Duration;

use harness::draw::fresh;
use harness::{Program, QUIET_WINDOW, Server, connected, disconnected};
use rstest::{fixture, rstest};

fn program() -> Program {
    harness::program!()
}

#[fixture]
fn server() -> Server {
    Server::start(program()).one_at_a_time()
}

// ANCHOR: second-waits
/// While one client is served, the next one waits; when the first leaves, it gets its reply.
/// *Quiet window*, then *deadline*.
#[rstest]
fn the_second_client_waits_until_the_first_has_left(server: Server) {
    let mut first = server.connect();
    first.ask(&fresh("me first"));
    let mut second = server.connect();
    let message = fresh("me too");
    second.say(&message);
    second.expect_waiting_for(QUIET_WINDOW);
    first.ask(&fresh("still me"));
    first.leave();
    second.expect_reply(&message);
}
// ANCHOR_END: second-waits

/// The waiting clients are served in the order in which they came, each after the one before has
/// left. *Quiet window*, then *decided*.
#[rstest]
fn waiting_clients_are_served_in_the_order_they_came(server: Server) {
    let clients = server.connect_many(8);
    let log: Vec<_> = clients
        .iter()
        .flat_map(|client| [connected(client.address()), disconnected(client.address())])
        .collect();
    let message = fresh("my turn yet?");
    for client in &clients {
        client.say(&message);
    }
    clients[7].expect_waiting_for(QUIET_WINDOW);
    for mut client in clients {
        client.expect_reply(&message);
        client.leave();
    }
    server.expect_order_in_log(&log);
}

/// A client that has to wait is not turned away. *Quiet window.*
#[rstest]
fn a_waiting_client_is_not_turned_away(server: Server) {
    let mut first = server.connect();
    first.ask(&fresh("I stay for a while"));
    let mut second = server.connect();
    second.expect_waiting_for(Duration::from_secs(1));
    first.leave();
    second.ask(&fresh("at last"));
}
