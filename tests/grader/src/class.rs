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

use anyhow::{Context, Result, bail};

mod differences;

use crate::cargo::{self, CompilerOutput, Executable};
use crate::compile::{Sources, Toolchain, given_file, reference_sources};
use crate::course::{Exercise, root};
use crate::journal::{Journal, Key};
use crate::judge::{graded_check, graded_exercise, without_checks};
use crate::sandbox::{Sandbox, cores};
use crate::stage::{Checked, Stage, held_up, in_parallel};
use crate::submission::Collected;
use crate::verdict::{Class, Graded, GradedExercise, Verdict};

/// How many checks of an exercise run at the same time: they wait more than they work.
const CHECKS_AT_ONCE: usize = 32;

/// How many exercises are judged at the same time for each core. Found by grading a class of thirty from the
/// corpus: one leaves half of the processor idle, eight are not faster.
const EXERCISES_A_CORE: usize = 4;

/// What is added to the reason why something could not be judged.
const REFERENCE_IS_JUDGED: &str = "(the reference solution was judged right after it, in full)";

/// What every submission of a class is graded with.
pub struct Grader<'a> {
    sandbox: Sandbox,
    exercises: Vec<(&'a Exercise, Stage)>,
    toolchain: Toolchain,
    /// Of all that a verdict depends on but the submission.
    key: Key,
    /// What is wrong with this machine, once it is known: then nothing more is judged.
    fault: OnceLock<String>,
}

