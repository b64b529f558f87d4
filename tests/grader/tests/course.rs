//! Holds tests/course.toml against what there is, both ways: the folders, the packages, the checks
//! and the chapters. An exercise that is added in one of these places and forgotten in another fails
//! here.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use grader::cargo;
use grader::course::{Course, Exercise, root};
use serde::Deserialize;

fn course() -> Course {
    Course::read().unwrap()
}

/// The names of what is in a folder of this checkout.
fn entries(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn of_each(course: &Course, name: impl Fn(&Exercise) -> String) -> BTreeSet<String> {
    course.exercises.iter().map(name).collect()
}

/// `ex01-single-loop.md`, but not `experiments.md`.
fn is_of_an_exercise(name: &str) -> bool {
    let number = name.strip_prefix("ex");
    number.is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[test]
fn an_exercise_has_100_points() {
    for exercise in course().exercises {
        let points: u32 = exercise.checks.iter().map(|check| check.points).sum();
        assert_eq!(
            points, 100,
            "{}: change the points in tests/course.toml",
            exercise.name
        );
        let without = exercise.checks.iter().find(|check| check.points == 0);
        assert!(
            without.is_none(),
            "{}: a check without points",
            exercise.name
        );
    }
}

#[test]
fn the_folders_are_those_of_the_exercises() {
    let course = course();
    let folders = of_each(&course, |exercise| exercise.folder.clone());
    assert_eq!(
        entries("exercises"),
        folders,
        "exercises/ and tests/course.toml differ"
    );
    assert_eq!(
        entries("solutions"),
        folders,
        "solutions/ and tests/course.toml differ"
    );
}

#[test]
fn each_exercise_has_its_checks_file() {
    let files = entries("tests");
    let exercises: BTreeSet<_> = files
        .iter()
        .filter_map(|file| file.strip_suffix(".rs"))
        .filter(|name| is_of_an_exercise(name))
        .map(str::to_owned)
        .collect();
    let names = of_each(&course(), |exercise| exercise.name.clone());
    assert_eq!(
        exercises, names,
        "tests/ex*.rs and tests/course.toml differ"
    );
}

#[test]
fn each_exercise_has_its_chapter() {
    let names = of_each(&course(), |exercise| format!("{}.md", exercise.folder));
    let chapters: BTreeSet<_> = entries("book/src")
        .into_iter()
        .filter(|file| is_of_an_exercise(file))
        .collect();
    assert_eq!(
        chapters, names,
        "book/src/ex*.md and tests/course.toml differ"
    );

    let summary = fs::read_to_string(root().join("book/src/SUMMARY.md")).unwrap();
    for exercise in &course().exercises {
        let entry = format!("[{}]({}.md)", exercise.title, exercise.folder);
        assert!(
            summary.contains(&entry),
            "book/src/SUMMARY.md lacks {entry}"
        );
    }
}

#[test]
fn the_checks_are_those_that_are_compiled() {
    for exercise in course().exercises {
        let checks = cargo::build_checks(&exercise).unwrap();
        let compiled: BTreeSet<_> = cargo::list_tests(&checks.path)
            .unwrap()
            .into_iter()
            .map(|test| test.split("::case_").next().unwrap().to_owned())
            .collect();
        let listed: BTreeSet<_> = exercise
            .checks
            .iter()
            .map(|check| check.name.clone())
            .collect();
        assert_eq!(
            listed.len(),
            exercise.checks.len(),
            "{}: a check twice",
            exercise.name
        );
        assert_eq!(
            compiled, listed,
            "tests/{}.rs and tests/course.toml differ",
            exercise.name
        );
    }
}

#[test]
fn given_files_are_the_same_in_the_exercise_and_the_solution() {
    for exercise in course().exercises {
        for given in &exercise.given {
            let read = |parent: &str| {
                fs::read_to_string(root().join(parent).join(&exercise.folder).join(given)).unwrap()
            };
            assert!(
                read("exercises") == read("solutions"),
                "{}: {given} is given, and differs between exercises/ and solutions/",
                exercise.name
            );
        }
    }
}

/// `cargo grade --reset` puts back what is kept in tests/starters/.
#[test]
fn the_starters_that_are_kept_are_the_exercises() {
    let course = course();
    let folders = of_each(&course, |exercise| exercise.folder.clone());
    assert_eq!(
        entries("tests/starters"),
        folders,
        "tests/starters/ and tests/course.toml differ"
    );
    for exercise in &course.exercises {
        let [kept, own] = ["tests/starters", "exercises"].map(|parent| {
            let folder = format!("{parent}/{}/src", exercise.folder);
            let files = entries(&folder).into_iter().map(|file| {
                let text = fs::read_to_string(root().join(&folder).join(&file)).unwrap();
                (file, text)
            });
            files.collect::<BTreeMap<_, _>>()
        });
        assert!(
            kept == own,
            "copy exercises/{0}/src to tests/starters/{0}: they differ",
            exercise.folder
        );
        assert!(
            own.contains_key(exercise.task.trim_start_matches("src/")),
            "{}: no {}",
            exercise.name,
            exercise.task
        );
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Cargo only warns of two programs of one name, and then one package's checks run the other's
/// program.
#[test]
fn no_two_programs_share_a_name() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    let mut owners = BTreeMap::new();
    for package in metadata.packages {
        for target in package
            .targets
            .iter()
            .filter(|target| target.kind.contains(&"bin".into()))
        {
            let other = owners.insert(target.name.clone(), package.name.clone());
            assert_eq!(
                other, None,
                "{} and another package build `{}`",
                package.name, target.name
            );
        }
    }
    for exercise in course().exercises {
        for program in &exercise.programs {
            assert_eq!(
                owners.get(program),
                Some(&exercise.name),
                "who builds {program}?"
            );
        }
    }
}
