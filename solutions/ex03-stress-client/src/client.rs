//! The manual client: what you type is sent, what the server replies is printed.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

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

// ANCHOR: run
fn run(address: &str) -> Result<()> {
    let connection =
        TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    let server = connection.peer_addr().context("the server is gone")?;
    eprintln!("Connected to {server}: type a line, end with Ctrl-D");

    let mut replies = BufReader::new(&connection);

    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read the standard input")?;
        let reply = ask(&connection, &mut replies, &line)?;
        println!("{reply}");
    }
    Ok(())
}

/// Sends one line and returns the reply, without its newline.
fn ask(mut connection: &TcpStream, replies: &mut impl BufRead, line: &str) -> Result<String> {
    connection
        .write_all(format!("{line}\n").as_bytes())
        .context("the server is gone")?;
    let mut reply = String::new();
    replies
        .read_line(&mut reply)
        .context("the server is gone")?;
    match reply.strip_suffix('\n') {
        Some(reply) => Ok(reply.to_owned()),
        None => bail!("the server is gone: it closed the connection"),
    }
}
// ANCHOR_END: run