impl<'a> Grader<'a> {
    /// Compiles the checks and the libraries, once for all submissions.
    pub fn new(sandbox: Sandbox, exercises: &[&'a Exercise]) -> Result<Self> {
        let toolchain = Toolchain::new(exercises)?;
        let exercises = exercises
            .iter()
            .map(|&exercise| Ok((exercise, Stage::new(exercise)?.kept_by(&sandbox)?)))
            .collect::<Result<Vec<_>>>()?;
        let key = key(&sandbox, &toolchain, &exercises)?;
        // From here on: the libraries and checks are compiled like anything else.
        sandbox.take_precedence()?;
        Ok(Self {
            sandbox,
            exercises,
            toolchain,
            key,
            fault: OnceLock::new(),
        })
    }

    /// Judges the reference solutions in the submissions' way, as many at the same time as will be of these
    /// submissions. So a machine that can't judge is found before anybody is judged.
    ///
    /// # Errors
    ///
    /// If one of them does not get full marks.
    pub fn check_machine(&self, submissions: &[Collected], at_once: usize) -> Result<()> {
        let cores = cores()?;
        let work = submissions.len() * self.exercises.len();
        let width = work.min(at_once).max(self.exercises.len());
        let references: Vec<_> = self.exercises.iter().cycle().take(width).collect();
        let faults = in_parallel(&references, at_once, |worker, (exercise, stage)| {
            self.fault_of_reference(exercise, stage, cores[worker % cores.len()])
        });
        match faults.into_iter().flatten().next() {
            None => Ok(()),
            Some(fault) => bail!(
                "this machine can't judge now: {fault}; nothing was graded. Give it what it lacks, or \
                 try `--jobs 1`"
            ),
        }
    }

    /// What keeps the reference solution from full marks; none if it has them.
    fn fault_of_reference(
        &self,
        exercise: &Exercise,
        stage: &Stage,
        core: usize,
    ) -> Option<String> {
        let name = &exercise.name;
        let judged = reference_sources(exercise)
            .and_then(|sources| self.compile_and_check(exercise, stage, &sources, core));
        let judged = match judged {
            Ok(judged) => judged,
            Err(error) => return Some(format!("{name}: {}", one_line(&format!("{error:#}")))),
        };
        if let Some(output) = &judged.compiler {
            let output = one_line(output);
            return Some(format!(
                "the reference solution of {name} does not compile: {output}"
            ));
        }
        let check = judged.first_failure()?;
        let why = match &check.verdict {
            Verdict::CouldNotJudge(reason) => format!("could not be judged: {}", one_line(reason)),
            verdict => format!(
                "gets {} of {} points: {} {}",
                judged.points,
                judged.of,
                check.name,
                verdict.words()
            ),
        };
        Some(format!("the reference solution of {name} {why}"))
    }

    /// What is wrong with this machine, if that was found while a class was graded: what is not judged then
    /// is not the submissions' fault.
    pub fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
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
        let in_work = submissions
            .iter()
            .map(|submission| Ok(InWork::new(submission, self.left_behind(submission)?)))
            .collect::<Result<Vec<_>>>()?;
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

    /// What was handed in and not taken, the changes to given files with it.
    fn left_behind(&self, submission: &Collected) -> Result<Vec<String>> {
        let mut left_behind = submission.left_behind.clone();
        for (exercise, _) in &self.exercises {
            let Some(sources) = submission.sources.get(&exercise.name) else {
                continue;
            };
            let replaced = differences::replaced(exercise, sources)?;
            left_behind.extend(replaced.iter().map(|given| {
                format!(
                    "{}/{given}: it is given, and was changed; the course's own was used",
                    exercise.folder
                )
            }));
        }
        Ok(left_behind)
    }

    /// The verdict on one exercise, and what differs from the student's own checkout where it does not
    /// compile.
    fn judge(
        &self,
        submission: &Collected,
        exercise: &Exercise,
        stage: &Stage,
        journal: &Journal,
        core: usize,
    ) -> Result<GradedExercise> {
        let Some(sources) = submission.sources.get(&exercise.name) else {
            return Ok(without_checks(exercise, &Verdict::NotSubmitted, None));
        };
        let mut judged =
            self.recall_or_judge(submission, exercise, stage, journal, core, sources)?;
        if let Some(output) = &mut judged.compiler {
            differences::put_first(output, submission, exercise, sources)?;
        }
        Ok(judged)
    }

    /// The journal's verdict, or a new one.
    fn recall_or_judge(
        &self,
        submission: &Collected,
        exercise: &Exercise,
        stage: &Stage,
        journal: &Journal,
        core: usize,
        sources: &Sources,
    ) -> Result<GradedExercise> {
        let mut key = self.key.clone().with(&submission.name).with(&exercise.name);
        for (path, text) in sources {
            key = key.with(path).with(text);
        }
        let key = key.text();
        if let Some(known) = journal.get(&key) {
            return Ok(known);
        }
        let could_not = |reason| without_checks(exercise, &Verdict::CouldNotJudge(reason), None);
        if self.fault().is_some() {
            return Ok(could_not("the grading was stopped before".to_owned()));
        }
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let tried = self.attempt(exercise, stage, sources, core, scratch.path());
        let judged = match tried {
            Ok(tried) if tried.is_open() => self.blame(tried, exercise, stage, core),
            Ok(tried) => tried.graded(exercise),
            Err(error) => could_not(match self.find_fault(exercise, stage, core) {
                true => format!("{error:#}"),
                false => format!("{error:#} {REFERENCE_IS_JUDGED}"),
            }),
        };
        // What could not be judged is tried again the next time.
        if judged.is_final() {
            journal.put(&key, &submission.name, &judged)?;
        }
        Ok(judged)
    }

    /// Judges the reference solution to find out whether the machine is at fault, and notes what is wrong.
    fn find_fault(&self, exercise: &Exercise, stage: &Stage, core: usize) -> bool {
        match self.fault_of_reference(exercise, stage, core) {
            Some(fault) => {
                _ = self.fault.set(fault);
                true
            }
            None => false,
        }
    }

    /// Some checks could not judge. If the reference solution can't be judged either, the machine is at fault.
    /// Otherwise they are tried once more. A check that still can't judge, while the reference solution gets
    /// full marks before and after, has been kept from it by the program, if that was started at all.
    fn blame(
        &self,
        tried: Tried,
        exercise: &Exercise,
        stage: &Stage,
        core: usize,
    ) -> GradedExercise {
        if self.find_fault(exercise, stage, core) {
            return tried.graded(exercise);
        }
        let open: Vec<_> = tried.checked.iter().map(is_open).collect();
        let sandbox = &self.sandbox;
        let again = stage.run_again_in(sandbox, exercise, &tried.programs, &open, core);
        let Ok(again) = again else {
            return tried.graded(exercise);
        };
        let is_still_open = again.iter().flatten().any(is_open);
        let is_machine_well =
            !is_still_open || self.fault_of_reference(exercise, stage, core).is_none();
        let checks = exercise
            .checks
            .iter()
            .zip(tried.checked.into_iter().zip(again));
        let checks = checks.map(|(check, (first, again))| {
            let Some(again) = again else {
                return graded_check(check, first.verdict);
            };
            let verdict = match again.verdict {
                Verdict::CouldNotJudge(reason) if !is_machine_well => {
                    Verdict::CouldNotJudge(reason)
                }
                Verdict::CouldNotJudge(reason) if first.was_reached && again.was_reached => {
                    Verdict::Failed(vec![held_up(exercise, check, &reason)])
                }
                Verdict::CouldNotJudge(reason) => {
                    Verdict::CouldNotJudge(format!("{reason} {REFERENCE_IS_JUDGED}"))
                }
                verdict => verdict,
            };
            graded_check(check, verdict)
        });
        graded_exercise(exercise, checks.collect(), None)
    }

    fn compile_and_check(
        &self,
        exercise: &Exercise,
        stage: &Stage,
        sources: &Sources,
        core: usize,
    ) -> Result<GradedExercise> {
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let tried = self.attempt(exercise, stage, sources, core, scratch.path())?;
        Ok(tried.graded(exercise))
    }

    /// Compiles in this folder, and runs the checks.
    fn attempt(
        &self,
        exercise: &Exercise,
        stage: &Stage,
        sources: &Sources,
        core: usize,
        folder: &Path,
    ) -> Result<Tried> {
        let compiled = self
            .toolchain
            .compile(&self.sandbox, exercise, sources, folder)?;
        Ok(match compiled {
            Ok(programs) => Tried {
                checked: stage.run_all_in(
                    &self.sandbox,
                    exercise,
                    &programs,
                    CHECKS_AT_ONCE,
                    core,
                )?,
                programs,
                compiler: None,
            },
            Err(CompilerOutput(text)) => Tried {
                programs: Vec::new(),
                checked: Vec::new(),
                compiler: Some(text),
            },
        })
    }
}

/// What came of one attempt to judge an exercise.
struct Tried {
    programs: Vec<Executable>,
    /// In the order of the exercise's checks; none if it does not compile.
    checked: Vec<Checked>,
    /// What the compiler says, if it does not compile.
    compiler: Option<String>,
}

impl Tried {
    fn is_open(&self) -> bool {
        self.checked.iter().any(is_open)
    }

