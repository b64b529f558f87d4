//! Grades a class: each submission is compiled and judged behind the sandbox, several at the same
//! time, and written down as soon as it is.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

use crate::cargo::CompilerOutput;
use crate::compile::Toolchain;
use crate::course::{Exercise, root};
use crate::journal::{Journal, Key};
use crate::judge::{graded_check, graded_exercise, without_checks};
use crate::sandbox::{Sandbox, cores};
use crate::stage::{Stage, in_parallel};
use crate::submission::Collected;
use crate::verdict::{Class, Graded, GradedExercise, Verdict};

/// How many checks of an exercise run at the same time: they wait more than they work.
const CHECKS_AT_ONCE: usize = 32;

/// What every submission of a class is graded with.
pub struct Grader<'a> {
    sandbox: Sandbox,
    exercises: Vec<(&'a Exercise, Stage)>,
    toolchain: Toolchain,
    /// Of all that a verdict depends on but the submission.
    key: Key,
}

impl<'a> Grader<'a> {
    /// Compiles the checks and the libraries, once for all submissions.
    pub fn new(sandbox: Sandbox, exercises: &[&'a Exercise]) -> Result<Self> {
        let toolchain = Toolchain::new(exercises)?;
        let key = Key::default()
            .with(checks_fingerprint()?)
            .with(&toolchain.version)
            .with(sandbox.protection());
        let exercises = exercises
            .iter()
            .map(|&exercise| Ok((exercise, Stage::new(exercise)?)))
            .collect::<Result<_>>()?;
        // From here on: the libraries and checks are compiled like anything else.
        sandbox.take_precedence()?;
        Ok(Self {
            sandbox,
            exercises,
            toolchain,
            key,
        })
    }

    /// Grades the submissions, `at_once` at the same time. `done` hears of each when it is graded.
    pub fn grade(
        &self,
        submissions: &[Collected],
        journal: &Journal,
        at_once: usize,
        done: impl Fn(&Graded) + Sync,
    ) -> Result<Class> {
        let cores = cores()?;
        let graded = in_parallel(submissions, at_once, |worker, submission| {
            let core = cores[worker % cores.len()];
            let graded = self.grade_one(submission, journal, core)?;
            done(&graded);
            Ok(graded)
        });
        Ok(Class {
            protection: self.sandbox.protection(),
            submissions: graded.into_iter().collect::<Result<_>>()?,
        })
    }

    fn grade_one(&self, submission: &Collected, journal: &Journal, core: usize) -> Result<Graded> {
        let exercises = self.exercises.iter();
        let exercises = exercises
            .map(|(exercise, stage)| self.judge(submission, exercise, stage, journal, core))
            .collect::<Result<_>>()?;
        Ok(Graded {
            submission: submission.name.clone(),
            problem: submission.problem.clone(),
            left_behind: submission.left_behind.clone(),
            exercises,
        })
    }

    /// The verdict on one exercise: the journal's, or a new one.
    fn judge(
        &self,
        submission: &Collected,
        exercise: &Exercise,
        stage: &Stage,
        journal: &Journal,
        core: usize,
    ) -> Result<GradedExercise> {
        let Some(sources) = submission.sources.get(&exercise.name) else {
            return Ok(without_checks(exercise, || Verdict::NotSubmitted, None));
        };
        let mut key = self.key.clone().with(&submission.name).with(&exercise.name);
        for (path, text) in sources {
            key = key.with(path).with(text);
        }
        let key = key.text();
        if let Some(known) = journal.get(&key) {
            return Ok(known.clone());
        }
        let judged = self
            .compile_and_check(exercise, stage, sources, core)
            .unwrap_or_else(|error| {
                let reason = format!("{error:#}");
                without_checks(exercise, || Verdict::CouldNotJudge(reason.clone()), None)
            });
        // What could not be judged is tried again the next time.
        if judged.is_final() {
            journal.put(&key, &submission.name, &judged)?;
        }
        Ok(judged)
    }

    fn compile_and_check(
        &self,
        exercise: &Exercise,
        stage: &Stage,
        sources: &BTreeMap<String, Vec<u8>>,
        core: usize,
    ) -> Result<GradedExercise> {
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let compiled = self
            .toolchain
            .compile(self.sandbox, exercise, sources, scratch.path())?;
        let programs = match compiled {
            Ok(programs) => programs,
            Err(CompilerOutput(text)) => {
                return Ok(without_checks(
                    exercise,
                    || Verdict::DoesNotCompile,
                    Some(text),
                ));
            }
        };
        let verdicts = stage.run_all_in(self.sandbox, exercise, &programs, CHECKS_AT_ONCE, core);
        let checks = exercise.checks.iter().zip(verdicts);
        let checks = checks
            .map(|(check, verdict)| graded_check(check, verdict))
            .collect();
        Ok(graded_exercise(exercise, checks, None))
    }
}

/// How many submissions are best graded at the same time: each has a core of its own.
pub fn submissions_at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Changes when anything changes by which a program is judged: checks, harness, points, given files,
/// libraries, the grader itself, and how patient it is.
fn checks_fingerprint() -> Result<String> {
    let patience = env::var_os("PATIENCE").unwrap_or_default();
    let mut key = Key::default().with(patience.as_encoded_bytes());
    for part in [
        "tests",
        "tests/grader/src",
        "tests/harness/src",
        "exercises",
        "solutions",
        "Cargo.lock",
    ] {
        let depth = if part == "tests" { 1 } else { usize::MAX };
        key = add(key, &root().join(part), depth)?;
    }
    Ok(key.text())
}

/// Adds a file, or the files of a folder and, to this depth, of those in it.
fn add(mut key: Key, path: &Path, depth: usize) -> Result<Key> {
    let read = || format!("cannot read {}", path.display());
    if path.is_file() {
        let text = fs::read(path).with_context(read)?;
        return Ok(key.with(path.to_string_lossy().as_bytes()).with(text));
    }
    let mut entries = fs::read_dir(path)
        .with_context(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(read)?;
    entries.sort();
    for entry in entries {
        if entry.is_file() || depth > 1 {
            key = add(key, &entry, depth.saturating_sub(1))?;
        }
    }
    Ok(key)
}
