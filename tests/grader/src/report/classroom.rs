//! A submission's result as Classroom 50 takes it from an autograder: `result.json`. (GitHub
//! Classroom, whose reporter took a format of its own, has been shut down.)

use anyhow::Result;
use serde_json::{Value, json};

use super::plain_graded;
use super::words::{explanation, remarks};
use crate::verdict::{Graded, Verdict};

/// The part of `result.json` that grading decides, as
/// <https://github.com/foundation50/classroom50/wiki/Advanced-Autograding#the-resultjson-contract>
/// has it; what a test has beyond the contract is kept there as it is.
///
/// Whose submission it is (`classroom`, `assignment`, `submission`, `commit`, `release`, `review`,
/// `datetime`) the runner tells the autograder that calls this, in environment variables.
pub fn result(graded: &Graded, protection: &str) -> Result<Value> {
    let graded = plain_graded(graded)?;
    let tests = graded.exercises.iter().flat_map(|exercise| {
        exercise.checks.iter().map(|check| {
            json!({
                "test-name": format!("{}::{}", exercise.name, check.name),
                "passed": matches!(check.verdict, Verdict::Passed),
                "score": check.points,
                "max-score": check.of,
                "verdict": check.verdict.words(),
                "message": explanation(check),
            })
        })
    });
    Ok(json!({
        "schema": "classroom50/result/v1",
        "score": graded.points(),
        "max-score": graded.of(),
        "final": graded.is_final(),
        "message": remarks(&graded, protection).join("\n\n"),
        "tests": tests.collect::<Vec<_>>(),
    }))
}
