//! A task for each client, on tokio.

use std::env;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> ExitCode {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    match run(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex02: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str) -> Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    println!("Server listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((client, peer)) => {
                tokio::spawn(handle(client, peer));
            }
            Err(error) => {
                eprintln!("accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn handle(client: TcpStream, peer: SocketAddr) {
    println!("[+] Connected: {peer}");
    if let Err(error) = serve(client).await {
        eprintln!("{peer}: {error}");
    }
    println!("[-] Disconnected: {peer}");
}

async fn serve(mut client: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = client.split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        let message = String::from_utf8_lossy(&line);
        let timestamp = Utc::now().format("%Y-%m-%d %H:%M:%S%.9f");
        let reply = format!("[{timestamp}] Server got '{}'\n", message.trim());
        writer.write_all(reply.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}
