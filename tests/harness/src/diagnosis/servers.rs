//! The rules for programs that are servers.

mod ended;
mod no_reply;
mod resources;
mod wrong_reply;

use super::evidence::{Capacity, Evidence, quote};
use super::{Finding, Symptom};
use crate::codes::*;
use crate::recording::End;

use ended::{end_instead_of_reply, ended};
use no_reply::NoReply;
use resources::{crowd, leak, spins};
use wrong_reply::{malformed, other_message, other_time};

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
        Symptom::TooSlow { limit } => Finding {
            code: TOO_SLOW,
            summary: format!(
                "the replies take too long: the clients have waited for more than {} s",
                limit.as_secs()
            ),
            expected: "a reply as soon as the message is there".into(),
            observed: evidence.overview(),
            likely: vec![
                "a sleep, or a time-out that has to pass, before each reply",
                "work for a message that grows with those before it",
            ],
        },
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
        Symptom::NoLogLine { .. } if evidence.has_ended() => ended(evidence),
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
            after_what,
            before,
            after,
            is_busy,
        } => leak(*after_what, *before, *after, *is_busy),
        Symptom::Hides => Finding {
            code: HIDDEN_PROCESS,
            summary: "a process of the program hides what it has open".into(),
            expected: "processes whose descriptors can be counted".into(),
            observed: "permission denied".into(),
            likely: vec!["the program's file can't be read, or it has made itself undumpable"],
        },
        Symptom::Spins => spins(evidence),
        Symptom::NotServedInCrowd { .. } | Symptom::NoReplyToMany { .. }
            if evidence.has_failed() =>
        {
            ended(evidence)
        }
        Symptom::NotServedInCrowd { number, clients } => crowd(evidence, *number, *clients),
        Symptom::NoReplyToMany { number } => Finding {
            code: NO_REPLY,
            summary: format!("the replies stopped at about message {number}"),
            expected: "a reply to each message, however many come".into(),
            observed: evidence.overview(),
            likely: vec!["there is a limit on how many messages a client may send"],
        },
        Symptom::LeavesInQueue if !evidence.holds_a_client_back() => Finding {
            code: SERIAL_SERVICE,
            summary: "clients that have to wait are not accepted".into(),
            expected: "each client accepted at once, and waiting in the pool's queue".into(),
            observed: evidence.overview(),
            likely: vec!["the accept loop does the work itself: hand the job to the pool"],
        },
        Symptom::LeavesInQueue => Finding {
            code: BOUNDED_QUEUE,
            summary: "clients that have to wait are not accepted".into(),
            expected: "each client accepted at once, and waiting in the pool's queue".into(),
            observed: evidence.overview(),
            likely: vec![
                "`execute` waits for room in the queue: jobs that wait may be as many as they like",
            ],
        },
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
