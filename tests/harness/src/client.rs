//! A client that the checks play to a server under test.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::deadline::{QUIET_WINDOW, READ_WINDOW, deadline};
use crate::diagnosis::Symptom;
use crate::log::connected;
use crate::observe;
use crate::recording::{ConnectionSeen, End, Line, Seen, Side};
use crate::reply::{self, Malformed, Reply, Timestamp};
use crate::scene::Scene;

/// A connected client. It leaves when it is dropped.
pub struct Client {
    scene: Arc<Scene>,
    connection: Connection,
    server: SocketAddr,
    /// How many replies have been expected so far.
    replies: usize,
    last_timestamp: Option<Timestamp>,
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
            replies: 0,
            last_timestamp: None,
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

    /// Expects the next reply, and that it is the one to this message: its text, and a timestamp
    /// between the message's sending and the reply's arrival.
    pub fn expect_reply(&mut self, message: &str) {
        let line = match self.next_line() {
            Some(Ok(line)) => line,
            Some(Err(end)) => self.fail(Symptom::EndInsteadOfReply {
                client: self.connection.id(),
                message: message.to_owned(),
                end,
            }),
            None => self.fail_without_reply(message),
        };
        self.judge(&line, |reply| reply == message, message);
    }

    /// Expects the reply to a message that is not UTF-8, where `\u{FFFD}` in `message` stands for
    /// one or more of them; or else that the server closes the connection.
    pub fn expect_lossy_reply_or_end(&mut self, message: &str) {
        let line = match self.next_line() {
            Some(Ok(line)) => line,
            Some(Err(_)) => return,
            None => self.fail_without_reply(message),
        };
        let is_right = |reply: &str| {
            let mut reply = reply.to_owned();
            while reply.contains("\u{FFFD}\u{FFFD}") {
                reply = reply.replace("\u{FFFD}\u{FFFD}", "\u{FFFD}");
            }
            reply == message
        };
        self.judge(&line, is_right, message);
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
        let expected = self.replies;
        let extra = self.look(|seen| {
            let lines = seen.lines.iter().skip(expected).map(Line::text);
            let tail =
                (!seen.tail.is_empty()).then(|| String::from_utf8_lossy(&seen.tail).into_owned());
            lines.chain(tail).collect::<Vec<_>>()
        });
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
        let served = connected(self.address());
        let replies = self.replies;
        let proof = self.scene.wait_for(window, |seen| {
            let client = &seen.connections[id];
            let is_served = seen
                .program
                .stdout
                .iter()
                .any(|line| line.text().trim_end() == served);
            if is_served || client.lines.len() > replies {
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
        let (id, replies) = (self.connection.id(), self.replies);
        let proof = self.scene.wait_for(window, |seen| {
            let client = &seen.connections[id];
            if client.lines.len() > replies {
                let extra = client.lines[replies..].iter().map(Line::text).collect();
                return Some(Symptom::ExtraBytes {
                    client: id,
                    expected: replies,
                    extra,
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
        let client = &seen.connections[self.connection.id()];
        client.lines.len() > self.replies || client.end.is_some()
    }

    fn next_line(&mut self) -> Option<Result<Line, End>> {
        let (id, number) = (self.connection.id(), self.replies);
        let found = self.scene.wait_for_reply(|seen| {
            let client = &seen.connections[id];
            match client.lines.get(number) {
                Some(line) => Some(Ok(line.clone())),
                None => client.end.map(|(end, _)| Err(end)),
            }
        });
        self.replies += usize::from(matches!(found, Some(Ok(_))));
        found
    }

    fn judge(&mut self, line: &Line, is_right: impl Fn(&str) -> bool, message: &str) {
        let client = self.connection.id();
        let number = self.replies - 1;
        let Reply {
            timestamp,
            message: got,
        } = match reply::parse(&line.bytes) {
            Ok(reply) => reply,
            Err(fault) => self.fail(Symptom::MalformedReply {
                client,
                message: message.to_owned(),
                line: line.text(),
                fault,
            }),
        };
        if !is_right(&got) {
            self.fail(Symptom::OtherMessage {
                client,
                number,
                message: message.to_owned(),
                got,
            });
        }
        let sent = self.look(|seen| seen.sent_at(number));
        let in_time = sent.is_none_or(|sent| timestamp.is_between(sent.wall, line.at.wall));
        if let Some(sent) = sent.filter(|_| !in_time) {
            let previous = self.last_timestamp.take();
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
        let (client, number) = (self.connection.id(), self.replies);
        self.half_close();
        let late = self.scene.wait_for(QUIET_WINDOW, |seen| {
            seen.connections[client].lines.get(number).cloned()
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
