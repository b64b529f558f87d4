//! Who was where, and when: one row a connection, all on one clock.
//!
//! A [`Timeline`] is read off the recording once. [`Timeline::text`] and [`Timeline::svg`] are two
//! renderings of it, with one meaning: a server that serves its clients one after another is a
//! staircase, a thread for each client a block, a pool of two a staircase two wide.

mod scale;
mod svg;
mod text;

use std::time::Duration;

use crate::log::connected;
use crate::recording::{ConnectionSeen, End, Leave, Moment, Seen, Side};

/// Microseconds since the recording began.
pub type Micros = u64;

/// What was seen of all connections, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
pub struct Timeline {
    pub rows: Vec<Row>,
    /// When the recording was read.
    pub end: Micros,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
pub struct Row {
    pub label: String,
    pub spans: Vec<Span>,
    pub marks: Vec<Mark>,
    /// For whom it waited: those who were being served all the while, and had to leave (or never
    /// did) before this one was.
    pub behind: Vec<String>,
}

/// A stretch of time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
pub struct Span {
    pub state: State,
    pub from: Micros,
    pub to: Micros,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "report", serde(rename_all = "kebab-case"))]
pub enum State {
    /// The handshake is not complete.
    Connecting,
    /// Connected, and not taken up by the program: in the accept queue, or in a queue of its own.
    Waiting,
    /// Taken up, and nothing asked that is not answered.
    Served,
    /// Taken up, and waiting for a reply.
    Outstanding,
}

/// Something that happened at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark {
    pub event: Happening,
    pub at: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "report", serde(rename_all = "kebab-case"))]
pub enum Happening {
    /// A message was sent.
    Asked,
    /// A reply arrived.
    Answered,
    /// The client said that it has no more to send.
    HalfClosed,
    /// The client closed.
    Left,
    /// The client reset the connection.
    LeftByReset,
    /// The server closed.
    Closed,
    /// The server reset the connection.
    Reset,
}

impl State {
    const ALL: [Self; 4] = [
        Self::Connecting,
        Self::Waiting,
        Self::Served,
        Self::Outstanding,
    ];

    /// What the legend calls it.
    fn meaning(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Waiting => "not taken up",
            Self::Served => "being served",
            Self::Outstanding => "reply outstanding",
        }
    }
}

impl Happening {
    const ALL: [Self; 7] = [
        Self::Asked,
        Self::Answered,
        Self::HalfClosed,
        Self::Left,
        Self::LeftByReset,
        Self::Closed,
        Self::Reset,
    ];

    /// What the legend calls it.
    fn meaning(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::HalfClosed => "half-closed",
            Self::Left => "left",
            Self::LeftByReset => "left by a reset",
            Self::Closed => "closed by the server",
            Self::Reset => "reset by the server",
        }
    }
}

/// How many messages in each direction a timeline shows, of all connections together and of each at the
/// least: a server that floods its clients must not fill the reports.
const MAX_MESSAGES: usize = 4000;
const MIN_MESSAGES: usize = 20;

impl Timeline {
    /// The states that a legend has to explain, in their order.
    fn states(&self) -> impl Iterator<Item = State> {
        let shown = |state| {
            let mut spans = self.rows.iter().flat_map(|row| &row.spans);
            spans.any(|span| span.state == state)
        };
        State::ALL.into_iter().filter(move |&state| shown(state))
    }

    /// The events that a legend has to explain, in their order.
    fn events(&self) -> impl Iterator<Item = Happening> {
        let shown = |event| {
            let mut marks = self.rows.iter().flat_map(|row| &row.marks);
            marks.any(|mark| mark.event == event)
        };
        Happening::ALL
            .into_iter()
            .filter(move |&event| shown(event))
    }

    pub(crate) fn of(seen: &Seen, now: Moment) -> Self {
        let end = micros(now.since_start);
        let most = (MAX_MESSAGES / seen.connections.len().max(1)).max(MIN_MESSAGES);
        let mut rows: Vec<_> = seen
            .connections
            .iter()
            .map(|connection| row(seen, connection, end, most))
            .collect();
        for index in 0..rows.len() {
            rows[index].behind = behind(&rows, index, end);
        }
        Self { rows, end }
    }
}

/// `most` messages in each direction are shown.
fn row(seen: &Seen, connection: &ConnectionSeen, end: Micros, most: usize) -> Row {
    let over = [
        connection.left.map(|(_, at)| at),
        connection.end.map(|(_, at)| at),
    ];
    let over = over
        .into_iter()
        .flatten()
        .min()
        .map_or(end, |at| micros(at.since_start));
    let mut marks = marks(connection, most);
    marks.sort_by_key(|mark| mark.at);
    marks.retain(|mark| mark.at <= over || is_end(mark.event));

    let made = connection
        .connected
        .map_or(over, |at| micros(at.since_start))
        .min(over);
    let taken_up = match connection.side {
        Side::Client => taken_up(seen, connection).map_or(over, |at| micros(at.since_start)),
        // The checks themselves serve, and at once.
        Side::Server => made,
    };
    let taken_up = taken_up.clamp(made, over);
    let begun = micros(connection.begun.since_start);
    let mut spans = vec![
        Span {
            state: State::Connecting,
            from: begun,
            to: made,
        },
        Span {
            state: State::Waiting,
            from: made,
            to: taken_up,
        },
    ];
    spans.extend(service(&marks, taken_up, over));
    spans.retain(|span| span.from < span.to);
    Row {
        label: connection.label.clone(),
        spans,
        marks,
        behind: Vec::new(),
    }
}

