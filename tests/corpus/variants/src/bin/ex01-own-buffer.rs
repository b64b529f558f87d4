//! One client at a time, with `read` into a buffer of its own that grows until a newline is in it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;

use chrono::Utc;

fn main() {
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:5000".to_string());
    let listener = TcpListener::bind(&address).unwrap_or_else(|error| {
        eprintln!("ex01: {address}: {error}");
        exit(1)
    });
    println!(
        "Server listening on {}",
        listener.local_addr().expect("its own address")
    );
    loop {
        let Ok((mut client, peer)) = listener.accept() else {
            continue;
        };
        println!("[+] Connected: {peer}");
        talk(&mut client);
        println!("[-] Disconnected: {peer}");
    }
}

fn talk(client: &mut TcpStream) {
    let mut pending = Vec::new();
    let mut buffer = [0; 37];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => pending.extend_from_slice(&buffer[..count]),
            Err(_) => return,
        }
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            if answer(client, &line).is_err() {
                return;
            }
        }
    }
    if !pending.is_empty() {
        let _ = answer(client, &pending);
    }
}

fn answer(client: &mut TcpStream, line: &[u8]) -> std::io::Result<()> {
    let message = String::from_utf8_lossy(line);
    let now = Utc::now().format("%Y-%m-%d %H:%M:%S%.3f");
    // Many small writes are slow, and right.
    for piece in [
        format!("[{now}"),
        "] Server got ".into(),
        format!("'{}'", message.trim()),
        "\n".into(),
    ] {
        client.write_all(piece.as_bytes())?;
    }
    Ok(())
}
