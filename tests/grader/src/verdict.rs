//! What grading finds: one typed verdict, of which every report is a rendering.

use harness::Diagnosis;
use serde::{Deserialize, Serialize};

/// A class: all that one grading found.
#[derive(Clone, Deserialize, Serialize)]
pub struct Class {
    /// What kept the machine safe from the submissions, in a sentence.
    pub protection: String,
    /// In the order of their names.
    pub submissions: Vec<Graded>,
}

/// A submission's verdict.
#[derive(Clone, Deserialize, Serialize)]
pub struct Graded {
    pub submission: String,
    /// Why nothing of it could be graded: a corrupt archive, no exercise in it.
    pub problem: Option<String>,
    /// What was handed in and not taken: everything but the exercises' `src/**/*.rs`.
    pub left_behind: Vec<String>,
    pub exercises: Vec<GradedExercise>,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct GradedExercise {
    pub name: String,
    pub title: String,
    pub points: u32,
    pub of: u32,
    /// What the compiler said, if it did not compile.
    pub compiler: Option<String>,
    pub checks: Vec<GradedCheck>,
    /// What the checks can't see, if they found nothing else to say.
    #[serde(default)]
    pub not_judged: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct GradedCheck {
    pub name: String,
    pub points: u32,
    pub of: u32,
    pub verdict: Verdict,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Passed,
    /// The diagnosis of each case that failed, in the order of their names.
    Failed(Vec<Diagnosis>),
    /// A `todo!` is still on the program's way.
    NotImplemented(Vec<Diagnosis>),
    DoesNotCompile,
    /// The exercise's folder is not in the submission.
    NotSubmitted,
    /// The check itself failed: not the submission's fault.
    CouldNotJudge(String),
}

impl Graded {
    pub fn points(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.points).sum()
    }

    pub fn of(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.of).sum()
    }

    /// Whether every check could judge.
    pub fn is_final(&self) -> bool {
        self.exercises.iter().all(GradedExercise::is_final)
    }
}

impl GradedExercise {
    /// Whether every check could judge.
    pub fn is_final(&self) -> bool {
        let could_not = |check: &GradedCheck| matches!(check.verdict, Verdict::CouldNotJudge(_));
        !self.checks.iter().any(could_not)
    }

    /// The first check that did not pass.
    pub fn first_failure(&self) -> Option<&GradedCheck> {
        self.checks
            .iter()
            .find(|check| !matches!(check.verdict, Verdict::Passed))
    }
}

impl Verdict {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Passed => "passed".into(),
            Self::Failed(_) => format!("failed: {}", self.codes().join(", ")),
            Self::NotImplemented(_) => "not implemented".into(),
            Self::DoesNotCompile => "does not compile".into(),
            Self::NotSubmitted => "not submitted".into(),
            Self::CouldNotJudge(_) => "could not judge".into(),
        }
    }

    /// The codes of its diagnoses, each once.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<_> = match self {
            Self::Failed(diagnoses) | Self::NotImplemented(diagnoses) => {
                diagnoses.iter().map(|diagnosis| &*diagnosis.code).collect()
            }
            _ => Vec::new(),
        };
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}
