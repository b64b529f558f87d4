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
use chrono::Local;

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
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let message = String::from_utf8_lossy(&line);
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        let reply = format!("[{timestamp}] Server got '{}'\n", message.trim());
        client.write_all(reply.as_bytes())?;
        line.clear();
    }
    Ok(())
}
