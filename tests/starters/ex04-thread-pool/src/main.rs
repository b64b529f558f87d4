//! Exercise 4: a server with a fixed number of threads. A pool of workers takes the clients in
//! turn.
//!
//! Given: this file and handler.rs. Yours: the pool (pool.rs). The rules are in the README.md beside
//! this package's Cargo.toml; `cargo test -p ex04` checks them.

mod handler;
mod pool;

use std::env;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use pool::ThreadPool;

const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";
const DEFAULT_WORKERS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// How long to wait after a failed accept, so that an error that lasts does not make the accept
/// loop a busy one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex04: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| DEFAULT_ADDRESS.into());
    let workers = match arguments.next() {
        Some(text) => parse_workers(&text)?,
        None => DEFAULT_WORKERS,
    };

    let listener =
        TcpListener::bind(&address).with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);

    let pool = ThreadPool::new(workers).context("cannot start the workers")?;
    loop {
        match listener.accept() {
            // The accept loop only hands over; a client waits in the pool's queue until a worker
            // is free.
            Ok((client, peer)) => pool.execute(move || handler::handle(&client, peer)),
            Err(error) => {
                eprintln!("cannot accept a client: {error}");
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn parse_workers(text: &str) -> Result<NonZeroUsize> {
    text.parse()
        .with_context(|| format!("WORKERS must be a whole number from 1 up, not '{text}'"))
}
