//! Who waited for whom: the four programs, each with clients that take their time.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use harness::{Client, Host, Program, Server};

use crate::Programs;

/// How long a client stays after its reply: long enough to be seen beside all that is quick.
const STAY: Duration = Duration::from_millis(100);

const ANY_PORT: &str = "127.0.0.1:0";

pub(crate) fn one_loop(programs: &Programs) -> Result<String> {
    let server = start(programs, "ex01-solution", &[]).one_at_a_time();
    served_in_turn(&server, 4, 1);
    Ok(server
        .timeline()
        .svg_to_scale("One loop: each client waits for all before it"))
}

pub(crate) fn threads(programs: &Programs) -> Result<String> {
    let server = start(programs, "ex02-solution", &[]);
    served_in_turn(&server, 4, 4);
    Ok(server
        .timeline()
        .svg_to_scale("A thread for each client: nobody waits"))
}

pub(crate) fn pool(programs: &Programs) -> Result<String> {
    let server = start(programs, "ex04-solution", &["2"]).with_workers(2);
    served_in_turn(&server, 6, 2);
    Ok(server
        .timeline()
        .svg_to_scale("A pool of two workers: two clients at a time"))
}

pub(crate) fn silent_before_one_loop(programs: &Programs) -> Result<String> {
    let server = start(programs, "ex01-solution", &[]).one_at_a_time();
    let silent = server.connect();
    let others = server.connect_many(2);
    for client in &others {
        client.say("hello");
    }
    thread::sleep(2 * STAY);
    silent.leave();
    for mut client in others {
        client.expect_reply("hello");
        thread::sleep(STAY);
        client.leave();
    }
    Ok(server
        .timeline()
        .svg_to_scale("One loop: a silent client keeps the others waiting until it leaves"))
}

pub(crate) fn silent_among_threads(programs: &Programs) -> Result<String> {
    let server = start(programs, "ex02-solution", &[]);
    let _silent = server.connect();
    let mut others = server.connect_many(2);
    for client in &others {
        client.say("hello");
    }
    for client in &mut others {
        client.expect_reply("hello");
    }
    thread::sleep(STAY);
    others.into_iter().for_each(|client| {
        client.leave();
    });
    thread::sleep(STAY);
    Ok(server
        .timeline()
        .svg_to_scale("A thread for each client: a silent client keeps nobody waiting"))
}

pub(crate) fn stress(programs: &Programs) -> Result<String> {
    let program = Program::new("ex03-solution", &programs.path("ex03-solution"));
    let host = Host::new(program);
    let run = host.run(&["6"]);
    let peers = host.hellos(6);
    thread::sleep(STAY);
    let replies: Vec<_> = peers.iter().map(|peer| peer.answer()).collect();
    peers.iter().for_each(|peer| peer.expect_end());
    let replies: Vec<_> = replies.into_iter().enumerate().collect();
    run.expect_exit().expect_report(6, &[], &replies);
    Ok(host
        .timeline()
        .svg_to_scale("The stress client: all six wait for their reply at the same time"))
}

fn start(programs: &Programs, name: &str, arguments: &[&str]) -> Server {
    let program = Program::new(name, &programs.path(name));
    Server::start_with(program, &[&[ANY_PORT], arguments].concat())
}

/// So many clients connect and ask at once, and `together` of them are served at the same time. Each
/// stays a while; when it leaves, the next one gets its reply.
fn served_in_turn(server: &Server, clients: usize, together: usize) {
    let mut waiting = VecDeque::from(server.connect_many(clients));
    for client in &waiting {
        client.say("hello");
    }
    let mut served = VecDeque::new();
    serve_next(&mut waiting, &mut served, together);
    while !served.is_empty() {
        thread::sleep(STAY);
        for _ in 0..served.len() {
            served.pop_front().map(Client::leave);
            serve_next(&mut waiting, &mut served, 1);
        }
    }
}

fn serve_next(waiting: &mut VecDeque<Client>, served: &mut VecDeque<Client>, clients: usize) {
    for mut client in waiting.drain(..clients.min(waiting.len())) {
        client.expect_reply("hello");
        served.push_back(client);
    }
}
