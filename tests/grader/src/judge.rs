//! Judges a submission: builds its exercises and runs their checks.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};

use crate::cargo::{self, CompilerOutput, Executable};
use crate::course::{Check, Exercise};
use crate::stage::{Command, Stage};
use crate::submission::Submission;
use crate::verdict::{Graded, GradedCheck, GradedExercise, Verdict};
use crate::workspace::Workspace;

/// How many checks run at the same time: they wait more than they work.
const CHECKS_AT_ONCE: usize = 16;

/// Judges these exercises of the submission.
pub fn judge(submission: &Submission, exercises: &[&Exercise]) -> Result<Graded> {
    let workspace = Workspace::new(submission, exercises)?;
    let exercises = exercises
        .iter()
        .map(|exercise| judge_exercise(submission, &workspace, exercise))
        .collect::<Result<_>>()?;
    Ok(Graded {
        submission: submission.name.clone(),
        problem: None,
        left_behind: Vec::new(),
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
    let stage = Stage::new(exercise)?;
    let commands = commands(exercise, &programs)?;
    progress(&format!("{}: checking {}", submission.name, exercise.name));
    let verdicts = stage.run_all(exercise, &commands, CHECKS_AT_ONCE);
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
