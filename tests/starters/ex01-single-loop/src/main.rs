//! Exercise 1: a server that talks to one client at a time.
//!
//! Given: the address, the listener, the banner. Yours: the loop. The rules are in the README.md
//! beside this package's Cargo.toml; `cargo test -p ex01` checks them.

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context, Result};

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

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

fn run(address: &str) -> Result<()> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);

    // In a loop: accept a client, print `[+] Connected: HOST:PORT`, answer each of its lines with
    // `[TIMESTAMP] Server got 'LINE'` until it closes the connection, and print
    // `[-] Disconnected: HOST:PORT`. Then the next client. Whatever one client does, go on.
    //
    // You will want std::io::BufReader, and chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.6f").
    todo!("accept clients in a loop and answer their lines; read book/src/ex01-single-loop.md")
}
