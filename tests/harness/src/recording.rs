//! Everything that was seen of one program and of those who talked to it, on one clock.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::launch::Launch;
use crate::log::{self, BANNER, Entry};

/// How many lines, and how many bytes, of a program's output are kept; a program that floods must not
/// fill the memory.
const MAX_OUTPUT_LINES: usize = 20_000;
const MAX_OUTPUT: usize = 8 << 20;

/// How many entries of a server's log are kept. They count apart from the other output: a server may
/// print as much as it likes between them.
const MAX_LOG_ENTRIES: usize = 100_000;

/// A moment on both clocks: the monotonic one, since the recording began, and the wall clock, which
/// is what timestamps are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) since_start: Duration,
    pub(crate) wall: DateTime<Utc>,
}

/// A line of bytes, without its newline, and when its end was seen.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: Moment,
}

impl Line {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It closed: all bytes before that arrived.
    Eof,
    /// It reset: bytes may be lost.
    Reset,
}

/// How the played side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Closed,
    Reset,
}

/// A panic, as Rust's runtime reports it on stderr: `thread … panicked at PLACE:`, and the message in the
/// next line.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    pub(crate) place: String,
    /// `None` until that line has come.
    pub(crate) message: Option<String>,
}

/// What was seen of the program itself.
#[derive(Debug, Default)]
pub(crate) struct ProgramSeen {
    pub(crate) stdout: Vec<Line>,
    pub(crate) stderr: Vec<Line>,
    /// The line on stdout that begins as a server's banner does.
    pub(crate) banner: Option<String>,
    /// The entries on stdout that say who came and who went, in their order.
    pub(crate) log: Vec<Entry>,
    /// How its start went.
    pub(crate) launch: Launch,
    /// The first panic.
    panic: Option<Panic>,
    /// How many panics there were.
    pub(crate) panics: usize,
    pub(crate) stdout_ended: bool,
    pub(crate) stderr_ended: bool,
    /// Of both streams, the bytes that were kept.
    output: usize,
    /// Whether it has printed more than is kept.
    pub(crate) floods: bool,
    pub(crate) exit: Option<(ExitStatus, Moment)>,
}

impl ProgramSeen {
    /// The message of the first panic, and its place.
    pub(crate) fn panic(&self) -> Option<(&str, &str)> {
        let panic = self.panic.as_ref()?;
        Some((panic.message.as_deref()?, &panic.place))
    }

    /// The panic of a `todo!` that is still in the code.
    pub(crate) fn not_implemented(&self) -> Option<(&str, &str)> {
        let (message, place) = self.panic()?;
        message
            .starts_with("not yet implemented")
            .then_some((message, place))
    }

    /// Whether the log says this of a client.
    pub(crate) fn logs(&self, entry: &str) -> bool {
        self.log.iter().any(|logged| logged.text == entry)
    }

    fn print(&mut self, stream: Stream, bytes: Vec<u8>, at: Moment) {
        match stream {
            Stream::Stdout if self.launch.takes(&String::from_utf8_lossy(&bytes)) => return,
            Stream::Stdout => self.print_to_stdout(&bytes, at),
            Stream::Stderr => self.note_panic(&bytes),
        }
        let lines = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        if lines.len() < MAX_OUTPUT_LINES && self.output < MAX_OUTPUT {
            self.output += bytes.len();
            lines.push(Line { bytes, at });
        } else {
            self.floods = true;
        }
    }

    fn print_to_stdout(&mut self, bytes: &[u8], at: Moment) {
        let text = String::from_utf8_lossy(bytes);
        if self.banner.is_none() && text.starts_with(BANNER) {
            self.banner = Some(text.clone().into_owned());
        }
        let entries = log::entries(&text).map(|text| Entry {
            text: text.to_owned(),
            at,
        });
        let room = MAX_LOG_ENTRIES.saturating_sub(self.log.len());
        self.log.extend(entries.take(room));
    }

    fn note_panic(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if let Some(panic) = &mut self.panic
            && panic.message.is_none()
        {
            panic.message = Some(text.into_owned());
        } else if let Some((_, place)) = text.split_once("panicked at ") {
            self.panics += 1;
            self.panic.get_or_insert_with(|| Panic {
                place: place.trim_end_matches(':').to_owned(),
                message: None,
            });
        }
    }

    /// It has exited, and all that it wrote has been read.
    pub(crate) fn is_over(&self) -> bool {
        self.exit.is_some() && self.stdout_ended && self.stderr_ended
    }
}

/// Which side of a connection the checks play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What was seen of one connection, from the played side.
#[derive(Debug)]
pub(crate) struct ConnectionSeen {
    pub(crate) side: Side,
    /// What the texts call it: `c3`.
    pub(crate) label: String,
    /// When the played side began to connect, or accepted.
    pub(crate) begun: Moment,
    /// The played side's address, once connected.
    pub(crate) local: Option<SocketAddr>,
    pub(crate) connected: Option<Moment>,
    /// Each write, by the moment before it began.
    pub(crate) sent: Vec<(Moment, Vec<u8>)>,
    pub(crate) half_closed: Option<Moment>,
    /// Each line that arrived.
    pub(crate) lines: Vec<Line>,
    /// What arrived after the last newline.
    pub(crate) tail: Vec<u8>,
    /// When the first of it arrived, and the last.
    pub(crate) tail_since: Option<Moment>,
    pub(crate) tail_until: Option<Moment>,
    pub(crate) end: Option<(End, Moment)>,
    pub(crate) left: Option<(Leave, Moment)>,
}

