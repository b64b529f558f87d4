//! The rules for programs that are clients.

use super::evidence::{Evidence, quote};
use super::{Finding, STRESS, Symptom};

/// The diagnosis of a symptom that only a client can have; `None` for a server's.
pub(super) fn find(evidence: &Evidence<'_>, symptom: &Symptom) -> Option<Finding> {
    Some(match symptom {
        Symptom::TooFewHellos { expected } => too_few_hellos(evidence, *expected),
        Symptom::OtherHellos { hellos } => finding(
            "other-hellos",
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
            vec!["each client has its own number, and they are counted from 0".into()],
        ),
        Symptom::NothingSent { message } => finding(
            "not-sent",
            format!("the line {:?} was typed and never sent", quote(message)),
            format!(
                "the line {:?} and a newline on the connection",
                quote(message)
            ),
            evidence.state(),
            vec!["each line of stdin is sent at once, before the next is read".into()],
        ),
        Symptom::OtherMessageSent { message, said } => finding(
            "other-message",
            "what was typed is not what was sent".into(),
            format!("{:?}", quote(message)),
            format!("{:?}", quote(said)),
            vec!["send the line as it was typed, and one newline".into()],
        ),
        Symptom::NeverDisconnects { client } => finding(
            "never-disconnects",
            "a client that has its reply never closes its connection".into(),
            "the end of the connection once the reply has come".into(),
            format!(
                "{} still connected; {}",
                who(evidence, *client),
                evidence.state()
            ),
            vec!["the connection is kept alive somewhere: drop it when the reply has come".into()],
        ),
        Symptom::EndedWhileWaiting => finding(
            "not-joined",
            "the program ended while its replies were outstanding".into(),
            "a program that waits until every client has its reply".into(),
            evidence.state(),
            vec!["the threads are spawned and never joined".into()],
        ),
        Symptom::GaveUpEarly { least, after } => finding(
            "gives-up-early",
            format!(
                "a client gave up after at most {:.1} s",
                after.as_secs_f64()
            ),
            format!(
                "at least {} s of patience with a slow server",
                least.as_secs()
            ),
            format!(
                "a connection ended although no reply had come; {}",
                evidence.state()
            ),
            vec!["the read time-out is too short".into()],
        ),
        Symptom::NeverEnds { limit } => never_ends(evidence, limit.as_secs()),
        Symptom::Failed => finding(
            "false-alarm",
            "every reply was right, and the exit status says failure".into(),
            "exit status 0".into(),
            evidence.state(),
            vec![
                "a reply that is right was judged wrong, or an error of no weight was counted"
                    .into(),
            ],
        ),
        Symptom::Succeeded { failed } => finding(
            "errors-ignored",
            match failed.as_slice() {
                [] => "the program failed and its exit status says success".into(),
                [one] => format!("client {one} failed and was counted as a success"),
                many => format!(
                    "{} clients failed and the exit status says success",
                    many.len()
                ),
            },
            "an exit status that is not 0".into(),
            evidence.state(),
            vec![
                "errors are ignored, or replies are not compared with what was sent".into(),
                "the failures are counted, but not returned from main".into(),
            ],
        ),
        Symptom::SilentFailure => finding(
            "silent-failure",
            "the program failed without a word".into(),
            "a line on stderr that says what went wrong".into(),
            evidence.state(),
            vec!["the error is turned into an exit status and not printed".into()],
        ),
        Symptom::FailureNotNamed { number } => finding(
            "failure-not-named",
            format!("client {number} failed and stderr does not say so"),
            format!("`client {number} failed: REASON` on stderr"),
            stderr(evidence),
            vec!["each failing client is named, with its number and the reason".into()],
        ),
        Symptom::NotPrinted { text } => finding(
            "not-printed",
            "a reply was sent to the program and not printed".into(),
            format!("a line on stdout: {}", quote(text)),
            stdout(evidence),
            vec!["the reply is not read to its end, or printed in another form".into()],
        ),
        Symptom::OtherSummary {
            answered,
            clients,
            last,
        } => finding(
            "other-summary",
            "the last line is not the summary that was expected".into(),
            format!("{answered}/{clients} clients got a reply in T ms"),
            format!("{:?}", quote(last)),
            vec!["the counts, or the words".into()],
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
    let cut = connections.iter().find(|client| !client.tail.is_empty());
    let expected_text = format!("{expected} lines, from {expected} connections, before any reply");
    if let Some(client) = cut {
        let tail = quote(&String::from_utf8_lossy(&client.tail));
        return finding(
            "hello-without-newline",
            format!("I got {tail:?} without a newline, and still wait for its end"),
            expected_text,
            format!(
                "{} connected; {}",
                count(connections.len()),
                evidence.state()
            ),
            vec!["a message ends with a newline: send it too, and flush".into()],
        );
    }
    let (code, cause) = match said {
        0 => (
            "no-hello",
            "the hello is not sent, or stays in a buffer that is not flushed",
        ),
        _ => (
            "one-after-another",
            "each client waits for its reply before the next one starts",
        ),
    };
    finding(
        code,
        format!("{said} of {expected} clients had said hello while the replies were withheld"),
        expected_text,
        format!(
            "{} connected; {}",
            count(connections.len()),
            evidence.state()
        ),
        vec![cause.into()],
    )
}

fn never_ends(evidence: &Evidence<'_>, seconds: u64) -> Finding {
    let connections = &evidence.seen.connections;
    let gone = connections
        .iter()
        .filter(|client| client.left.is_some())
        .count();
    finding(
        "never-ends",
        format!("the program still runs after {seconds} s"),
        "a program that ends by itself, whatever the server does".into(),
        format!(
            "{} connected, {gone} of them closed by the server",
            count(connections.len())
        ),
        vec![
            "a client waits for ever: for an end of the stream that does not come, or for a reply \
             without a time-out"
                .into(),
            "a time-out for each read starts anew with each byte: a deadline does not".into(),
        ],
    )
}

fn who(evidence: &Evidence<'_>, id: usize) -> String {
    let client = evidence.client(id);
    client.lines.first().map_or_else(
        || client.label.clone(),
        |line| format!("{:?}", quote(&line.text())),
    )
}

fn count(connections: usize) -> String {
    match connections {
        0 => "nobody".into(),
        1 => "1 client".into(),
        many => format!("{many} clients"),
    }
}

fn stdout(evidence: &Evidence<'_>) -> String {
    let lines = evidence.seen.program.stdout.len();
    let last = evidence
        .seen
        .program
        .stdout
        .last()
        .map(|line| quote(&line.text()));
    match last {
        None => format!("nothing on stdout; {}", evidence.state()),
        Some(last) => format!("{lines} lines on stdout, the last: {last}"),
    }
}

fn stderr(evidence: &Evidence<'_>) -> String {
    match evidence.seen.program.stderr.len() {
        0 => "nothing on stderr".into(),
        lines => format!("{lines} lines on stderr, none of them that one"),
    }
}

fn finding(
    code: &'static str,
    summary: String,
    expected: String,
    observed: String,
    likely: Vec<String>,
) -> Finding {
    Finding {
        code,
        summary,
        expected,
        observed,
        likely,
        chapter: STRESS,
    }
}
