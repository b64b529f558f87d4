//! What a worker does for one client. Given: this exercise is about the pool.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use chrono::Local;

/// Serves the client until it closes the connection.
///
/// # Panics
///
/// On the message `panic`, so that what a job's panic does to the pool can be seen.
pub fn handle(client: &TcpStream, peer: SocketAddr) {
    println!("[+] Connected: {peer}");
    if let Err(error) = serve(client) {
        eprintln!("{peer}: {error}");
    }
    println!("[-] Disconnected: {peer}");
}

fn serve(mut client: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let message = String::from_utf8_lossy(&line);
        let message = message.trim();
        assert!(message != "panic", "a client asked for a panic");
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        let reply = format!("[{timestamp}] Server got '{message}'\n");
        client.write_all(reply.as_bytes())?;
        line.clear();
    }
    Ok(())
}
