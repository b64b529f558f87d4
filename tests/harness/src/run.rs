//! A program under test that is a client: it runs to an end of its own.

use std::io::Write;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline::deadline;
use crate::diagnosis::Symptom;
use crate::process::Process;
use crate::program::Program;
use crate::recording::Line;
use crate::scene::{Rule, Scene};

/// A client under test, killed when dropped.
pub struct Run {
    _process: Process,
    scene: Arc<Scene>,
    stdin: Option<ChildStdin>,
    started: Instant,
}

impl Run {
    /// Starts the program with these arguments, and an empty standard input.
    pub fn new(program: Program, arguments: &[&str]) -> Self {
        Self::start(&Scene::new(program), arguments, Stdio::null())
    }

    pub(crate) fn start(scene: &Arc<Scene>, arguments: &[&str], stdin: Stdio) -> Self {
        let started = Instant::now();
        let mut process = scene.start(arguments, stdin);
        let stdin = process.take_stdin();
        Self {
            _process: process,
            scene: Arc::clone(scene),
            stdin,
            started,
        }
    }

    /// Says that the check is strict about this rule.
    #[must_use]
    pub fn strict_about(self, rule: Rule) -> Self {
        self.scene.be_strict_about(rule);
        self
    }

    /// Types a line: writes it to the program's standard input.
    pub fn type_line(&mut self, line: &str) {
        self.type_text(&format!("{line}\n"));
    }

    /// Writes to the program's standard input.
    pub fn type_text(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            // A program that has ended reads no more: seen when its end is judged.
            let _ = stdin.write_all(text.as_bytes());
        }
    }

    /// Ends the program's standard input, as Ctrl-D does.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Expects a line on standard output that is, or ends with, `text` (a prompt may stand before
    /// it).
    pub fn expect_output(&self, text: &str) {
        let found = self.scene.wait_for(deadline(), |seen| {
            let printed = seen
                .program
                .stdout
                .iter()
                .any(|line| line.text().trim_end().ends_with(text));
            printed
                .then_some(true)
                .or(seen.program.is_over().then_some(false))
        });
        if found != Some(true) {
            self.scene.fail(Symptom::NotPrinted {
                text: text.to_owned(),
            });
        }
    }

    /// Watches whether the program ends before its first client has waited for so long, and fails if it
    /// does. By the clock alone: its clients may give up after 2 s.
    pub fn expect_to_wait_for(&self, wait: Duration) {
        let over = self
            .scene
            .recording
            .wait_for(wait.saturating_sub(self.longest_wait()), |seen| {
                seen.program.exit.map(|_| ())
            });
        if over.is_some() {
            self.scene.judge_fairness(self.longest_wait());
            self.scene.fail(Symptom::EndedWhileWaiting);
        }
    }

    /// For how long its first client has been connected.
    fn longest_wait(&self) -> Duration {
        let first = self.scene.recording.look(|seen| {
            let connected = seen
                .connections
                .iter()
                .filter_map(|client| client.connected);
            connected.min()
        });
        let now = self.scene.recording.now().since_start;
        first.map_or(Duration::ZERO, |first| {
            now.saturating_sub(first.since_start)
        })
    }

    /// Expects that no client gives up before it has waited this long. Since the program's start at
    /// least as much time has passed as since any of its clients began to wait, so whoever gives
    /// up earlier than that has given up too early, however slow the machine.
    pub fn expect_patience(&self, least: Duration) {
        let left = least.saturating_sub(self.started.elapsed());
        let gave_up = self.scene.recording.wait_for(left, |seen| {
            let ended = seen.program.exit.map(|(_, at)| at);
            ended.or_else(|| {
                seen.connections
                    .iter()
                    .find_map(|client| Some(client.end?.1))
            })
        });
        if gave_up.is_some() {
            self.scene.fail(Symptom::GaveUpEarly {
                least,
                after: self.started.elapsed(),
            });
        }
    }

    /// Expects that the program ends by itself.
    pub fn expect_exit(&self) -> Outcome {
        self.expect_exit_within(deadline())
    }

    /// Expects that the program ends by itself although nobody answers it. Its clients must give up
    /// within 5 s; a busy machine is allowed 3 s more.
    pub fn expect_to_give_up(&self) -> Outcome {
        self.expect_exit_within(deadline() * 8 / 5)
    }

    fn expect_exit_within(&self, limit: Duration) -> Outcome {
        let over = self.scene.wait_for(limit, |seen| {
            seen.program
                .is_over()
                .then_some(seen.program.exit)
                .flatten()
        });
        self.scene.expect_launched();
        let Some((status, _)) = over else {
            self.scene.fail(Symptom::NeverEnds { limit });
        };
        let lines = |lines: &[Line]| lines.iter().map(Line::text).collect();
        let (stdout, stderr) = self
            .scene
            .recording
            .look(|seen| (lines(&seen.program.stdout), lines(&seen.program.stderr)));
        Outcome {
            scene: Arc::clone(&self.scene),
            status,
            stdout,
            stderr,
        }
    }
}

/// A client under test that has ended.
pub struct Outcome {
    scene: Arc<Scene>,
    status: ExitStatus,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

impl Outcome {
    /// Expects the exit status 0.
    pub fn expect_success(&self) {
        if !self.status.success() {
            self.scene.fail(Symptom::Failed);
        }
    }

    /// Expects an exit status that is not 0, and a word about it on stderr: if the played server has left,
    /// after that.
    pub fn expect_failure(&self) {
        if self.status.success() {
            self.scene.fail(Symptom::Succeeded { failed: None });
        }
        let says_why = self.scene.recording.look(|seen| {
            let left = seen
                .connections
                .iter()
                .filter_map(|client| client.left.map(|(_, at)| at.since_start));
            let since = left.max().unwrap_or_default();
            let mut stderr = seen.program.stderr.iter();
            stderr.any(|line| line.at.since_start >= since && !line.text().trim().is_empty())
        });
        if !says_why {
            self.scene.fail(Symptom::SilentFailure);
        }
    }