    fn graded(self, exercise: &Exercise) -> GradedExercise {
        if self.compiler.is_some() {
            return without_checks(exercise, &Verdict::DoesNotCompile, self.compiler);
        }
        let checks = exercise.checks.iter().zip(self.checked);
        let checks = checks.map(|(check, checked)| graded_check(check, checked.verdict));
        graded_exercise(exercise, checks.collect(), None)
    }
}

/// Whether the check could not judge.
fn is_open(checked: &Checked) -> bool {
    matches!(checked.verdict, Verdict::CouldNotJudge(_))
}

/// The first line with something in it.
fn one_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    lines
        .find(|line| !line.is_empty())
        .unwrap_or("no reason is given")
}

/// A submission some of whose exercises are judged.
struct InWork<'a> {
    collected: &'a Collected,
    left_behind: Vec<String>,
    /// By the exercises' places in the course.
    judged: Mutex<BTreeMap<usize, GradedExercise>>,
    graded: OnceLock<Graded>,
}

impl<'a> InWork<'a> {
    fn new(collected: &'a Collected, left_behind: Vec<String>) -> Self {
        Self {
            collected,
            left_behind,
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
                left_behind: self.left_behind.clone(),
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
pub fn usual_exercises_at_once() -> usize {
    EXERCISES_A_CORE * thread::available_parallelism().map_or(1, NonZero::get)
}

/// Of all that a verdict depends on but the submission: what was built to judge it with, the files of the
/// course's that are put into it, the compiler, the protection, and how patient the checks are.
fn key(sandbox: &Sandbox, toolchain: &Toolchain, exercises: &[(&Exercise, Stage)]) -> Result<Key> {
    let patience = env::var_os("PATIENCE").unwrap_or_default();
    let mut key = Key::default()
        .with(patience.as_encoded_bytes())
        .with(&toolchain.version)
        .with(sandbox.protection());
    let grader = env::current_exe().context("cannot find the grader's own executable")?;
    let checks = exercises
        .iter()
        .map(|(_, stage)| stage.executable().to_owned());
    let built = [
        grader,
        cargo::build_launcher()?,
        root().join("tests/course.toml"),
    ];
    for path in built.into_iter().chain(checks).chain(toolchain.libraries()) {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        key = key.with(bytes);
    }
    for (exercise, _) in exercises {
        for given in &exercise.given {
            key = key.with(given_file(exercise, given)?);
        }
    }
    Ok(key)
}
