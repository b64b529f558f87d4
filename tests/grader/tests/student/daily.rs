//! A student's day with the edition: checks, points, hints, a new start.

use std::fs;
use std::path::Path;
use std::process::Command;

use grader::course::{Course, root};
use predicates::prelude::*;
use predicates::str::{contains, starts_with};

use crate::edition::Edition;

const EX01: &str = "ex01-single-loop";

#[test]
fn an_exercise_is_checked_without_a_network() {
    let edition = Edition::new();
    let test = || assert_cmd::Command::from(edition.cargo(&["test", "--locked", "-p", "ex01"]));
    test()
        .assert()
        .failure()
        .stdout(contains("error[not-implemented]"));
    edition.solve(EX01);
    test().assert().success();
}

#[test]
fn grading_ends_with_what_to_do_next() {
    let edition = Edition::new();
    edition
        .grade(&[])
        .assert()
        .success()
        .stdout(contains("exercises: 0 of 400 points"))
        .stdout(contains(
            "next: ex01 · every client gets its own timestamped reply\n      \
             write  exercises/ex01-single-loop/src/main.rs\n      \
             read   One server, one client at a time (book/src/ex01-single-loop.md)\n      \
             stuck  cargo grade --hint ex01\n",
        ));

    edition.solve(EX01);
    edition.write_main("ex02-threaded", "fn main() { nonsense }");
    edition
        .grade(&[])
        .assert()
        .success()
        .stdout(contains("next: ex02 has to compile"));
    edition
        .grade(&["--exercise", "ex01"])
        .assert()
        .success()
        .stdout(contains(
            "next: ex02 · A thread for each client (book/src/ex02-threaded.md)",
        ));

    for exercise in Course::read().unwrap().exercises {
        edition.solve(&exercise.folder);
    }
    edition
        .grade(&[])
        .assert()
        .success()
        .stdout(contains("exercises: 400 of 400 points"))
        .stdout(contains(
            "all done. Next: measure your servers (book/src/measure.md)",
        ));
}

#[test]
fn hints_come_one_after_another_and_then_the_last_again() {
    let edition = Edition::new();
    let hint = || edition.grade(&["--hint", "ex01"]).assert().success();
    hint()
        .stdout(starts_with("Hint 1: a nudge\n"))
        .stdout(contains("2 left."));
    hint()
        .stdout(starts_with("Hint 2: the concept\n"))
        .stdout(contains("1 left."));
    for _ in 0..2 {
        hint()
            .stdout(starts_with("Hint 3: nearly the code\n"))
            .stdout(contains("That was the last"));
    }
    // Each exercise has its own count.
    edition
        .grade(&["--hint", "ex02"])
        .assert()
        .success()
        .stdout(starts_with("Hint 1: a nudge\n"));
}

#[test]
fn all_hints_are_the_books_and_can_be_read_in_a_terminal() {
    let edition = Edition::new();
    for exercise in Course::read().unwrap().exercises {
        let output = edition
            .grade(&["--hint", &exercise.name, "--all"])
            .assert()
            .success()
            .stdout(contains("Hint 1: a nudge\n"))
            .stdout(contains("Hint 2: the concept\n"))
            .stdout(contains("Hint 3: nearly the code\n"))
            .get_output()
            .clone();
        let text = String::from_utf8(output.stdout).unwrap();
        for sign in ["<details>", "</summary>", "{{#include", "](", "&lt;"] {
            assert!(!text.contains(sign), "{}: {sign} in\n{text}", exercise.name);
        }
        let page = root().join(format!("book/src/hints/{}.md", exercise.name));
        let first = fs::read_to_string(page).unwrap();
        let first = first
            .lines()
            .find(|line| line.len() > 60)
            .unwrap()
            .to_owned();
        assert!(text.contains(&first), "{}: not the book's", exercise.name);
    }
    edition
        .grade(&["--hint", "ex99"])
        .assert()
        .failure()
        .stderr(contains("no exercise is called 'ex99'"));
}

#[test]
fn a_reset_brings_the_starter_back_and_keeps_the_work() {
    let edition = Edition::new();
    let reset = || edition.grade(&["--reset", "ex01"]).assert().success();
    reset().stdout(contains("nothing to do"));

    let work = "fn main() { /* hours of work */ }";
    edition.write_main(EX01, work);
    fs::create_dir(edition.source(EX01).join("server")).unwrap();
    fs::write(edition.source(EX01).join("server/mod.rs"), "// more").unwrap();
    for kept_before in 0..2 {
        reset()
            .stdout(contains("ex01 is the starter again"))
            .stdout(contains(
                "your work is kept in exercises/ex01-single-loop/src-",
            ));
        let kept = kept(&edition);
        assert_eq!(kept.len(), kept_before + 1);
        assert!(
            kept.iter()
                .all(|folder| { fs::read_to_string(folder.join("main.rs")).unwrap() == work })
        );
        assert!(!edition.source(EX01).join("server").exists());
        edition.write_main(EX01, work);
    }
    let first = &kept(&edition)[0];
    assert_eq!(
        fs::read_to_string(first.join("server/mod.rs")).unwrap(),
        "// more"
    );
}

/// The folders in which the work on exercise 1 is kept, the oldest first.
fn kept(edition: &Edition) -> Vec<std::path::PathBuf> {
    let package = edition.source(EX01).parent().unwrap().to_owned();
    let entries = fs::read_dir(package)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_kept = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("src-")
    };
    let mut kept: Vec<_> = entries.filter(|path| is_kept(path)).collect();
    kept.sort();
    kept
}

#[test]
fn other_peoples_work_is_refused() {
    let edition = Edition::new();
    let class = tempfile::tempdir().unwrap();
    fs::create_dir_all(class.path().join("alice").join(EX01).join("src")).unwrap();
    edition
        .grade(&[class.path().to_str().unwrap()])
        .assert()
        .failure()
        .stderr(contains("this is the student edition"))
        .stderr(predicate::function(|text: &str| text.lines().count() == 1));
}

#[test]
fn its_book_is_whole() {
    let edition = Edition::new();
    let html = tempfile::tempdir().unwrap();
    let built = Command::new("mdbook")
        .args(["build", "book", "--dest-dir"])
        .arg(html.path())
        .current_dir(edition.folder())
        .output();
    let Ok(output) = built else {
        return eprintln!("skipped: this machine has no mdbook");
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("ERROR") && !said.contains("WARN"), "{said}");
    assert!(html.path().join("ex04-thread-pool.html").exists());
    assert!(!html.path().join("solutions").exists());
}
