//! A task for each client, on tokio.

use std::env;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, NaiveDateTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ex03: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<bool> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let address: SocketAddr = address
        .parse()
        .with_context(|| format!("not an address: {address}"))?;
    let clients = env::args().nth(2).unwrap_or_else(|| "20".into());
    let clients: usize = clients
        .parse()
        .with_context(|| format!("not a number: {clients}"))?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..clients {
        tasks.spawn(async move {
            let connection = timeout(Duration::from_secs(2), TcpStream::connect(address)).await;
            (number, connection)
        });
    }
    let connections = tasks.join_all().await;
    let mut tasks = JoinSet::new();
    for (number, connection) in connections {
        tasks.spawn(async move {
            let talk = async { timeout(Duration::from_secs(2), talk(connection??, number)).await? };
            (number, talk.await)
        });
    }
    let mut replies = tasks.join_all().await;
    replies.sort_by_key(|(number, _)| *number);
    let mut answered = 0;
    for (number, reply) in replies {
        match reply {
            Ok(reply) => {
                answered += 1;
                println!("client {number}: {reply}");
            }
            Err(error) => eprintln!("client {number} failed: {error:#}"),
        }
    }
    println!(
        "{answered}/{clients} clients got a reply in {} ms",
        start.elapsed().as_millis()
    );
    Ok(answered == clients)
}

async fn talk(mut connection: TcpStream, number: usize) -> Result<String> {
    connection
        .write_all(format!("Hello from client {number}\n").as_bytes())
        .await?;
    let mut reply = Vec::new();
    loop {
        match connection.read_u8().await {
            Ok(b'\n') => break,
            Ok(byte) => reply.push(byte),
            Err(_) => bail!("the connection ended before the reply did"),
        }
        ensure!(reply.len() < 100_000, "no end of line");
    }
    let reply = String::from_utf8(reply)?;
    let (time, text) = reply.split_once("] ").context("no timestamp")?;
    ensure!(
        text == format!("Server got 'Hello from client {number}'"),
        "not its own reply"
    );
    let time = time.strip_prefix('[').context("no timestamp")?;
    let format = "%Y-%m-%d %H:%M:%S%.f";
    if NaiveDateTime::parse_from_str(time, format).is_err() {
        DateTime::parse_from_str(time, &format!("{format}%#z")).context("no such time")?;
    }
    Ok(reply)
}
