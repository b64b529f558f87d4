//! The pool of the crate `threadpool`, which replaces a worker that panics by a new one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;

use chrono::Local;
use threadpool::ThreadPool;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let address = arguments.first().map_or("127.0.0.1:5000", String::as_str);
    let workers = arguments.get(1).map_or(Ok(4), |text| match text.parse() {
        Ok(1..) => text.parse(),
        Ok(_) => "none".parse(),
        error => error,
    });
    let Ok(workers) = workers else {
        eprintln!("not a number of workers: {}", arguments[1]);
        exit(2)
    };
    let listener = TcpListener::bind(address).unwrap_or_else(|error| {
        eprintln!("{address}: {error}");
        exit(1)
    });
    println!(
        "Server listening on {}",
        listener.local_addr().expect("its own address")
    );
    let pool = ThreadPool::new(workers);
    loop {
        if let Ok((client, peer)) = listener.accept() {
            pool.execute(move || {
                println!("[+] Connected: {peer}");
                let _ = serve(&client, peer);
                println!("[-] Disconnected: {peer}");
            });
        }
    }
}

fn serve(mut client: &TcpStream, peer: SocketAddr) -> std::io::Result<()> {
    for line in BufReader::new(client).split(b'\n') {
        let line = line?;
        let message = String::from_utf8_lossy(&line);
        let message = message.trim();
        assert_ne!(message, "panic", "{peer} asked for it");
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        client.write_all(format!("[{timestamp}] Server got '{message}'\n").as_bytes())?;
    }
    Ok(())
}
