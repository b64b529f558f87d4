//! Beyond the exercises: stopping a server, writing to a slow client, not waiting at all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

// ANCHOR: stop
/// Accepts clients and hands each over to `serve`, until it is told to stop.
pub fn accept_until(stopping: &AtomicBool, listener: &TcpListener, serve: impl Fn(TcpStream)) {
    for client in listener.incoming() {
        if stopping.load(Ordering::Acquire) {
            return;
        }
        match client {
            Ok(client) => serve(client),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Tells the loop above, which listens on `address`, to stop.
pub fn stop(stopping: &AtomicBool, address: SocketAddr) -> io::Result<()> {
    stopping.store(true, Ordering::Release);
    // The loop waits for a client: this one wakes it up.
    TcpStream::connect(address)?;
    Ok(())
}
// ANCHOR_END: stop

// ANCHOR: writer
/// Starts a thread that writes to the client, and returns its queue, with room for 100 messages.
pub fn writer(mut client: TcpStream) -> io::Result<SyncSender<String>> {
    let (queue, messages) = mpsc::sync_channel::<String>(100);
    thread::Builder::new().spawn(move || {
        for message in messages {
            if client.write_all(message.as_bytes()).is_err() {
                // The client is gone. Dropping `messages` closes the queue: sending to it fails.
                break;
            }
        }
    })?;
    Ok(queue)
}
// ANCHOR_END: writer

// ANCHOR: nonblocking
/// Makes a client's connection one whose reads never wait. Once is enough.
pub fn admit(client: TcpStream) -> io::Result<TcpStream> {
    client.set_nonblocking(true)?;
    Ok(client)
}

/// Reads what there is: `None` if there is nothing yet, 0 bytes at the end of the stream.
pub fn read_now(client: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match client.read(buffer) {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
// ANCHOR_END: nonblocking
