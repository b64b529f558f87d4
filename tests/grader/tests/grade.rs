//! `cargo grade` as its users call it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use grader::sandbox::for_strangers;
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn grade() -> Command {
    let mut command = Command::new(cargo_bin!("grade"));
    command.current_dir(root());
    command
}

/// `cargo grade` of somebody's submission, with its reports in a folder of this test's own; without a
/// sandbox where there is none.
fn grade_into(reports: &Path) -> Command {
    let mut command = grade();
    command.arg("--report").arg(reports);
    if for_strangers(false).is_err() {
        command.arg("--no-sandbox");
    }
    command
}

/// The verdicts of the checks of one submission, as `cargo grade --json` prints them.
fn checks(arguments: &[&str]) -> Vec<Value> {
    let reports = tempfile::tempdir().unwrap();
    let output = grade_into(reports.path())
        .arg("--json")
        .args(arguments)
        .assert()
        .success()
        .get_output()
        .clone();
    let submissions: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let exercises = submissions[0]["exercises"].as_array().unwrap().clone();
    exercises
        .iter()
        .flat_map(|exercise| exercise["checks"].as_array().unwrap().clone())
        .collect()
}

/// A folder with one exercise folder whose src/main.rs holds this text.
fn submission(folder: &str, main: &str) -> tempfile::TempDir {
    let submission = tempfile::tempdir().unwrap();
    let src = submission.path().join(folder).join("src");
    fs::create_dir_all(&src).unwrap();
    fs::write(src.join("main.rs"), main).unwrap();
    submission
}

#[test]
fn the_solutions_get_full_marks() {
    for check in checks(&["solutions"]) {
        assert_eq!(check["verdict"], "passed", "{check:#}");
        assert_eq!(check["points"], check["of"]);
    }
}

#[test]
fn every_check_says_of_a_starter_that_it_is_not_implemented_and_where() {
    for exercise in fs::read_dir(root().join("exercises")).unwrap() {
        let folder = exercise.unwrap().file_name().into_string().unwrap();
        let name = folder.split('-').next().unwrap();
        for check in checks(&["exercises", "--exercise", name]) {
            let summary = check["verdict"]["not-implemented"][0]["summary"].as_str();
            let summary = summary.unwrap_or_else(|| panic!("{check:#}"));
            assert!(
                summary.starts_with(&format!("exercises/{folder}/src/")),
                "{summary}"
            );
            assert!(summary.contains("not yet implemented"), "{summary}");
            assert!(
                summary.contains(&format!("book/src/{folder}.md")),
                "{summary}"
            );
            assert_eq!(check["points"], 0);
        }
    }
}

#[test]
fn a_submission_elsewhere_is_graded() {
    let main = root().join("solutions/ex01-single-loop/src/main.rs");
    let submission = submission("ex01-single-loop", &fs::read_to_string(main).unwrap());
    let path = submission.path().to_str().unwrap();
    for check in checks(&[path, "--exercise", "ex01"]) {
        assert_eq!(check["verdict"], "passed", "{check:#}");
    }
    for check in checks(&[path, "--exercise", "ex02"]) {
        assert_eq!(check["verdict"], "not-submitted", "{check:#}");
    }
}

#[test]
fn an_exercise_that_does_not_compile_costs_only_itself() {
    let submission = submission(
        "ex01-single-loop",
        "fn main() { let port: u16 = \"5000\"; }",
    );
    let main = root().join("solutions/ex02-threaded/src/main.rs");
    let src = submission.path().join("ex02-threaded/src");
    fs::create_dir_all(&src).unwrap();
    fs::copy(main, src.join("main.rs")).unwrap();
    let reports = tempfile::tempdir().unwrap();
    grade_into(reports.path())
        .arg(submission.path())
        .args(["--exercise", "ex01", "--exercise", "ex02"])
        .assert()
        .success()
        .stdout(contains("ex01 does not compile"))
        .stdout(contains("mismatched types"))
        .stdout(contains("100 of 200 points"));
}

#[test]
fn the_table_shows_each_check_and_the_points() {
    grade()
        .args(["exercises", "--exercise", "ex01"])
        .assert()
        .success()
        .stdout(contains("exercises: 0 of 100 points"))
        .stdout(contains("every client gets its own timestamped reply"))
        .stdout(contains("not implemented"))
        .stdout(contains(
            "error[not-implemented]: exercises/ex01-single-loop/src/main.rs",
        ));
}

#[test]
fn each_diagnosis_has_its_lesson() {
    for code in harness::CODES {
        let heading = format!("# {}: ", code.name);
        assert!(
            code.lesson.starts_with(&heading),
            "{}.md must begin with {heading}",
            code.name
        );
        assert!(
            code.lesson.contains("**What to change.**"),
            "{}.md says nothing to do",
            code.name
        );
    }
    grade()
        .args(["--explain", "serial-service"])
        .assert()
        .success()
        .stdout(contains("# serial-service: "))
        .stdout(contains("Read on in the book: A thread for each client"));
}

#[test]
fn each_diagnosis_names_a_chapter_that_exists() {
    let summary = fs::read_to_string(root().join("book/src/SUMMARY.md")).unwrap();
    for code in harness::CODES {
        let entry = format!("[{}](", code.chapter);
        assert!(
            summary.contains(&entry),
            "{}: no chapter {}",
            code.name,
            code.chapter
        );
    }
}

#[test]
fn an_unknown_diagnosis_lists_the_nearest() {
    grade()
        .args(["--explain", "serial-servce"])
        .assert()
        .failure()
        .stdout(is_empty())
        .stderr(contains(
            "no diagnosis is called 'serial-servce'; did you mean serial-service",
        ))
        .stderr(is_one_line());
}

#[test]
fn an_unknown_exercise_is_refused() {
    grade()
        .args(["--exercise", "ex99"])
        .assert()
        .failure()
        .stdout(is_empty())
        .stderr(contains(
            "no exercise is called 'ex99'; choose from ex01, ex02, ex03, ex04",
        ))
        .stderr(is_one_line());
}

#[test]
fn a_folder_without_submissions_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    grade()
        .arg(empty.path())
        .assert()
        .failure()
        .stdout(is_empty())
        .stderr(contains(
            "holds no submission: name a folder that holds folders or archives",
        ))
        .stderr(is_one_line());
}

#[test]
fn a_folder_that_is_not_there_is_refused_before_anything_is_graded() {
    grade()
        .args(["solutions", "no/such/folder"])
        .assert()
        .failure()
        .stdout(is_empty())
        .stderr(contains("cannot open no/such/folder"))
        .stderr(is_one_line());
}

fn is_one_line() -> impl Predicate<str> {
    predicate::function(|text: &str| text.trim_end().lines().count() == 1)
}
