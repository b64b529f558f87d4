//! The rules for programs that are servers.

use super::evidence::{Evidence, Trouble, quote};
use super::{Finding, Symptom};
use crate::codes::*;
use crate::deadline::deadline;
use crate::recording::{End, Line, Moment};
use crate::reply::{self, Malformed, Timestamp};
use crate::scene::Capacity;
use crate::server::Load;

/// A message longer than that does not fit the buffers that beginners choose.
const LONG_MESSAGE: usize = 500;

/// The diagnosis of a server's symptom.
pub(super) fn find(evidence: &Evidence<'_>, symptom: &Symptom) -> Finding {
    match symptom {
        Symptom::CannotConnect { .. } if evidence.has_ended() => ended(evidence),
        Symptom::CannotConnect { client, error } => Finding {
            code: CANNOT_CONNECT,
            summary: format!(
                "{} could not connect: {error}",
                evidence.client(*client).label
            ),
            expected: "a connection to the address in the banner".into(),
            observed: evidence.overview(),
            likely: vec![
                "the listener was closed (dropped) while the program goes on",
                "the accept queue is full: the listener's backlog is too short",
            ],
        },
        Symptom::NoReply {
            client,
            message,
            late,
            had_half_closed,
        } => NoReply {
            evidence,
            id: *client,
            message,
        }
        .find(late.as_ref(), *had_half_closed),
        Symptom::EndInsteadOfReply {
            client,
            message,
            end,
        } => end_instead_of_reply(evidence, *client, message, *end),
        Symptom::MalformedReply {
            client,
            message,
            line,
            fault,
        } => malformed(evidence, *client, message, line, fault),
        Symptom::OtherMessage {
            client,
            number,
            message,
            got,
        } => other_message(evidence, *client, *number, message, got),
        Symptom::OtherTime {
            timestamp,
            sent,
            received,
            previous,
        } => other_time(timestamp, *sent, *received, previous.as_ref()),
        Symptom::ExtraBytes { client, .. } if ends_in_mid_message(evidence, *client) => Finding {
            code: FRAGMENT_IS_MESSAGE,
            summary: format!(
                "{} was answered in the middle of its message",
                evidence.client(*client).label
            ),
            expected: "no reply before the end of the line".into(),
            observed: evidence.overview(),
            likely: vec!["wait for the newline, however long it takes"],
        },
        Symptom::ExtraBytes {
            client,
            expected,
            extra,
        } => Finding {
            code: EXTRA_BYTES,
            summary: format!(
                "{} got more than its replies",
                evidence.client(*client).label
            ),
            expected: format!("{expected} replies, then the end"),
            observed: extra
                .iter()
                .take(3)
                .map(|line| format!("{:?}", quote(line)))
                .collect::<Vec<_>>()
                .join(", "),
            likely: vec!["one reply for each line; nothing else is sent"],
        },
        Symptom::NotClosed { client } => not_closed(evidence, *client),
        Symptom::ResetInsteadOfEnd { client } => Finding {
            code: RESET_AT_END,
            summary: format!(
                "{} got a reset instead of the end",
                evidence.client(*client).label
            ),
            expected: "the replies, then the end of the connection".into(),
            observed: format!("{}; {}", evidence.clients(), evidence.state()),
            likely: vec![
                "the server closes while there is something that it has not read",
                "the linger time is set to 0",
            ],
        },
        Symptom::ServedTooEarly { client } => served_too_early(evidence, *client),
        Symptom::TurnedAway { client, end } => turned_away(evidence, *client, *end),
        Symptom::NoLogLine { line } => no_log_line(evidence, line),
        Symptom::OtherLog { expected, log } => Finding {
            code: LOG_ORDER,
            summary: "the log does not tell what happened in its order".into(),
            expected: first_difference(expected, log),
            observed: first_difference(log, expected),
            likely: vec![
                "`[+]` is printed when a client begins to be served, `[-]` when it is gone, each once",
                "clients are not served in the order in which they came",
            ],
        },
        Symptom::TooManyThreads { threads, most } => Finding {
            code: TOO_MANY_THREADS,
            summary: format!("the program has {threads} threads, at most {most} are allowed"),
            expected: format!("at most {most} threads, however many clients come"),
            observed: format!("{threads} threads; {}", evidence.clients()),
            likely: vec![
                "a thread is made for each client or job: that is exercise 2",
                "after a panic more workers are started than were lost",
            ],
        },
        Symptom::Leak {
            clients,
            before,
            after,
        } => leak(evidence, *clients, *before, *after),
        Symptom::NotAccepting { descriptors, limit } => Finding {
            code: SERIAL_SERVICE,
            summary: "clients that connect are not accepted while others are connected".into(),
            expected: format!("all of them accepted, or {limit} descriptors in use"),
            observed: format!("{descriptors} descriptors; {}", evidence.overview()),
            likely: vec![
                "the accept loop serves the client itself",
                "the accept loop waits for the thread it has just spawned (`spawn(…).join()`)",
            ],
        },
        _ => ended(evidence),
    }
}

