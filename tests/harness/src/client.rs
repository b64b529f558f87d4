//! A client that the checks play to a server under test.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::connection::Connection;
use crate::deadline::{QUIET_WINDOW, READ_WINDOW, deadline};
use crate::diagnosis::Symptom;
use crate::log::connected;
use crate::observe;
use crate::received::{Heard, Position, Wanted};
use crate::recording::{ConnectionSeen, End, Line, Moment, Seen, Side};
use crate::reply::{self, Malformed, Timestamp};
use crate::scene::{Rule, Scene};

/// A client that is not to be silent is silent for less than that, unless the machine is slow.
const LONGEST_SILENCE: Duration = Duration::from_millis(500);

/// A connected client. It leaves when it is dropped.
pub struct Client {
    scene: Arc<Scene>,
    connection: Connection,
    server: SocketAddr,
    /// The messages whose replies have been expected so far, and how far these went.
    answered: Vec<String>,
    position: Position,
    last_timestamp: Option<Timestamp>,
    /// Whether the check has made it silent for a while.
    is_silent: AtomicBool,
}

impl Client {
    pub(crate) fn connect(scene: &Arc<Scene>, server: SocketAddr, reading: bool) -> Self {
        let id = scene.recording.add_connection(Side::Client);
        let stream = match TcpStream::connect_timeout(&server, deadline()) {
            Ok(stream) => stream,
            Err(error) => scene.fail(Symptom::CannotConnect { client: id, error }),
        };
        let connection = Connection::new(scene, id, stream, server, reading)
            .unwrap_or_else(|error| panic!("the checks can't run a client: {error}"));
        Self {
            scene: Arc::clone(scene),
            connection,
            server,
            answered: Vec::new(),
            position: Position::default(),
            last_timestamp: None,
            is_silent: AtomicBool::new(false),
        }
    }

    /// The client's address, as it stands in the server's log.
    pub fn address(&self) -> SocketAddr {
        self.connection.local()
    }

    /// Sends a message and expects the reply to it.
    pub fn ask(&mut self, message: &str) {
        self.say(message);
        self.expect_reply(message);
    }

    /// Sends a message: a line.
    pub fn say(&self, message: &str) {
        self.send(format!("{message}\n").as_bytes());
    }

    /// Sends these bytes in one write.
    pub fn send(&self, bytes: &[u8]) {
        self.connection.send(bytes);
    }

    /// Sends message after message, until the server takes no more for a quiet window, or 16 MiB
    /// are sent.
    pub fn flood(&self) {
        let line = [b'x'].repeat(16 << 10);
        let lines = [line.as_slice(), b"\n"].concat().repeat(1 << 10);
        self.connection
            .send_until_full(&lines, QUIET_WINDOW)
            .unwrap_or_else(|error| panic!("the checks can't send: {error}"));
    }

    /// Waits until the server has read all that was sent. A server that leaves it unread (it may
    /// look at it where it is), or of which the system does not tell, gets a quiet window to do so.
    pub fn wait_until_read(&self) {
        let ended = || self.look(|seen| seen.end.is_some());
        let read = || {
            let far_end = observe::far_end(self.address(), self.server);
            far_end.is_some_and(|end| end.accepted && end.unread == 0 && end.in_flight == 0)
        };
        self.scene
            .poll_for(READ_WINDOW, || (read() || ended()).then_some(()));
    }

    /// Waits for as long as it takes that a new timestamp can be told from the last reply's.
    pub fn wait_for_the_clock(&self) {
        let slack = self
            .last_timestamp
            .as_ref()
            .map_or(Duration::ZERO, Timestamp::slack);
        self.scene.recording.pause(slack * 2);
    }

    /// Expects the next reply, and that it is the one to this message. Its form and its timestamp are
    /// judged where the check is strict about them.
    pub fn expect_reply(&mut self, message: &str) {
        match self.hear(message) {
            Some(Ok(heard)) => self.judge(heard, message),
            Some(Err(end)) => {
                self.expect_no_idle_end();
                self.fail(Symptom::EndInsteadOfReply {
                    client: self.connection.id(),
                    message: message.to_owned(),
                    end,
                })
            }
            None => self.fail_without_reply(message),
        }
    }

    /// Expects the reply to a message that is not UTF-8, where `\u{FFFD}` in `message` stands for
    /// one or more of them; or else that the server closes the connection.
    pub fn expect_lossy_reply_or_end(&mut self, message: &str) {
        match self.hear(message) {
            Some(Ok(heard)) => self.judge(heard, message),
            Some(Err(_)) => {}
            None => self.fail_without_reply(message),
        }
    }

