//! Runs an exercise's checks, with some command in the place of each of the exercise's programs.

mod trial;

#[cfg(target_os = "linux")]
use std::env;
use std::panic;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, ensure};
use harness::draw::SEED_VARIABLE;
use harness::{REPORT_VARIABLE, SILENCE_VARIABLE};

use crate::cargo::{self, Executable};
use crate::course::Exercise;
use crate::sandbox::Prepared;
#[cfg(target_os = "linux")]
use crate::sandbox::{Program, Sandbox};
use crate::verdict::Verdict;
use trial::Trial;

/// How many checks of a program that uses too much run at the same time, each alone: not all of them need to
/// use too much at once.
const GREEDY_AT_ONCE: usize = 4;

/// For how long a client is silent in a stranger's program's check, in seconds: longer than at home, where
/// somebody waits for the verdict. The other checks run meanwhile.
#[cfg(target_os = "linux")]
const SILENCE: u32 = 5;

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
            for name in ["PATIENCE", SEED_VARIABLE] {
                command.envs(env::var_os(name).map(|value| (name, value)));
            }
            command.env(SILENCE_VARIABLE, SILENCE.to_string());
            command.env(REPORT_VARIABLE, checks.report(report));
            Ok(prepared)
        })
    }

    /// Runs all checks in one process. If that was ended, all run again, each in a process of its own: what
    /// a program does in one check costs no other check its verdict. So does one that could not judge
    /// beside so many others.
    fn each(
        &self,
        exercise: &Exercise,
        at_once: usize,
        prepare: impl Fn(&Path) -> Result<Prepared> + Sync,
    ) -> Result<Vec<Verdict>> {
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let run = |tests: &[&str], at_once, name: &str| {
            // Windows knows no file with a colon in its name.
            let name = name.replace("::", "-");
            let report = scratch.path().join(format!("{name}.report"));
            Trial::run(prepare(&report)?, tests, at_once, &report)
        };
        let checks = exercise
            .checks
            .iter()
            .map(|check| Ok((check, self.cases(&check.name)?)))
            .collect::<Result<Vec<_>>>()?;
        let all: Vec<_> = checks
            .iter()
            .flat_map(|(_, cases)| cases)
            .copied()
            .collect();
        let together = run(&all, at_once, "all")?;
        let at_once = if together.used_too_much() {
            GREEDY_AT_ONCE
        } else {
            at_once
        };
        Ok(in_parallel(&checks, at_once, |_, (check, cases)| {
            match together.verdict(cases) {
                None | Some(Verdict::CouldNotJudge(_)) => {}
                Some(verdict) => return verdict,
            }
            run(cases, cases.len(), &check.name)
                .and_then(|alone| alone.verdict_on_all(exercise, check, cases))
                .unwrap_or_else(|error| Verdict::CouldNotJudge(format!("{error:#}")))
        }))
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
