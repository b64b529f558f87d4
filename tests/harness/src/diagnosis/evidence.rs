//! What was seen, in the questions that the rules ask and the words that a reader gets.

use std::fmt::Write as _;
use std::time::Duration;

use crate::log::{connected, disconnected};
use crate::observe::Vitals;
use crate::recording::{ConnectionSeen, End, Leave, Line, Moment, Seen, Side};
use crate::timeline::Timeline;

/// How many lines of a program's stderr are quoted, and how much of each, in characters.
const QUOTED_LINES: usize = 4;
const QUOTED_WIDTH: usize = 120;

/// A server that waits uses no CPU time to speak of; one that reads the end of a stream again and
/// again uses all it can get, of which a busy machine may give it little.
const BUSY: Duration = Duration::from_millis(100);

/// Something that a client did to which a careless server may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    InvalidUtf8,
    Reset,
    LeftInMidMessage,
    LeftWithoutAWord,
    LeftWithoutReading,
}

/// How many clients a server is expected to serve at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Capacity {
    /// One; the others wait.
    One,
    /// All that come.
    #[default]
    All,
    /// As many as it has workers; the others wait.
    Workers(usize),
}

/// Everything that was seen when a check stopped.
pub(crate) struct Evidence<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) now: Moment,
    pub(crate) vitals: Option<Vitals>,
    /// Of each connection, whether the program has accepted it.
    pub(crate) accepted: Vec<Option<bool>>,
    pub(crate) capacity: Capacity,
    /// Whether the program was allowed fewer descriptors than it needs.
    pub(crate) out_of_descriptors: bool,
}

impl<'a> Evidence<'a> {
    pub(super) fn client(&self, id: usize) -> &'a ConnectionSeen {
        &self.seen.connections[id]
    }

    /// The clients other than this one that are still connected, on both sides.
    pub(super) fn others_connected(&self, id: usize) -> Vec<&'a ConnectionSeen> {
        let others = self.seen.connections.iter().enumerate();
        others
            .filter(|(other, client)| *other != id && is_open(client))
            .map(|(_, client)| client)
            .collect()
    }

    /// Whether the program took the client up: its log says so, or a reply does.
    pub(super) fn is_taken_up(&self, client: &ConnectionSeen) -> bool {
        client.first_received().is_some()
            || client
                .local
                .is_some_and(|local| self.logs(&connected(local)))
    }

    /// Whether the program has accepted this client; `None` where the system does not tell.
    pub(super) fn is_accepted(&self, id: usize) -> Option<bool> {
        self.accepted.get(id).copied().flatten()
    }

    /// Whether some client is accepted and not taken up: the program does something with it that it
    /// does not log, such as a first read.
    pub(super) fn holds_a_client_back(&self) -> bool {
        let clients = self.seen.connections.iter().enumerate();
        let mut open = clients.filter(|(_, client)| is_open(client));
        open.any(|(id, client)| self.is_accepted(id) == Some(true) && !self.is_taken_up(client))
    }

    /// The clients that are connected and taken up.
    pub(super) fn taken_up(&self) -> usize {
        let open = self
            .seen
            .connections
            .iter()
            .filter(|client| is_open(client));
        open.filter(|client| self.is_taken_up(client)).count()
    }

    /// A client that was taken up has left, and the log does not say so.
    pub(super) fn misses_a_departure(&self) -> bool {
        let left = self
            .seen
            .connections
            .iter()
            .filter(|client| client.left.is_some());
        left.filter(|client| self.is_taken_up(client))
            .filter_map(|client| client.local)
            .any(|local| !self.logs(&disconnected(local)))
    }

    pub(super) fn somebody_left(&self) -> bool {
        self.seen
            .connections
            .iter()
            .any(|client| client.left.is_some())
    }

    /// The program computes where it should wait.
    pub(super) fn is_busy(&self) -> bool {
        self.vitals.is_some_and(|vitals| vitals.cpu_time >= BUSY)
    }

    pub(super) fn threads(&self) -> Option<usize> {
        self.vitals.map(|vitals| vitals.load.threads)
    }

    /// The last trouble that a client made, if any did.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.seen.connections.iter().rev().find_map(trouble)
    }

    /// How many panics there were, and how many of them clients had asked for (exercise 4's given
    /// handler panics on the message `panic`).
    pub(super) fn panics(&self) -> (usize, usize) {
        let asked = self.seen.connections.iter().flat_map(|client| &client.sent);
        let asked = asked.filter(|(_, bytes)| bytes == b"panic\n");
        (self.seen.program.panics, asked.count())
    }

    /// Whether the program has ended, and not with success.
    pub(super) fn has_failed(&self) -> bool {
        let exit = self.seen.program.exit;
        exit.is_some_and(|(status, _)| !status.success())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.seen.program.exit.is_some()
    }

    pub(super) fn ended_well(&self) -> bool {
        self.seen
            .program
            .exit
            .is_some_and(|(status, _)| status.success())
    }

    /// The end and the panic, or that it still runs.
    pub(super) fn state(&self) -> String {
        let exit = self.seen.program.exit.map(|(status, at)| {
            let after = at.since_start.as_secs_f64();
            format!("the program ended {after:.1} s after its start ({status})")
        });
        let panic =
            self.seen.program.panic().map(|(message, place)| {
                format!("it panicked at {}: {}", quote(place), quote(message))
            });
        let parts: Vec<_> = [exit, panic].into_iter().flatten().collect();
        match parts.is_empty() {
            true => "the program is running".into(),
            false => parts.join("; "),
        }
    }

    /// What became of the clients, and how many threads there are.
    pub(super) fn overview(&self) -> String {
        let mut text = self.clients();
        if let Some(vitals) = self.vitals {
            let plural = if vitals.load.threads == 1 { "" } else { "s" };
            let _ = write!(
                text,
                "; the program has {} thread{plural}",
                vitals.load.threads
            );
        }
        if self.is_busy()
            && let Some(vitals) = self.vitals
        {
            let _ = write!(
                text,
                ", used {:.1} s of CPU time",
                vitals.cpu_time.as_secs_f64()
            );
        }
        text
    }

    /// What became of each client, with neighbours of one fate folded: `c1 answered, connected;
    /// c2 … c20 not answered, connected`.
    pub(super) fn clients(&self) -> String {
        let mut text = String::new();
        for group in self
            .seen
            .connections
            .chunk_by(|one, next| fate(one) == fate(next))
        {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{separator}{}", group[0].label);
            if let [_, .., last] = group {
                let _ = write!(text, " … {}", last.label);
            }
            let _ = write!(text, " {}", fate(&group[0]));
        }
        match text.is_empty() {
            true => "nobody connected".into(),
            false => text,
        }
    }

    pub(super) fn stdout(&self) -> String {
        let lines = &self.seen.program.stdout;
        match lines.last() {
            None => format!("nothing on stdout; {}", self.state()),
            Some(last) => format!(
                "{} lines on stdout, the last: {:?}",
                lines.len(),
                quote(&last.text())
            ),
        }
    }

    pub(super) fn stderr_lines(&self) -> String {
        match self.seen.program.stderr.len() {
            0 => "nothing".into(),
            1 => "1 line".into(),
            lines => format!("{lines} lines"),
        }
    }

    /// What the program said on stderr, each line marked as its own words: from its first panic on,
    /// or the last lines.
    pub(super) fn output(&self) -> Vec<String> {
        let lines: Vec<_> = self.seen.program.stderr.iter().map(Line::text).collect();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| !line.trim().is_empty() && !line.starts_with("note: run with"))
            .collect();
        let last = lines.len().saturating_sub(QUOTED_LINES);
        let panic = lines.iter().position(|line| line.contains("panicked at "));
        let from = panic.unwrap_or(last);
        let quoted = lines[from..].iter().take(QUOTED_LINES);
        quoted
            .map(|line| format!("stderr │ {}", quote(line)))
            .collect()
    }

    pub(super) fn timeline(&self) -> Timeline {
        Timeline::of(self.seen, self.now)
    }

    fn logs(&self, entry: &str) -> bool {
        self.seen.program.logs(entry)
    }
}

