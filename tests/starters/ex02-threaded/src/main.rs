//! Exercise 2: a server with a thread for each client.
//!
//! Given: what is done for one client (exercise 1). Yours: the accept loop, and a thread for each
//! client. The rules are in the README.md beside this package's Cargo.toml; `cargo test -p ex02`
//! checks them.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::Local;

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

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

fn run(address: &str) -> Result<()> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);

    accept_loop(&listener, handle)
}

/// Accepts clients for ever and runs `handle` for each of them.
#[allow(unused_variables, reason = "until the todo! is done")]
fn accept_loop(listener: &TcpListener, handle: fn(&TcpStream, SocketAddr)) -> Result<()> {
    // Two questions to answer before you write: what may the accept loop wait for? And what
    // should it do when an accept fails, because no descriptor is free, say?
    todo!("give each client a thread of its own; read book/src/ex02-threaded.md")
}

/// Serves one client, until it is gone.
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
