//! The rules for programs that are servers.

use super::evidence::{Evidence, Trouble, quote};
use super::{Finding, ONE_LOOP, POOL, PROTOCOL, Symptom, THREADS, WORKING};
use crate::recording::{End, Moment};
use crate::reply::{Malformed, Timestamp};
use crate::server::Load;

/// The diagnosis of a server's symptom.
pub(super) fn find(evidence: &Evidence<'_>, symptom: &Symptom) -> Finding {
    if let Some(finding) = start(evidence, symptom) {
        return finding;
    }
    match symptom {
        Symptom::CannotConnect { client, error } => match evidence.end() {
            Some(_) => died(evidence),
            None => Finding {
                code: "cannot-connect",
                summary: format!("{} could not connect: {error}", evidence.client(*client).label),
                expected: "a connection to the address in the banner".into(),
                observed: evidence.clients(),
                likely: vec![
                    "the accept queue is full: the listener's backlog is too short".into(),
                    "the listener was closed while the program goes on".into(),
                ],
                chapter: ONE_LOOP,
            },
        },
        Symptom::NoReply { client, message, late } => no_reply(evidence, *client, message, late.as_deref()),
        Symptom::EndInsteadOfReply { client, message, end } => ended(evidence, *client, message, *end),
        Symptom::MalformedReply { message, line, fault, .. } => malformed(message, line, fault),
        Symptom::OtherMessage { client, number, message, got } => {
            other_message(evidence, *client, *number, message, got)
        }
        Symptom::OtherTime { timestamp, sent, received, previous, .. } => {
            other_time(timestamp, *sent, *received, previous.as_ref())
        }
        Symptom::ExtraBytes { client, expected, extra } => Finding {
            code: "extra-bytes",
            summary: format!("{} got more than its replies", evidence.client(*client).label),
            expected: format!("{expected} replies, then the end"),
            observed: extra.iter().take(3).map(|line| format!("{:?}", quote(line))).collect::<Vec<_>>().join(", "),
            likely: vec!["one reply for each line, and nothing else is sent".into()],
            chapter: PROTOCOL,
        },
        Symptom::NotClosed { client } => Finding {
            code: "ignores-eof",
            summary: format!("{} has no more to send, and the server does not close", evidence.client(*client).label),
            expected: "the end of the connection after the last reply".into(),
            observed: format!("{}; {}", evidence.clients(), cpu(evidence)),
            likely: vec!["a read of 0 bytes means that the client has no more to send: stop reading".into(),
                "the connection is kept open somewhere: in a list, or by a clone".into()],
            chapter: PROTOCOL,
        },
        Symptom::ResetInsteadOfEnd { client } => Finding {
            code: "reset-at-end",
            summary: format!("{} got a reset instead of the end", evidence.client(*client).label),
            expected: "the replies, then the end of the connection".into(),
            observed: format!("{}; {}", evidence.clients(), evidence.state()),
            likely: vec!["the server closes while there is still something to read: read to the end".into()],
            chapter: PROTOCOL,
        },
        Symptom::ServedTooEarly { client } => Finding {
            code: "too-many-at-once",
            summary: format!("{} was served while it should have waited its turn", evidence.client(*client).label),
            expected: "a client that waits until one of those being served has left".into(),
            observed: format!("{}{}", evidence.clients(), evidence.threads()),
            likely: vec!["more clients are served at once than this exercise allows".into()],
            chapter: POOL,
        },
        Symptom::TurnedAway { client, end } => Finding {
            code: "turned-away",
            summary: format!("{} was turned away while it waited", evidence.client(*client).label),
            expected: "a connection that lasts until the client closes it".into(),
            observed: format!("{} by the server; {}", end_words(*end), evidence.clients()),
            likely: vec![
                "a client that is silent, or has to wait, is no error: there is no idle time-out".into(),
            ],
            chapter: ONE_LOOP,
        },
        Symptom::NoLogLine { line } => Finding {
            code: "missing-log-line",
            summary: format!("no line `{line}` in the log"),
            expected: format!("`{line}` on stdout"),
            observed: format!("{}; {}", stdout(evidence), evidence.clients()),
            likely: vec![
                "the line is not printed, in another form, or stays in a buffer".into(),
                "the server has not noticed that the client has left".into(),
            ],
            chapter: PROTOCOL,
        },
        Symptom::OtherLog { expected, log } => Finding {
            code: "log-order",
            summary: "the log lines are not in the order in which it happened".into(),
            expected: expected.join(", "),
            observed: log.join(", "),
            likely: vec!["`[+]` when a client begins to be served, `[-]` when it is gone, once each, first come first served".into()],
            chapter: PROTOCOL,
        },
        Symptom::TooManyThreads { threads, most } => Finding {
            code: "too-many-threads",
            summary: format!("the program has {threads} threads, at most {most} are allowed"),
            expected: format!("at most {most} threads, however many clients come"),
            observed: format!("{threads} threads; {}", evidence.clients()),
            likely: vec!["a thread is made for each client or job: that is exercise 2".into()],
            chapter: POOL,
        },
        Symptom::Leak { clients, before, after } => leak(*clients, *before, *after),
        Symptom::NotAccepting { before, after, more } => Finding {
            code: "not-accepting",
            summary: "clients that connect are not accepted".into(),
            expected: format!("{} descriptors or more", before.descriptors + more),
            observed: format!("{} descriptors; {}", after.descriptors, evidence.clients()),
            likely: vec!["the accept loop waits for something else than the next client".into()],
            chapter: THREADS,
        },
        Symptom::Ended => died(evidence),
        Symptom::NotRead { client, error } => Finding {
            code: "not-read",
            summary: format!("what {} sent is not read", evidence.client(*client).label),
            expected: "a program that reads what arrives".into(),
            observed: format!(
                "{}{}{}",
                evidence.clients(),
                evidence.threads(),
                error.as_ref().map(|error| format!("; {error}")).unwrap_or_default()
            ),
            likely: vec!["the program waits for something else before it reads".into()],
            chapter: PROTOCOL,
        },
        _ => unreachable!("the rules for clients come first"),
    }
}

