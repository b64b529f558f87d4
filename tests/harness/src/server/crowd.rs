//! Clients by the thousand, and messages by the ten thousand: played with plain sockets, and recorded only
//! when something goes wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::Server;
use crate::deadline::{deadline, deadline_for_all};
use crate::diagnosis::{After, Symptom};
use crate::draw::word;
use crate::observe::Load;
use crate::patience::Patience;

/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// How many messages are sent before their replies are read: more than one, so that it is fast, and far
/// fewer than the buffers on the way hold.
const BATCH: usize = 16;

/// The length of each of many messages, in bytes: what is kept of ten thousand of them shows.
const MESSAGE: usize = 1 << 10;

/// How long the messages may take altogether: a program that does a lot for each byte is sent fewer.
const MOST_TIME: Duration = Duration::from_secs(5);

/// How often it is looked whether the crowd is served fast enough, in clients.
const LOOKS: usize = 64;

impl Server {
    /// Plays this many clients, one after another: each says something, expects its reply, and leaves. Where
    /// the system tells, nothing may be left of them.
    pub fn serve_crowd(&self, clients: usize) {
        let before = self.load();
        let mut patience = Patience::new(&self.scene, deadline_for_all());
        for number in 1..=clients {
            let message = format!("number {number}, {}", word());
            let line = format!("{message}\n");
            let served = self
                .plain_client()
                .and_then(|mut client| self.expect_back(&mut client, &line, &message));
            if served.is_none() {
                self.scene
                    .fail(Symptom::NotServedInCrowd { number, clients });
            }
            if number % LOOKS != 0 && number != clients {
                continue;
            }
            if patience.left().is_none() {
                let limit = deadline_for_all();
                self.scene.fail(Symptom::TooSlow { limit });
            }
            // Where something is left of nearly all of them, a thousand would be too much for the machine.
            let is_left = |before: &Load| self.load().is_some_and(|now| now.is_crowded(*before));
            if let Some(before) = before.filter(|before| number == clients || is_left(before)) {
                self.expect_load_back_to(before, After::Clients(number));
            }
        }
    }

    /// Plays one client that sends up to this many messages, each of 1 KiB, and expects the replies. Returns
    /// how many it has sent: fewer, where they take long.
    pub fn serve_many_messages(&self, messages: usize) -> usize {
        let begun = Instant::now();
        let mut client = self.plain_client();
        let mut sent = 0;
        while sent < messages && begun.elapsed() < MOST_TIME {
            let numbers = sent..messages.min(sent + BATCH);
            sent = numbers.end;
            let (lines, last) = batch(numbers);
            let answered = client
                .as_mut()
                .and_then(|client| self.expect_back(client, &lines, &last));
            if answered.is_none() {
                self.scene.fail(Symptom::NoReplyToMany { number: sent });
            }
        }
        sent
    }

    fn plain_client(&self) -> Option<TcpStream> {
        let client = TcpStream::connect_timeout(&self.address, deadline()).ok()?;
        // Should the server not read, the write is over at some time.
        client.set_write_timeout(Some(deadline() * 2)).ok()?;
        client.set_nodelay(true).ok()?;
        Some(client)
    }

    /// Sends these lines, and reads until `last` has come back; `None` if it does not.
    fn expect_back(&self, client: &mut TcpStream, lines: &str, last: &str) -> Option<()> {
        let mut patience = Patience::new(&self.scene, deadline());
        client.write_all(lines.as_bytes()).ok()?;
        let mut received = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            client.set_read_timeout(Some(patience.left()?)).ok()?;
            acknowledge_at_once(client);
            match client.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => {
                    received.extend_from_slice(&chunk[..count]);
                    patience = Patience::new(&self.scene, deadline());
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return None,
                },
            }
            // A reply is longer than its message, and the replies come in order.
            if received.len() < lines.len() {
                continue;
            }
            let end = received.len().saturating_sub(2 * MESSAGE);
            if String::from_utf8_lossy(&received[end..]).contains(last) {
                return Some(());
            }
        }
    }
}

/// Has what arrives acknowledged at once: a server whose small writes wait for that (Nagle's algorithm) would
/// wait for 40 ms each time. The kernel forgets it again and again (TCP_QUICKACK in tcp(7)).
fn acknowledge_at_once(client: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        _ = rustix::net::sockopt::set_tcp_quickack(client, true);
    }
}

/// The lines with the messages of these numbers, and the end of the last one.
fn batch(numbers: Range<usize>) -> (String, String) {
    let mut lines = String::new();
    let mut last = String::new();
    for number in numbers {
        last = format!("message {number}, {}", word());
        lines += &"x".repeat(MESSAGE - 1 - last.len());
        lines += &last;
        lines.push('\n');
    }
    (lines, last)
}
