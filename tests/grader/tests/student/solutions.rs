//! Nothing of a solution is in the edition.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use grader::course::{Course, root};

use crate::edition::Edition;

/// A shorter line says nothing: `.enumerate()`.
const TELLING: usize = 16;

#[test]
fn no_line_of_a_solution_is_in_it() {
    let mut solutions = lines_below("solutions");
    assert!(solutions.len() > 100, "where are the solutions?");
    for given in lines_below("tests/starters") {
        solutions.remove(&given);
    }
    // What the book shows on its way is no secret; its pages of solutions are not in the edition.
    for shown in lines_below("book/listings") {
        solutions.remove(&shown);
    }
    let edition = Edition::new();
    for file in edition.files() {
        // A picture is not text.
        let Ok(text) = fs::read_to_string(edition.folder().join(&file)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            assert!(
                !solutions.contains(line.trim()),
                "{file}:{}: a line of a solution: {line}",
                number + 1
            );
        }
    }
}

#[test]
fn what_would_lead_to_a_solution_is_not_in_it() {
    let edition = Edition::new();
    for file in edition.files() {
        let is_out = ["solutions", "corpus", "platforms", "tests/grader/tests"];
        assert!(!is_out.iter().any(|name| file.contains(name)), "{file}");
    }
    let read = |file: &str| fs::read_to_string(edition.folder().join(file)).unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "book/src/SUMMARY.md"] {
        let text = read(file);
        assert!(!text.contains("solution"), "{file}: {text}");
    }
}

#[test]
fn the_exercises_in_it_are_the_starters() {
    let edition = Edition::new();
    for exercise in Course::read().unwrap().exercises {
        let starter = root()
            .join("tests/starters")
            .join(&exercise.folder)
            .join("src");
        for file in fs::read_dir(starter).unwrap() {
            let file = file.unwrap();
            let own = edition.source(&exercise.folder).join(file.file_name());
            assert!(
                fs::read(file.path()).unwrap() == fs::read(&own).unwrap(),
                "{}",
                own.display()
            );
        }
    }
}

/// The telling lines of all sources below a folder of this checkout.
fn lines_below(folder: &str) -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&root().join(folder), &mut files);
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts
        .flat_map(|text| {
            let lines = text.lines().map(|line| line.trim().to_owned());
            lines.filter(|line| is_telling(line)).collect::<Vec<_>>()
        })
        .collect()
}

fn is_telling(line: &str) -> bool {
    line.len() >= TELLING && !line.starts_with("use ")
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