/// A bounded piece of what a program said, in which nothing can pass for the checks' own words or
/// move a terminal's cursor.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        if quoted.chars().count() >= QUOTED_WIDTH {
            let _ = write!(quoted, "… ({} characters)", text.chars().count());
            break;
        }
        match character {
            // They harm nobody, and escaped they are hard to read.
            '"' | '\'' | '\\' => quoted.push(character),
            _ => quoted.extend(character.escape_debug()),
        }
    }
    quoted
}

fn is_open(client: &ConnectionSeen) -> bool {
    client.connected.is_some() && client.left.is_none() && client.end.is_none()
}

fn fate(connection: &ConnectionSeen) -> String {
    let has_sent = !connection.sent.is_empty();
    let has_received = !connection.lines.is_empty();
    let (asked, answered, other) = match connection.side {
        Side::Client => (has_sent, has_received, "the program"),
        Side::Server => (has_received, has_sent, "the client"),
    };
    let said = match (asked, answered) {
        (false, false) => "silent",
        (_, true) => "answered",
        (true, false) => "not answered",
    };
    let now = match (connection.left, connection.end, connection.connected) {
        (_, _, None) => "not connected".into(),
        (Some((Leave::Closed, _)), _, _) if connection.side == Side::Client => "left".into(),
        (Some((Leave::Closed, _)), _, _) => "closed by the server".into(),
        (Some((Leave::Reset, _)), _, _) if connection.side == Side::Client => {
            "left with a reset".into()
        }
        (Some((Leave::Reset, _)), _, _) => "reset by the server".into(),
        (None, Some((End::Eof, _)), _) => format!("closed by {other}"),
        (None, Some((End::Reset, _)), _) => format!("reset by {other}"),
        (None, None, _) => "connected".to_owned(),
    };
    format!("{said}, {now}")
}

fn trouble(client: &ConnectionSeen) -> Option<Trouble> {
    let sent: Vec<u8> = client.sent_bytes().collect();
    // A character whose rest was never sent is no invalid one.
    let is_invalid = std::str::from_utf8(&sent).is_err_and(|error| error.error_len().is_some());
    if is_invalid {
        return Some(Trouble::InvalidUtf8);
    }
    let (leave, _) = client.left?;
    match sent.last() {
        _ if leave == Leave::Reset => Some(Trouble::Reset),
        None => Some(Trouble::LeftWithoutAWord),
        Some(b'\n') if client.lines.is_empty() && client.end.is_none() => {
            Some(Trouble::LeftWithoutReading)
        }
        Some(b'\n') => None,
        Some(_) => Some(Trouble::LeftInMidMessage),
    }
}
