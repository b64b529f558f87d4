//! A server with a thread for each client.
//!
//! The accept loop does nothing but accept: whatever can wait (the first read included) happens
//! in the client's own thread, so that no client can keep another one waiting.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

// ANCHOR: accept-pause
/// How long to wait after a failed accept. Descriptors come back only when clients leave, and
/// until then every accept fails at once: without a pause the loop would be a busy one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
// ANCHOR_END: accept-pause

fn main() -> ExitCode {
    let address = env::args().nth(1);
    match run(address.as_deref().unwrap_or(DEFAULT_ADDRESS)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex02: {error:#}");
            ExitCode::FAILURE
        }
    }
}

// ANCHOR: accept-loop
fn run(address: &str) -> Result<()> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);

    loop {
        match listener.accept() {
            Ok((client, peer)) => spawn_handler(client, peer),
            Err(error) => {
                eprintln!("cannot accept a client: {error}");
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}
// ANCHOR_END: accept-loop

// ANCHOR: spawn-handler
/// Gives the client a thread of its own, which nobody waits for: it ends when the client leaves.
fn spawn_handler(client: TcpStream, peer: SocketAddr) {
    // `thread::spawn` would panic where the system has no thread left. A builder returns the
    // error instead; the closure is dropped with it, and so the connection is closed.
    let spawned = thread::Builder::new()
        .name(peer.to_string())
        .spawn(move || handle(&client, peer));
    if let Err(error) = spawned {
        eprintln!("{peer}: no thread for this client: {error}");
    }
}
// ANCHOR_END: spawn-handler

fn handle(client: &TcpStream, peer: SocketAddr) {
    println!("[+] Connected: {peer}");
    if let Err(error) = serve(client) {
        eprintln!("{peer}: {error}");
    }
    println!("[-] Disconnected: {peer}");
}

/// Answers each line that the client sends, until the client closes the connection.
fn serve(mut client: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut clock = Clock::default();
    let (mut line, mut reply) = (Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        let message = String::from_utf8_lossy(&line);
        let timestamp = clock.now();
        writeln!(reply, "[{timestamp}] Server got '{}'", message.trim())?;
        client.write_all(&reply)?;
        line.clear();
        reply.clear();
    }
    Ok(())
}

// ANCHOR: clock
/// The time as the replies show it. The date and the second are the same for many replies in a row,
/// and formatting them takes longer than all else that this program does for a message: so they are
/// formatted once a second, and only the microseconds each time. In UTC: each thread that asks for
/// the local time reads the time zone from a file first, and here each client has a new thread.
#[derive(Default)]
struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    /// `2026-01-31 12:00:00.123456`
    fn now(&mut self) -> &str {
        let now = Utc::now();
        if self.second != now.timestamp() {
            self.second = now.timestamp();
            self.text = now.format("%Y-%m-%d %H:%M:%S.").to_string();
        }
        self.text.truncate("2026-01-31 12:00:00.".len());
        self.text += &format!("{:06}", now.timestamp_subsec_micros());
        &self.text
    }
}
// ANCHOR_END: clock