    /// Says that there is no more to send, and expects that the server closes the connection, with
    /// no byte more than the replies that were expected before.
    pub fn finish(mut self) {
        self.half_close();
        self.expect_end();
    }

    /// Says that there is no more to send; replies can still be received.
    pub fn half_close(&self) {
        self.connection.half_close();
    }

    /// Expects that the server closes the connection, with no byte more than the replies that were
    /// expected before.
    pub fn expect_end(&mut self) {
        match self.await_end() {
            Some(End::Eof) => {}
            Some(End::Reset) => self.fail(Symptom::ResetInsteadOfEnd {
                client: self.connection.id(),
            }),
            None => self.fail(Symptom::NotClosed {
                client: self.connection.id(),
            }),
        }
        let expected = self.answered.len();
        let position = self.position;
        let is_strict = self.scene.is_strict_about(Rule::FormOfReplies);
        let mut extra = self.look(|seen| position.rest(seen));
        // A last word, say, is a matter of the check of the form; a reply too many is not.
        extra.retain(|line| is_strict || reply::parse(line.as_bytes()).is_ok());
        if !extra.is_empty() {
            self.fail(Symptom::ExtraBytes {
                client: self.connection.id(),
                expected,
                extra,
            });
        }
    }

    /// Expects that the server ends the connection, in whatever way.
    pub fn expect_dropped(&mut self) {
        if self.await_end().is_none() {
            self.fail(Symptom::NotClosed {
                client: self.connection.id(),
            });
        }
    }

    /// Watches for `window` whether the server takes this client up (a line in its log) or
    /// answers it, and fails if it does.
    pub fn expect_waiting_for(&self, window: Duration) {
        let id = self.connection.id();
        self.is_silent.store(true, Ordering::Relaxed);
        let served = connected(self.address());
        let position = self.position;
        let proof = self.scene.wait_for(window, |seen| {
            let client = &seen.connections[id];
            if seen.program.logs(&served) || !position.is_at_end(client) {
                return Some(Symptom::ServedTooEarly { client: id });
            }
            client
                .end
                .map(|(end, _)| Symptom::TurnedAway { client: id, end })
        });
        if let Some(symptom) = proof {
            self.fail(symptom);
        }
    }

    /// Watches for `window` whether the server ends the connection or says anything, and fails if it
    /// does.
    pub fn expect_silence_for(&mut self, window: Duration) {
        self.is_silent.store(true, Ordering::Relaxed);
        let (id, position, expected) = (self.connection.id(), self.position, self.answered.len());
        let proof = self.scene.wait_for(window, |seen| {
            let client = &seen.connections[id];
            if !position.is_at_end(client) {
                return Some(Symptom::ExtraBytes {
                    client: id,
                    expected,
                    extra: position.rest(client),
                });
            }
            client
                .end
                .map(|(end, _)| Symptom::TurnedAway { client: id, end })
        });
        if let Some(symptom) = proof {
            self.fail(symptom);
        }
    }

    /// Closes the connection, and returns the address that the client had.
    pub fn leave(mut self) -> SocketAddr {
        self.connection.close();
        self.address()
    }

    /// Resets the connection, and returns the address that the client had.
    pub fn reset(mut self) -> SocketAddr {
        self.connection.reset();
        self.address()
    }

    /// Whether the next reply, or the connection's end, is there.
    pub(crate) fn has_heard(&self, seen: &Seen) -> bool {
        self.has_bytes(seen) || seen.connections[self.connection.id()].end.is_some()
    }

    /// Whether a part of the next reply is there.
    pub(crate) fn has_bytes(&self, seen: &Seen) -> bool {
        !self
            .position
            .is_at_end(&seen.connections[self.connection.id()])
    }

    /// Waits for the reply to this message, or what comes in its place.
    fn hear(&mut self, message: &str) -> Option<Result<Heard, End>> {
        let id = self.connection.id();
        let wanted = Wanted {
            message,
            earlier: match self.scene.is_strict_about(Rule::EachMessageByItself) {
                true => &[],
                false => &self.answered,
            },
            strict: self.scene.is_strict_about(Rule::FormOfReplies),
        };
        let position = self.position;
        let heard = self.scene.wait_for_reply(|seen| {
            let client = &seen.connections[id];
            let end = || Some(Err(client.end?.0));
            wanted.find(client, position).map(Ok).or_else(end)
        });
        // What came and was not taken for a reply, because the reply might come after it.
        let line = self.look(|seen| position.settled(seen).line(seen));
        match (heard, line) {
            (None, Some(line)) => Some(Ok(Heard::Other(line))),
            (heard, _) => heard,
        }
    }

