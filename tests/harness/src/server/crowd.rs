//! Clients by the thousand, and messages by the ten thousand: played with plain sockets, and recorded only
//! when something goes wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::Server;
use crate::deadline::{QUIET_WINDOW, deadline, deadline_for_all};
use crate::diagnosis::{After, Symptom};
use crate::draw::word;
use crate::observe::{self, Load};
use crate::patience::Patience;

/// How much is read at once, in bytes.
const CHUNK: usize = 4 << 10;

/// The length of each of many messages, in bytes: what is kept of ten thousand of them shows.
const MESSAGE: usize = 1 << 10;

/// How many messages are sent before their replies are read: far fewer than the buffers on the way hold.
const BATCH: usize = 16;

/// How long a program may run for its messages, of the processor's time: one that does a lot for each byte
/// is sent fewer.
const MOST_WORK: Duration = Duration::from_secs(3);

/// By how much the replies may be longer than their messages, in bytes.
const MOST_MORE: usize = 64 << 10;

/// A reply that takes longer is slow: no busy machine is the cause of that.
const SLOW: Duration = Duration::from_millis(500);

/// How often it is looked whether something is left of the crowd, in clients.
const LOOKS: usize = 64;

/// How often it is looked whether a connection is gone before time is given to that.
const SOON: usize = 20;

/// What came back.
enum Heard {
    /// What was expected, after so long, without the time that does not count: zero if that was not even
    /// looked at.
    Back(Duration),
    /// Something else, without an end.
    TooMuch,
}

impl Server {
    /// Plays this many clients, one after another: each says something, expects its reply, and leaves. Where
    /// the system tells, nothing may be left of them.
    pub fn serve_crowd(&self, clients: usize) {
        self.wait_until_gone();
        let before = self.load();
        let mut slow = Duration::ZERO;
        let mut lets_go = true;
        for number in 1..=clients {
            let message = format!("number {number}, {}", word());
            let line = format!("{message}\n");
            let served = self.plain_client().and_then(|mut client| {
                let patience = Patience::new(&self.scene, deadline());
                match self.expect_back(&mut client, patience, &line, &message)? {
                    Heard::Back(took) => Some((took, client.local_addr().ok()?)),
                    Heard::TooMuch => None,
                }
            });
            let Some((took, address)) = served else {
                self.scene
                    .fail(Symptom::NotServedInCrowd { number, clients });
            };
            slow += Some(took).filter(|&took| took > SLOW).unwrap_or_default();
            let limit = deadline_for_all();
            if slow > limit {
                self.scene.fail(Symptom::TooSlow { limit });
            }
            lets_go = lets_go && self.lets_go_of(address);
            if number % LOOKS != 0 && number != clients {
                continue;
            }
            // Where something is left of nearly all of them, a thousand would be too much for the machine.
            let is_left = |before: &Load| self.load().is_some_and(|now| now.is_crowded(*before));
            if let Some(before) = before.filter(|before| number == clients || is_left(before)) {
                self.expect_load_back_to(before, After::Clients(number));
            }
        }
    }

    /// Plays one client that sends up to this many messages, each of 1 KiB, and expects the replies. Returns
    /// how many it has sent: a program that does a lot for each is sent fewer.
    pub fn serve_many_messages(&self, messages: usize) -> usize {
        let at_once = self.lines_at_once();
        let begun = Instant::now();
        let before = self.scene.processor();
        let mut patience = Patience::new(&self.scene, deadline_for_all());
        let mut client = self.plain_client();
        let mut sent = 0;
        while sent < messages {
            let numbers = sent + 1..=messages.min(sent + at_once);
            sent = *numbers.end();
            let (lines, last) = lines(numbers);
            let answered = client.as_mut().and_then(|client| {
                let patience = Patience::new(&self.scene, deadline());
                self.expect_back(client, patience, &lines, &last)
            });
            match answered {
                Some(Heard::TooMuch) => break,
                Some(Heard::Back(_)) => {}
                None => {
                    // Another client may tell why.
                    self.connect().ask(&last);
                    self.scene.fail(Symptom::NoReplyToMany { number: sent });
                }
            }
            let works = || self.scene.processor().ran_since(&before) > MOST_WORK;
            let is_slow = begun.elapsed() > deadline();
            if sent % LOOKS == 0 && works() || is_slow && patience.left().is_none() {
                break;
            }
        }
        sent
    }

    /// How many lines can be sent together: more than one is faster, but whether each of them is answered is
    /// another check's rule.
    fn lines_at_once(&self) -> usize {
        self.wait_until_gone();
        let (lines, last) = lines(0..=1);
        let patience = Patience::new(&self.scene, QUIET_WINDOW);
        let Some(mut client) = self.plain_client() else {
            return 1;
        };
        let heard = self.expect_back(&mut client, patience, &lines, &last);
        let address = client.local_addr();
        drop(client);
        if let Ok(address) = address {
            self.lets_go_of(address);
        }
        match heard {
            Some(Heard::Back(_)) => BATCH,
            _ => 1,
        }
    }

    /// Waits until the server has closed its end of the connection of a client that has left: what it does
    /// with the next one does not depend on luck then. Whether it has, within a quiet window.
    fn lets_go_of(&self, client: SocketAddr) -> bool {
        let is_gone = || !observe::has_end(client, self.address);
        let gone_soon = (0..SOON).any(|_| is_gone());
        let gone = || is_gone().then_some(());
        gone_soon || self.scene.poll_for(QUIET_WINDOW, gone).is_some()
    }

    fn plain_client(&self) -> Option<TcpStream> {
        let client = TcpStream::connect_timeout(&self.address, deadline()).ok()?;
        // Should the server not read, the write is over at some time.
        client.set_write_timeout(Some(deadline() * 2)).ok()?;
        client.set_nodelay(true).ok()?;
        Some(client)
    }

    /// Sends these lines, and reads until `last`, the end of them, has come back; `None` if it does not.
    fn expect_back(
        &self,
        client: &mut TcpStream,
        mut patience: Patience<'_>,
        lines: &str,
        last: &str,
    ) -> Option<Heard> {
        client.write_all(lines.as_bytes()).ok()?;
        let mut received = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            client.set_read_timeout(Some(patience.left()?)).ok()?;
            observe::acknowledge_at_once(client);
            match client.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => received.extend_from_slice(&chunk[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return None,
                },
            }
            // A reply is longer than its message.
            if received.len() < lines.len() {
                continue;
            }
            let end = received.len().saturating_sub(2 * MESSAGE);
            if String::from_utf8_lossy(&received[end..]).contains(last) {
                return Some(Heard::Back(patience.counted()));
            }
            if received.len() > lines.len() + MOST_MORE {
                return Some(Heard::TooMuch);
            }
        }
    }
}

/// The lines with the messages of these numbers, and the end of the last one.
fn lines(numbers: RangeInclusive<usize>) -> (String, String) {
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
