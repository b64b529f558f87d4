//! The rules for programs that are clients.

use std::time::Duration;

use super::evidence::{Evidence, quote};
use super::{Finding, Symptom};
use crate::codes::*;
use crate::recording::ConnectionSeen;

/// Far longer than a client takes that does not wait, far shorter than the patience that is asked of it.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(1);

/// A client that leaves and one that comes are seen by different threads: on a busy machine, the first one's
/// end is seen late. Whoever waits for a reply waits far longer than that.
const OVERLAP: Duration = Duration::from_secs(1);

/// The diagnosis of a symptom that only a client can have; `None` for a server's.
pub(super) fn find(evidence: &Evidence<'_>, symptom: &Symptom) -> Option<Finding> {
    Some(match symptom {
        Symptom::NotFoundByName { called, address } => finding(
            FIRST_ADDRESS_ONLY,
            format!("{called} has several addresses, and not all of them are tried"),
            format!("a connection to {address}: the other addresses refuse every one"),
            evidence.state(),
            vec!["only the first address of the name is tried"],
        ),
        Symptom::TooFewHellos { expected } => too_few_hellos(evidence, *expected),
        Symptom::OtherHellos { hellos } => finding(
            OTHER_HELLOS,
            "the clients did not say hello as they should".into(),
            format!(
                "`Hello from client I`, once for each I from 0 to {}",
                hellos.len().saturating_sub(1)
            ),
            hellos
                .iter()
                .take(3)
                .map(|hello| quote(hello))
                .collect::<Vec<_>>()
                .join(", "),
            vec!["each client has its own number, and they are counted from 0"],
        ),
        Symptom::NothingSent { message } => finding(
            NOT_SENT,
            format!("the line {:?} was typed and not sent", quote(message)),
            format!(
                "the line {:?} and a newline on the connection",
                quote(message)
            ),
            evidence.state(),
            vec![
                "each line of stdin is sent at once, before the next one is read; an empty one too",
            ],
        ),
        Symptom::OtherLineSent { message, said } => finding(
            OTHER_LINE_SENT,
            "what was typed is not what was sent".into(),
            format!("{:?}", quote(message)),
            format!("{:?}", quote(said)),
            vec!["send the line as it was typed, and one newline"],
        ),
        Symptom::NeverDisconnects { client } => finding(
            NEVER_DISCONNECTS,
            format!(
                "{} has its reply and does not close its connection",
                evidence.client(*client).label
            ),
            "the end of the connection once the reply has come".into(),
            format!("{}; {}", evidence.clients(), evidence.state()),
            vec![
                "the connection is kept somewhere: drop it when the reply has come",
                "you wait for the server to close, and the server for you: read one line",
            ],
        ),
        Symptom::EndedWhileWaiting => does_not_wait(evidence),
        Symptom::GaveUpEarly { least, after } => finding(
            GIVES_UP_EARLY,
            format!(
                "a client gave up after {:.1} s at most",
                after.as_secs_f64()
            ),
            format!(
                "at least {} s of patience with a slow server",
                least.as_secs()
            ),
            format!("{}; {}", evidence.clients(), evidence.state()),
            vec!["the time-out is too short"],
        ),
        Symptom::NeverEnds { limit } => never_ends(evidence, limit.as_secs()),
        Symptom::Failed => failed(evidence),
        Symptom::Succeeded { failed } => succeeded(evidence, *failed),
        Symptom::OtherExitStatus { status } => finding(
            EXIT_STATUS_IGNORED,
            "clients failed, and the exit status is not the one for that".into(),
            "exit status 1".into(),
            status.to_string(),
            vec!["a panic exits with 101: return ExitCode::FAILURE from main instead"],
        ),
        Symptom::FalseReport { number, line } => finding(
            FALSE_ALARM,
            format!("the report on client {number} is not true"),
            "each client once: its reply on stdout, or its failure on stderr".into(),
            format!("{:?}", quote(line)),
            vec!["each client is either a success or a failure, and is reported as that"],
        ),
        Symptom::SilentFailure => finding(
            SILENT_FAILURE,
            "the program failed without a word".into(),
            "a line on stderr that says what went wrong".into(),
            evidence.state(),
            vec!["the error is turned into an exit status and not printed"],
        ),
        Symptom::FailureNotNamed { number } => finding(
            FAILURE_NOT_NAMED,
            format!("client {number} failed and stderr does not say so"),
            format!("`client {number} failed: REASON` on stderr"),
            format!("{} on stderr", evidence.stderr_lines()),
            vec!["each client that fails is named, with its number and the reason"],
        ),
        Symptom::NotPrinted { text } => finding(
            NOT_PRINTED,
            "a reply was sent to the program and not printed".into(),
            format!("a line on stdout: {}", quote(text)),
            evidence.stdout(),
            vec![
                "the reply is not printed, or printed in another form",
                "the reply is printed only later: at once, and before the next line is read",
            ],
        ),
        Symptom::OtherSummary {
            answered,
            clients,
            last,
        } => finding(
            OTHER_SUMMARY,
            "the last line on stdout is not the summary".into(),
            format!("{answered}/{clients} clients got a reply in T ms"),
            format!("{:?}", quote(last)),
            vec!["the counts, or the words: compare them character by character"],
        ),
        _ => return None,
    })
}

