//! Runs the checks against each program of the corpus, and holds what they say against what they must
//! say.

use std::collections::BTreeMap;
use std::panic;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use grader::course::Exercise;
use grader::stage::{Command, Stage};
use grader::verdict::Verdict;

use crate::build::build;
use crate::{Corpus, Mutant, Variant};

/// How many programs are examined at the same time, and how many checks of each.
struct Pace {
    programs: usize,
    checks: usize,
    /// All checks of a program start at once, and take the most of the machine in their first second.
    stagger: Duration,
}

/// Most checks of a mutant wait for their deadline.
const MUTANTS: Pace = Pace {
    programs: 4,
    checks: 32,
    stagger: Duration::from_millis(1000),
};

/// The checks of a right program work all the time; an interpreter's start is work, too.
const VARIANTS: Pace = Pace {
    programs: 2,
    checks: 6,
    stagger: Duration::ZERO,
};

/// A program of the corpus with the verdict of every check.
pub struct Examined<'a> {
    pub program: Subject<'a>,
    pub exercise: &'a Exercise,
    /// In the order of the exercise's checks.
    pub verdicts: Vec<Verdict>,
}

#[derive(Clone, Copy)]
pub enum Subject<'a> {
    Mutant(&'a Mutant),
    Variant(&'a Variant),
}

impl Subject<'_> {
    pub fn name(&self) -> &str {
        match self {
            Self::Mutant(mutant) => &mutant.name,
            Self::Variant(variant) => &variant.name,
        }
    }
}

impl Corpus {
    /// Builds all programs and runs every check of its exercise against each.
    ///
    /// # Errors
    ///
    /// If a program or the checks can't be built.
    pub fn examine(&self) -> Result<Vec<Examined<'_>>> {
        let executables = build(self)?;
        let mut stages = BTreeMap::new();
        for exercise in &self.course.exercises {
            stages.insert(&*exercise.name, Stage::new(exercise)?);
        }
        let mut mutants = Vec::new();
        for mutant in &self.mutants {
            if let Some(missing) = mutant.missing() {
                eprintln!("skipped: {}: {missing}", mutant.name);
                continue;
            }
            let exercise = mutant
                .exercise(&self.course)
                .context("a mutant of no exercise")?;
            let commands = mutant_commands(mutant, exercise, &executables)?;
            mutants.push(Job {
                program: Subject::Mutant(mutant),
                exercise,
                commands,
            });
        }
        let mut variants = Vec::new();
        for variant in &self.variants {
            let exercise = variant
                .exercise(&self.course)
                .context("a variant of no exercise")?;
            let Some(command) = variant.command(exercise, &executables)? else {
                continue;
            };
            variants.push(Job {
                program: Subject::Variant(variant),
                exercise,
                commands: vec![command],
            });
        }
        let mut examined = examine_all(mutants, &stages, &MUTANTS)?;
        examined.extend(examine_all(variants, &stages, &VARIANTS)?);
        Ok(examined)
    }
}

/// A program that is to be examined.
struct Job<'a> {
    program: Subject<'a>,
    exercise: &'a Exercise,
    commands: Vec<Command>,
}

