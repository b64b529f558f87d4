//! Runs an exercise's checks, each in a process of its own, with some command in the place of each of
//! the exercise's programs.

#[cfg(target_os = "linux")]
use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use harness::{Diagnosis, NOT_IMPLEMENTED, REPORT_VARIABLE, Timeline, USES_TOO_MUCH};
#[cfg(target_os = "linux")]
use rustix::fs::{MemfdFlags, memfd_create};

use crate::cargo::{self, Executable};
use crate::course::{Check, Exercise};
use crate::sandbox::{Ended, Excess, Prepared};
#[cfg(target_os = "linux")]
use crate::sandbox::{Program, Sandbox};
use crate::verdict::Verdict;

/// No check takes that long, however often it reaches a deadline; one that does has a fault.
const CHECK_LIMIT: Duration = Duration::from_secs(120);

/// A command line in the place of a program.
pub struct Command {
    variable: String,
    line: String,
}

impl Command {
    /// Puts a command line in the place of the program of this name (`ex03-client`).
    pub fn new(program: &str, line: String) -> Self {
        let variable = format!("{}_COMMAND", program.to_uppercase().replace('-', "_"));
        Self { variable, line }
    }

    /// Puts an executable in the place of the program of this name.
    ///
    /// # Errors
    ///
    /// If its path is not UTF-8: it could not stand in a command line.
    pub fn of_executable(program: &str, path: &Path) -> Result<Self> {
        let path = path
            .to_str()
            .context("the path of a program is not UTF-8")?;
        Ok(Self::new(program, shell_words::quote(path).into_owned()))
    }
}

/// The compiled checks of one exercise.
pub struct Stage {
    checks: PathBuf,
    tests: Vec<String>,
}

impl Stage {
    /// Builds the checks of an exercise.
    ///
    /// # Errors
    ///
    /// If they can't be built or listed.
    pub fn new(exercise: &Exercise) -> Result<Self> {
        Self::of(cargo::build_checks(exercise)?)
    }

    /// Takes checks that are built.
    ///
    /// # Errors
    ///
    /// If they can't be listed.
    pub fn of(checks: Executable) -> Result<Self> {
        let checks = checks.path;
        Ok(Self {
            tests: cargo::list_tests(&checks)?,
            checks,
        })
    }

    /// Runs all checks of the exercise with these commands in the place of its programs, `at_once` of
    /// them at the same time. A check that can't judge says so in its verdict.
    pub fn run_all(
        &self,
        exercise: &Exercise,
        commands: &[Command],
        at_once: usize,
    ) -> Result<Vec<Verdict>> {
        self.each(exercise, at_once, |report| {
            let mut command = process::Command::new(&self.checks);
            command.envs(
                commands
                    .iter()
                    .map(|command| (&command.variable, &command.line)),
            );
            command.env(REPORT_VARIABLE, report);
            Ok(Prepared::plain(command))
        })
    }

    /// Runs all checks of the exercise on a stranger's programs, which get this core.
    #[cfg(target_os = "linux")]
    pub fn run_all_in(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        programs: &[Executable],
        at_once: usize,
        core: usize,
    ) -> Result<Vec<Verdict>> {
        let programs: Vec<_> = programs
            .iter()
            .map(|Executable { name, path }| Program {
                name,
                executable: path,
            })
            .collect();
        let checks = sandbox.checks(&self.checks, &programs, core);
        self.each(exercise, at_once, |report| {
            let mut prepared = checks.run(report)?;
            let command = &mut prepared.command;
            for program in &programs {
                let Command { variable, line } =
                    Command::new(program.name, checks.command_line(program)?);
                command.env(variable, line);
            }
            command.envs(env::var_os("PATIENCE").map(|patience| ("PATIENCE", patience)));
            command.env(REPORT_VARIABLE, checks.report(report));
            Ok(prepared)
        })
    }

    fn each(
        &self,
        exercise: &Exercise,
        at_once: usize,
        prepare: impl Fn(&Path) -> Result<Prepared> + Sync,
    ) -> Result<Vec<Verdict>> {
        // One folder for them all, and few files in it: a file system takes its time to make them.
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        Ok(in_parallel(&exercise.checks, at_once, |_, check| {
            self.run(exercise, check, scratch.path(), &prepare)
                .unwrap_or_else(|error| Verdict::CouldNotJudge(format!("{error:#}")))
        }))
    }

