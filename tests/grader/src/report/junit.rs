//! The class as `junit.xml`: a suite for each exercise of each submission, a case for each check.

use anyhow::Result;
use harness::sentence;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words::explanation;
use crate::verdict::{Class, Graded, GradedCheck, GradedExercise, Verdict};

pub(super) fn xml(class: &Class) -> Result<String> {
    let mut report = Report::new("class");
    for graded in &class.submissions {
        report.add_test_suites(
            graded
                .exercises
                .iter()
                .map(|exercise| suite(graded, exercise, &class.protection)),
        );
        if let Some(problem) = &graded.problem {
            report.add_test_suite(problem_suite(graded, problem));
        }
    }
    Ok(report.to_string()?)
}

fn suite(graded: &Graded, exercise: &GradedExercise, protection: &str) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} · {}", graded.submission, exercise.name));
    suite.add_property(("points", &*exercise.points.to_string()));
    suite.add_property(("of", &*exercise.of.to_string()));
    suite.add_property(("protection", protection));
    if let Some(compiler) = &exercise.compiler {
        suite.set_system_err(compiler);
    }
    suite.add_test_cases(exercise.checks.iter().map(|check| case(exercise, check)));
    suite
}

fn case(exercise: &GradedExercise, check: &GradedCheck) -> TestCase {
    let status = match check.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        // Not the submission's fault.
        Verdict::CouldNotJudge(_) => status(NonSuccessKind::Error, check),
        _ => status(NonSuccessKind::Failure, check),
    };
    let mut case = TestCase::new(sentence(&check.name), status);
    case.set_classname(format!("{}::{}", exercise.name, check.name));
    case.add_property(("points", &*check.points.to_string()));
    case.add_property(("of", &*check.of.to_string()));
    case
}

fn status(kind: NonSuccessKind, check: &GradedCheck) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(check.verdict.words());
    status.set_description(explanation(check));
    status
}

/// A submission that could not be graded has no checks, and must not look as if all were well.
fn problem_suite(graded: &Graded, problem: &str) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(problem);
    let mut suite = TestSuite::new(&*graded.submission);
    suite.add_test_case(TestCase::new("the submission can be graded", status));
    suite
}
