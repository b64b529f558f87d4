//! A submission's results as Gradescope takes them from an autograder: `results.json`.

use anyhow::Result;
use harness::sentence;
use serde_json::{Value, json};

use super::plain_graded;
use super::words::{explanation, remarks};
use crate::verdict::{Graded, Verdict};

/// The submission's `results.json`, as
/// <https://gradescope-autograders.readthedocs.io/en/latest/specs/> has it.
///
/// Gradescope knows `passed` and `failed` alone: a check that could not judge has no status, and the
/// output says so.
pub fn results(graded: &Graded, protection: &str) -> Result<Value> {
    let graded = plain_graded(graded)?;
    let mut tests = Vec::new();
    for (at, exercise) in graded.exercises.iter().enumerate() {
        for (index, check) in exercise.checks.iter().enumerate() {
            let mut test = json!({
                "name": format!("{}: {}", exercise.name, sentence(&check.name)),
                "number": format!("{}.{}", at + 1, index + 1),
                "score": check.points,
                "max_score": check.of,
                "output": explanation(check),
                "output_format": "text",
                "visibility": "visible",
            });
            match check.verdict {
                Verdict::Passed => test["status"] = "passed".into(),
                Verdict::CouldNotJudge(_) => {}
                _ => test["status"] = "failed".into(),
            }
            tests.push(test);
        }
    }
    Ok(json!({
        "score": graded.points(),
        "output": remarks(&graded, protection).join("\n\n"),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }))
}
