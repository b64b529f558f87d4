//! The server closed a connection, or ended.

use super::super::Finding;
use super::super::evidence::{Capacity, Evidence, Trouble, quote};
use super::{end_words, replies};
use crate::codes::*;
use crate::recording::End;

pub(super) fn end_instead_of_reply(
    evidence: &Evidence<'_>,
    id: usize,
    message: &str,
    end: End,
) -> Finding {
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
pub(super) fn ended(evidence: &Evidence<'_>) -> Finding {
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