/// A client that got no reply before the deadline.
struct NoReply<'a> {
    evidence: &'a Evidence<'a>,
    id: usize,
    message: &'a str,
}

impl NoReply<'_> {
    fn find(&self, late: Option<&Line>, had_half_closed: bool) -> Finding {
        let Self {
            evidence,
            id,
            message,
        } = *self;
        let client = evidence.client(id);
        let newlines = client.sent_bytes().filter(|&byte| byte == b'\n').count();
        let together = client.sent_lines_together();
        if evidence.has_ended() {
            return ended(evidence);
        }
        if let Some(sender) = self.got_by_another() {
            return self.finding(
                WRONG_CLIENT,
                format!("the reply to {} went to {sender}", client.label),
                vec!["the threads share a buffer or a connection, where each needs its own"],
            );
        }
        if client.tail.starts_with(b"[") {
            return self.finding(
                REPLY_WITHOUT_NEWLINE,
                format!(
                    "the reply to {} has no end: its newline is missing",
                    client.label
                ),
                vec!["a reply is a line too: it ends with \\n"],
            );
        }
        if let Some(late) = late {
            return self.late(late);
        }
        if had_half_closed && client.lines.len() == newlines {
            return self.finding(
                DROPS_LAST_LINE,
                format!(
                    "{:?} was lost: the end of the stream ends a line too",
                    quote(message)
                ),
                vec!["a last line without a newline is a message"],
            );
        }
        if together && !client.lines.is_empty() {
            return self.finding(
                LOST_MESSAGE,
                format!("{} of {newlines} messages of {} were answered", client.lines.len(), client.label),
                vec![
                    "a new buffered reader for each message loses what the one before had read ahead",
                    "of the lines that one read brings, only the first is looked at",
                ],
            );
        }
        let (panics, asked) = evidence.panics();
        if panics > 0 {
            return self.after_a_panic(panics, asked);
        }
        match evidence.capacity {
            Capacity::Workers(workers) if !evidence.others_connected(id).is_empty() => {
                self.in_a_pool(workers)
            }
            Capacity::All if !evidence.others_connected(id).is_empty() => self.in_threads(),
            _ => self.alone(),
        }
    }

    /// The label of another client that got the reply to this message.
    fn got_by_another(&self) -> Option<&str> {
        let reply = format!("'{}'", self.message);
        let others = self.evidence.seen.connections.iter().enumerate();
        let mut others = others
            .filter(|(other, _)| *other != self.id)
            .map(|(_, other)| other);
        others
            .find(|other| {
                let sent: Vec<u8> = other.sent_bytes().collect();
                let asked = String::from_utf8_lossy(&sent).contains(self.message);
                !asked && other.lines.iter().any(|line| line.text().ends_with(&reply))
            })
            .map(|other| other.label.as_str())
    }

    /// The reply came when the client had no more to send: its timestamp tells since when it was
    /// ready.
    fn late(&self, late: &Line) -> Finding {
        let label = &self.evidence.client(self.id).label;
        let half_a_deadline = chrono::TimeDelta::from_std(deadline() / 2).unwrap_or_default();
        let was_ready = reply::parse(&late.bytes)
            .is_ok_and(|reply| reply.timestamp.ahead_of(late.at.wall) < -half_a_deadline);
        match was_ready {
            true => self.finding(
                NOT_FLUSHED,
                format!("the reply to {label} was made in time, and came only at the end"),
                vec!["the reply stays in a buffer (`BufWriter`): flush it, or write without one"],
            ),
            false => self.finding(
                WAITS_FOR_EOF,
                format!("{label} was answered only when it had no more to send"),
                vec!["you read to the end of the stream, not to the end of the line"],
            ),
        }
    }

    fn after_a_panic(&self, panics: usize, asked: usize) -> Finding {
        let label = &self.evidence.client(self.id).label;
        match self.evidence.capacity {
            Capacity::Workers(_) if panics <= asked => self.finding(
                LOST_WORKER,
                format!("{label} was not answered after a job's panic"),
                vec!["a panic ends the worker that runs the job: catch it, or start another worker"],
            ),
            _ => self.finding(
                PANIC_SPREADS,
                format!("{label} was not answered after another's panic"),
                vec![
                    "a lock was held during the panic: it is poisoned, and `unwrap` spreads the panic",
                    "the thread that panicked is one that all clients need",
                ],
            ),
        }
    }

    fn in_a_pool(&self, workers: usize) -> Finding {
        let Self { evidence, id, .. } = *self;
        let client = evidence.client(id);
        let overtaken = evidence.seen.connections[id + 1..].iter();
        let overtaken = overtaken
            .filter(|later| evidence.is_taken_up(later))
            .count()
            > 0;
        let served = evidence.taken_up();
        let threads = evidence.threads();
        if overtaken && !evidence.is_taken_up(client) {
            return self.finding(
                SERVED_OUT_OF_ORDER,
                format!(
                    "a client that came after {} was served before it",
                    client.label
                ),
                vec!["the jobs are taken from a stack, not from a queue: first come, first served"],
            );
        }
        if evidence.is_accepted(id) == Some(false) {
            return self.finding(
                SERIAL_SERVICE,
                format!("{} is connected and was not accepted", client.label),
                vec!["the accept loop does the work itself: hand the job to the pool"],
            );
        }
        if threads.is_some_and(|threads| threads <= served + 1) {
            return self.finding(
                TOO_FEW_WORKERS,
                format!("{served} clients are served by a pool of {workers}"),
                vec!["fewer workers are started than were asked for"],
            );
        }
        self.finding(
            QUEUE_LOCK_HELD,
            format!(
                "{workers} workers, {served} of them at work, and {} waits",
                client.label
            ),
            vec![
                "the guard of the queue's lock lives as long as the job: as in \
                 `while let Ok(job) = jobs.lock().unwrap().recv()`",
                "the jobs share another lock that one of them holds",
            ],
        )
    }

    fn in_threads(&self) -> Finding {
        let Self { evidence, id, .. } = *self;
        let client = evidence.client(id);
        let others = evidence.others_connected(id);
        let summary = format!(
            "{} was not answered while {} stayed connected",
            client.label,
            clients(others.len())
        );
        if evidence.is_accepted(id) == Some(true) {
            return self.finding(
                LOCK_HELD,
                summary,
                vec!["a lock is held while a client is being served: which one, and until when?"],
            );
        }
        if evidence.holds_a_client_back() {
            return self.finding(
                READS_BEFORE_SPAWN,
                summary,
                vec!["the accept loop reads from the client: the first read belongs in the thread"],
            );
        }
        self.finding(
            SERIAL_SERVICE,
            summary,
            match evidence.threads() {
                Some(1) => vec!["the accept loop serves the client itself: give each one a thread"],
                Some(_) => vec![
                    "the accept loop waits for the thread it has just spawned (`spawn(…).join()`)",
                ],
                None => vec![
                    "the accept loop waits for the thread it has just spawned (`spawn(…).join()`)",
                    "the accept loop serves the client itself: give each one a thread",
                ],
            },
        )
    }

    fn alone(&self) -> Finding {
        let Self { evidence, id, .. } = *self;
        let label = &evidence.client(id).label;
        if !evidence.somebody_left() {
            return self.finding(
                NO_REPLY,
                format!("{label} got no reply"),
                vec!["the message is not read, or read and not answered"],
            );
        }
        if evidence.out_of_descriptors {
            return self.finding(
                LEAKED_CONNECTIONS,
                format!("{label} was not answered although others have left and made room"),
                vec!["the descriptors of clients that have gone are not given back"],
            );
        }
        if evidence.misses_a_departure() {
            return self.finding(
                IGNORES_EOF,
                format!("{label} was not answered after another client had left"),
                vec!["a read of 0 bytes means that the client is gone: stop reading from it"],
            );
        }
        self.finding(
            ACCEPTS_ONCE,
            format!("{label} was not answered: the server stopped after an earlier client"),
            vec!["accept in a loop: one accept is one client"],
        )
    }

    fn finding(&self, code: Code, summary: String, likely: Vec<&'static str>) -> Finding {
        let label = &self.evidence.client(self.id).label;
        Finding {
            code,
            summary,
            expected: format!("a reply to {:?} for {label}", quote(self.message)),
            observed: self.evidence.overview(),
            likely,
        }
    }
}