fn too_few_hellos(evidence: &Evidence<'_>, expected: usize) -> Finding {
    let connections = &evidence.seen.connections;
    let said = connections
        .iter()
        .filter(|client| !client.lines.is_empty())
        .count();
    let observed = format!("{}; {}", evidence.clients(), evidence.state());
    let expected_text = format!("{expected} hellos, before any of them is answered");
    if let Some(client) = connections.iter().find(|client| !client.tail.is_empty()) {
        let tail = quote(&String::from_utf8_lossy(&client.tail));
        return finding(
            HELLO_WITHOUT_NEWLINE,
            format!("the server got {tail:?} without a newline, and waits for its end"),
            expected_text,
            observed,
            vec!["a message ends with a newline: send it too"],
        );
    }
    // A client that ended its connection soon after it was made did not wait; one that held it for
    // long has given up, or this machine was slow to see its end: so most of them must have.
    let gave_up = connections
        .iter()
        .filter(|client| held(client, evidence) >= LONG_WAIT)
        .count();
    if evidence.has_ended() && gave_up * 2 <= connections.len() {
        return does_not_wait(evidence);
    }
    let (code, likely) = match (said, most_at_once(connections)) {
        (0, _) => (
            NO_HELLO,
            "the hello is not sent, or stays in a buffer that is not flushed",
        ),
        (_, 1) => (
            ONE_AFTER_ANOTHER,
            "each client waits for its reply before the next one starts",
        ),
        _ => (
            TOO_FEW_CLIENTS,
            "fewer clients are started than were asked for, or not all at once",
        ),
    };
    finding(
        code,
        format!(
            "at most {} of {expected} clients had said hello at the same time",
            most_at_once(connections)
        ),
        expected_text,
        observed,
        vec![likely],
    )
}

fn does_not_wait(evidence: &Evidence<'_>) -> Finding {
    if let Some(finding) = gave_up(evidence) {
        return finding;
    }
    let outstanding = evidence
        .seen
        .connections
        .iter()
        .filter(|client| !is_answered(client))
        .count();
    finding(
        DOES_NOT_WAIT,
        format!("the program ended with {outstanding} replies outstanding"),
        "a program that waits until every client has its reply".into(),
        format!("{}; {}", evidence.clients(), evidence.state()),
        vec![
            "the threads are spawned and never joined",
            "the reply is never read",
        ],
    )
}

/// A client that was not answered has ended its connection, and the program says that it has failed.
fn gave_up(evidence: &Evidence<'_>) -> Option<Finding> {
    let connections = &evidence.seen.connections;
    let has_failed = |client: &&ConnectionSeen| {
        let named = format!("{} failed: ", client.label);
        let mut stderr = evidence.seen.program.stderr.iter();
        stderr.any(|line| line.text().starts_with(&named))
    };
    let mut unanswered = connections.iter().filter(|client| !is_answered(client));
    let client = unanswered.find(has_failed)?;
    let patience = held(client, evidence).as_secs_f64();
    Some(finding(
        GIVES_UP_EARLY,
        format!("{} gave up after {patience:.1} s", client.label),
        "at least 2 s of patience with a slow server".into(),
        format!("{}; {}", evidence.clients(), evidence.state()),
        vec!["the time-out is too short"],
    ))
}

fn never_ends(evidence: &Evidence<'_>, seconds: u64) -> Finding {
    let connections = &evidence.seen.connections;
    let unresolved: Vec<_> = connections
        .iter()
        .filter(|client| client.end.is_none())
        .collect();
    let unanswered = || unresolved.iter().filter(|client| !is_answered(client));
    let (code, likely) = if connections.is_empty() {
        (
            CONNECTS_FOREVER,
            "a connect can wait for minutes, and be tried for ever: give it a time-out, and give up",
        )
    } else if unresolved.iter().all(|client| client.left.is_some()) {
        (
            MISSES_THE_END,
            "a read of 0 bytes, or an error, means that no reply will come: stop reading",
        )
    } else if unanswered().any(|client| !client.sent.is_empty()) {
        (
            NO_DEADLINE,
            "a read time-out starts anew with each byte: count the time from the first read on",
        )
    } else if unanswered().next().is_some() {
        (
            WAITS_FOREVER,
            "a reply may never come: give the read a time-out",
        )
    } else {
        (
            WAITS_FOR_CLOSE,
            "you wait for the server to close, and the server for you: read one line",
        )
    };
    finding(
        code,
        format!("the program still runs after {seconds} s"),
        "a program that ends by itself, whatever the server does".into(),
        evidence.clients(),
        vec![likely],
    )
}

