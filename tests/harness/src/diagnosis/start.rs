//! The rules for a program that does not start as it should.

use super::evidence::{Evidence, quote};
use super::{Finding, Symptom};
use crate::codes::*;
use crate::program::Program;

/// The diagnosis of a symptom at the program's start; `None` for a later one.
pub(super) fn find(
    program: &Program,
    evidence: &Evidence<'_>,
    symptom: &Symptom,
) -> Option<Finding> {
    let banner = "`Server listening on HOST:PORT` on stdout".to_owned();
    let refusal = "one line on stderr that names it, and an exit status that is not 0".to_owned();
    let finding = |code, summary, expected, observed, likely| Finding {
        code,
        summary,
        expected,
        observed,
        likely: vec![likely],
    };
    Some(match symptom {
        Symptom::NotStarted(error) => finding(
            NOT_STARTED,
            format!(
                "the program under test can't be started: {} (from {})",
                program.command_line(),
                program.variable()
            ),
            "a command that the system can run".into(),
            error.to_string(),
            "a slip in the command line, or a program that is not installed",
        ),
        Symptom::EndedBeforeBanner => finding(
            ENDED_AT_START,
            "the program ended before it printed its banner".into(),
            banner,
            evidence.state(),
            "run it by hand with the argument 127.0.0.1:0 and see what it says",
        ),
        Symptom::NoBanner => finding(
            NO_BANNER,
            "the program runs and prints no banner".into(),
            banner,
            evidence.stdout(),
            "the line is not printed, has another form, or stays in a buffer that is not flushed",
        ),
        Symptom::BadBanner { line } => finding(
            BAD_BANNER,
            "the banner does not end in an address".into(),
            banner,
            format!("{:?}", quote(line)),
            "print the listener's own address, HOST:PORT, and nothing after it",
        ),
        Symptom::PortZero => finding(
            PORT_ZERO,
            "the banner says port 0".into(),
            banner,
            "Server listening on HOST:0".into(),
            "you print the address that was asked for; print the one that the listener has",
        ),
        Symptom::OtherAddress { asked, address } => finding(
            OTHER_ADDRESS,
            format!("the program should listen on {asked} and listens on {address}"),
            format!("a listener on {asked}"),
            format!("Server listening on {address}"),
            "the first argument is the address to listen on; 127.0.0.1:5000 without one",
        ),
        Symptom::NotRefused { arguments, address } => finding(
            NOT_REFUSED,
            format!("the arguments `{arguments}` were accepted"),
            refusal,
            address.map_or_else(
                || evidence.state(),
                |address| format!("it listens on {address}"),
            ),
            "an argument that can't be used is an error, not a default",
        ),
        Symptom::UnclearRefusal { arguments, naming } => finding(
            UNCLEAR_REFUSAL,
            format!("the arguments `{arguments}` were not refused in one clear line"),
            format!("{refusal}: `{naming}`"),
            format!(
                "{} on stderr; {}",
                evidence.stderr_lines(),
                evidence.state()
            ),
            "print the error with its context in one line (`{error:#}` with anyhow) and return a \
             failure from main; `unwrap` and `expect` panic instead",
        ),
        _ => return None,
    })
}
