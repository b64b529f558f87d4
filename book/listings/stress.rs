//! Waiting with an end: time-outs, deadlines, threads whose results are collected.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

// ANCHOR: timeout
/// Reads until the other end closes. Never ends if a byte comes every second, for ever.
pub fn read_with_timeout(mut connection: TcpStream) -> io::Result<Vec<u8>> {
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes)?;
    Ok(bytes)
}
// ANCHOR_END: timeout

// ANCHOR: deadline
/// How long until the deadline: nothing, once it has passed.
pub fn time_left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}
// ANCHOR_END: deadline

// ANCHOR: connect
/// Connects, or fails after a second.
pub fn connect(address: &SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(address, Duration::from_secs(1))
}
// ANCHOR_END: connect

// ANCHOR: scope
/// The lengths of the words, each counted on a thread of its own, in the order of the words.
pub fn lengths(words: &[String]) -> Vec<usize> {
    thread::scope(|scope| {
        let threads: Vec<_> = words
            .iter()
            .map(|word| scope.spawn(|| word.len()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(0))
            .collect()
    })
}
// ANCHOR_END: scope
