//! What was seen, in the questions that the rules ask and the words that a reader gets.

use std::fmt::Write as _;

use crate::observe::Vitals;
use crate::recording::{ConnectionSeen, End, Leave, Line, Seen};

/// How many lines of a program's stderr are quoted, and how much of each, in characters.
const QUOTED_LINES: usize = 4;
const QUOTED_WIDTH: usize = 120;

/// Something that a client did to which a careless server may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    InvalidUtf8,
    Reset,
    LeftInMidMessage,
    LeftWithoutAWord,
}

pub(super) struct Evidence<'a> {
    pub(super) seen: &'a Seen,
    pub(super) vitals: Option<Vitals>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(seen: &'a Seen, vitals: Option<Vitals>) -> Self {
        Self { seen, vitals }
    }

    pub(super) fn client(&self, id: usize) -> &'a ConnectionSeen {
        &self.seen.connections[id]
    }

    /// The clients other than this one that are still connected, on both sides.
    pub(super) fn others_connected(&self, id: usize) -> impl Iterator<Item = &'a ConnectionSeen> {
        let others = self.seen.connections.iter().enumerate();
        others
            .filter(move |(other, _)| *other != id)
            .map(|(_, client)| client)
            .filter(|client| {
                client.connected.is_some() && client.left.is_none() && client.end.is_none()
            })
    }

    /// The last trouble that a client made, if any did.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.seen.connections.iter().rev().find_map(trouble)
    }

    /// How the program ended, if it has.
    pub(super) fn end(&self) -> Option<String> {
        let (status, at) = self.seen.program.exit?;
        Some(format!(
            "the program ended {:.1} s after its start ({status})",
            at.since_start.as_secs_f64()
        ))
    }

    /// The message of its first panic, and where.
    pub(super) fn panic(&self) -> Option<String> {
        let (message, place) = self.seen.program.panic()?;
        Some(format!("it panicked at {place}: {message}"))
    }

    /// The end and the panic, or that it still runs.
    pub(super) fn state(&self) -> String {
        let parts: Vec<_> = [self.end(), self.panic()].into_iter().flatten().collect();
        match parts.is_empty() {
            true => "the program is running".into(),
            false => parts.join("; "),
        }
    }

    /// `; the program has 2 threads`, where that is known.
    pub(super) fn threads(&self) -> String {
        match self.vitals.map(|vitals| vitals.threads) {
            Some(1) => "; the program has 1 thread".into(),
            Some(threads) => format!("; the program has {threads} threads"),
            None => String::new(),
        }
    }

    /// What became of each client, with neighbours of one fate folded: `c1 answered; c2 … c20 no
    /// reply`.
    pub(super) fn clients(&self) -> String {
        let mut text = String::new();
        let mut rest = self.seen.connections.as_slice();
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take_while(|client| fate(client) == fate(first))
                .count();
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{separator}{}", first.label);
            if same > 1 {
                let _ = write!(text, " … {}", rest[same - 1].label);
            }
            let _ = write!(text, " {}", fate(first));
            rest = &rest[same..];
        }
        text
    }

    /// The last lines of the program's stderr, each marked as its own words.
    pub(super) fn output(&self) -> Vec<String> {
        let lines: Vec<_> = self.seen.program.stderr.iter().map(Line::text).collect();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let skipped = lines.len().saturating_sub(QUOTED_LINES);
        lines[skipped..]
            .iter()
            .map(|line| format!("stderr │ {}", quote(line)))
            .collect()
    }
}

/// A bounded piece of what a program said, in which nothing can pass for the checks' own words or
/// move a terminal's cursor.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String = text.escape_debug().take(QUOTED_WIDTH).collect();
    if text.escape_debug().count() > QUOTED_WIDTH {
        quoted.push('…');
    }
    // A quotation mark harms nobody, and escaped it is hard to read.
    quoted.replace("\\\"", "\"").replace("\\'", "'")
}

fn fate(client: &ConnectionSeen) -> String {
    let said = match client.sent.is_empty() {
        true => "silent",
        false if client.lines.is_empty() => "not answered",
        false => "answered",
    };
    let now = match (client.left, client.end, client.connected) {
        (_, _, None) => "not connected",
        (Some((Leave::Closed, _)), _, _) => "left",
        (Some((Leave::Reset, _)), _, _) => "left with a reset",
        (None, Some((End::Eof, _)), _) => "closed by the server",
        (None, Some((End::Reset, _)), _) => "reset by the server",
        (None, None, _) => "connected",
    };
    format!("{said}, {now}")
}

fn trouble(client: &ConnectionSeen) -> Option<Trouble> {
    let sent: Vec<u8> = client.sent_bytes().collect();
    let left = client.left.map(|(leave, _)| leave);
    if std::str::from_utf8(&sent).is_err() {
        return Some(Trouble::InvalidUtf8);
    }
    if left == Some(Leave::Reset) {
        return Some(Trouble::Reset);
    }
    if left.is_some() && sent.is_empty() {
        return Some(Trouble::LeftWithoutAWord);
    }
    (left.is_some() && sent.last() != Some(&b'\n')).then_some(Trouble::LeftInMidMessage)
}
