//! From a symptom and everything that was seen, to a diagnosis.
//!
//! A check reports the [`Symptom`] at which it stopped. What it means depends on what else was
//! seen: who was answered, who was accepted, who has left and how, how many threads there are,
//! whether the program has ended. [`start`], [`servers`] and [`clients`] hold the rules.

mod clients;
mod evidence;
mod servers;
mod start;

use std::io;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use crate::codes::{Code, NOT_IMPLEMENTED};
use crate::draw::seed;
use crate::observe::Load;
use crate::program::Program;
use crate::recording::{End, Line, Moment};
use crate::reply::{Malformed, Timestamp};
use crate::report::{Diagnosis, current_check};
use crate::timeline::Timeline;

pub(crate) use clients::LONG_WAIT;
pub(crate) use evidence::{Capacity, Evidence};

/// What a check saw that a right program does not do. Connections go by their number.
pub(crate) enum Symptom {
    // Any program, starting.
    NotStarted(io::Error),
    EndedBeforeBanner,
    NoBanner,
    BadBanner {
        line: String,
    },
    PortZero,
    OtherAddress {
        asked: SocketAddr,
        address: SocketAddr,
    },
    NotRefused {
        arguments: String,
        address: Option<SocketAddr>,
    },
    UnclearRefusal {
        arguments: String,
        naming: String,
    },

    // A server and its clients.
    CannotConnect {
        client: usize,
        error: io::Error,
    },
    NoReply {
        client: usize,
        message: String,
        /// The reply that came only when the client said that it has no more to send.
        late: Option<Line>,
        /// The client had said so before.
        had_half_closed: bool,
    },
    /// Each reply came in time, but not all of them together.
    TooSlow {
        limit: Duration,
    },
    EndInsteadOfReply {
        client: usize,
        message: String,
        end: End,
    },
    MalformedReply {
        client: usize,
        message: String,
        line: String,
        fault: Malformed,
    },
    OtherMessage {
        client: usize,
        number: usize,
        message: String,
        got: String,
    },
    OtherTime {
        timestamp: Timestamp,
        sent: Moment,
        received: Moment,
        previous: Option<Timestamp>,
    },
    ExtraBytes {
        client: usize,
        expected: usize,
        extra: Vec<String>,
    },
    NotClosed {
        client: usize,
    },
    ResetInsteadOfEnd {
        client: usize,
    },
    ServedTooEarly {
        client: usize,
    },
    TurnedAway {
        client: usize,
        end: End,
    },
    NoLogLine {
        line: String,
    },
    OtherLog {
        expected: Vec<String>,
        log: Vec<String>,
    },
    TooManyThreads {
        threads: usize,
        most: usize,
    },
    Leak {
        after_what: After,
        before: Load,
        after: Load,
        /// It uses the processor all the time.
        is_busy: bool,
    },
    /// A process of the program does not let itself be looked at.
    Hides,
    /// It runs although it has nothing to do.
    Spins,
    /// Of so many clients, one after another, this one was not served.
    NotServedInCrowd {
        number: usize,
        clients: usize,
    },
    /// Of one client's many messages, one about here had no reply.
    NoReplyToMany {
        number: usize,
    },
    /// Clients that have to wait are not accepted.
    LeavesInQueue,
    NotAccepting {
        descriptors: usize,
        limit: usize,
    },
    Ended,

    // A client.
    /// It was told a name, and connected to none of the played server's: the last one's address.
    NotFoundByName {
        called: String,
        address: SocketAddr,
    },
    TooFewHellos {
        expected: usize,
    },
    OtherHellos {
        hellos: Vec<String>,
    },
    NothingSent {
        message: String,
    },
    OtherLineSent {
        message: String,
        said: String,
    },
    NeverDisconnects {
        client: usize,
    },
    EndedWhileWaiting,
    GaveUpEarly {
        least: Duration,
        after: Duration,
    },
    NeverEnds {
        limit: Duration,
    },
    Failed,
    /// The number of the client that failed; none where the program as a whole did.
    Succeeded {
        failed: Option<usize>,
    },
    OtherExitStatus {
        status: ExitStatus,
    },
    FalseReport {
        number: usize,
        line: String,
    },
    SilentFailure,
    FailureNotNamed {
        number: usize,
    },
    NotPrinted {
        text: String,
    },
    OtherSummary {
        answered: usize,
        clients: usize,
        last: String,
    },
}

/// What a server has done, of which nothing may be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// So many clients have come and left.
    Clients(usize),
    /// So many messages were answered.
    Messages(usize),
}

/// A diagnosis without what is the same in all of them.
struct Finding {
    code: Code,
    summary: String,
    expected: String,
    observed: String,
    /// The causes that fit, the likeliest first.
    likely: Vec<&'static str>,
}

/// Says what the symptom means, given everything that was seen.
pub(crate) fn diagnose(program: &Program, evidence: &Evidence<'_>, symptom: &Symptom) -> Diagnosis {
    let Finding {
        code,
        summary,
        expected,
        observed,
        likely,
    } = not_implemented(evidence)
        .or_else(|| start::find(program, evidence, symptom))
        .or_else(|| clients::find(evidence, symptom))
        .unwrap_or_else(|| servers::find(evidence, symptom));
    let unfinished = code == NOT_IMPLEMENTED;
    Diagnosis {
        code: code.name.to_owned(),
        summary,
        program: program.name().to_owned(),
        check: current_check(),
        expected,
        observed,
        likely: likely.into_iter().map(str::to_owned).collect(),
        // Of a program that is not written yet, its place says it all.
        output: if unfinished {
            Vec::new()
        } else {
            evidence.output()
        },
        timeline: if unfinished {
            Timeline::default()
        } else {
            evidence.timeline()
        },
        read: code.read(),
        seed: (!unfinished).then(seed),
    }
}

fn not_implemented(evidence: &Evidence<'_>) -> Option<Finding> {
    let (message, place) = evidence.seen.program.not_implemented()?;
    Some(Finding {
        code: NOT_IMPLEMENTED,
        summary: format!("{place}: {message}"),
        expected: String::new(),
        observed: String::new(),
        likely: Vec::new(),
    })
}