/// When the program took the connection up: its log says so; if it does not, its first reply shows
/// it.
fn taken_up(seen: &Seen, connection: &ConnectionSeen) -> Option<Moment> {
    let line = connected(connection.local?);
    let mut log = seen.program.log.iter();
    let logged = log.find(|entry| entry.text == line).map(|entry| entry.at);
    let replied = connection.first_received();
    [logged, replied].into_iter().flatten().min()
}

fn marks(connection: &ConnectionSeen, most: usize) -> Vec<Mark> {
    let mark = |event, at: Moment| Mark {
        event,
        at: micros(at.since_start),
    };
    let sent = connection
        .sent
        .iter()
        .filter(|(_, bytes)| bytes.contains(&b'\n'));
    let sent = sent.map(|(at, _)| *at).take(most);
    let received = connection.lines.iter().map(|line| line.at).take(most);
    let (asked, answered): (Vec<_>, Vec<_>) = match connection.side {
        Side::Client => (sent.collect(), received.collect()),
        Side::Server => (received.collect(), sent.collect()),
    };
    let mut marks: Vec<_> = asked
        .into_iter()
        .map(|at| mark(Happening::Asked, at))
        .collect();
    marks.extend(answered.into_iter().map(|at| mark(Happening::Answered, at)));
    marks.extend(
        connection
            .half_closed
            .map(|at| mark(Happening::HalfClosed, at)),
    );
    let (closed, reset) = match connection.side {
        Side::Client => (Happening::Closed, Happening::Reset),
        Side::Server => (Happening::Left, Happening::LeftByReset),
    };
    let (left, left_by_reset) = match connection.side {
        Side::Client => (Happening::Left, Happening::LeftByReset),
        Side::Server => (Happening::Closed, Happening::Reset),
    };
    marks.extend(connection.end.map(|(end, at)| match end {
        End::Eof => mark(closed, at),
        End::Reset => mark(reset, at),
    }));
    marks.extend(connection.left.map(|(leave, at)| match leave {
        Leave::Closed => mark(left, at),
        Leave::Reset => mark(left_by_reset, at),
    }));
    marks
}

/// The time from `from` to `to`, cut where a question is asked or the last one is answered.
fn service(marks: &[Mark], from: Micros, to: Micros) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut open, mut at) = (0_usize, from);
    let mut push = |state, from: Micros, to: Micros| match spans.last_mut() {
        Some(last) if last.state == state => last.to = to,
        _ => spans.push(Span { state, from, to }),
    };
    let state = |open| {
        if open > 0 {
            State::Outstanding
        } else {
            State::Served
        }
    };
    for mark in marks {
        let now = mark.at.clamp(from, to);
        if now > at {
            push(state(open), at, now);
            at = now;
        }
        match mark.event {
            Happening::Asked => open += 1,
            Happening::Answered => open = open.saturating_sub(1),
            _ => {}
        }
    }
    push(state(open), at, to);
    spans
}

/// For whom a row waited: every row that was being served during all of its wait, provided that one
/// of them had to leave before it was taken up, or that it never was.
fn behind(rows: &[Row], index: usize, end: Micros) -> Vec<String> {
    let Some(wait) = rows[index]
        .spans
        .iter()
        .find(|span| span.state == State::Waiting)
    else {
        return Vec::new();
    };
    // Somebody who left just before it was taken up made room for it.
    let made_room = |other: &Row| {
        other
            .over()
            .is_some_and(|over| over <= wait.to && over > wait.from)
    };
    let served = |other: &Row| {
        other.spans.iter().any(|span| {
            matches!(span.state, State::Served | State::Outstanding)
                && span.from < wait.to
                && span.to > wait.from
        })
    };
    let candidates: Vec<_> = rows
        .iter()
        .enumerate()
        .filter(|&(other, row)| other != index && served(row))
        .map(|(_, row)| row)
        .collect();
    let never_served = wait.to == end;
    let last_to_leave = candidates
        .iter()
        .filter(|row| made_room(row))
        .max_by_key(|row| row.over());
    match (never_served, last_to_leave) {
        (true, _) => candidates
            .iter()
            .filter(|row| row.over().is_none_or(|over| over >= end))
            .map(|row| row.label.clone())
            .collect(),
        (false, Some(row)) => vec![row.label.clone()],
        (false, None) => Vec::new(),
    }
}

impl Row {
    /// When the connection ended.
    fn over(&self) -> Option<Micros> {
        self.marks
            .iter()
            .find(|mark| is_end(mark.event))
            .map(|mark| mark.at)
    }
}

fn is_end(event: Happening) -> bool {
    !matches!(
        event,
        Happening::Asked | Happening::Answered | Happening::HalfClosed
    )
}

fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}
