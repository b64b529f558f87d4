//! Sentences that several reports have in common.

use crate::verdict::{Graded, GradedCheck, Verdict};

/// Why the check gave no points; nothing if it did.
pub(super) fn explanation(check: &GradedCheck) -> String {
    match &check.verdict {
        Verdict::Failed(diagnoses) | Verdict::NotImplemented(diagnoses) => {
            let texts: Vec<_> = diagnoses.iter().map(|each| each.text(false)).collect();
            texts.join("\n")
        }
        Verdict::CouldNotJudge(reason) => format!("could not judge: {reason}"),
        Verdict::DoesNotCompile | Verdict::NotSubmitted => check.verdict.words(),
        Verdict::Passed => String::new(),
    }
}

/// What is to be known of the submission as a whole, a paragraph each.
pub(super) fn remarks(graded: &Graded, protection: &str) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(problem) = &graded.problem {
        remarks.push(format!("It could not be graded: {problem}"));
    }
    if !graded.is_final() {
        remarks.push("These points are not final: some checks could not judge.".into());
    }
    for exercise in &graded.exercises {
        if let Some(compiler) = &exercise.compiler {
            remarks.push(format!("{} does not compile:\n{compiler}", exercise.name));
        }
    }
    if !graded.left_behind.is_empty() {
        let left_behind = graded.left_behind.join("\n  ");
        remarks.push(format!(
            "Left behind, as no part of what is graded:\n  {left_behind}"
        ));
    }
    remarks.push(format!("Protection: {protection}"));
    remarks
}
