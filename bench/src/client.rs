//! One client: a connection that is never waited for, what it has asked, and what it has read.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::load::Style;

pub(crate) struct Client {
    /// With its newline.
    message: Vec<u8>,
    connection: Option<TcpStream>,
    unsent: Vec<u8>,
    /// From when on each request that is not answered has been waiting, the oldest first.
    asked: VecDeque<Instant>,
    /// The beginning of a reply.
    partial: Vec<u8>,
    /// Replies since this was last set to 0.
    pub(crate) answered: u64,
}

/// Why a connection is of no use any more.
#[derive(Debug)]
pub(crate) enum Trouble {
    Broken,
    Wrong,
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Client {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            message: format!("Hello from client {number}\n").into_bytes(),
            connection: None,
            unsent: Vec::new(),
            asked: VecDeque::new(),
            partial: Vec::new(),
            answered: 0,
        }
    }

    /// Begins to connect. What is asked meanwhile is sent when the connection is there.
    pub(crate) fn connect(
        &mut self,
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        style: Style,
    ) -> io::Result<()> {
        let mut connection = TcpStream::connect(address)?;
        if style == Style::Paced {
            // A request leaves when it is due, not when the one before it was acknowledged.
            connection.set_nodelay(true)?;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut connection, token, interest)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Closes the connection, and forgets what was asked on it.
    pub(crate) fn leave(&mut self) {
        self.connection = None;
        self.unsent.clear();
        self.asked.clear();
        self.partial.clear();
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Since when each request that is not answered has been waiting.
    pub(crate) fn waits(&self) -> impl Iterator<Item = Instant> {
        self.asked.iter().copied()
    }

    /// Sends the message; its latency counts from `since`.
    pub(crate) fn ask(&mut self, since: Instant) -> Result<(), Trouble> {
        self.asked.push_back(since);
        self.unsent.extend_from_slice(&self.message);
        self.send()
    }

    /// Sends what is unsent, as far as there is room for it.
    pub(crate) fn send(&mut self) -> Result<(), Trouble> {
        let Some(connection) = &mut self.connection else {
            return Err(Trouble::Broken);
        };
        while !self.unsent.is_empty() {
            match connection.write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if is_not_yet(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has come and tells of each reply since when it was waited for. `to_the_end`: the server has closed
    /// its side, so there is an end to be found.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        to_the_end: bool,
        mut reply: impl FnMut(Instant),
    ) -> Result<(), Trouble> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Ok(());
            };
            let length = match connection.read(buffer) {
                Ok(0) => return Err(Trouble::Broken),
                Ok(length) => length,
                Err(error) if is_not_yet(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for piece in buffer[..length].split_inclusive(|&byte| byte == b'\n') {
                self.partial.extend_from_slice(piece);
                if piece.last() == Some(&b'\n') {
                    let since = self.asked.pop_front().ok_or(Trouble::Wrong)?;
                    if !is_reply(&self.partial, &self.message) {
                        return Err(Trouble::Wrong);
                    }
                    self.partial.clear();
                    self.answered += 1;
                    reply(since);
                }
            }
            // A read that leaves room in the buffer has read all that there was.
            if length < buffer.len() && !to_the_end {
                return Ok(());
            }
        }
    }
}

/// The connection is not there yet, has no room, or has nothing to read: it will be heard of again.
fn is_not_yet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), Interrupted | NotConnected | WouldBlock)
}

/// The message as it was sent, or `…'MESSAGE'` as the course's servers reply.
fn is_reply(line: &[u8], message: &[u8]) -> bool {
    let text = &message[..message.len() - 1];
    let quoted = line
        .strip_suffix(b"'\n")
        .and_then(|rest| rest.strip_suffix(text))
        .is_some_and(|rest| rest.ends_with(b"Server got '"));
    quoted || line == message
}

#[cfg(test)]
mod tests {
    use super::is_reply;

    #[test]
    fn a_reply_carries_the_clients_own_message() {
        let message = b"Hello from client 7\n";
        let timestamp = b"[2026-01-31 12:00:00.123456] Server got 'Hello from client 7'\n";
        assert!(is_reply(timestamp, message));
        assert!(is_reply(message, message));
        for other in [
            &b"[2026-01-31 12:00:00.123456] Server got 'Hello from client 17'\n"[..],
            b"Hello from client 17\n",
            b"'Hello from client 7'\n",
            b"\n",
        ] {
            assert!(!is_reply(other, message), "{}", other.escape_ascii());
        }
    }
}
