//! Runs an exercise's checks, with some command in the place of each of the exercise's programs.

mod trial;

use std::env;
use std::panic;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::REPORT_VARIABLE;
#[cfg(target_os = "linux")]
use harness::{SILENCE_VARIABLE, draw::SEED_VARIABLE};
use tempfile::TempDir;

use crate::cargo::{self, Executable};
use crate::course::{Check, Exercise};
use crate::sandbox::Prepared;
#[cfg(target_os = "linux")]
use crate::sandbox::{Program, Sandbox};
use crate::verdict::Verdict;
use trial::Trial;
#[cfg(target_os = "linux")]
pub(crate) use trial::held_up;

/// How many checks of a program that uses too much run at the same time, each alone: not all of them need to
/// use too much at once.
const GREEDY_AT_ONCE: usize = 4;

/// How long the check of silent clients stays silent with a stranger's program, in seconds. In a student's own
/// run it is shorter, because somebody waits for the verdict. The other checks run meanwhile.
#[cfg(target_os = "linux")]
const SILENCE: u32 = 5;

/// How long all checks of an exercise together may take on a stranger's program. Right programs take about ten
/// seconds, wrong ones a minute. Without this limit, a program that makes every check wait as long as it can
/// would hold up the class.
#[cfg(target_os = "linux")]
const EXERCISE_LIMIT: Duration = Duration::from_secs(180);

/// How long those may take that are tried again when they could not judge.
#[cfg(target_os = "linux")]
const AGAIN_LIMIT: Duration = Duration::from_secs(60);

/// How many checks are tried again at the same time: fewer than at first, so that they disturb each other less.
#[cfg(target_os = "linux")]
const AGAIN_AT_ONCE: usize = 16;

/// A check's verdict.
pub(crate) struct Checked {
    pub(crate) verdict: Verdict,
    /// Whether the program is known to have been started. If so, and the check could not judge, the program may
    /// be the cause.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "for strangers' programs")
    )]
    pub(crate) was_reached: bool,
}

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

    /// The same checks, in a copy that no later build replaces.
    #[cfg(target_os = "linux")]
    pub(crate) fn kept_by(self, sandbox: &Sandbox) -> Result<Self> {
        Ok(Self {
            checks: sandbox.keep(&self.checks)?,
            ..self
        })
    }

    /// The checks' executable.
    pub fn executable(&self) -> &Path {
        &self.checks
    }

    /// Runs all checks of the exercise with these commands in the place of its programs, `at_once` of
    /// them at the same time. A check that can't judge says so in its verdict.
    pub fn run_all(
        &self,
        exercise: &Exercise,
        commands: &[Command],
        at_once: usize,
    ) -> Result<Vec<Verdict>> {
        let prepare = |report: &Path| {
            let mut command = process::Command::new(&self.checks);
            command.envs(
                commands
                    .iter()
                    .map(|command| (&command.variable, &command.line)),
            );
            command.env(REPORT_VARIABLE, report);
            Ok(Prepared::plain(command))
        };
        let checked = self.each(exercise, at_once, None, prepare)?;
        Ok(checked.into_iter().map(|checked| checked.verdict).collect())
    }

    /// Runs all checks of the exercise on a stranger's programs, which get this core.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_all_in(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        programs: &[Executable],
        at_once: usize,
        core: usize,
    ) -> Result<Vec<Checked>> {
        let prepare = self.in_sandbox(sandbox, programs, core);
        self.each(exercise, at_once, Some(EXERCISE_LIMIT), prepare)
    }

    /// Runs the checks that are `open` on a stranger's programs once more, each in its own process. The others
    /// have no result.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_again_in(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        programs: &[Executable],
        open: &[bool],
        core: usize,
    ) -> Result<Vec<Option<Checked>>> {
        let runs = Runs {
            scratch: scratch()?,
            prepare: self.in_sandbox(sandbox, programs, core),
            clock: Clock::new(Some(AGAIN_LIMIT)),
        };
        let checks = self.checks_of(exercise)?;
        let checks: Vec<_> = checks.into_iter().zip(open).collect();
        Ok(in_parallel(
            &checks,
            AGAIN_AT_ONCE,
            |_, ((check, cases), open)| open.then(|| runs.alone(exercise, check, cases)),
        ))
    }

    /// The command of a run of checks on a stranger's programs, by the report that it writes.
    #[cfg(target_os = "linux")]
    fn in_sandbox(
        &self,
        sandbox: &Sandbox,
        programs: &[Executable],
        core: usize,
    ) -> impl Fn(&Path) -> Result<Prepared> + Sync {
        move |report| {
            let programs: Vec<_> = programs
                .iter()
                .map(|Executable { name, path }| Program {
                    name,
                    executable: path,
                })
                .collect();
            let checks = sandbox.checks(&self.checks, &programs, core);
            let mut prepared = checks.run(report)?;
            let command = &mut prepared.command;
            for program in &programs {
                let Command { variable, line } =
                    Command::new(program.name, checks.command_line(program)?);
                command.env(variable, line);
            }
            for name in ["PATIENCE", SEED_VARIABLE] {
                command.envs(env::var_os(name).map(|value| (name, value)));
            }
            command.env(SILENCE_VARIABLE, SILENCE.to_string());
            command.env(REPORT_VARIABLE, checks.report(report));
            Ok(prepared)
        }
    }

    /// Runs all checks in one process. If that was ended, all run again, each in a process of its own: what
    /// a program does in one check costs no other check its verdict. So does one that could not judge
    /// beside so many others. With a limit, all of that ends when the time is over.
    fn each(
        &self,
        exercise: &Exercise,
        at_once: usize,
        limit: Option<Duration>,
        prepare: impl Fn(&Path) -> Result<Prepared> + Sync,
    ) -> Result<Vec<Checked>> {
        let checks = self.checks_of(exercise)?;
        let all: Vec<_> = checks
            .iter()
            .flat_map(|(_, cases)| cases)
            .copied()
            .collect();
        let runs = Runs {
            scratch: scratch()?,
            prepare,
            clock: Clock::new(limit),
        };
        // Half of the time is left for the runs that follow.
        let together = runs.run(&all, at_once, "all", runs.clock.half())?;
        let at_once = if together.used_too_much() {
            GREEDY_AT_ONCE
        } else {
            at_once
        };
        Ok(in_parallel(
            &checks,
            at_once,
            |_, (check, cases)| match together.verdict(cases) {
                None | Some(Verdict::CouldNotJudge(_)) => runs.alone(exercise, check, cases),
                Some(verdict) => Checked {
                    verdict,
                    was_reached: true,
                },
            },
        ))
    }

    /// The checks of the exercise, each with its tests.
    fn checks_of<'a>(&'a self, exercise: &'a Exercise) -> Result<Vec<(&'a Check, Vec<&'a str>)>> {
        let checks = exercise.checks.iter();
        checks
            .map(|check| Ok((check, self.cases(&check.name)?)))
            .collect()
    }

    /// The tests that make up a check: the function itself, or its cases.
    fn cases(&self, check: &str) -> Result<Vec<&str>> {
        let is_case = |test: &&str| {
            test.strip_prefix(check)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::case_"))
        };
        let tests = self.tests.iter().map(String::as_str);
        let cases: Vec<_> = tests.filter(is_case).collect();
        ensure!(!cases.is_empty(), "there is no such check: {check}");
        Ok(cases)
    }
}

