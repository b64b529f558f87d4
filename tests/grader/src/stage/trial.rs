//! Some of an exercise's tests, run in one process, and what came of them.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::{Diagnosis, NOT_IMPLEMENTED, NOT_REACHED, Timeline, USES_TOO_MUCH};
#[cfg(target_os = "linux")]
use rustix::fs::{MemfdFlags, memfd_create};

use crate::course::{Check, Exercise};
use crate::sandbox::{Ended, Excess, Prepared};
use crate::verdict::Verdict;

/// No test takes that long, however often it reaches a deadline; one that does has a fault.
const TEST_LIMIT: Duration = Duration::from_secs(120);

/// What came of some tests.
pub(super) struct Trial {
    ended: Ended,
    /// How much time there was.
    limit: Duration,
    /// What the test runner has printed.
    log: String,
    diagnoses: Vec<Diagnosis>,
}

impl Trial {
    /// Has the checks' executable, to whose command the arguments are appended, run these tests, `at_once`
    /// of them at the same time, for no longer than the limit. Those that fail append their diagnoses to the
    /// file `report`.
    pub(super) fn run(
        mut checks: Prepared,
        tests: &[&str],
        at_once: usize,
        limit: Option<Duration>,
        report: &Path,
    ) -> Result<Self> {
        // With one at a time, the test runner prints in another way.
        let at_once = at_once.max(2);
        let mut log = log()?;
        checks
            .command
            .arg("--exact")
            .args(tests)
            .args(["--test-threads", &at_once.to_string()])
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        let rounds = u32::try_from(tests.len().div_ceil(at_once))?;
        let of_tests = TEST_LIMIT * rounds;
        let limit = limit.map_or(of_tests, |limit| limit.min(of_tests));
        let ended = checks.start()?.wait(limit)?;
        log.rewind()?;
        let mut printed = Vec::new();
        log.read_to_end(&mut printed)?;
        Ok(Self {
            ended,
            limit,
            log: String::from_utf8_lossy(&printed).into_owned(),
            diagnoses: diagnoses(report)?,
        })
    }

    /// The verdict on the check that these tests make up. None if the process was ended: a program that can
    /// bring that about must not choose which of its verdicts stand.
    pub(super) fn verdict(&self, cases: &[&str]) -> Option<Verdict> {
        if !self.came_to_its_end() {
            return None;
        }
        let results = cases.iter().map(|case| self.passed(case));
        let results: Vec<bool> = results.collect::<Option<_>>()?;
        let passed = results.into_iter().all(|passed| passed);
        let diagnoses = self.diagnoses(cases);
        match (passed, diagnoses.is_empty()) {
            (true, true) => Some(Verdict::Passed),
            (false, false) if diagnoses.iter().all(is_not_implemented) => {
                Some(Verdict::NotImplemented(diagnoses))
            }
            (false, false) => Some(Verdict::Failed(diagnoses)),
            // The check itself has panicked, or passed with a diagnosis.
            _ => Some(Verdict::CouldNotJudge(self.reason(cases))),
        }
    }

    /// The verdict on the check that all of these tests make up.
    pub(super) fn verdict_on_all(
        &self,
        exercise: &Exercise,
        check: &Check,
        cases: &[&str],
    ) -> Result<Verdict> {
        match (self.verdict(cases), &self.ended) {
            (Some(verdict), _) => Ok(verdict),
            (None, Ended::UsedTooMuch(excess)) => {
                let diagnosis = used_too_much(exercise, check, *excess);
                Ok(Verdict::Failed(vec![diagnosis]))
            }
            (None, Ended::TookTooLong) => {
                bail!("the check did not end within {} s", self.limit.as_secs())
            }
            // As a shell says it: 128 and the number of the signal.
            (None, Ended::Itself(status)) if status.code().is_none_or(|code| code > 128) => {
                bail!("the check was killed: is the machine out of memory?")
            }
            (None, Ended::Itself(_)) => bail!("{}", why(&self.log)),
        }
    }

    /// Whether the program is known to have been started: the checks ran out of time with it, or came to an
    /// end and don't say that it was never reached.
    pub(super) fn program_was_reached(&self, cases: &[&str]) -> bool {
        match (self.verdict(cases), &self.ended) {
            (Some(Verdict::CouldNotJudge(reason)), _) => !reason.contains(NOT_REACHED),
            (Some(_), _) => true,
            (None, ended) => matches!(ended, Ended::TookTooLong),
        }
    }

    /// Whether the test passed; none if it did not come to its end.
    fn passed(&self, test: &str) -> Option<bool> {
        // What comes after the results are words of the tests.
        let mut results = self.log.lines().take_while(|line| *line != "failures:");
        let result = |line: &str| {
            let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
            (name == test).then_some(result == "ok")
        };
        results.find_map(result)
    }

    /// Whether the process was ended because the programs in it used too much.
    pub(super) fn used_too_much(&self) -> bool {
        matches!(self.ended, Ended::UsedTooMuch(_))
    }

    /// Whether the test runner has said all that it had to say.
    fn came_to_its_end(&self) -> bool {
        matches!(&self.ended, Ended::Itself(status) if matches!(status.code(), Some(0 | 101)))
    }