fn end_instead_of_reply(evidence: &Evidence<'_>, id: usize, message: &str, end: End) -> Finding {
    if evidence.has_ended() {
        return ended(evidence);
    }
    let client = evidence.client(id);
    let label = &client.label;
    let newlines = client.sent_bytes().filter(|&byte| byte == b'\n').count();
    let (panics, asked) = evidence.panics();
    let trouble = evidence
        .seen
        .connections
        .iter()
        .enumerate()
        .any(|(other, client)| {
            other != id && std::str::from_utf8(&client.sent_bytes().collect::<Vec<_>>()).is_err()
        });
    let (code, summary, likely) = if client.half_closed.is_some() && client.lines.len() == newlines
    {
        (
            DROPS_LAST_LINE,
            format!(
                "{:?} was lost: the end of the stream ends a line too",
                quote(message)
            ),
            "a last line without a newline is a message",
        )
    } else if client.half_closed.is_some() {
        (
            DROPS_REPLIES,
            format!("{label} had no more to send, and lost the replies it still waited for"),
            "a client that half-closes still gets its replies: answer what was read before you close",
        )
    } else if panics > asked && (trouble || asked > 0) {
        (
            PANIC_SPREADS,
            format!("{label} was disconnected by another's panic"),
            "a lock was held during the panic: it is poisoned, and `unwrap` spreads the panic",
        )
    } else if !evidence.is_taken_up(client) && evidence.capacity != Capacity::All {
        (
            TURNED_AWAY,
            format!("{label} was turned away while it waited"),
            "a client that has to wait stays connected, and keeps its place in the queue",
        )
    } else if client.lines.is_empty() {
        (
            CLOSED_WITHOUT_REPLY,
            format!("{label} was disconnected without a reply"),
            "the connection is dropped, or its thread panics, before the reply is written",
        )
    } else {
        (
            CLOSES_EARLY,
            format!(
                "the connection of {label} was closed after {}",
                replies(client.lines.len())
            ),
            "a client may send many lines: read until it closes the connection",
        )
    };
    Finding {
        code,
        summary,
        expected: format!("a reply to {:?} for {label}", quote(message)),
        observed: format!(
            "{}; {}; {}",
            end_words(end),
            evidence.clients(),
            evidence.state()
        ),
        likely: vec![likely],
    }
}