/// Runs of checks, one after another or at the same time, with a limit on their time in all.
struct Runs<Prepare> {
    scratch: TempDir,
    prepare: Prepare,
    clock: Clock,
}

impl<Prepare: Fn(&Path) -> Result<Prepared> + Sync> Runs<Prepare> {
    fn run(
        &self,
        tests: &[&str],
        at_once: usize,
        name: &str,
        limit: Option<Duration>,
    ) -> Result<Trial> {
        // Windows knows no file with a colon in its name.
        let name = name.replace("::", "-");
        let report = self.scratch.path().join(format!("{name}.report"));
        Trial::run((self.prepare)(&report)?, tests, at_once, limit, &report)
    }

    /// A check in a process of its own.
    fn alone(&self, exercise: &Exercise, check: &Check, cases: &[&str]) -> Checked {
        let left = self.clock.left();
        if left.is_some_and(|left| left.is_zero()) {
            let reason = "the exercise's other checks took all of the time that there is for it";
            return Checked {
                verdict: Verdict::CouldNotJudge(reason.into()),
                was_reached: true,
            };
        }
        let trial = self.run(cases, cases.len(), &check.name, left);
        let was_reached = trial
            .as_ref()
            .is_ok_and(|trial| trial.program_was_reached(cases));
        let verdict = trial
            .and_then(|trial| trial.verdict_on_all(exercise, check, cases))
            .unwrap_or_else(|error| Verdict::CouldNotJudge(format!("{error:#}")));
        Checked {
            verdict,
            was_reached,
        }
    }
}

fn scratch() -> Result<TempDir> {
    tempfile::tempdir().context("cannot make a scratch folder")
}

/// How much of a time limit is left, if there is a limit. A `PATIENCE` above 1 makes it longer.
struct Clock {
    start: Instant,
    limit: Option<Duration>,
}

impl Clock {
    fn new(limit: Option<Duration>) -> Self {
        let patience = env::var("PATIENCE").ok();
        let patience = patience.and_then(|text| text.parse().ok()).unwrap_or(1.0);
        Self {
            start: Instant::now(),
            limit: limit.map(|limit| limit.mul_f64(f64::clamp(patience, 1.0, 1000.0))),
        }
    }

    fn half(&self) -> Option<Duration> {
        self.limit.map(|limit| limit / 2)
    }

    fn left(&self) -> Option<Duration> {
        let limit = self.limit?;
        Some(limit.saturating_sub(self.start.elapsed()))
    }
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
        let (next, work) = (&next, &work);
        let work_off = move |worker| {
            let mut results = Vec::new();
            while let Some((index, item)) = next() {
                results.push((index, work(worker, item)));
            }
            results
        };
        // Where the system has no more threads, those that there are do all of the work.
        let workers: Vec<_> = (1..at_once.min(items.len()))
            .map_while(|worker| {
                let builder = thread::Builder::new();
                builder.spawn_scoped(scope, move || work_off(worker)).ok()
            })
            .collect();
        let own = work_off(0);
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        let others = workers.into_iter().flat_map(join);
        others.chain(own).collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
