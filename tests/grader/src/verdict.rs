//! What grading finds: one typed verdict, of which every report is a rendering.

use harness::Diagnosis;
use serde::Serialize;

/// A submission's verdict.
#[derive(Serialize)]
pub(crate) struct Graded {
    pub(crate) submission: String,
    pub(crate) exercises: Vec<GradedExercise>,
}

#[derive(Serialize)]
pub(crate) struct GradedExercise {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) points: u32,
    pub(crate) of: u32,
    /// What the compiler said, if it did not compile.
    pub(crate) compiler: Option<String>,
    pub(crate) checks: Vec<GradedCheck>,
}

#[derive(Serialize)]
pub(crate) struct GradedCheck {
    pub(crate) name: String,
    pub(crate) points: u32,
    pub(crate) of: u32,
    pub(crate) verdict: Verdict,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Passed,
    Failed(Box<Diagnosis>),
    /// A `todo!` is still on the program's way.
    NotImplemented(Box<Diagnosis>),
    DoesNotCompile,
    /// The exercise's folder is not in the submission.
    NotSubmitted,
    /// The check itself failed: not the submission's fault.
    CouldNotJudge(String),
}

impl Graded {
    pub(crate) fn points(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.points).sum()
    }

    pub(crate) fn of(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.of).sum()
    }

    /// Whether every check could judge.
    pub(crate) fn is_final(&self) -> bool {
        let mut checks = self.exercises.iter().flat_map(|exercise| &exercise.checks);
        !checks.any(|check| matches!(check.verdict, Verdict::CouldNotJudge(_)))
    }
}

impl GradedExercise {
    /// The first check that did not pass.
    pub(crate) fn first_failure(&self) -> Option<&GradedCheck> {
        self.checks
            .iter()
            .find(|check| !matches!(check.verdict, Verdict::Passed))
    }
}

impl Verdict {
    /// In a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Passed => "passed".into(),
            Self::Failed(diagnosis) => format!("failed: {}", diagnosis.code),
            Self::NotImplemented(_) => "not implemented".into(),
            Self::DoesNotCompile => "does not compile".into(),
            Self::NotSubmitted => "not submitted".into(),
            Self::CouldNotJudge(_) => "could not judge".into(),
        }
    }
}