    /// # Panics
    ///
    /// If the server ended the connection while nothing was said on it, because the checks were so slow:
    /// whether it has a time-out for idle clients is not this check's rule. The time in which the checks
    /// waited for the server is the server's own.
    fn expect_no_idle_end(&self) {
        if self.is_silent.load(Ordering::Relaxed) {
            return;
        }
        let idle = self.look(|seen| {
            let (_, end) = seen.end?;
            let asked = seen.sent.last().map(|(at, _)| *at);
            let until = asked.map_or(end, |asked| asked.min(end));
            let sent = seen.sent.iter().map(|(at, _)| *at);
            let received = seen.lines.iter().map(|line| line.at);
            let all = sent.chain(received).chain(seen.connected);
            let last = all.filter(|at: &Moment| *at < until).max()?;
            Some(until.since_start.saturating_sub(last.since_start))
        });
        let own = |idle: Duration| idle.saturating_sub(self.scene.spent_on_replies());
        let Some(idle) = idle.map(own).filter(|&idle| idle > LONGEST_SILENCE) else {
            return;
        };
        let ended = |seen: &Seen| seen.program.exit.map(|_| ());
        if self.scene.wait_for(QUIET_WINDOW, ended).is_none() {
            panic!(
                "could not judge: this machine is so busy that a client was silent for {idle:.1?}; try \
                 again, or with fewer checks at a time"
            );
        }
    }

    fn judge(&mut self, heard: Heard, message: &str) {
        let client = self.connection.id();
        let number = self.answered.len();
        let line = match heard {
            Heard::Reply(line, next) => {
                self.position = next;
                line
            }
            Heard::Other(line) => self.fail(match reply::parse(&line.bytes) {
                Ok(reply) => Symptom::OtherMessage {
                    client,
                    number,
                    message: message.to_owned(),
                    got: reply.message,
                },
                Err(fault) => Symptom::MalformedReply {
                    client,
                    message: message.to_owned(),
                    line: line.text(),
                    fault,
                },
            }),
        };
        self.answered.push(message.to_owned());
        match reply::timestamp(&line.bytes) {
            Ok(timestamp) => self.judge_time(timestamp, &line, number),
            Err(fault) if self.scene.is_strict_about(Rule::Timestamps) => {
                self.fail(Symptom::MalformedReply {
                    client,
                    message: message.to_owned(),
                    line: line.text(),
                    fault,
                });
            }
            Err(_) => {}
        }
    }

    /// Expects, where the check is strict about it, that the timestamp was taken between the sending of the
    /// message with this number and its reply's arrival.
    fn judge_time(&mut self, timestamp: Timestamp, line: &Line, number: usize) {
        let sent = self.look(|seen| seen.sent_at(number));
        let late = sent.filter(|sent| !timestamp.is_between(sent.wall, line.at.wall));
        let previous = self.last_timestamp.take();
        if let Some(sent) = late.filter(|_| self.scene.is_strict_about(Rule::Timestamps)) {
            self.fail(Symptom::OtherTime {
                timestamp,
                sent,
                received: line.at,
                previous,
            });
        }
        self.last_timestamp = Some(timestamp);
    }

    /// Fails for want of a reply; but first sees whether it comes when the client has no more to
    /// send, since that tells one cause from another.
    fn fail_without_reply(&mut self, message: &str) -> ! {
        let had_half_closed = self.look(|seen| seen.half_closed.is_some());
        let (client, position) = (self.connection.id(), self.position);
        self.half_close();
        let late = self.scene.wait_for(QUIET_WINDOW, |seen| {
            let client = &seen.connections[client];
            position.settled(client).line(client)
        });
        let late = late.filter(|_| !had_half_closed);
        self.fail(Symptom::NoReply {
            client,
            message: message.to_owned(),
            late,
            had_half_closed,
        })
    }

    fn await_end(&self) -> Option<End> {
        let id = self.connection.id();
        self.scene.wait_for(deadline(), |seen| {
            seen.connections[id].end.map(|(end, _)| end)
        })
    }

    fn look<T>(&self, at: impl FnOnce(&ConnectionSeen) -> T) -> T {
        self.scene
            .recording
            .look(|seen| at(&seen.connections[self.connection.id()]))
    }

    fn fail(&self, symptom: Symptom) -> ! {
        self.scene.fail(symptom)
    }
}

impl Malformed {
    /// What is wrong, as a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::CarriageReturn => "it has a carriage return in it".into(),
            Self::NoTimestamp => "it does not begin with [TIMESTAMP] and a space".into(),
            Self::BadTimestamp(text) => {
                format!("{text:?} is no date and time of the form YYYY-MM-DD HH:MM:SS.ffffff")
            }
            Self::BadText(text) => format!("{text:?} is not Server got 'MESSAGE'"),
        }
    }
}