fn examine_all<'a>(
    jobs: Vec<Job<'a>>,
    stages: &BTreeMap<&str, Stage>,
    pace: &Pace,
) -> Result<Vec<Examined<'a>>> {
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let examine = || {
        let mut examined = Vec::new();
        while let Some((
            index,
            Job {
                program,
                exercise,
                commands,
            },
        )) = next()
        {
            let verdicts = stages[&*exercise.name].run_all(exercise, &commands, pace.checks)?;
            examined.push((
                index,
                Examined {
                    program,
                    exercise,
                    verdicts,
                },
            ));
        }
        Ok(examined)
    };
    let examined = thread::scope(|scope| {
        let start = |_| {
            let worker = scope.spawn(examine);
            thread::sleep(pace.stagger);
            worker
        };
        let workers: Vec<_> = (0..pace.programs).map(start).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Result<Vec<_>>>| {
            worker
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    // In order again.
    let examined: BTreeMap<usize, _> = examined.into_iter().flatten().collect();
    Ok(examined.into_values().collect())
}

fn mutant_commands(
    mutant: &Mutant,
    exercise: &Exercise,
    executables: &BTreeMap<String, PathBuf>,
) -> Result<Vec<Command>> {
    let programs = exercise.programs.iter();
    programs
        .map(|program| match &mutant.command {
            Some(command) => Ok(Command::new(program, command.clone())),
            None => {
                let suffix = program.strip_prefix(&exercise.name).unwrap_or_default();
                let name = format!("{}{suffix}", mutant.name);
                let path = executables
                    .get(&name)
                    .with_context(|| format!("{name} was not built"))?;
                Command::of_executable(program, path)
            }
        })
        .collect()
}

impl Examined<'_> {
    /// What is not as it must be, each in a line.
    pub fn faults(&self) -> Vec<String> {
        let checks = self.exercise.checks.iter().map(|check| check.name.as_str());
        let verdicts: Vec<_> = checks.zip(&self.verdicts).collect();
        let faults = match self.program {
            Subject::Mutant(mutant) => {
                let mut faults = mutant_faults(mutant, &verdicts);
                if mutant.mark != self.mark() {
                    faults.push(format!("its mark is {}, not {}", self.mark(), mutant.mark));
                }
                faults
            }
            Subject::Variant(_) => variant_faults(&verdicts),
        };
        faults
            .into_iter()
            .map(|fault| format!("{}: {fault}", self.program.name()))
            .collect()
    }

    /// The points that the program gets.
    pub fn mark(&self) -> u32 {
        let checks = self.exercise.checks.iter().zip(&self.verdicts);
        let passed = checks.filter(|(_, verdict)| matches!(verdict, Verdict::Passed));
        passed.map(|(check, _)| check.points).sum()
    }

    /// The same on a machine that is busy with something else, where the checks see less: every program
    /// still gets its mark.
    pub fn wrong_verdict(&self) -> Option<String> {
        let name = self.program.name();
        let failed =
            |verdict: &Verdict| !matches!(verdict, Verdict::Passed | Verdict::CouldNotJudge(_));
        match self.program {
            Subject::Mutant(mutant) => {
                let (mark, expected) = (self.mark(), mutant.mark);
                (mark != expected).then(|| format!("{name}: its mark is {mark}, not {expected}"))
            }
            Subject::Variant(_) => {
                let failed = self.verdicts.iter().find(|verdict| failed(verdict))?;
                Some(format!(
                    "{name}: a right program fails: {}",
                    details(failed)
                ))
            }
        }
    }

    /// How many checks could not judge it.
    pub fn open(&self) -> usize {
        let open = |verdict: &&Verdict| matches!(verdict, Verdict::CouldNotJudge(_));
        self.verdicts.iter().filter(open).count()
    }
}

fn variant_faults(verdicts: &[(&str, &Verdict)]) -> Vec<String> {
    let wrong = verdicts
        .iter()
        .filter(|(_, verdict)| !matches!(verdict, Verdict::Passed));
    wrong
        .map(|(check, verdict)| format!("a right program fails {check}: {}", details(verdict)))
        .collect()
}

fn mutant_faults(mutant: &Mutant, verdicts: &[(&str, &Verdict)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut is_diagnosed = false;
    for (check, verdict) in verdicts {
        let codes = verdict.codes();
        is_diagnosed |= codes.contains(&mutant.diagnosis.as_str());
        let confused = codes.iter().find(|&&code| {
            code != mutant.diagnosis && !mutant.also.iter().any(|also| also == code)
        });
        if let Some(code) = confused {
            faults.push(format!("{check} takes it for {code}"));
        }
        let passed = matches!(verdict, Verdict::Passed);
        if matches!(verdict, Verdict::CouldNotJudge(_)) {
            faults.push(format!("{check}: {}", details(verdict)));
        }
        if !passed && mutant.passes.iter().any(|name| name == check) {
            faults.push(format!(
                "{check} must pass, and fails: {}",
                details(verdict)
            ));
        }
        if passed && mutant.fails.iter().any(|name| name == check) {
            faults.push(format!("{check} must fail, and passes"));
        }
    }
    if !is_diagnosed {
        faults.push(format!("no check diagnoses {}", mutant.diagnosis));
    }
    faults
}

fn details(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Failed(diagnoses) => diagnoses
            .iter()
            .map(|diagnosis| format!("\n{diagnosis}"))
            .collect(),
        Verdict::CouldNotJudge(reason) => reason.clone(),
        _ => verdict.words(),
    }
}