fn failed(evidence: &Evidence<'_>) -> Finding {
    let connections = &evidence.seen.connections;
    // What took a piece for the reply says what is wrong with it.
    let complains = !evidence.seen.program.stderr.is_empty();
    if complains && connections.iter().any(|client| client.sent.len() > 1) {
        return finding(
            REPLY_CUT,
            "a reply that came in pieces was not taken for one".into(),
            "exit status 0: every client got its reply".into(),
            evidence.state(),
            vec!["one read is not one reply: read until the newline"],
        );
    }
    finding(
        FALSE_ALARM,
        "every reply was right, and the exit status says failure".into(),
        "exit status 0".into(),
        format!(
            "{}; {} on stderr",
            evidence.state(),
            evidence.stderr_lines()
        ),
        vec![
            "a reply that is right was judged wrong",
            "the exit status says failure although nothing failed",
        ],
    )
}

fn succeeded(evidence: &Evidence<'_>, failed: Option<usize>) -> Finding {
    let connection = failed.and_then(|number| {
        let label = format!("client {number}");
        evidence
            .seen
            .connections
            .iter()
            .find(|client| client.label == label)
    });
    let is_named = evidence
        .seen
        .program
        .stderr
        .iter()
        .any(|line| line.text().contains("failed"));
    let (code, summary, likely) = match (failed, connection) {
        (None, _) => (
            ERRORS_IGNORED,
            "the program failed and its exit status says success".into(),
            "the error is printed, or dropped, and not returned from main",
        ),
        (Some(number), _) if is_named => (
            EXIT_STATUS_IGNORED,
            format!("client {number} failed and the exit status says success"),
            "the failures are counted and not returned from main",
        ),
        (Some(number), Some(connection)) if is_answered(connection) => (
            WRONG_REPLY_COUNTED,
            format!("client {number} got a wrong reply, which was counted"),
            "a reply is right only if it has a real timestamp and the client's own text",
        ),
        (Some(number), Some(_)) => (
            MISSING_REPLY_COUNTED,
            format!("client {number} got no whole reply and was counted"),
            "the end of the connection is no reply: only a line with its newline is",
        ),
        (Some(number), None) => (
            ERRORS_IGNORED,
            format!("client {number} could not even connect and was counted"),
            "the error of the connection is dropped",
        ),
    };
    finding(
        code,
        summary,
        "an exit status that is not 0".into(),
        format!("{}; {}", evidence.state(), evidence.stdout()),
        vec![likely],
    )
}

/// For how long the client has kept its connection. The end of a program can be seen before the ends
/// of its connections.
fn held(client: &ConnectionSeen, evidence: &Evidence<'_>) -> Duration {
    let end = client.end.map_or(evidence.now, |(_, at)| at);
    client.connected.map_or(Duration::ZERO, |from| {
        end.since_start.saturating_sub(from.since_start)
    })
}

/// How many clients were waiting for their reply at the same time, at most.
fn most_at_once(connections: &[ConnectionSeen]) -> usize {
    let waits = connections.iter().filter_map(|client| {
        let end = client.end.map_or(Duration::MAX, |(_, at)| at.since_start);
        Some((client.lines.first()?.at.since_start, end))
    });
    let waits: Vec<_> = waits.collect();
    let at_once = |&(from, _): &(Duration, Duration)| {
        waits
            .iter()
            .filter(|&&(other, end)| other <= from && end > from + OVERLAP)
            .count()
    };
    // However short its wait was, each waited by itself.
    waits
        .iter()
        .map(at_once)
        .map(|most| most.max(1))
        .max()
        .unwrap_or_default()
}

/// Whether the played server has sent it a whole line.
fn is_answered(client: &ConnectionSeen) -> bool {
    client.sent_bytes().any(|byte| byte == b'\n')
}

fn finding(
    code: Code,
    summary: String,
    expected: String,
    observed: String,
    likely: Vec<&'static str>,
) -> Finding {
    Finding {
        code,
        summary,
        expected,
        observed,
        likely,
    }
}
