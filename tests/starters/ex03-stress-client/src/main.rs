//! Exercise 3: a stress client. Many clients at the same time, each of which must get its own
//! reply.
//!
//! Given: the arguments, the judge of a reply (reply.rs), the report. Yours: the clients. The rules
//! are in the README.md beside this package's Cargo.toml; `cargo test -p ex03` checks them.

mod reply;

use std::env;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";
const DEFAULT_CLIENTS: usize = 20;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ex03: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the clients and reports on them; true if each got its own, correct reply.
fn run() -> Result<bool> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| DEFAULT_ADDRESS.into());
    let clients = match arguments.next() {
        Some(text) => text
            .parse()
            .with_context(|| format!("CLIENTS must be a whole number, not '{text}'"))?,
        None => DEFAULT_CLIENTS,
    };
    let addresses: Vec<SocketAddr> = address
        .to_socket_addrs()
        .with_context(|| format!("{address} is not an address"))?
        .collect();

    let start = Instant::now();
    let replies = run_clients(&addresses, clients);
    let elapsed = start.elapsed();
    let answered = report(replies);
    println!(
        "{answered}/{clients} clients got a reply in {} ms",
        elapsed.as_millis()
    );
    Ok(answered == clients)
}

/// Prints what each client got, and returns how many got their own, correct reply.
fn report(replies: Vec<Result<String>>) -> usize {
    let mut answered = 0;
    for (number, reply) in replies.into_iter().enumerate() {
        let checked = reply.and_then(|reply| {
            reply::check(&reply, &hello(number))?;
            Ok(reply)
        });
        match checked {
            Ok(reply) => {
                answered += 1;
                println!("client {number}: {reply}");
            }
            Err(error) => eprintln!("client {number} failed: {error:#}"),
        }
    }
    answered
}

fn hello(number: usize) -> String {
    format!("Hello from client {number}")
}

/// Runs all clients at the same time; the reply of each, or why it got none, in their order.
#[allow(unused_variables, reason = "until the todo! is done")]
fn run_clients(addresses: &[SocketAddr], clients: usize) -> Vec<Result<String>> {
    // Every client connects, sends `hello(number)` and a newline, reads its reply up to the
    // newline, and closes the connection. All of them are connected and waiting at the same time.
    //
    // A server can be gone, silent, or never come to the end of a line: a client waits at least
    // 2 s for its reply and gives up within 5 s. Look at TcpStream::connect_timeout and
    // TcpStream::set_read_timeout, and mind how often you read.
    todo!("run all clients at the same time; read book/src/ex03-stress-client.md")
}
