//! Judges a submission: builds its exercises and runs each check in a process of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use harness::{Diagnosis, REPORT_VARIABLE};
use wait_timeout::ChildExt;

use crate::cargo::{self, CompilerOutput, Executable};
use crate::course::{Check, Exercise};
use crate::submission::Submission;
use crate::verdict::{Graded, GradedCheck, GradedExercise, Verdict};
use crate::workspace::Workspace;

/// How many checks run at the same time: they wait more than they work.
const CHECKS_AT_ONCE: usize = 16;

/// The code of the diagnosis of a program with a `todo!` on its way.
const NOT_IMPLEMENTED: &str = "not-implemented";

/// No check takes that long, however often it reaches a deadline; one that does has a fault.
const CHECK_LIMIT: Duration = Duration::from_secs(300);

/// Judges these exercises of the submission.
pub fn judge(submission: &Submission, exercises: &[&Exercise]) -> Result<Graded> {
    let workspace = Workspace::new(submission, exercises)?;
    let exercises = exercises
        .iter()
        .map(|exercise| judge_exercise(submission, &workspace, exercise))
        .collect::<Result<_>>()?;
    Ok(Graded {
        submission: submission.name.clone(),
        exercises,
    })
}

fn judge_exercise(
    submission: &Submission,
    workspace: &Workspace,
    exercise: &Exercise,
) -> Result<GradedExercise> {
    if submission.exercise(exercise).is_none() {
        return Ok(without_checks(exercise, || Verdict::NotSubmitted, None));
    }
    progress(&format!("{}: building {}", submission.name, exercise.name));
    let programs = match cargo::build(workspace.folder(), &workspace.package(exercise))? {
        Ok(programs) => programs,
        Err(CompilerOutput(output)) => {
            return Ok(without_checks(
                exercise,
                || Verdict::DoesNotCompile,
                Some(output),
            ));
        }
    };
    let checks = cargo::build_checks(exercise)?;
    let stage = Stage {
        tests: cargo::list_tests(&checks.path)?,
        checks: checks.path,
        commands: commands(exercise, &programs)?,
    };
    progress(&format!("{}: checking {}", submission.name, exercise.name));
    let checks = in_parallel(&exercise.checks, |check| {
        let verdict = stage
            .run(check)
            .unwrap_or_else(|error| Verdict::CouldNotJudge(format!("{error:#}")));
        graded_check(check, verdict)
    });
    Ok(graded_exercise(exercise, checks, None))
}

/// For each of the exercise's programs, the variable that puts it in the place of the solution's.
fn commands(exercise: &Exercise, built: &[Executable]) -> Result<Vec<(String, OsString)>> {
    let command = |program: &String| {
        let executable = built
            .iter()
            .find(|executable| executable.name.replace("-solution", "") == *program)
            .with_context(|| format!("{} does not build the program {program}", exercise.name))?;
        let variable = format!("{}_COMMAND", program.to_uppercase().replace('-', "_"));
        let path = executable
            .path
            .to_str()
            .context("the path of a program is not UTF-8")?;
        Ok((variable, shell_words::quote(path).into_owned().into()))
    };
    exercise.programs.iter().map(command).collect()
}

/// The checks of one exercise and the programs that they are pointed at.
struct Stage {
    checks: PathBuf,
    tests: Vec<String>,
    commands: Vec<(String, OsString)>,
}

impl Stage {
    fn run(&self, check: &Check) -> Result<Verdict> {
        let cases = self.cases(&check.name);
        if cases.is_empty() {
            bail!("there is no such check: {}", check.name);
        }
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let (report, log) = (scratch.path().join("report"), scratch.path().join("log"));
        let status = self.run_tests(&cases, &report, File::create(&log)?)?;
        let mut diagnoses = diagnoses(&report)?;
        diagnoses.sort_by(|one, other| one.check.cmp(&other.check));
        match (status, diagnoses.is_empty()) {
            (true, true) => Ok(Verdict::Passed),
            (false, false) if diagnoses.iter().all(|found| found.code == NOT_IMPLEMENTED) => {
                Ok(Verdict::NotImplemented(diagnoses))
            }
            (false, false) => Ok(Verdict::Failed(diagnoses)),
            // The check itself has panicked, or passed with a diagnosis.
            (_, _) => Err(anyhow!("{}", fs::read_to_string(&log)?.trim())),
        }
    }

    /// Runs these tests and returns whether they passed.
    fn run_tests(&self, cases: &[&String], report: &Path, log: File) -> Result<bool> {
        let mut child = Command::new(&self.checks)
            .arg("--exact")
            .args(cases)
            .envs(self.commands.iter().map(|(name, command)| (name, command)))
            .env(REPORT_VARIABLE, report)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", self.checks.display()))?;
        match child.wait_timeout(CHECK_LIMIT)? {
            Some(status) => Ok(status.success()),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("the check did not end within {} s", CHECK_LIMIT.as_secs())
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

/// The diagnoses in the file to which failed checks append theirs; none if there is no such file.
pub fn diagnoses(report: &Path) -> Result<Vec<Diagnosis>> {
    if !report.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(report).context("cannot read a check's report")?;
    let parse = |line| serde_json::from_str(line).context("a check's report is damaged");
    text.lines().map(parse).collect()
}

/// Does the work for each item, several at the same time, and returns the results in order.
fn in_parallel<Item: Sync, Output: Send>(
    items: &[Item],
    work: impl Fn(&Item) -> Output + Sync,
) -> Vec<Output> {
    let queue = Mutex::new(items.iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..CHECKS_AT_ONCE.min(items.len()))
            .map(|_| {
                scope.spawn(|| {
                    let mut results = Vec::new();
                    while let Some((index, item)) = next() {
                        results.push((index, work(item)));
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

fn without_checks(
    exercise: &Exercise,
    verdict: impl Fn() -> Verdict,
    compiler: Option<String>,
) -> GradedExercise {
    let checks = exercise
        .checks
        .iter()
        .map(|check| graded_check(check, verdict()))
        .collect();
    graded_exercise(exercise, checks, compiler)
}

fn graded_check(check: &Check, verdict: Verdict) -> GradedCheck {
    let points = if matches!(verdict, Verdict::Passed) {
        check.points
    } else {
        0
    };
    GradedCheck {
        name: check.name.clone(),
        points,
        of: check.points,
        verdict,
    }
}

fn graded_exercise(
    exercise: &Exercise,
    checks: Vec<GradedCheck>,
    compiler: Option<String>,
) -> GradedExercise {
    GradedExercise {
        name: exercise.name.clone(),
        title: exercise.title.clone(),
        points: checks.iter().map(|check| check.points).sum(),
        of: checks.iter().map(|check| check.of).sum(),
        compiler,
        checks,
    }
}

/// Tells what is going on, on stderr, where somebody is looking.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprintln!("{text}");
    }
}
