//! One client at a time, with a line of debug output on stdout for each byte that it reads.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::Local;

fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    match run(&address) {
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
    loop {
        let (client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("cannot accept a client: {error}");
                continue;
            }
        };
        println!("[+] Connected: {peer}");
        if let Err(error) = serve(&client) {
            eprintln!("{peer}: {error}");
        }
        println!("[-] Disconnected: {peer}");
    }
}

fn serve(mut client: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        for byte in &line {
            println!("debug: read {byte:#04x}");
        }
        let message = String::from_utf8_lossy(&line);
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        let reply = format!("[{timestamp}] Server got '{}'\n", message.trim());
        client.write_all(reply.as_bytes())?;
        line.clear();
    }
    Ok(())
}