/// The program has ended: what did the clients do to it?
fn ended(evidence: &Evidence<'_>) -> Finding {
    let (panics, asked) = evidence.panics();
    let (code, what, likely) = match evidence.trouble() {
        _ if evidence.out_of_descriptors => (
            ACCEPT_ERROR_IS_FATAL,
            "an accept that failed for want of a descriptor",
            "the error of one accept ends the program: say so and go on accepting",
        ),
        // One panic more than was asked for is the end of the accept loop itself.
        _ if asked > 0 && panics > asked + 1 => (
            PANIC_SPREADS,
            "the panic of a job",
            "a lock was held during the panic: it is poisoned, and `unwrap` spreads the panic",
        ),
        _ if asked > 0 => (
            LOST_WORKER,
            "the panics of its jobs",
            "a panic ends the worker that runs the job: catch it, or start another worker",
        ),
        _ if evidence.ended_well() && evidence.somebody_left() => (
            ACCEPTS_ONCE,
            "an earlier client: it ended without an error",
            "accept in a loop that does not end: one accept is one client",
        ),
        Some(Trouble::InvalidUtf8) => (
            DIES_OF_INVALID_UTF8,
            "one client's bytes that are not UTF-8",
            "bytes from a stranger are turned into text with `unwrap`, or the error ends the loop",
        ),
        Some(Trouble::Reset) => (
            DIES_OF_RESET,
            "a client that vanished",
            "the error of a read, a write or `peer_addr` of one connection ends the program",
        ),
        Some(Trouble::LeftInMidMessage) => (
            DIES_OF_HALF_A_MESSAGE,
            "a client that left in the middle of a message",
            "the end of the stream can come before the end of the line",
        ),
        Some(Trouble::LeftWithoutAWord) => (
            DIES_OF_SILENCE,
            "a client that left without a word",
            "the first line is taken for granted: `lines().next().unwrap()`",
        ),
        Some(Trouble::LeftWithoutReading) => (
            DIES_OF_UNREAD_REPLIES,
            "a client that left without reading its replies",
            "the error of a write to one connection ends the program",
        ),
        None => (
            SERVER_ENDED,
            "its clients, who did nothing out of the ordinary",
            "an error of one connection is returned from main, or unwrapped in the accept loop",
        ),
    };
    Finding {
        code,
        summary: format!("the server did not outlive {what}"),
        expected: "a server that goes on, whatever one client does".into(),
        observed: format!("{}; {}", evidence.state(), evidence.clients()),
        likely: vec![likely],
    }
}

