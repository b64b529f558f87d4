//! What a server uses up, keeps, or wastes: threads, descriptors, memory, processor time.

use super::super::evidence::Evidence;
use super::super::{After, Finding};
use crate::codes::*;
use crate::observe::Load;

/// Something is left of clients, or of messages.
pub(super) fn leak(after_what: After, before: Load, after: Load, is_busy: bool) -> Finding {
    let spare = |now: usize, before: usize| now.saturating_sub(before);
    let threads = spare(after.threads, before.threads);
    let descriptors = spare(after.descriptors, before.descriptors);
    let what = match after_what {
        After::Clients(clients) => format!("{clients} clients have left"),
        After::Messages(messages) => format!("{messages} messages were answered"),
    };
    let has_as_before = Load {
        memory: before.memory,
        data: before.data,
        ..after
    };
    let (code, summary, likely) = if has_as_before.is_back_to(before) {
        let kept = after.memory.saturating_sub(before.memory);
        let reserved = after.data.saturating_sub(before.data);
        let kept = kept.max(reserved) >> 20;
        (
            LEAKED_MEMORY,
            format!("{what} and {kept} MiB of memory remain"),
            "something is kept for each client or message: a list or a map that only grows",
        )
    } else if is_busy && threads > 0 {
        (
            IGNORES_EOF,
            format!("{what}, and {threads} threads still read from them"),
            "a read of 0 bytes means that the client is gone: stop reading from it",
        )
    } else if threads > 0 {
        (
            LEAKED_THREADS,
            format!("{what} and {threads} threads remain"),
            "a thread ends when its function returns: what does it still wait for?",
        )
    } else {
        (
            LEAKED_CONNECTIONS,
            format!("{what} and {descriptors} descriptors remain"),
            "connections are kept in a list that only grows, or by a clone of the stream",
        )
    };
    Finding {
        code,
        summary,
        expected: format!(
            "{} as before, and at most {} MiB of memory",
            has(before),
            before.most_memory() >> 20
        ),
        observed: format!(
            "{}, {} MiB of memory in use, {} MiB reserved",
            has(after),
            after.memory >> 20,
            after.data >> 20
        ),
        likely: vec![likely],
    }
}

/// What a server has, in words.
fn has(load: Load) -> String {
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let (threads, descriptors) = (
        count(load.threads, "thread"),
        count(load.descriptors, "descriptor"),
    );
    format!("{threads}, {descriptors}")
}

/// A client of a crowd was not served: perhaps because of what the others have left behind.
pub(super) fn crowd(evidence: &Evidence<'_>, number: usize, clients: usize) -> Finding {
    let before = number - 1;
    let kept = |of: fn(Load) -> usize| {
        let count = evidence.vitals.map_or(0, |vitals| of(vitals.load));
        // About one for each of the others.
        count > before / 2 && before > 0
    };
    let (code, likely) = if kept(|load| load.threads) {
        (
            LEAKED_THREADS,
            "a thread ends when its function returns: what does it still wait for?",
        )
    } else if kept(|load| load.descriptors) {
        (
            LEAKED_CONNECTIONS,
            "connections are kept in a list that only grows, or by a clone of the stream",
        )
    } else if before == 0 {
        (
            NO_REPLY,
            "the message is not read, or read and not answered",
        )
    } else {
        (
            SERVES_SO_MANY,
            "there is a limit on how many clients are served in all, or each client uses something up",
        )
    };
    Finding {
        code,
        summary: format!("client {number} of {clients} that came one after another got no reply"),
        expected: "a reply for every client, however many come".into(),
        observed: evidence.overview(),
        likely: vec![likely],
    }
}

pub(super) fn spins(evidence: &Evidence<'_>) -> Finding {
    let likely = match evidence.out_of_descriptors {
        true => vec![
            "`accept` fails at once as long as no descriptor is free: pause before the next try",
            "threads are started for clients that are not there",
        ],
        false => vec![
            "something is tried again and again without waiting: `try_recv`, a non-blocking `accept` or \
             `read`",
            "a time-out of 0 lets a wait return at once",
        ],
    };
    Finding {
        code: BUSY_WAITING,
        summary: "the server has nothing to do, and uses all the processor time that it can get"
            .into(),
        expected: "a thread that waits sleeps, until the kernel wakes it".into(),
        observed: evidence.overview(),
        likely,
    }
}
