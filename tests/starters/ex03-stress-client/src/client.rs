//! Exercise 3, the manual client: what you type is sent, what the server replies is printed.

use std::env;
use std::net::TcpStream;
use std::process::ExitCode;

use anyhow::{Context, Result};

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

fn main() -> ExitCode {
    let address = env::args().nth(1);
    match run(address.as_deref().unwrap_or(DEFAULT_ADDRESS)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex03-client: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<()> {
    let connection =
        TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    let server = connection.peer_addr().context("the server is gone")?;
    eprintln!("Connected to {server}: type a line, end with Ctrl-D");

    // For each line on stdin: send it with a newline, read the reply up to its newline, print it
    // on stdout. At the end of input, return. If the server is gone, return an error that says so.
    todo!("send the lines of stdin and print the replies; read book/src/ex03-stress-client.md")
}