fn malformed(
    evidence: &Evidence<'_>,
    id: usize,
    message: &str,
    line: &str,
    fault: &Malformed,
) -> Finding {
    let client = evidence.client(id);
    let sent: Vec<u8> = client.sent_bytes().collect();
    let messages = sent.iter().filter(|&&byte| byte == b'\n').count();
    let together = client.sent_lines_together();
    let (code, likely) = match fault {
        Malformed::CarriageReturn => (
            KEEPS_CARRIAGE_RETURN,
            "telnet and Windows clients end lines with \\r\\n: trim the white space around a message",
        ),
        // The opening quote is there, and the closing one is not: the reply goes on in another line.
        Malformed::BadText(text) if text.starts_with("Server got '") => match together {
            true => (
                LINES_RUN_TOGETHER,
                "one read can bring several lines: each of them is a message, and gets its reply",
            ),
            false => (
                NOT_TRIMMED,
                "the newline does not belong to the message: trim it",
            ),
        },
        Malformed::NoTimestamp if client.lines.len() > messages => (
            EXTRA_BYTES,
            "one reply for each line; nothing else is sent, a greeting neither",
        ),
        Malformed::BadTimestamp(_) => (
            BAD_TIMESTAMP,
            "chrono's format for it is \"%Y-%m-%d %H:%M:%S%.6f\"",
        ),
        Malformed::NoTimestamp | Malformed::BadText(_) => (
            BAD_REPLY,
            "compare your reply with the protocol's, character by character",
        ),
    };
    Finding {
        code,
        summary: format!(
            "the reply to {:?} has not the form of a reply",
            quote(message)
        ),
        expected: format!("[TIMESTAMP] Server got '{}'", quote(message)),
        observed: format!("{:?}: {}", quote(line), fault.sentence()),
        likely: vec![likely],
    }
}

