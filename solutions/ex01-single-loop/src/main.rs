//! A server that talks to one client at a time.
//!
//! Each line that a client sends is answered with the time and the line. While one client is
//! being served, the next ones wait in the kernel's accept queue.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Local;

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

/// How long to wait after a failed accept. Without a pause, an error that lasts (no descriptor is
/// free, say) would turn the loop into a busy one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let address = env::args().nth(1);
    match run(address.as_deref().unwrap_or(DEFAULT_ADDRESS)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex01: {error:#}");
            ExitCode::FAILURE
        }
    }
}

// ANCHOR: clients
fn run(address: &str) -> Result<()> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);

    loop {
        match listener.accept() {
            Ok((client, peer)) => {
                println!("[+] Connected: {peer}");
                if let Err(error) = serve(&client) {
                    // One client's trouble is that client's alone: the next one is served.
                    eprintln!("{peer}: {error}");
                }
                println!("[-] Disconnected: {peer}");
            }
            Err(error) => {
                eprintln!("cannot accept a client: {error}");
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}
// ANCHOR_END: clients

// ANCHOR: lines
/// Answers each line that the client sends, until the client closes the connection.
fn serve(mut client: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut line = Vec::new();
    // TCP is a stream of bytes: a message ends at its newline, however many reads it takes.
    while reader.read_until(b'\n', &mut line)? > 0 {
        // Bytes that are not UTF-8 become U+FFFD: a stranger's bytes must not end the server.
        let message = String::from_utf8_lossy(&line);
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        let reply = format!("[{timestamp}] Server got '{}'\n", message.trim());
        // One write for the whole reply, so that it leaves at once and in one piece.
        client.write_all(reply.as_bytes())?;
        line.clear();
    }
    Ok(())
}
// ANCHOR_END: lines
