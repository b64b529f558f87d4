//! A reply did not come before the deadline: who was served instead?

use super::super::Finding;
use super::super::evidence::{Capacity, Evidence, quote};
use super::clients;
use super::ended::ended;
use crate::codes::*;
use crate::deadline::deadline;
use crate::recording::Line;
use crate::reply;

/// A client that got no reply before the deadline.
pub(super) struct NoReply<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) id: usize,
    pub(super) message: &'a str,
}

impl NoReply<'_> {
    pub(super) fn find(&self, late: Option<&Line>, had_half_closed: bool) -> Finding {
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