impl ConnectionSeen {
    fn new(side: Side, label: String, begun: Moment) -> Self {
        Self {
            side,
            label,
            begun,
            local: None,
            connected: None,
            sent: Vec::new(),
            half_closed: None,
            lines: Vec::new(),
            tail: Vec::new(),
            tail_since: None,
            tail_until: None,
            end: None,
            left: None,
        }
    }

    pub(crate) fn sent_bytes(&self) -> impl Iterator<Item = u8> {
        self.sent
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
    }

    /// Whether one write held more than one line, or a line and a part of another.
    pub(crate) fn sent_lines_together(&self) -> bool {
        self.sent.iter().any(|(_, bytes)| {
            let end = bytes.iter().position(|&byte| byte == b'\n');
            end.is_some_and(|end| end + 1 < bytes.len())
        })
    }

    /// When the message with this number (from 0) was complete on the played side: just before the
    /// write that held its newline, or before the half-close that ended it.
    pub(crate) fn sent_at(&self, message: usize) -> Option<Moment> {
        let mut newlines = 0;
        for (at, bytes) in &self.sent {
            newlines += bytes.iter().filter(|&&byte| byte == b'\n').count();
            if newlines > message {
                return Some(*at);
            }
        }
        self.half_closed
    }

    /// When the first byte arrived, or the first line's end.
    pub(crate) fn first_received(&self) -> Option<Moment> {
        self.lines.first().map(|line| line.at).or(self.tail_since)
    }

    fn receive(&mut self, bytes: &[u8], at: Moment) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.tail.extend_from_slice(piece);
            if self.tail.last() == Some(&b'\n') {
                self.tail.pop();
                let bytes = std::mem::take(&mut self.tail);
                self.lines.push(Line { bytes, at });
                self.tail_since = None;
            }
        }
        self.tail_until = (!self.tail.is_empty()).then_some(at);
        self.tail_since = self.tail_since.or(self.tail_until);
    }
}

/// All that has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) program: ProgramSeen,
    pub(crate) connections: Vec<ConnectionSeen>,
}

/// What happened; [`Recording::record`] adds the moment.
pub(crate) enum Event<'a> {
    Output(Stream, Vec<u8>),
    OutputEnded(Stream),
    Exited(ExitStatus),
    Connected(usize, SocketAddr),
    Sending(usize, &'a [u8]),
    Received(usize, &'a [u8]),
    /// It has told its name.
    Named(usize, String),
    Ended(usize, End),
    HalfClosing(usize),
    Leaving(usize, Leave),
}

pub(crate) struct Recording {
    start: Instant,
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Recording {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            seen: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            since_start: self.start.elapsed(),
            wall: Utc::now(),
        }
    }

    /// From now on, what a launcher says is told from what the program says.
    pub(crate) fn expect_launch(&self, launch: Launch) {
        self.lock().program.launch = launch;
    }

    /// Opens an entry for a connection and returns its number.
    pub(crate) fn add_connection(&self, side: Side) -> usize {
        let mut seen = self.lock();
        let id = seen.connections.len();
        let label = match side {
            Side::Client => format!("c{}", id + 1),
            Side::Server => format!("conn {}", id + 1),
        };
        seen.connections
            .push(ConnectionSeen::new(side, label, self.now()));
        id
    }

    /// Writes down what happened, and wakes whoever waits for it.
    pub(crate) fn record(&self, event: Event<'_>) {
        let mut guard = self.lock();
        // Taken under the lock, so that the moments are in the order of the events.
        let at = self.now();
        let seen = &mut *guard;
        match event {
            Event::Output(stream, bytes) => seen.program.print(stream, bytes, at),
            Event::OutputEnded(Stream::Stdout) => seen.program.stdout_ended = true,
            Event::OutputEnded(Stream::Stderr) => seen.program.stderr_ended = true,
            Event::Exited(status) => seen.program.exit = Some((status, at)),
            Event::Connected(id, local) => {
                seen.connections[id].local = Some(local);
                seen.connections[id].connected = Some(at);
            }
            Event::Sending(id, bytes) => seen.connections[id].sent.push((at, bytes.to_vec())),
            Event::Received(id, bytes) => seen.connections[id].receive(bytes, at),
            Event::Named(id, label) => seen.connections[id].label = label,
            Event::Ended(id, end) => seen.connections[id].end = Some((end, at)),
            Event::HalfClosing(id) => seen.connections[id].half_closed = Some(at),
            Event::Leaving(id, leave) => seen.connections[id].left = Some((leave, at)),
        }
        drop(guard);
        self.changed.notify_all();
    }

    /// Waits until `found` finds what it looks for in what has been seen; `None` when `limit` has
    /// passed, or as soon as the program has panicked over a `todo!`: nothing more will come.
    pub(crate) fn wait_for<T>(
        &self,
        limit: Duration,
        mut found: impl FnMut(&Seen) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        let mut seen = self.lock();
        loop {
            if let Some(result) = found(&seen) {
                return Some(result);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.program.not_implemented().is_some() {
                return None;
            }
            seen = self
                .changed
                .wait_timeout(seen, left)
                .map_or_else(|error| error.into_inner().0, |(seen, _)| seen);
        }
    }

    /// Lets the others go on for a while.
    pub(crate) fn pause(&self, time: Duration) {
        self.wait_for(time, |_| None::<()>);
    }

    /// Looks at what has been seen.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // A check that fails unwinds while nothing is half-written.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