fn start(evidence: &Evidence<'_>, symptom: &Symptom) -> Option<Finding> {
    let banner = "`Server listening on HOST:PORT` on stdout".to_owned();
    let finding = |code, summary, expected, observed, likely: &str| Finding {
        code,
        summary,
        expected,
        observed,
        likely: vec![likely.to_owned()],
        chapter: WORKING,
    };
    Some(match symptom {
        Symptom::EndedBeforeBanner => finding(
            "ended-at-start",
            "the program ended before it printed its banner".into(),
            banner,
            evidence.state(),
            "run it by hand with the argument 127.0.0.1:0 and see what it says",
        ),
        Symptom::NoBanner => finding(
            "no-banner",
            "the program runs and prints no banner".into(),
            banner,
            stdout(evidence),
            "the line is not printed, in another form, or stays in a buffer that is not flushed",
        ),
        Symptom::BadBanner { line } => finding(
            "bad-banner",
            "the banner does not end in an address".into(),
            banner,
            format!("{:?}", quote(line)),
            "print the listener's own address, HOST:PORT and nothing after it",
        ),
        Symptom::PortZero => finding(
            "port-zero",
            "the banner says port 0".into(),
            banner,
            "Server listening on HOST:0".into(),
            "you print the address that was asked for; print the one that the listener has",
        ),
        Symptom::OtherAddress { asked, address } => finding(
            "other-address",
            format!("the program was told {asked} and listens on {address}"),
            format!("a listener on {asked}"),
            format!("Server listening on {address}"),
            "the first argument is the address to listen on",
        ),
        Symptom::NotRefused { arguments, address } => finding(
            "not-refused",
            format!("the arguments `{arguments}` were accepted"),
            "one line on stderr and an exit status that is not 0".into(),
            format!("it listens on {address}"),
            "an argument that can't be used is an error, not a default",
        ),
        Symptom::UnclearRefusal { arguments, naming } => finding(
            "unclear-refusal",
            format!("the arguments `{arguments}` were not refused in one clear line"),
            format!(
                "one line on stderr that names `{naming}`, an exit status that is not 0, no panic"
            ),
            format!(
                "{} lines on stderr; {}",
                evidence.seen.program.stderr.len(),
                evidence.state()
            ),
            "print the error with its context in one line (`{error:#}` with anyhow), and return a failure from main",
        ),
        _ => return None,
    })
}

