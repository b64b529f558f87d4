//! What a student does next: the last lines of `cargo grade`.

use std::fmt::Write as _;

use harness::sentence;

use grader::course::Course;
use grader::verdict::{Graded, Verdict};

pub(crate) const ALL_DONE: &str = "all done. Next: measure your servers (book/src/measure.md), then go \
                                   on (book/src/next.md)";

/// Of each exercise with all of its points, what the checks could not see.
pub(crate) fn not_judged(graded: &Graded) -> String {
    let notes = graded.exercises.iter().filter_map(|exercise| {
        let note = exercise.not_judged.as_ref()?;
        Some(format!("{}: not judged: {note}\n", exercise.name))
    });
    notes.collect()
}

/// The first check that has not passed, where its code is, and what to read.
pub(crate) fn step(graded: &Graded, course: &Course) -> String {
    let exercises = graded.exercises.iter();
    let open = exercises
        .filter_map(|exercise| Some((exercise, exercise.first_failure()?)))
        .next();
    let Some((graded, check)) = open else {
        return all_done(graded, course);
    };
    let name = &graded.name;
    let mut text = match check.verdict {
        Verdict::DoesNotCompile => format!("next: {name} has to compile\n"),
        Verdict::CouldNotJudge(_) => format!("next: {name} could not be judged; try again\n"),
        _ => format!("next: {name} · {}\n", sentence(&check.name)),
    };
    if let Some(exercise) = course
        .exercises
        .iter()
        .find(|exercise| exercise.name == *name)
    {
        let _ = write!(
            text,
            "      write  exercises/{}/{}\n      \
             read   {} ({})\n      \
             stuck  cargo grade --hint {name}\n",
            exercise.folder,
            exercise.task,
            exercise.title,
            exercise.chapter(),
        );
    }
    text
}

fn all_done(graded: &Graded, course: &Course) -> String {
    let open = course.exercises.iter().find(|exercise| {
        let mut names = graded.exercises.iter().map(|graded| &graded.name);
        !names.any(|name| *name == exercise.name)
    });
    match open {
        Some(exercise) => format!(
            "next: {} · {} ({})\n",
            exercise.name,
            exercise.title,
            exercise.chapter()
        ),
        None => format!("{ALL_DONE}\n"),
    }
}
