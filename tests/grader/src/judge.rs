//! Judges this checkout's own exercises, or its solutions: builds them where they are and runs their
//! checks, without a sandbox.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};

use crate::cargo::{self, CompilerOutput, Executable, WithChecks};
use crate::course::{Check, Exercise};
use crate::own::Own;
use crate::stage::{Command, Stage};
use crate::verdict::{Graded, GradedCheck, GradedExercise, Verdict};

/// How many checks run at the same time: they wait more than they work.
const CHECKS_AT_ONCE: usize = 16;

/// Judges these exercises of one of this checkout's own folders.
pub fn judge(own: Own, exercises: &[&Exercise]) -> Result<Graded> {
    let exercises = exercises
        .iter()
        .map(|exercise| judge_exercise(own, exercise))
        .collect::<Result<_>>()?;
    Ok(Graded {
        submission: own.folder().into(),
        problem: None,
        left_behind: Vec::new(),
        exercises,
    })
}

fn judge_exercise(own: Own, exercise: &Exercise) -> Result<GradedExercise> {
    progress(&format!("{}: building {}", own.folder(), exercise.name));
    let WithChecks { programs, checks } = match cargo::build_with_checks(&own.package(exercise))? {
        Ok(built) => built,
        Err(CompilerOutput(output)) => {
            return Ok(without_checks(
                exercise,
                &Verdict::DoesNotCompile,
                Some(output),
            ));
        }
    };
    let stage = Stage::of(checks)?;
    let commands = commands(exercise, &programs)?;
    progress(&format!("{}: checking {}", own.folder(), exercise.name));
    let verdicts = stage.run_all(exercise, &commands, CHECKS_AT_ONCE)?;
    let checks = exercise.checks.iter().zip(verdicts);
    let checks = checks
        .map(|(check, verdict)| graded_check(check, verdict))
        .collect();
    Ok(graded_exercise(exercise, checks, None))
}

/// The command for each of the exercise's programs.
fn commands(exercise: &Exercise, built: &[Executable]) -> Result<Vec<Command>> {
    let command = |program: &String| {
        let executable = built
            .iter()
            .find(|executable| executable.name.replace("-solution", "") == *program)
            .with_context(|| format!("{} does not build the program {program}", exercise.name))?;
        Command::of_executable(program, &executable.path)
    };
    exercise.programs.iter().map(command).collect()
}

pub(crate) fn without_checks(
    exercise: &Exercise,
    verdict: &Verdict,
    compiler: Option<String>,
) -> GradedExercise {
    let checks = exercise
        .checks
        .iter()
        .map(|check| graded_check(check, verdict.clone()))
        .collect();
    graded_exercise(exercise, checks, compiler)
}

pub(crate) fn graded_check(check: &Check, verdict: Verdict) -> GradedCheck {
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

pub(crate) fn graded_exercise(
    exercise: &Exercise,
    checks: Vec<GradedCheck>,
    compiler: Option<String>,
) -> GradedExercise {
    let points = checks.iter().map(|check| check.points).sum();
    let of = checks.iter().map(|check| check.of).sum();
    GradedExercise {
        name: exercise.name.clone(),
        title: exercise.title.clone(),
        points,
        of,
        not_judged: (points == of).then(|| exercise.not_judged.clone()),
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