    /// Expects that these arguments were refused: an exit status that is not 0, and one line on stderr
    /// that contains `naming`.
    pub fn expect_refusal(&self, arguments: &[&str], naming: &str) {
        let arguments = arguments.join(" ");
        if self.status.success() || !self.stdout.is_empty() {
            self.scene.fail(Symptom::NotRefused {
                arguments,
                address: None,
            });
        }
        let lines: Vec<_> = self
            .stderr
            .iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        if lines.len() != 1 || !lines[0].contains(naming) {
            let naming = naming.to_owned();
            self.scene
                .fail(Symptom::UnclearRefusal { arguments, naming });
        }
    }

    /// Expects the report on `clients` clients of which `failed` failed and the others got these replies.
    /// It says so in several ways; where the check is strict about one of them, that one must be right to
    /// the letter, and elsewhere one that is right is enough.
    pub fn expect_report(&self, clients: usize, failed: &[usize], replies: &[(usize, String)]) {
        let status = self.fault_in_status(failed);
        let names = self.fault_in_names(failed);
        let printed = self.fault_in_replies(replies);
        let summary = self.fault_in_summary(clients - failed.len(), clients);
        let is_told = !failed.is_empty() && names.is_none()
            || !replies.is_empty() && printed.is_none()
            || summary.is_none();
        let faults = [
            (Rule::ExitStatus, status),
            (Rule::NamedFailures, names),
            (Rule::PrintedReplies, printed),
            (Rule::Summary, summary),
        ];
        for (rule, fault) in faults {
            if let Some(fault) = fault.filter(|_| !is_told || self.scene.is_strict_about(rule)) {
                self.scene.fail(fault);
            }
        }
    }

    /// It is 1 if a client failed, and 0 if none did.
    fn fault_in_status(&self, failed: &[usize]) -> Option<Symptom> {
        match (self.status.code(), failed.first()) {
            (Some(0), None) | (Some(1), Some(_)) => None,
            (Some(0), failed) => Some(Symptom::Succeeded {
                failed: failed.copied(),
            }),
            (_, None) => Some(Symptom::Failed),
            (_, Some(_)) => Some(Symptom::OtherExitStatus {
                status: self.status,
            }),
        }
    }

    /// Each failure is named on stderr, with a reason, and no other client is.
    fn fault_in_names(&self, failed: &[usize]) -> Option<Symptom> {
        let named = numbered(&self.stderr, " failed: ");
        let is_named = |number: usize| {
            let mut of_number = named.iter().filter(|(named, _)| *named == number);
            of_number.any(|(_, line)| !line.trim_end().ends_with(" failed:"))
        };
        if let Some(&number) = failed.iter().find(|&&number| !is_named(number)) {
            return Some(Symptom::FailureNotNamed { number });
        }
        let mut others = named
            .into_iter()
            .filter(|(number, _)| !failed.contains(number));
        let (number, line) = others.next()?;
        Some(Symptom::FalseReport { number, line })
    }

    /// Each reply is printed once on stdout, with its client's number, and no other line of a client is.
    fn fault_in_replies(&self, replies: &[(usize, String)]) -> Option<Symptom> {
        for (number, reply) in replies {
            let text = format!("client {number}: {reply}");
            let printed = self.stdout.iter().filter(|line| line.trim_end() == text);
            if printed.count() != 1 {
                return Some(Symptom::NotPrinted { text });
            }
        }
        let is_answered = |number: usize| replies.iter().any(|(answered, _)| *answered == number);
        let mut others = numbered(&self.stdout, ": ").into_iter();
        let (number, line) = others.find(|(number, _)| !is_answered(*number))?;
        Some(Symptom::FalseReport { number, line })
    }

    fn fault_in_summary(&self, answered: usize, clients: usize) -> Option<Symptom> {
        let last = self.stdout.last().map_or("", |line| line.trim_end());
        (!is_summary(last, answered, clients)).then(|| Symptom::OtherSummary {
            answered,
            clients,
            last: last.to_owned(),
        })
    }
}

/// The lines that begin with `client NUMBER` and this text, with their numbers.
fn numbered(lines: &[String], text: &str) -> Vec<(usize, String)> {
    let number = |line: &String| {
        let (number, _) = line.strip_prefix("client ")?.split_once(text)?;
        Some((number.parse().ok()?, line.clone()))
    };
    lines.iter().filter_map(number).collect()
}

/// Whether the line is `K/N clients got a reply in T ms`, where T is a number.
fn is_summary(line: &str, answered: usize, clients: usize) -> bool {
    line.strip_prefix(&format!("{answered}/{clients} clients got a reply in "))
        .and_then(|rest| rest.strip_suffix(" ms"))
        .is_some_and(|time| {
            time.parse::<f64>()
                .is_ok_and(|time| time.is_finite() && time >= 0.0)
        })
}

#[cfg(test)]
mod tests {
    use super::is_summary;

    #[test]
    fn a_summary_has_both_counts_and_a_time() {
        assert!(is_summary("3/4 clients got a reply in 12 ms", 3, 4));
        assert!(is_summary("4/4 clients got a reply in 12.5 ms", 4, 4));
        assert!(!is_summary("4/4 clients got a reply in 12 ms", 3, 4));
        assert!(!is_summary("3/4 clients got a reply in ms", 3, 4));
        assert!(!is_summary("3/4 clients got a reply in some ms", 3, 4));
        assert!(!is_summary("", 0, 0));
    }
}