fn no_reply(evidence: &Evidence<'_>, id: usize, message: &str, late: Option<&str>) -> Finding {
    if evidence.end().is_some() {
        return died(evidence);
    }
    let client = evidence.client(id);
    let label = &client.label;
    let observed = format!("{}{}", evidence.clients(), evidence.threads());
    let expected = format!("a reply to {:?} for {label}", quote(message));
    let finding = |code, summary, likely: Vec<&str>, chapter| Finding {
        code,
        summary,
        expected: expected.clone(),
        observed: observed.clone(),
        likely: likely.into_iter().map(str::to_owned).collect(),
        chapter,
    };
    if let Some(late) = late {
        return finding(
            "waits-for-eof",
            format!(
                "{label} was answered only when it had no more to send: {:?}",
                quote(late)
            ),
            vec![
                "you wait for the end of the stream, not for the end of the line",
                "the reply stays in a buffer: flush each one",
            ],
            PROTOCOL,
        );
    }
    let newlines = client.sent_bytes().filter(|&byte| byte == b'\n').count();
    if client.half_closed.is_some() && client.lines.len() == newlines && !message.is_empty() {
        return finding(
            "drops-last-line",
            format!(
                "{:?} was lost: the end of the stream ends a line too",
                quote(message)
            ),
            vec!["a last line without a newline is a message"],
            PROTOCOL,
        );
    }
    if !client.lines.is_empty() {
        return finding(
            "lost-message",
            format!(
                "{} of the {newlines} messages of {label} were answered",
                client.lines.len()
            ),
            vec![
                "one read can hold several lines, or a part of one: TCP keeps no message boundaries",
                "a new buffered reader for each message loses what the last one had read ahead",
            ],
            PROTOCOL,
        );
    }
    let served = evidence
        .others_connected(id)
        .filter(|other| !other.lines.is_empty())
        .count();
    let silent = evidence
        .others_connected(id)
        .filter(|other| other.sent.is_empty())
        .count();
    let threads = evidence.vitals.map(|vitals| vitals.threads);
    let connected = evidence.others_connected(id).count() + 1;
    if connected > 1 {
        let summary = format!(
            "{label} was not answered while {} stayed connected",
            others(connected - 1)
        );
        return match threads {
            _ if evidence.panic().is_some() => finding(
                "panic-spreads",
                format!("{label} was not answered after a panic"),
                vec![
                    "a lock was held in the panic and is poisoned for all the others",
                    "the thread that panicked was the one that accepts, or one of a few workers",
                ],
                THREADS,
            ),
            Some(threads) if served > 0 && threads > 2 && threads >= connected => finding(
                "lock-held",
                summary,
                vec!["a lock is held while a client is being served: which one, and until when?"],
                THREADS,
            ),
            _ if silent > 0 && served > 0 => finding(
                "reads-before-spawn",
                summary,
                vec!["a silent client stops everyone: the first read belongs in the thread"],
                THREADS,
            ),
            _ => finding(
                "serial-service",
                summary,
                vec![
                    "the accept loop serves the client itself",
                    "the accept loop waits for the thread it has just spawned (`spawn(…).join()`)",
                ],
                THREADS,
            ),
        };
    }
    match evidence
        .seen
        .connections
        .iter()
        .any(|other| other.left.is_some())
    {
        true => finding(
            "stops-after-a-client",
            format!("{label} was not answered after others had left"),
            vec![
                "the server stopped after an earlier client: accept in a loop",
                "the server still reads from a client that has gone: a read of 0 bytes is the end",
            ],
            ONE_LOOP,
        ),
        false => finding(
            "no-reply",
            format!("{label}, the only client, got no reply"),
            vec!["the message is not read, or not answered"],
            PROTOCOL,
        ),
    }
}

