//! Grades a class: each submission is compiled and judged behind the sandbox, several at the same
//! time, and written down as soon as it is.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::mem;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
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

/// How many exercises are judged at the same time for each core. Found by grading a class of thirty from the
/// corpus: one leaves half of the processor idle, eight are not faster.
const EXERCISES_A_CORE: usize = 4;

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

    /// Grades the submissions, `at_once` of their exercises at the same time. `done` hears of each when it
    /// is graded.
    pub fn grade(
        &self,
        submissions: &[Collected],
        journal: &Journal,
        at_once: usize,
        done: impl Fn(&Graded) + Sync,
    ) -> Result<Class> {
        let cores = cores()?;
        let in_work: Vec<_> = submissions.iter().map(InWork::new).collect();
        let work: Vec<_> = in_work
            .iter()
            .flat_map(|submission| (0..self.exercises.len()).map(move |index| (submission, index)))
            .collect();
        let judged = in_parallel(&work, at_once, |worker, &(submission, index)| {
            let (exercise, stage) = &self.exercises[index];
            let core = cores[worker % cores.len()];
            let judged = self.judge(submission.collected, exercise, stage, journal, core)?;
            if let Some(graded) = submission.add(index, judged, self.exercises.len()) {
                done(graded);
            }
            Ok(())
        });
        judged.into_iter().collect::<Result<()>>()?;
        Ok(Class {
            protection: self.sandbox.protection(),
            submissions: in_work.into_iter().filter_map(InWork::graded).collect(),
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
            .compile(&self.sandbox, exercise, sources, scratch.path())?;
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
        let verdicts =
            stage.run_all_in(&self.sandbox, exercise, &programs, CHECKS_AT_ONCE, core)?;
        let checks = exercise.checks.iter().zip(verdicts);
        let checks = checks
            .map(|(check, verdict)| graded_check(check, verdict))
            .collect();
        Ok(graded_exercise(exercise, checks, None))
    }
}

/// A submission some of whose exercises are judged.
struct InWork<'a> {
    collected: &'a Collected,
    /// By the exercises' places in the course.
    judged: Mutex<BTreeMap<usize, GradedExercise>>,
    graded: OnceLock<Graded>,
}

impl<'a> InWork<'a> {
    fn new(collected: &'a Collected) -> Self {
        Self {
            collected,
            judged: Mutex::default(),
            graded: OnceLock::new(),
        }
    }

    /// Adds the verdict on one of so many exercises, and returns those on all with the last one.
    fn add(&self, index: usize, exercise: GradedExercise, of: usize) -> Option<&Graded> {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.insert(index, exercise);
        (judged.len() == of).then(|| {
            let exercises = mem::take(&mut *judged);
            self.graded.get_or_init(|| Graded {
                submission: self.collected.name.clone(),
                problem: self.collected.problem.clone(),
                left_behind: self.collected.left_behind.clone(),
                exercises: exercises.into_values().collect(),
            })
        })
    }

    fn graded(self) -> Option<Graded> {
        self.graded.into_inner()
    }
}

/// How many exercises are best graded at the same time: for each core, as many as keep it busy while the
/// checks of wrong programs wait for what does not come.
pub fn exercises_at_once() -> usize {
    EXERCISES_A_CORE * thread::available_parallelism().map_or(1, NonZero::get)
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
        "tests/launcher/src",
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
