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
use crate::scene::Scene;

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

    /// Watches for `window` whether the program ends, and fails if it does. By the clock alone: its
    /// clients may give up after 2 s.
    pub fn expect_running_for(&self, window: Duration) {
        let over = self
            .scene
            .recording
            .wait_for(window, |seen| seen.program.exit.map(|_| ()));
        if over.is_some() {
            self.scene.fail(Symptom::EndedWhileWaiting);
        }
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

    /// Expects an exit status that is not 0, and a word about it on stderr.
    pub fn expect_failure(&self) {
        if self.status.success() {
            self.scene.fail(Symptom::Succeeded { failed: None });
        }
        if self.stderr.iter().all(|line| line.trim().is_empty()) {
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

    /// Expects the report on `clients` clients of which `failed` failed: the reply of each of the
    /// others on stdout, each failure on stderr, and no others; the count at the end, and the exit
    /// status (1 if one failed).
    pub fn expect_report(&self, clients: usize, failed: &[usize], replies: &[(usize, String)]) {
        if self.status.success() != failed.is_empty() {
            self.scene.fail(match self.status.success() {
                true => Symptom::Succeeded {
                    failed: failed.first().copied(),
                },
                false => Symptom::Failed,
            });
        }
        for &number in failed {
            let prefix = format!("client {number} failed: ");
            let named = |line: &String| {
                line.strip_prefix(&prefix)
                    .is_some_and(|why| !why.trim().is_empty())
            };
            if !self.stderr.iter().any(named) {
                self.scene.fail(Symptom::FailureNotNamed { number });
            }
        }
        for (number, reply) in replies {
            let line = format!("client {number}: {reply}");
            if self
                .stdout
                .iter()
                .filter(|printed| printed.trim_end() == line)
                .count()
                != 1
            {
                self.scene.fail(Symptom::NotPrinted { text: line });
            }
        }
        self.expect_no_others(failed, replies);
        let answered = clients - failed.len();
        let last = self
            .stdout
            .last()
            .map(|line| line.trim_end())
            .unwrap_or_default();
        if !is_summary(last, answered, clients) {
            self.scene.fail(Symptom::OtherSummary {
                answered,
                clients,
                last: last.to_owned(),
            });
        }
    }

    /// Expects that no client is reported that should not be.
    fn expect_no_others(&self, failed: &[usize], replies: &[(usize, String)]) {
        if !failed.is_empty() && self.status.code() != Some(1) {
            self.scene.fail(Symptom::OtherExitStatus {
                status: self.status,
            });
        }
        let numbers = |lines: &[String], end: &str| -> Vec<(usize, String)> {
            let number = |line: &String| {
                let (number, _) = line.strip_prefix("client ")?.split_once(end)?;
                Some((number.parse().ok()?, line.clone()))
            };
            lines.iter().filter_map(number).collect()
        };
        let is_failed = |number: &usize| failed.contains(number);
        let is_answered = |number: &usize| replies.iter().any(|(answered, _)| answered == number);
        let stderr = numbers(&self.stderr, " failed: ")
            .into_iter()
            .filter(|(number, _)| !is_failed(number));
        let stdout = numbers(&self.stdout, ": ")
            .into_iter()
            .filter(|(number, _)| !is_answered(number));
        if let Some((number, line)) = stderr.chain(stdout).next() {
            self.scene.fail(Symptom::FalseReport { number, line });
        }
    }
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