fn ended(evidence: &Evidence<'_>, id: usize, message: &str, end: End) -> Finding {
    if evidence.end().is_some() {
        return died(evidence);
    }
    let client = evidence.client(id);
    let label = &client.label;
    let newlines = client.sent_bytes().filter(|&byte| byte == b'\n').count();
    let (code, summary, likely) = if client.half_closed.is_some() && client.lines.len() == newlines
    {
        (
            "drops-last-line",
            format!(
                "{:?} was lost: the end of the stream ends a line too",
                quote(message)
            ),
            "a last line without a newline is a message",
        )
    } else if client.half_closed.is_some() {
        (
            "half-close-drops-replies",
            format!("{label} had no more to send, and lost the replies it still waited for"),
            "a client that half-closes still gets its replies: write them before you close",
        )
    } else if client.lines.is_empty() {
        (
            "closed-without-reply",
            format!("{label} was disconnected without a reply"),
            "the connection is dropped (or its thread panics) before the reply is written",
        )
    } else {
        (
            "closes-early",
            format!(
                "the connection of {label} was closed after {} replies",
                client.lines.len()
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
        likely: vec![likely.to_owned()],
        chapter: PROTOCOL,
    }
}

/// The program has ended (or a panic shows why it does not answer): what did the clients do to it?
fn died(evidence: &Evidence<'_>) -> Finding {
    let (code, what, likely) = match evidence.trouble() {
        Some(Trouble::InvalidUtf8) => (
            "dies-of-invalid-utf8",
            "one client's bytes that are not UTF-8",
            "bytes from a stranger are turned into a string with `unwrap`",
        ),
        Some(Trouble::Reset) => (
            "dies-of-reset",
            "a client that vanished",
            "the error of a read, a write or `peer_addr` of one connection ends the program",
        ),
        Some(Trouble::LeftInMidMessage) => (
            "dies-of-half-a-message",
            "a client that left in the middle of a message",
            "the error of a read or a write of one connection ends the program",
        ),
        Some(Trouble::LeftWithoutAWord) => (
            "dies-of-silence",
            "a client that left without a word",
            "the first line is taken for granted: `lines().next().unwrap()`",
        ),
        None => (
            "ended",
            "nothing out of the ordinary",
            "the accept loop ends, or an error is returned from main",
        ),
    };
    Finding {
        code,
        summary: format!("the server did not outlive {what}"),
        expected: "a server that goes on, whatever one client does".into(),
        observed: format!("{}; {}", evidence.state(), evidence.clients()),
        likely: vec![likely.to_owned()],
        chapter: PROTOCOL,
    }
}

fn malformed(message: &str, line: &str, fault: &Malformed) -> Finding {
    let (code, likely) = match fault {
        Malformed::CarriageReturn => (
            "keeps-carriage-return",
            "telnet and Windows clients end lines with \\r\\n: trim the white space around a message",
        ),
        Malformed::BadTimestamp(_) | Malformed::NoTimestamp => (
            "bad-timestamp",
            "chrono's format for it is \"%Y-%m-%d %H:%M:%S%.6f\"",
        ),
        Malformed::BadText(text) if text.starts_with("Server got '") => (
            "line-cut",
            "a read is no message: the end of the line, not the end of a read, ends a message",
        ),
        Malformed::BadText(_) => (
            "bad-reply",
            "compare your reply with the protocol, character by character",
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
        likely: vec![likely.to_owned()],
        chapter: PROTOCOL,
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
    let from = evidence
        .seen
        .connections
        .iter()
        .enumerate()
        .find(|(other, sender)| {
            let sent: Vec<u8> = sender.sent_bytes().collect();
            *other != id
                && !got.is_empty()
                && String::from_utf8_lossy(&sent)
                    .lines()
                    .any(|line| line.trim() == got)
        });
    let (code, likely) = match from {
        Some(_) => (
            "wrong-client",
            "the threads share a buffer, or the connections are mixed up",
        ),
        None if message.starts_with(got) => (
            "fragment-is-message",
            "a read is no message: wait for the newline, however many reads it takes",
        ),
        None if got.contains('\u{FFFD}') => (
            "character-cut",
            "a character can arrive in two reads: turn bytes into text only when the line is whole",
        ),
        None if got.trim() == message => (
            "not-trimmed",
            "the white space around a message does not belong to it",
        ),
        None => ("other-message", "compare what you read with what you reply"),
    };
    let summary = match from {
        Some((_, sender)) => format!(
            "{} got the reply that belongs to {}",
            client.label, sender.label
        ),
        None => format!(
            "reply {} to {} is not about what it said",
            number + 1,
            client.label
        ),
    };
    Finding {
        code,
        summary,
        expected: format!("Server got {:?}", quote(message)),
        observed: format!("Server got {:?}", quote(got)),
        likely: vec![likely.to_owned()],
        chapter: if from.is_some() { THREADS } else { PROTOCOL },
    }
}

fn other_time(
    timestamp: &Timestamp,
    sent: Moment,
    received: Moment,
    previous: Option<&Timestamp>,
) -> Finding {
    let early = timestamp.ahead_of(sent.wall).num_milliseconds();
    let stale = previous.is_some_and(|previous| previous.text == timestamp.text);
    let (code, likely) = match stale || (-600_000..0).contains(&early) {
        true => (
            "stale-timestamp",
            "the timestamp is taken once, at the start or when the client connects: take it for each reply",
        ),
        false => (
            "wrong-timestamp",
            "the timestamp is made up, or of another time zone without saying so",
        ),
    };
    Finding {
        code,
        summary: format!(
            "the timestamp {} is not the time of the answer",
            timestamp.text
        ),
        expected: format!(
            "a time between {} and {} (UTC; local time is right too)",
            sent.wall.format("%H:%M:%S%.6f"),
            received.wall.format("%H:%M:%S%.6f")
        ),
        observed: match early < 0 {
            true => format!("a time {} ms before the message was sent", -early),
            false => format!("a time {early} ms after the message was sent"),
        },
        likely: vec![likely.to_owned()],
        chapter: PROTOCOL,
    }
}

fn leak(clients: usize, before: Load, after: Load) -> Finding {
    let threads = after.threads > before.threads;
    Finding {
        code: if threads {
            "leaked-threads"
        } else {
            "leaked-descriptors"
        },
        summary: match threads {
            true => format!(
                "{clients} clients have left and {} threads remain",
                after.threads - before.threads
            ),
            false => format!(
                "{clients} clients have left and {} descriptors remain",
                after.descriptors.saturating_sub(before.descriptors)
            ),
        },
        expected: format!(
            "{} threads and {} descriptors, as before",
            before.threads, before.descriptors
        ),
        observed: format!(
            "{} threads and {} descriptors",
            after.threads, after.descriptors
        ),
        likely: vec![
            "a client that has gone is not noticed: a read of 0 bytes is the end".into(),
            "connections or threads are kept in a list that only grows".into(),
        ],
        chapter: THREADS,
    }
}

fn others(count: usize) -> String {
    match count {
        1 => "another client".into(),
        count => format!("{count} others"),
    }
}

fn end_words(end: End) -> &'static str {
    match end {
        End::Eof => "closed",
        End::Reset => "reset",
    }
}

fn cpu(evidence: &Evidence<'_>) -> String {
    evidence.vitals.map_or_else(
        || "its CPU time is not known".into(),
        |vitals| {
            format!(
                "the program has used {:.1} s of CPU time",
                vitals.cpu_time.as_secs_f64()
            )
        },
    )
}

fn stdout(evidence: &Evidence<'_>) -> String {
    let lines = &evidence.seen.program.stdout;
    match lines.last() {
        None => format!("nothing on stdout; {}", evidence.state()),
        Some(last) => format!(
            "{} lines on stdout, the last: {:?}",
            lines.len(),
            quote(&last.text())
        ),
    }
}
