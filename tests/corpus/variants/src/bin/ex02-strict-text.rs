//! Scoped threads, `lines()`, a buffered writer that is flushed. A client whose bytes are not UTF-8 is
//! disconnected; a thread that panics is nobody else's affair.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::thread;
use std::time::Duration;

use chrono::Local;

fn main() {
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:5000".to_string());
    let listener = TcpListener::bind(&address).unwrap_or_else(|error| {
        eprintln!("{address}: {error}");
        exit(1)
    });
    println!(
        "Server listening on {}",
        listener.local_addr().expect("its own address")
    );
    thread::scope(|scope| {
        for client in listener.incoming() {
            match client {
                Ok(client) => drop(scope.spawn(move || talk(client))),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    });
}

fn talk(client: TcpStream) {
    // A client that has vanished has no address.
    let Ok(peer) = client.peer_addr() else { return };
    println!("[+] Connected: {peer}");
    let Ok(copy) = client.try_clone() else {
        return println!("[-] Disconnected: {peer}");
    };
    let mut writer = BufWriter::new(copy);
    for line in BufReader::new(client).lines() {
        let Ok(line) = line else { break };
        let now = Local::now().format("%Y-%m-%d %H:%M:%S%.3f%:z");
        let sent = writeln!(writer, "[{now}] Server got '{}'", line.trim());
        if sent.and_then(|()| writer.flush()).is_err() {
            break;
        }
    }
    println!("[-] Disconnected: {peer}");
}
