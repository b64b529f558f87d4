//! From a symptom and everything that was seen, to a diagnosis.
//!
//! A check reports the [`Symptom`] at which it stopped. What it means depends on what else was
//! seen: who was answered, who has left and how, how many threads there are, whether the program
//! has ended. [`servers`] and [`clients`] hold the rules for the two kinds of programs.

mod clients;
mod evidence;
mod servers;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::observe::Vitals;
use crate::program::Program;
use crate::recording::{End, Moment, Seen};
use crate::reply::{Malformed, Timestamp};
use crate::report::{Diagnosis, current_check};
use crate::server::Load;

use evidence::Evidence;

/// The chapters of the book, for "read".
const PROTOCOL: &str = "Sockets, ports and the line protocol";
const ONE_LOOP: &str = "One loop and the accept queue";
const THREADS: &str = "A thread for each client";
const STRESS: &str = "The stress client";
const POOL: &str = "The thread pool";
const WORKING: &str = "What this course is";

/// What a check saw that a right program does not do. Connections go by their number.
pub(crate) enum Symptom {
    // Any program.
    NotStarted(io::Error),
    NotRead {
        client: usize,
        error: Option<io::Error>,
    },

    // A server, starting.
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
        address: SocketAddr,
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
    /// `late` is the reply that came only when the client had said that it has no more to send.
    NoReply {
        client: usize,
        message: String,
        late: Option<String>,
    },
    EndInsteadOfReply {
        client: usize,
        message: String,
        end: End,
    },
    MalformedReply {
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
        clients: usize,
        before: Load,
        after: Load,
    },
    NotAccepting {
        before: Load,
        after: Load,
        more: usize,
    },
    Ended,

    // A client.
    OtherHellos {
        hellos: Vec<String>,
    },
    TooFewHellos {
        expected: usize,
    },
    NothingSent {
        message: String,
    },
    OtherMessageSent {
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
    Succeeded {
        failed: Vec<usize>,
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

/// A diagnosis without what is the same in all of them.
struct Finding {
    code: &'static str,
    summary: String,
    expected: String,
    observed: String,
    likely: Vec<String>,
    chapter: &'static str,
}

/// Says what the symptom means, given everything that was seen.
pub(crate) fn diagnose(
    program: &Program,
    seen: &Seen,
    vitals: Option<Vitals>,
    symptom: Symptom,
) -> Diagnosis {
    let evidence = Evidence::new(seen, vitals);
    let finding = not_implemented(&evidence)
        .or_else(|| not_started(program, &symptom))
        .unwrap_or_else(|| match clients::find(&evidence, &symptom) {
            Some(finding) => finding,
            None => servers::find(&evidence, &symptom),
        });
    let Finding {
        code,
        summary,
        expected,
        observed,
        likely,
        chapter,
    } = finding;
    let output = if likely.is_empty() {
        Vec::new()
    } else {
        evidence.output()
    };
    Diagnosis {
        code: code.to_owned(),
        summary,
        program: program.name().to_owned(),
        check: current_check(),
        expected,
        observed,
        likely,
        output,
        read: format!("book: {chapter}"),
    }
}

fn not_implemented(evidence: &Evidence<'_>) -> Option<Finding> {
    let (message, place) = evidence.seen.program.not_implemented()?;
    Some(Finding {
        code: "not-implemented",
        summary: format!("{place}: {message}"),
        // The place and the message say it all.
        expected: String::new(),
        observed: String::new(),
        likely: Vec::new(),
        chapter: WORKING,
    })
}

fn not_started(program: &Program, symptom: &Symptom) -> Option<Finding> {
    let Symptom::NotStarted(error) = symptom else {
        return None;
    };
    Some(Finding {
        code: "not-started",
        summary: format!(
            "the program under test can't be started: {}",
            program.command_line()
        ),
        expected: "a command that the system can run".into(),
        observed: error.to_string(),
        likely: vec![format!("a slip in the path or in {}", program.variable())],
        chapter: WORKING,
    })
}