fn other_message(
    evidence: &Evidence<'_>,
    id: usize,
    number: usize,
    message: &str,
    got: &str,
) -> Finding {
    let client = evidence.client(id);
    let said = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .lines()
            .any(|line| line.trim() == got)
    };
    let own: Vec<u8> = client.sent_bytes().collect();
    let sender = evidence
        .seen
        .connections
        .iter()
        .enumerate()
        .find(|(other, sender)| {
            *other != id && !got.is_empty() && said(&sender.sent_bytes().collect::<Vec<_>>())
        });
    let (code, likely) = if sender.is_some() && !said(&own) {
        (
            WRONG_CLIENT,
            "the threads share a buffer or a connection, where each needs its own",
        )
    } else if got.trim() == message {
        (
            NOT_TRIMMED,
            "the white space around a message does not belong to it: trim it",
        )
    } else if message.starts_with(got) && message.len() > LONG_MESSAGE {
        (
            BUFFER_IS_MESSAGE,
            "a message ends at its newline, not where your buffer does",
        )
    } else if message.starts_with(got) {
        (
            FRAGMENT_IS_MESSAGE,
            "wait for the newline, however many reads it takes",
        )
    } else if got.contains('\u{FFFD}') {
        (
            CHARACTER_CUT,
            "turn bytes into text when the line is whole, not read by read",
        )
    } else if said(&own) || (!got.is_empty() && message.ends_with(got)) {
        (
            LOST_MESSAGE,
            "of the lines that one read brings, only some are answered",
        )
    } else {
        (BAD_REPLY, "compare what you read with what you reply")
    };
    let summary = match sender {
        Some((_, sender)) if code == WRONG_CLIENT => {
            format!(
                "{} got the reply that belongs to {}",
                client.label, sender.label
            )
        }
        _ => format!(
            "reply {} to {} is not about what it said",
            number + 1,
            client.label
        ),
    };
    Finding {
        code,
        summary,
        expected: format!("Server got '{}'", quote(message)),
        observed: format!("Server got '{}'", quote(got)),
        likely: vec![likely],
    }
}

fn other_time(
    timestamp: &Timestamp,
    sent: Moment,
    received: Moment,
    previous: Option<&Timestamp>,
) -> Finding {
    let ahead = timestamp.ahead_of(sent.wall);
    let age = sent.since_start.as_millis() as i64 + 1_000;
    let is_stale = previous.is_some_and(|previous| previous.text == timestamp.text)
        || (-age..0).contains(&ahead.num_milliseconds());
    let (code, likely) = match is_stale {
        true => (
            STALE_TIMESTAMP,
            "the timestamp is taken once, at the start or when the client connects: take it for each reply",
        ),
        false => (
            WRONG_TIMESTAMP,
            "the timestamp is made up, or of another time zone without saying so",
        ),
    };
    let milliseconds = ahead.num_milliseconds();
    Finding {
        code,
        summary: format!(
            "the timestamp {} is not the time of the answer",
            timestamp.text
        ),
        expected: format!(
            "a time from {} to {} (UTC; local time is right too)",
            sent.wall.format("%H:%M:%S%.6f"),
            received.wall.format("%H:%M:%S%.6f")
        ),
        observed: match milliseconds < 0 {
            true => format!("a time {} ms before the message was sent", -milliseconds),
            false => format!("a time {milliseconds} ms after the message was sent"),
        },
        likely: vec![likely],
    }
}

fn not_closed(evidence: &Evidence<'_>, id: usize) -> Finding {
    let label = &evidence.client(id).label;
    let (code, likely) = match evidence.is_busy() {
        true => (
            IGNORES_EOF,
            "a read of 0 bytes means that the client has no more to send: stop reading",
        ),
        false => (
            LEAKED_CONNECTIONS,
            "the connection is kept open somewhere: in a list, or by a clone of the stream",
        ),
    };
    Finding {
        code,
        summary: format!("{label} has no more to send, and the server does not close"),
        expected: "the end of the connection after the last reply".into(),
        observed: evidence.overview(),
        likely: vec![likely],
    }
}

fn served_too_early(evidence: &Evidence<'_>, id: usize) -> Finding {
    let closed = evidence
        .seen
        .connections
        .iter()
        .find(|other| other.end.is_some() && !other.lines.is_empty());
    if let Some(closed) = closed {
        return Finding {
            code: CLOSES_EARLY,
            summary: format!(
                "the connection of {} was closed while it was being served",
                closed.label
            ),
            expected: "a connection that lasts until the client closes it".into(),
            observed: evidence.overview(),
            likely: vec!["a client may send many lines: read until it closes the connection"],
        };
    }
    let (expected, likely) = match evidence.capacity {
        Capacity::Workers(workers) => (
            format!("at most {workers} clients that are served at once"),
            "more workers are started than were asked for, or a thread for each client",
        ),
        _ => (
            "one client at a time".into(),
            "the second client is taken up before the first has left: that is exercise 2",
        ),
    };
    Finding {
        code: TOO_MANY_AT_ONCE,
        summary: format!(
            "{} was served while it should have waited its turn",
            evidence.client(id).label
        ),
        expected,
        observed: evidence.overview(),
        likely: vec![likely],
    }
}

