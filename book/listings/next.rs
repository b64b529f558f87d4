//! Beyond the exercises: stopping a server, writing to a slow client, not waiting at all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

// ANCHOR: stop
/// Makes an accept loop that looks at `stopping` after each accept come to its end.
pub fn stop(stopping: &AtomicBool, listener: SocketAddr) -> io::Result<()> {
    stopping.store(true, Ordering::Release);
    // The loop waits in `accept`: a client of our own wakes it up.
    TcpStream::connect(listener)?;
    Ok(())
}

/// Accepts clients until it is told to stop.
pub fn accept_until(stopping: &AtomicBool, listener: &TcpListener) -> io::Result<usize> {
    let mut clients = 0;
    loop {
        let (_client, _) = listener.accept()?;
        if stopping.load(Ordering::Acquire) {
            return Ok(clients);
        }
        clients += 1;
    }
}
// ANCHOR_END: stop

// ANCHOR: writer
/// A queue of at most 100 messages to a client, which a thread of its own writes.
pub fn writer(mut client: TcpStream) -> SyncSender<String> {
    let (queue, messages) = mpsc::sync_channel::<String>(100);
    thread::spawn(move || {
        for message in messages {
            if client.write_all(message.as_bytes()).is_err() {
                // The client is gone. With `messages`, the queue is gone too: sending to it fails.
                break;
            }
        }
    });
    queue
}
// ANCHOR_END: writer

// ANCHOR: nonblocking
/// What can be read without waiting: `None` if there is nothing yet.
pub fn read_now(mut client: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    client.set_nonblocking(true)?;
    match client.read(buffer) {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
// ANCHOR_END: nonblocking