    fn diagnoses(&self, cases: &[&str]) -> Vec<Diagnosis> {
        let is_of_case = |found: &&Diagnosis| cases.contains(&&*found.check);
        let mut diagnoses: Vec<_> = self.diagnoses.iter().filter(is_of_case).cloned().collect();
        diagnoses.sort_by(|one, other| one.check.cmp(&other.check));
        diagnoses
    }

    /// Why one of these tests failed without a diagnosis.
    fn reason(&self, cases: &[&str]) -> String {
        let output = |case: &&str| {
            let (_, output) = self.log.split_once(&format!("---- {case} stdout ----\n"))?;
            output.split("\n\n").next()
        };
        why(cases.iter().find_map(output).unwrap_or(&self.log))
    }
}

/// Why a check ended without a verdict, from what it has printed.
fn why(printed: &str) -> String {
    let panic = printed
        .split_once("panicked at ")
        .and_then(|(_, rest)| rest.lines().nth(1));
    let reason = panic.unwrap_or(printed.trim());
    reason.trim_start_matches("could not judge: ").to_owned()
}

/// A file for what a test runner prints: in memory, since few are ever read.
#[cfg(target_os = "linux")]
fn log() -> Result<File> {
    let file = memfd_create("log", MemfdFlags::CLOEXEC).context("cannot make a log")?;
    Ok(File::from(file))
}

/// A file for what a test runner prints.
#[cfg(not(target_os = "linux"))]
fn log() -> Result<File> {
    tempfile::tempfile().context("cannot make a log")
}

/// The diagnoses in the file to which failed checks append theirs; none if there is no such file.
fn diagnoses(report: &Path) -> Result<Vec<Diagnosis>> {
    if !report.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(report).context("cannot read a check's report")?;
    let parse = |line| serde_json::from_str(line).context("a check's report is damaged");
    // A process that was ended may have left a part of a line.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(parse).collect()
}

fn is_not_implemented(diagnosis: &Diagnosis) -> bool {
    diagnosis.code == NOT_IMPLEMENTED.name
}

/// What the checks could not say themselves: they were ended with the program.
fn used_too_much(exercise: &Exercise, check: &Check, excess: Excess) -> Diagnosis {
    Diagnosis {
        summary: "the program was ended, because it used too much of the machine".into(),
        expected: "a thread for each client at the most, and none that computes without end".into(),
        observed: format!("the program and its children used {excess}"),
        likely: vec![
            "a loop starts threads or processes, or keeps what it was sent, without end".into(),
        ],
        ..too_much(exercise, check)
    }
}

/// For a check that could not judge the program each time that it was tried, for this reason, but could judge
/// the reference solution.
#[cfg(target_os = "linux")]
pub(crate) fn held_up(exercise: &Exercise, check: &Check, reason: &str) -> Diagnosis {
    Diagnosis {
        summary: "the program keeps this check from coming to a verdict".into(),
        expected: "a verdict, as on the reference solution right before and right after".into(),
        observed: format!("each time that the check was tried: {reason}"),
        likely: vec![
            "the program takes all of the processor, or is so slow that nothing can be told of it"
                .into(),
        ],
        ..too_much(exercise, check)
    }
}

fn too_much(exercise: &Exercise, check: &Check) -> Diagnosis {
    let code = USES_TOO_MUCH;
    Diagnosis {
        code: code.name.into(),
        summary: String::new(),
        program: exercise.name.clone(),
        check: check.name.clone(),
        expected: String::new(),
        observed: String::new(),
        likely: Vec::new(),
        output: Vec::new(),
        timeline: Timeline::default(),
        read: code.read(),
        seed: None,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    const LOG: &str = "\nrunning 3 tests\ntest fails ... FAILED\ntest passes ... ok\ntest panics ... FAILED\n\
        \nfailures:\n\n---- fails stdout ----\ntest never_ran ... ok\n\n---- panics stdout ----\n\
        thread 'panics' panicked at tests/ex01.rs:1:2:\ncould not judge: busy\nnote: more\n\n\
        \nfailures:\n    fails\n    panics\n";

    /// Of the tests in [`LOG`], in a process that ended with this status.
    fn trial(status: i32) -> Trial {
        Trial {
            ended: Ended::Itself(ExitStatus::from_raw(status)),
            limit: TEST_LIMIT,
            log: LOG.into(),
            diagnoses: Vec::new(),
        }
    }

    #[test]
    fn a_check_passes_if_all_its_tests_are_said_to() {
        let trial = trial(101 << 8);
        assert!(matches!(trial.verdict(&["passes"]), Some(Verdict::Passed)));
        assert!(!matches!(
            trial.verdict(&["passes", "panics"]),
            Some(Verdict::Passed)
        ));
        assert!(trial.verdict(&["passes", "never_ran"]).is_none());
    }

    #[test]
    fn a_check_without_a_verdict_says_why() {
        let Some(Verdict::CouldNotJudge(reason)) = trial(101 << 8).verdict(&["panics"]) else {
            panic!("it could judge");
        };
        assert_eq!(reason, "busy");
    }

    #[test]
    fn a_check_that_fails_has_reached_the_program() {
        assert!(trial(101 << 8).program_was_reached(&["panics"]));
    }

    #[test]
    fn what_ran_in_a_process_that_was_killed_has_no_verdict() {
        let killed = trial(9);
        assert!(killed.verdict(&["passes"]).is_none());
        assert!(killed.verdict(&["panics"]).is_none());
    }
}
