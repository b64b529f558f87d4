//! A stress client: many clients at the same time, each of which must get its own reply.

mod reply;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";
const DEFAULT_CLIENTS: usize = 20;

/// The longest wait for a connection, and then for a reply: together less than 5 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const REPLY_TIMEOUT: Duration = Duration::from_millis(2_100);

/// A reply to a hello is far shorter; what is longer is no reply, and must not fill the memory.
const MAX_REPLY_BYTES: u64 = 64 * 1024;

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

// ANCHOR: run-clients
/// Runs all clients at the same time; the reply of each, or why it got none, in their order.
fn run_clients(addresses: &[SocketAddr], clients: usize) -> Vec<Result<String>> {
    // Two rounds, so that all are connected before the first one speaks.
    let connections = in_parallel(vec![(); clients], |_, ()| connect(addresses));
    in_parallel(connections, |number, connection| {
        ask(&connection?, &hello(number))
    })
}
// ANCHOR_END: run-clients

// ANCHOR: in-parallel
/// Does `work` for every item at the same time, each on a thread of its own, and waits for all of
/// them. An item whose thread can't be started, or panics, is an error in its place.
fn in_parallel<Item: Send, Output: Send>(
    items: Vec<Item>,
    work: impl Fn(usize, Item) -> Result<Output> + Sync,
) -> Vec<Result<Output>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(number, item)| {
                thread::Builder::new().spawn_scoped(scope, move || work(number, item))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                let thread = thread.context("no thread for this client")?;
                thread.join().map_err(|_| anyhow!("the client panicked"))?
            })
            .collect()
    })
}
// ANCHOR_END: in-parallel

// ANCHOR: connect
/// Connects to the first of the addresses that accepts.
fn connect(addresses: &[SocketAddr]) -> Result<TcpStream> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut result = Err(anyhow!("the name has no address"));
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "no connection within {CONNECT_TIMEOUT:?}");
        result = TcpStream::connect_timeout(address, left)
            .with_context(|| format!("cannot connect to {address}"));
        if result.is_ok() {
            break;
        }
    }
    result
}
// ANCHOR_END: connect

// ANCHOR: ask
/// Sends the message and returns the reply, without its newline.
fn ask(mut connection: &TcpStream, message: &str) -> Result<String> {
    connection
        .write_all(format!("{message}\n").as_bytes())
        .context("cannot send")?;
    read_reply(connection)
}

fn read_reply(connection: &TcpStream) -> Result<String> {
    let patient = UntilDeadline {
        connection,
        deadline: Instant::now() + REPLY_TIMEOUT,
    };
    let mut line = Vec::new();
    BufReader::new(patient.take(MAX_REPLY_BYTES))
        .read_until(b'\n', &mut line)
        .context("no reply")?;
    match line.strip_suffix(b"\n") {
        Some(reply) => String::from_utf8(reply.to_vec()).context("the reply is not UTF-8"),
        None if line.len() as u64 == MAX_REPLY_BYTES => {
            bail!("no end of line in {MAX_REPLY_BYTES} bytes")
        }
        None if line.is_empty() => bail!("the server closed the connection without a reply"),
        None => bail!("the server closed the connection in the middle of a reply"),
    }
}
// ANCHOR_END: ask

// ANCHOR: deadline
/// A connection that can be read until a moment in time. A read time-out alone starts anew with
/// each read: a server that sends one byte a second would never be given up.
struct UntilDeadline<'a> {
    connection: &'a TcpStream,
    deadline: Instant,
}

impl Read for UntilDeadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out());
        }
        self.connection.set_read_timeout(Some(left))?;
        match self.connection.read(buffer) {
            // What a time-out is called differs from system to system.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(timed_out()),
            result => result,
        }
    }
}

fn timed_out() -> io::Error {
    let text = format!("no end of line within {REPLY_TIMEOUT:?}");
    io::Error::new(io::ErrorKind::TimedOut, text)
}
// ANCHOR_END: deadline
