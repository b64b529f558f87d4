//! Threads: what they own, what they share, and for how long a lock is held.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

// ANCHOR: moved
/// Says goodbye on a thread of its own.
pub fn dismiss(mut client: TcpStream) {
    thread::spawn(move || {
        // A client that is gone needs no goodbye.
        let _ = client.write_all(b"goodbye\n");
        // `client` is dropped here, and so the connection is closed.
    });
    // Here `client` can no longer be used: the thread owns it.
}
// ANCHOR_END: moved

// ANCHOR: shared
/// Counts to `threads`, one step a thread.
pub fn count(threads: usize) -> usize {
    let counter = Arc::new(Mutex::new(0));
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            })
        })
        .collect();
    for handle in handles {
        handle.join().expect("counting does not panic");
    }
    *counter.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: shared

// ANCHOR: held
/// The guard `count` lives to the end of the function: the lock is held while the client is written to.
pub fn number_while_locked(clients: &Mutex<u64>, mut client: &TcpStream) -> io::Result<()> {
    let mut count = clients.lock().unwrap_or_else(PoisonError::into_inner);
    *count += 1;
    writeln!(client, "you are client {count}")
}
// ANCHOR_END: held

// ANCHOR: released
/// The guard lives to the end of the block, and the lock is free before the client is written to.
pub fn number(clients: &Mutex<u64>, mut client: &TcpStream) -> io::Result<()> {
    let number = {
        let mut count = clients.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        *count
    };
    writeln!(client, "you are client {number}")
}
// ANCHOR_END: released
