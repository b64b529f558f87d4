//! The limit that the references are held against: what comes is sent back as it came. No lines, no
//! timestamps, no log. What a server with these threads can't go below, the kernel's work included.
//!
//! `echo [ADDR] [THREADS]`: a thread for each client, or a fixed number of threads, each of which accepts
//! a client and serves it until it leaves.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:5000".into());
    let threads: Option<usize> = arguments
        .next()
        .map(|text| text.parse().context("THREADS must be a whole number"))
        .transpose()?;
    let listener =
        TcpListener::bind(&address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);
    match threads {
        None => loop {
            let (client, _) = listener.accept()?;
            thread::spawn(move || echo(&client));
        },
        Some(threads) => thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for client in listener.incoming().flatten() {
                        // A client that is gone is no concern of the next one.
                        let _ = echo(&client);
                    }
                });
            }
        }),
    }
    Ok(())
}

fn echo(mut client: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 8 * 1024];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            length => client.write_all(&buffer[..length])?,
        }
    }
}
