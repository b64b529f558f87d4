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
    let mut clock = Clock::default();
    let (mut line, mut reply) = (Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        let message = String::from_utf8_lossy(&line);
        let message = message.trim();
        assert!(message != "panic", "a client asked for a panic");
        let timestamp = clock.now();
        writeln!(reply, "[{timestamp}] Server got '{message}'")?;
        client.write_all(&reply)?;
        line.clear();
        reply.clear();
    }
    Ok(())
}

// ANCHOR: clock
/// The time as the replies show it. The date and the second are the same for many replies in a row,
/// and formatting them takes longer than all else that this program does for a message: so they are
/// formatted once a second, and only the microseconds each time.
#[derive(Default)]
struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    /// `2026-01-31 12:00:00.123456`
    fn now(&mut self) -> &str {
        let now = Local::now();
        if self.second != now.timestamp() {
            self.second = now.timestamp();
            self.text = now.format("%Y-%m-%d %H:%M:%S.").to_string();
        }
        self.text.truncate("2026-01-31 12:00:00.".len());
        self.text += &format!("{:06}", now.timestamp_subsec_micros());
        &self.text
    }
}
// ANCHOR_END: clock
