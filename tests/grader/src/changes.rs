//! Marks that differ from those of an earlier grading.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::Result;

use grader::plain::plain_line;
use grader::verdict::{Class, Graded};

/// A line for each submission whose marks were other ones before.
pub(crate) fn between(before: &Class, after: &Class) -> Vec<String> {
    let marks = |class: &Class| -> BTreeMap<String, String> {
        let line = |graded: &Graded| (graded.submission.clone(), words(graded));
        class.submissions.iter().map(line).collect()
    };
    let (before, after) = (marks(before), marks(after));
    let mut changes = Vec::new();
    for (name, old) in &before {
        match after.get(name) {
            Some(new) if new == old => {}
            Some(new) => changes.push(format!("{}: {old} -> {new}", plain_line(name))),
            None => changes.push(format!(
                "{}: {old} -> not graded any more",
                plain_line(name)
            )),
        }
    }
    changes
}

/// Asks, where somebody is there to answer.
pub(crate) fn are_agreed_to() -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("write them? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn words(graded: &Graded) -> String {
    let parts = graded
        .exercises
        .iter()
        .map(|exercise| format!("{} {}", exercise.name, exercise.points));
    let parts: Vec<_> = parts.collect();
    format!("{} ({})", graded.points(), parts.join(", "))
}
