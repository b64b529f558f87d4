//! A reply came, and it is not the right one.

use super::super::Finding;
use super::super::evidence::{Evidence, quote};
use crate::codes::*;
use crate::recording::Moment;
use crate::reply::{Malformed, Timestamp};

/// A message longer than that does not fit the buffers that beginners choose.
const LONG_MESSAGE: usize = 500;

pub(super) fn malformed(
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
    let is_first = client
        .lines
        .first()
        .is_none_or(|first| first.text() == line);
    let (code, likely) = match fault {
        Malformed::CarriageReturn => (
            KEEPS_CARRIAGE_RETURN,
            "telnet and Windows clients end lines with \\r\\n: trim the white space around a message",
        ),
        Malformed::BadText(text) if !is_first && begins_with_the_first_message(text, &sent) => (
            NOT_CLEARED,
            "the buffer still holds the messages before: empty it (`clear`) when one is answered",
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

/// Whether the reply, cut short by a newline in it, begins with what the client said first.
fn begins_with_the_first_message(text: &str, sent: &[u8]) -> bool {
    let sent = String::from_utf8_lossy(sent);
    let got = text.strip_prefix("Server got '").map(str::trim);
    got.is_some() && got == sent.lines().next().map(str::trim)
}

pub(super) fn other_message(
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

pub(super) fn other_time(
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
