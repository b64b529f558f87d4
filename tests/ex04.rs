//! Exercise 4: a server whose pool of workers takes the clients in turn.

mod protocol;

use std::collections::VecDeque;
use std::time::Duration;

use harness::draw::{between, fresh, many_clients};
use harness::{Client, Program, QUIET_WINDOW, Refusal, Server};
use rstest::{fixture, rstest};

const ANY_PORT: &str = "127.0.0.1:0";

fn program() -> Program {
    harness::program!()
}

/// One worker: what a client does to it is what it does to the server.
#[fixture]
fn server() -> Server {
    server_with(1)
}

fn server_with(workers: usize) -> Server {
    Server::start_with(program(), &[ANY_PORT, &workers.to_string()]).with_workers(workers)
}

/// Expects that exactly this many clients are served at the same time: the last of them is answered
/// first, one more has to wait until one of them leaves.
fn expect_workers(server: &Server, workers: usize) {
    let mut held = server.connect_many(workers);
    for client in held.iter_mut().rev() {
        client.ask(&fresh("a worker for me"));
    }
    let mut waiting = server.connect();
    let message = fresh("and for me?");
    waiting.say(&message);
    waiting.expect_waiting_for(QUIET_WINDOW);
    held.pop().map(Client::leave);
    waiting.expect_reply(&message);
}

/// As many clients are served at once as there are workers, and not one more. *Deadline* and *quiet
/// window.*
#[rstest]
#[case::one(1)]
#[case::two(2)]
#[case::seven(7)]
#[case::dozen(between(13, 15))]
fn as_many_clients_are_served_at_once_as_there_are_workers(#[case] workers: usize) {
    expect_workers(&server_with(workers), workers);
}

/// Unless told otherwise, there are 4 workers. *Deadline* and *quiet window.*
#[rstest]
fn there_are_four_workers_unless_told_otherwise() {
    expect_workers(&Server::start(program()).with_workers(4), 4);
}

/// A number of workers that makes no sense is refused in one clear line. *Decided.*
#[rstest]
#[case::none("0")]
#[case::fewer_than_none("-1")]
#[case::no_number("four")]
fn a_bad_number_of_workers_is_refused(#[case] workers: &str) {
    Refusal::expect(program(), &[ANY_PORT, workers], workers);
}

/// Waiting clients are served in the order in which they came, however many they are. *Deadline.*
#[rstest]
fn waiting_clients_are_served_in_the_order_they_came() {
    let server = server_with(4);
    let mut waiting = VecDeque::from(server.connect_many(22));
    let message = fresh("my turn yet?");
    for client in &waiting {
        client.say(&message);
    }
    let mut served = VecDeque::new();
    while let Some(mut client) = waiting.pop_front() {
        client.expect_reply(&message);
        served.push_back(client);
        if served.len() == 2 {
            served.pop_front().map(Client::leave);
        }
    }
}

/// Clients that have to wait are not turned away, however many they are. *Quiet window.*
#[rstest]
fn a_waiting_client_is_not_turned_away() {
    let server = server_with(1);
    let mut first = server.connect();
    first.ask(&fresh("I stay for a while"));
    let mut waiting = server.connect_many(many_clients());
    if let Some(last) = waiting.last_mut() {
        last.expect_waiting_for(QUIET_WINDOW);
    }
    for client in &mut waiting {
        client.expect_waiting_for(Duration::ZERO);
    }
    first.leave();
    waiting.remove(0).ask(&fresh("at last"));
}

/// Clients that have to wait are accepted at once, however many they are: they wait in the pool's queue.
/// *Deadline*, on Linux.
#[rstest]
fn a_waiting_client_is_accepted() {
    let server = server_with(1);
    let mut first = server.connect();
    first.ask(&fresh("I stay for a while"));
    let _waiting = server.connect_many(many_clients());
    server.expect_all_accepted();
}

/// A silent client keeps its own worker busy and nobody else. *Deadline.*
#[rstest]
fn a_silent_client_keeps_only_its_worker() {
    let server = server_with(4);
    let _silent = server.connect();
    server.connect().ask(&fresh("is there a worker left?"));
}

/// A client that sends and never reads keeps its own worker busy and nobody else. *Deadline.*
#[rstest]
fn a_client_that_never_reads_keeps_only_its_worker() {
    let server = server_with(4);
    let stuck = server.connect_without_reading();
    stuck.flood();
    server.connect().ask(&fresh("is there a worker left?"));
}

/// However many clients wait, there is no thread for each: no more than the workers, and ten that a
/// runtime may start for itself, come to those before the first client. *Quiet window*, on Linux.
#[rstest]
fn the_number_of_threads_is_bounded() {
    let server = server_with(3);
    let Some(before) = server.load() else {
        return eprintln!("skipped: this system does not tell a program's threads");
    };
    let mut clients = server.connect_many(30);
    let message = fresh("a thread for me?");
    for client in &clients {
        client.say(&message);
    }
    server.expect_replies_for(1, &mut clients, &message);
    server.expect_threads_at_most_for(before.threads + 3 + 10, QUIET_WINDOW);
}

/// A worker survives a job that panics: after more panics than workers there are as many workers as
/// before, and not one more. *Deadline* and *quiet window.*
#[rstest]
fn a_worker_survives_a_job_that_panics() {
    let server = server_with(2);
    for _ in 0..5 {
        let mut client = server.connect();
        client.say("panic");
        client.expect_dropped();
    }
    expect_workers(&server, 2);
}

/// A job that panics harms neither the clients that are being served nor those that wait.
/// *Deadline.*
#[rstest]
fn a_panic_harms_no_other_client() {
    let server = server_with(2);
    let mut served = server.connect();
    served.ask(&fresh("before"));
    let mut panics = server.connect();
    panics.ask(&fresh("about to panic"));
    let mut waiting = server.connect();
    let message = fresh("waiting");
    waiting.say(&message);
    panics.say("panic");
    panics.expect_dropped();
    waiting.expect_reply(&message);
    served.ask(&fresh("after"));
}