fn turned_away(evidence: &Evidence<'_>, id: usize, end: End) -> Finding {
    let client = evidence.client(id);
    let (code, doing, likely) =
        match evidence.is_taken_up(client) || evidence.capacity == Capacity::All {
            true => (
                IDLE_TIMEOUT,
                "was silent",
                "a client may be silent as long as it likes: no server here has an idle time-out",
            ),
            false => (
                TURNED_AWAY,
                "waited",
                "a client that has to wait stays connected, and keeps its place in the queue",
            ),
        };
    Finding {
        code,
        summary: format!("{} was disconnected while it {doing}", client.label),
        expected: "a connection that lasts until the client closes it".into(),
        observed: format!("{} by the server; {}", end_words(end), evidence.clients()),
        likely: vec![likely],
    }
}

fn no_log_line(evidence: &Evidence<'_>, line: &str) -> Finding {
    let (code, likely) = match line.starts_with("[-]") && evidence.is_busy() {
        true => (
            IGNORES_EOF,
            "a read of 0 bytes means that the client is gone: stop reading from it",
        ),
        false => (
            MISSING_LOG_LINE,
            "the line is not printed, has another form, or stays in a buffer that is not flushed",
        ),
    };
    Finding {
        code,
        summary: format!("no line `{line}` in the log"),
        expected: format!("`{line}` on stdout"),
        observed: format!("{}; {}", evidence.stdout(), evidence.overview()),
        likely: vec![likely],
    }
}

fn leak(evidence: &Evidence<'_>, clients: usize, before: Load, after: Load) -> Finding {
    let threads = after.threads.saturating_sub(before.threads);
    let descriptors = after.descriptors.saturating_sub(before.descriptors);
    let (code, summary, likely) = if evidence.is_busy() && threads > 0 {
        (
            IGNORES_EOF,
            format!("{clients} clients have left, and {threads} threads still read from them"),
            "a read of 0 bytes means that the client is gone: stop reading from it",
        )
    } else if threads > 0 {
        (
            LEAKED_THREADS,
            format!("{clients} clients have left and {threads} threads remain"),
            "a thread ends when its function returns: what does it still wait for?",
        )
    } else {
        (
            LEAKED_CONNECTIONS,
            format!("{clients} clients have left and {descriptors} descriptors remain"),
            "connections are kept in a list that only grows, or by a clone of the stream",
        )
    };
    Finding {
        code,
        summary,
        expected: format!(
            "about {} threads and {} descriptors, as before",
            before.threads, before.descriptors
        ),
        observed: format!(
            "{} threads and {} descriptors",
            after.threads, after.descriptors
        ),
        likely: vec![likely],
    }
}

fn clients(count: usize) -> String {
    match count {
        1 => "another".into(),
        count => format!("{count} others"),
    }
}

fn replies(count: usize) -> String {
    match count {
        1 => "1 reply".into(),
        count => format!("{count} replies"),
    }
}

fn end_words(end: End) -> &'static str {
    match end {
        End::Eof => "closed",
        End::Reset => "reset",
    }
}

/// The first line in which one list differs from the other, and its number.
fn first_difference(lines: &[String], others: &[String]) -> String {
    let same = lines
        .iter()
        .zip(others)
        .take_while(|(line, other)| line == other)
        .count();
    match lines.get(same) {
        Some(line) => format!("as line {}: {}", same + 1, quote(line)),
        None => format!("{} lines", lines.len()),
    }
}

/// Whether the client has begun a message and not ended it.
fn ends_in_mid_message(evidence: &Evidence<'_>, id: usize) -> bool {
    let client = evidence.client(id);
    client.half_closed.is_none() && client.sent_bytes().last().is_some_and(|last| last != b'\n')
}
