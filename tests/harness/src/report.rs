//! A failed check's words: in the terminal, worded like a compiler error, and for the grader as a
//! line of JSON.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
#[cfg(feature = "report")]
use std::fs::OpenOptions;
#[cfg(feature = "report")]
use std::io::Write;
use std::io::{self, IsTerminal};
use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::codes::NOT_IMPLEMENTED;
use crate::timeline::Timeline;

/// Names the file to which each failed check appends its [`Diagnosis`], as one line of JSON.
pub const REPORT_VARIABLE: &str = "CHECK_REPORT";

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "report", derive(serde::Serialize, serde::Deserialize))]
pub struct Diagnosis {
    /// The kind of mistake, in the field's words: `serial-service`.
    pub code: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// The program under test: `ex02`.
    pub program: String,
    /// The check's name, as the test runner has it.
    pub check: String,
    pub expected: String,
    pub observed: String,
    /// The causes that fit what was observed, the likeliest first.
    pub likely: Vec<String>,
    /// The last lines that the program wrote, each marked as its own words.
    pub output: Vec<String>,
    /// Who waited for whom.
    pub timeline: Timeline,
    /// Where to read on.
    pub read: String,
    /// What the check's messages and numbers were drawn from: `SEED=` and this number draw them again.
    pub seed: Option<u64>,
}

/// The width of the labels: `expected`, `observed`.
const LABEL_WIDTH: usize = 8;

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl Diagnosis {
    /// The diagnosis as it is printed, coloured for a terminal or plain.
    pub fn text(&self, colour: bool) -> String {
        let paint = |code: &str, text: String| match colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text,
        };
        let mut text = paint("1;31", format!("error[{}]", self.code));
        text += &paint("1", format!(": {}\n", self.summary));
        let mut row = |label: &str, lines: &[String]| {
            for (index, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
                let label = if index == 0 { label } else { "" };
                let label = paint("1;34", format!("{label:LABEL_WIDTH$}"));
                text += &format!("  {label}  {line}\n");
            }
        };
        row(
            "check",
            &[format!("{} · {}", self.program, sentence(&self.check))],
        );
        row("expected", std::slice::from_ref(&self.expected));
        row("observed", std::slice::from_ref(&self.observed));
        row("likely", &self.likely_lines());
        row("output", &self.output);
        row("timeline", &self.timeline.text(colour));
        row("read", std::slice::from_ref(&self.read));
        let again = |seed| format!("SEED={seed} draws the same messages");
        row("again", &[self.seed.map_or_else(String::new, again)]);
        text
    }

    /// The causes, the likeliest first.
    fn likely_lines(&self) -> Vec<String> {
        let lines = self.likely.iter().enumerate();
        lines
            .map(|(index, cause)| {
                if index == 0 {
                    cause.clone()
                } else {
                    format!("or: {cause}")
                }
            })
            .collect()
    }

    /// Fails the check that runs on this thread.
    pub(crate) fn raise(self) -> ! {
        if let Err(error) = self.append_to_report() {
            panic!("the check failed, but its report can't be written: {error}\n{self}");
        }
        let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
        let is_todo = self.code == NOT_IMPLEMENTED.name;
        match is_new(if is_todo { &self.summary } else { &self.code }) {
            true => eprintln!("{}", self.text(colour)),
            // Every check of a starter finds the same `todo!`: once says it all.
            false if is_todo => {}
            false => eprintln!("{}", self.brief().text(colour)),
        }
        // Unlike a panic, this prints no message of its own and no place in the harness.
        panic::resume_unwind(Box::new(self.code))
    }

    /// Without what has been shown with another diagnosis of this code.
    fn brief(&self) -> Self {
        Self {
            output: Vec::new(),
            timeline: Timeline::default(),
            ..self.clone()
        }
    }

    #[cfg(feature = "report")]
    fn append_to_report(&self) -> io::Result<()> {
        let Some(path) = env::var_os(REPORT_VARIABLE) else {
            return Ok(());
        };
        let line = serde_json::to_string(self)? + "\n";
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?
            .write_all(line.as_bytes())
    }

    #[cfg(not(feature = "report"))]
    fn append_to_report(&self) -> io::Result<()> {
        match env::var_os(REPORT_VARIABLE) {
            None => Ok(()),
            Some(_) => Err(io::Error::other(
                "these checks were compiled without reports",
            )),
        }
    }
}

/// Whether this process has not diagnosed that yet.
fn is_new(what: &str) -> bool {
    static SHOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SHOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(what.to_owned())
}

/// The running check's name, as the test runner has it: `protocol::an_empty_line_is_a_message`.
pub(crate) fn current_check() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        // With one test at a time, the runner uses its main thread; `--exact NAME` tells the name.
        _ => env::args()
            .skip_while(|argument| argument != "--exact")
            .nth(1)
            .unwrap_or_default(),
    }
}

/// A check's name as a sentence: `protocol::every_client_gets_a_reply::case_2_twenty` is `every client
/// gets a reply (twenty)`.
pub fn sentence(check: &str) -> String {
    let (name, case) = match check.split_once("::case_") {
        Some((name, case)) => {
            let case = case.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
            (name, format!(" ({})", case.replace('_', " ")))
        }
        None => (check, String::new()),
    };
    let name = name.rsplit("::").next().unwrap_or(name);
    name.replace('_', " ") + &case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checks_name_reads_as_a_sentence() {
        assert_eq!(
            sentence("a_silent_client_stops_nobody"),
            "a silent client stops nobody"
        );
        assert_eq!(
            sentence("protocol::it_replies::case_2_twenty"),
            "it replies (twenty)"
        );
    }
}
