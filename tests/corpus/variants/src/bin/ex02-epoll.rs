//! All clients in one thread: a loop over epoll, by mio, that never blocks on a single client. An error
//! of `poll` itself ends the program, and being stopped and continued is such an error (`EINTR`).

use std::collections::HashMap;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Local;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

const LISTENER: Token = Token(0);

/// How long to wait after a failed accept: descriptors come back only when clients leave, and epoll
/// reports a waiting client only once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let address = env::args().nth(1);
    match run(address.as_deref().unwrap_or("127.0.0.1:5000")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ex02: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<()> {
    let refused = || format!("cannot listen on {address}");
    let mut listener =
        TcpListener::bind(address.parse().with_context(refused)?).with_context(refused)?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("Server listening on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(64);
    let mut clients = Clients::default();
    let mut pause = None;
    loop {
        poll.poll(&mut events, pause)?;
        if pause.take().is_some() {
            pause = clients.accept_from(&listener, poll.registry());
        }
        for event in &events {
            if event.token() == LISTENER {
                pause = clients.accept_from(&listener, poll.registry());
            } else {
                clients.serve(event.token());
            }
        }
    }
}

#[derive(Default)]
struct Clients {
    by_token: HashMap<Token, Client>,
    accepted: usize,
}

impl Clients {
    /// Accepts all that wait. Returns how long to wait before the next try, if accepting failed.
    fn accept_from(&mut self, listener: &TcpListener, registry: &Registry) -> Option<Duration> {
        loop {
            match listener.accept() {
                Ok((stream, peer)) => self.add(stream, peer, registry),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => {
                    eprintln!("cannot accept a client: {error}");
                    return Some(ACCEPT_PAUSE);
                }
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, peer: SocketAddr, registry: &Registry) {
        self.accepted += 1;
        let token = Token(self.accepted);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(&mut stream, token, interest) {
            eprintln!("{peer}: cannot be watched: {error}");
            return;
        }
        println!("[+] Connected: {peer}");
        let client = Client {
            stream,
            peer,
            received: Vec::new(),
            to_send: Vec::new(),
            has_ended: false,
        };
        self.by_token.insert(token, client);
    }

    fn serve(&mut self, token: Token) {
        let Some(client) = self.by_token.get_mut(&token) else {
            return;
        };
        match client.serve() {
            Ok(Served::Waits) => return,
            Ok(Served::IsDone) => {}
            Err(error) => eprintln!("{}: {error}", client.peer),
        }
        println!("[-] Disconnected: {}", client.peer);
        self.by_token.remove(&token);
    }
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    received: Vec<u8>,
    /// Replies that the client has not taken yet. While there are any, nothing more is read from it.
    to_send: Vec<u8>,
    has_ended: bool,
}

enum Served {
    Waits,
    IsDone,
}

impl Client {
    /// Goes on for as long as something can be read or written without blocking.
    fn serve(&mut self) -> io::Result<Served> {
        let mut chunk = [0; 4096];
        loop {
            while !self.to_send.is_empty() {
                match self.stream.write(&self.to_send) {
                    Ok(count) => drop(self.to_send.drain(..count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(Served::Waits);
                    }
                    Err(error) => return Err(error),
                }
            }
            if self.has_ended {
                return Ok(Served::IsDone);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    self.has_ended = true;
                    let last = std::mem::take(&mut self.received);
                    if !last.is_empty() {
                        self.answer(&last);
                    }
                }
                Ok(count) => self.take_in(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Served::Waits),
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers each line that is complete now.
    fn take_in(&mut self, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
            self.received.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.received);
                self.answer(&line);
            }
        }
    }

    fn answer(&mut self, line: &[u8]) {
        let message = String::from_utf8_lossy(line);
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        let reply = format!("[{timestamp}] Server got '{}'\n", message.trim());
        self.to_send.extend_from_slice(reply.as_bytes());
    }
}
