//! A queue of one's own: a `VecDeque` under a lock, and a condition variable. A worker that panics
//! starts its successor.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use chrono::Local;

type Client = (TcpStream, SocketAddr);

#[derive(Default)]
struct Queue {
    clients: Mutex<VecDeque<Client>>,
    arrived: Condvar,
}

impl Queue {
    fn push(&self, client: Client) {
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(client);
        self.arrived.notify_one();
    }

    fn pop(&self) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match clients.pop_front() {
                Some(client) => return client,
                None => {
                    clients = self
                        .arrived
                        .wait(clients)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// Starts another worker if this one is lost in a panic.
struct Successor(Arc<Queue>);

impl Drop for Successor {
    fn drop(&mut self) {
        if thread::panicking() {
            start_worker(&self.0);
        }
    }
}

fn start_worker(queue: &Arc<Queue>) {
    let successor = Successor(Arc::clone(queue));
    thread::spawn(move || {
        loop {
            let (client, peer) = successor.0.pop();
            println!("[+] Connected: {peer}");
            let _ = serve(client);
            println!("[-] Disconnected: {peer}");
        }
    });
}

fn main() {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:5000".into());
    let workers = std::env::args().nth(2).unwrap_or("4".into());
    let Ok(workers) = workers.parse::<NonZeroUsize>() else {
        eprintln!("WORKERS is {workers}; it must be a number above 0");
        exit(2)
    };
    let listener = TcpListener::bind(&address).unwrap_or_else(|error| {
        eprintln!("{address}: {error}");
        exit(1)
    });
    println!(
        "Server listening on {}",
        listener.local_addr().expect("its own address")
    );
    let queue = Arc::default();
    for _ in 0..workers.get() {
        start_worker(&queue);
    }
    loop {
        if let Ok(client) = listener.accept() {
            queue.push(client);
        }
    }
}

fn serve(client: TcpStream) -> std::io::Result<()> {
    let mut writer = client.try_clone()?;
    let mut reader = BufReader::new(client);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let message = String::from_utf8_lossy(&line).trim().to_owned();
        if message == "panic" {
            panic!("as asked");
        }
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f %z");
        writer.write_all(format!("[{timestamp}] Server got '{message}'\n").as_bytes())?;
        line.clear();
    }
    Ok(())
}
