//! Diagnoses and checks that a page names exist, and the mistakes of a chapter are those of its exercise.

use std::collections::BTreeSet;
use std::fs;

use grader::course::Course;
use harness::CODES;

use crate::chapter::chapters;
use crate::{expect_none, repository};

#[test]
fn diagnoses_exist() {
    let mut faults = Vec::new();
    for chapter in chapters() {
        let linked = chapter.links.iter().filter_map(|link| {
            let (page, code) = link.split_once('#')?;
            page.ends_with("diagnoses.md").then_some(code)
        });
        let explained = chapter.text.split("--explain ").skip(1).filter_map(|rest| {
            rest.split(|sign: char| sign != '-' && !sign.is_alphanumeric())
                .next()
        });
        for code in linked.chain(explained) {
            if code != "CODE" && !code.is_empty() && !CODES.iter().any(|known| known.name == code) {
                faults.push(format!("{}: no diagnosis is called {code}", chapter.name));
            }
        }
    }
    expect_none(faults);
}

/// The corpus holds that a mistake gets its diagnosis; this, that a chapter's table names mistakes of its
/// own exercise, or of the protocol, which all servers share.
#[test]
fn common_mistakes_are_those_of_the_exercise() {
    let chapters = chapters();
    let mutants = mutants();
    let mut faults = Vec::new();
    for exercise in Course::read().expect("the course").exercises {
        let name = format!("{}.md", exercise.folder);
        let chapter = chapters.iter().find(|chapter| chapter.name == name);
        let text = chapter.map_or("", |chapter| chapter.text.as_str());
        let (_, mistakes) = text.split_once("## Common mistakes").unwrap_or_default();
        let rows = mistakes.split("| [`").skip(1);
        for code in rows.filter_map(|row| row.split('`').next()) {
            let of_protocol = CODES
                .iter()
                .any(|known| known.name == code && known.chapter.starts_with("Sockets"));
            let is_raised = mutants.iter().any(|(mutant, diagnosis)| {
                diagnosis == code && (of_protocol || mutant.starts_with(&exercise.name))
            });
            if !is_raised {
                faults.push(format!(
                    "{name}: no mutant of {} gets {code}",
                    exercise.name
                ));
            }
        }
    }
    expect_none(faults);
}

/// Each mutant's file name and its diagnosis.
fn mutants() -> Vec<(String, String)> {
    let folder = fs::read_dir(repository().join("tests/corpus/mutants")).expect("the mutants");
    let files = folder.map(|entry| entry.expect("the mutants").path());
    files
        .filter_map(|path| {
            let text = fs::read_to_string(&path).expect("a mutant is text");
            let mut lines = text.lines();
            let diagnosis = lines.find_map(|line| line.strip_prefix("diagnosis = "))?;
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, diagnosis.trim_matches('"').to_owned()))
        })
        .collect()
}

/// A name in code with three underscores or more is a check's, unless it is one of Clippy's lints.
#[test]
fn checks_exist() {
    let functions = functions();
    let mut faults = Vec::new();
    for chapter in chapters() {
        for code in &chapter.inline_code {
            let name = code.rsplit("::").next().unwrap_or(code);
            let is_name = name
                .chars()
                .all(|sign| sign == '_' || sign.is_ascii_alphanumeric());
            if is_name
                && !code.starts_with("clippy::")
                && name.matches('_').count() >= 3
                && name.chars().any(|sign| sign.is_ascii_lowercase())
                && !functions.contains(name)
            {
                faults.push(format!("{}: no check is called {name}", chapter.name));
            }
        }
    }
    expect_none(faults);
}

/// The names of the functions in the checks.
fn functions() -> BTreeSet<String> {
    let folder = fs::read_dir(repository().join("tests")).expect("the checks");
    let files = folder.map(|entry| entry.expect("the checks").path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a check is text");
            let functions = text.lines().filter_map(|line| {
                let (_, rest) = line.trim_start_matches("pub ").split_once("fn ")?;
                rest.split('(').next().map(str::to_owned)
            });
            functions.collect::<Vec<_>>()
        })
        .collect()
}