    fn run(
        &self,
        exercise: &Exercise,
        check: &Check,
        scratch: &Path,
        prepare: impl Fn(&Path) -> Result<Prepared>,
    ) -> Result<Verdict> {
        let cases = self.cases(&check.name);
        if cases.is_empty() {
            bail!("there is no such check: {}", check.name);
        }
        let report = scratch.join(format!("{}.report", check.name));
        let mut log = log()?;
        let prepared = prepare(&report)?;
        let status = match run_tests(&cases, prepared, log.try_clone()?)? {
            Ended::Itself(status) => status,
            Ended::TookTooLong => {
                bail!("the check did not end within {} s", CHECK_LIMIT.as_secs())
            }
            Ended::UsedTooMuch(excess) => {
                return Ok(Verdict::Failed(vec![used_too_much(
                    exercise, check, excess,
                )]));
            }
        };
        let mut diagnoses = diagnoses(&report)?;
        diagnoses.sort_by(|one, other| one.check.cmp(&other.check));
        match (status.success(), diagnoses.is_empty()) {
            (true, true) => Ok(Verdict::Passed),
            (false, false)
                if diagnoses
                    .iter()
                    .all(|found| found.code == NOT_IMPLEMENTED.name) =>
            {
                Ok(Verdict::NotImplemented(diagnoses))
            }
            (false, false) => Ok(Verdict::Failed(diagnoses)),
            // The check itself has panicked, or was killed, or passed with a diagnosis.
            (_, _) => {
                let mut text = String::new();
                log.rewind()?;
                log.read_to_string(&mut text)?;
                Err(anyhow!("{}", why_not_judged(status.code(), &text)))
            }
        }
    }

    /// The tests that make up a check: the function itself, or its cases.
    fn cases(&self, check: &str) -> Vec<&String> {
        let is_case = |test: &&String| {
            test.strip_prefix(check)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::case_"))
        };
        self.tests.iter().filter(is_case).collect()
    }
}

/// A file for what a check prints: in memory, since few are ever read.
#[cfg(target_os = "linux")]
fn log() -> Result<File> {
    let file = memfd_create("log", MemfdFlags::CLOEXEC).context("cannot make a log")?;
    Ok(File::from(file))
}

/// A file for what a check prints.
#[cfg(not(target_os = "linux"))]
fn log() -> Result<File> {
    tempfile::tempfile().context("cannot make a log")
}

/// Runs these tests of a checks' executable.
fn run_tests(cases: &[&String], mut checks: Prepared, log: File) -> Result<Ended> {
    let command = checks.command.arg("--exact").args(cases);
    command
        // All at the same time: they wait more than they work.
        .args(["--test-threads", &cases.len().to_string()])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    checks.start()?.wait(CHECK_LIMIT)
}

/// Why a check ended without a verdict, from what it has printed.
fn why_not_judged(status: Option<i32>, log: &str) -> String {
    // As a shell says it: 128 and the number of the signal.
    if status.is_none_or(|code| code > 128) {
        return "the check was killed: is the machine out of memory?".into();
    }
    let panic = log
        .split_once("panicked at ")
        .and_then(|(_, rest)| rest.lines().nth(1));
    let reason = panic.unwrap_or(log.trim());
    reason.trim_start_matches("could not judge: ").to_owned()
}

/// What the checks could not say themselves: they were ended with the program.
fn used_too_much(exercise: &Exercise, check: &Check, excess: Excess) -> Diagnosis {
    let code = USES_TOO_MUCH;
    Diagnosis {
        code: code.name.into(),
        summary: "the program was ended, because it used too much of the machine".into(),
        program: exercise.name.clone(),
        check: check.name.clone(),
        expected: "a thread for each client at the most, and none that computes without end".into(),
        observed: format!("the program and its children used {excess}"),
        likely: vec![
            "a loop starts threads or processes, or keeps what it was sent, without end".into(),
        ],
        output: Vec::new(),
        timeline: Timeline::default(),
        read: code.read(),
    }
}

/// The diagnoses in the file to which failed checks append theirs; none if there is no such file.
fn diagnoses(report: &Path) -> Result<Vec<Diagnosis>> {
    if !report.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(report).context("cannot read a check's report")?;
    let parse = |line| serde_json::from_str(line).context("a check's report is damaged");
    text.lines().map(parse).collect()
}

/// Does the work for each item, several at the same time, and returns the results in order. The work
/// is told which of the workers does it.
pub(crate) fn in_parallel<Item: Sync, Output: Send>(
    items: &[Item],
    at_once: usize,
    work: impl Fn(usize, &Item) -> Output + Sync,
) -> Vec<Output> {
    let queue = Mutex::new(items.iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.min(items.len()))
            .map(|worker| {
                let (next, work) = (&next, &work);
                scope.spawn(move || {
                    let mut results = Vec::new();
                    while let Some((index, item)) = next() {
                        results.push((index, work(worker, item)));
                    }
                    results
                })
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::why_not_judged;

    #[test]
    fn a_check_without_a_verdict_says_why() {
        let log = "running 1 test\n\nthread 'main' panicked at tests/ex01.rs:1:2:\ncould not judge: busy\n";
        assert_eq!(why_not_judged(Some(101), log), "busy");
        let killed = Some(128 + 9);
        assert!(why_not_judged(killed, "running 1 test").contains("killed"));
    }
}
