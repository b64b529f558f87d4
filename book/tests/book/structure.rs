//! The form of the pages: what they include, what their exercise chapters look like.

use std::fs;

use grader::course::Course;
use harness::CODES;
use pulldown_cmark::HeadingLevel;

use crate::chapter::{Block, chapters};
use crate::{expect_none, source};

/// The headings of an exercise's chapter.
const FORM: [&str; 8] = [
    "What you will be able to do",
    "The idea",
    "Predict before you run",
    "The task",
    "Hints",
    "Checkpoint",
    "Common mistakes",
    "Questions",
];

#[test]
fn what_is_included_exists() {
    let mut faults = Vec::new();
    for chapter in chapters() {
        for include in chapter.includes() {
            let (file, part) = match include.split_once(':') {
                Some((file, part)) => (file, part),
                None => (include, ""),
            };
            let folder = chapter.path.parent().expect("a page lies in a folder");
            let Ok(text) = fs::read_to_string(folder.join(file)) else {
                faults.push(format!("{}: {file} does not exist", chapter.name));
                continue;
            };
            let is_anchor = part.starts_with(|sign: char| sign.is_ascii_alphabetic());
            for mark in ["ANCHOR", "ANCHOR_END"] {
                let mark = format!("// {mark}: {part}");
                if is_anchor && !text.lines().any(|line| line.trim() == mark) {
                    faults.push(format!("{}: {file} has no `{mark}`", chapter.name));
                }
            }
        }
    }
    expect_none(faults);
}

#[test]
fn code_and_output_are_included_and_never_written_by_hand() {
    let mut faults = Vec::new();
    for chapter in chapters() {
        for block in &chapter.blocks {
            let included = block.text.trim().starts_with("{{#include ")
                && block.text.trim().lines().count() == 1;
            let is_right = match block.language.as_str() {
                "rust,ignore" | "toml" => included,
                "text" => included && block.text.contains("figures/"),
                "sh" => true,
                _ => false,
            };
            if !is_right {
                faults.push(format!("{}: {}", chapter.name, first_lines(block)));
            }
        }
    }
    expect_none(faults);
}

fn first_lines(block: &Block) -> String {
    let lines: Vec<_> = block.text.lines().take(2).collect();
    format!("a block of `{}`: {}", block.language, lines.join(" ⏎ "))
}

#[test]
fn every_page_is_in_the_summary_or_included() {
    let chapters = chapters();
    let summary = fs::read_to_string(source().join("SUMMARY.md")).expect("the summary");
    let is_reached = |name: &str| {
        summary.contains(&format!("({name})"))
            || chapters
                .iter()
                .any(|chapter| chapter.includes().any(|include| include == name))
    };
    let lost = chapters
        .iter()
        .filter(|chapter| chapter.name != "SUMMARY.md" && !is_reached(&chapter.name));
    expect_none(lost.map(|chapter| chapter.name.clone()).collect());
}

#[test]
fn an_exercises_chapter_has_the_courses_title_and_form() {
    let course = Course::read().expect("the course");
    let chapters = chapters();
    for exercise in &course.exercises {
        let name = format!("{}.md", exercise.folder);
        let chapter = chapters.iter().find(|chapter| chapter.name == name);
        let chapter = chapter.unwrap_or_else(|| panic!("{name} does not exist"));
        let headings = |level| {
            let headings = chapter.headings.iter();
            headings
                .filter(move |(of, _)| *of == level)
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            headings(HeadingLevel::H1),
            [exercise.title.as_str()],
            "{name}"
        );
        assert_eq!(headings(HeadingLevel::H2), FORM, "{name}");
        let hints = format!("hints/{}.md", exercise.name);
        assert!(
            chapter.includes().any(|include| include == hints),
            "{name}: no {hints}"
        );
    }
}

#[test]
fn a_chapters_parts_hold_what_they_are_for() {
    let chapters = chapters();
    let summary = fs::read_to_string(source().join("SUMMARY.md")).expect("the summary");
    let mut faults = Vec::new();
    for exercise in Course::read().expect("the course").exercises {
        let name = &exercise.name;
        let file = format!("{}.md", exercise.folder);
        let chapter = chapters.iter().find(|chapter| chapter.name == file);
        let text = chapter.map_or("", |chapter| chapter.text.as_str());
        let part = |title: &str| {
            let (_, part) = text.split_once(&format!("\n## {title}\n"))?;
            part.split("\n## ").next()
        };
        let part = |title| part(title).unwrap_or_default();
        let answers = |part: &str| part.matches("<summary>Answer</summary>").count();
        let questions = part("Questions").lines().filter(|line| {
            let number = line.split_once(". ").map_or("", |(number, _)| number);
            number.parse::<usize>().is_ok()
        });
        let checkpoint = part("Checkpoint");
        for (is_right, fault) in [
            (
                answers(part("Predict before you run")) == 1,
                "its prediction has no answer",
            ),
            (
                answers(part("Questions")) == questions.count(),
                "a question without an answer",
            ),
            (answers(part("Questions")) >= 5, "fewer than five questions"),
            (
                part("The idea").contains(".svg)"),
                "its idea has no picture",
            ),
            (part("The task").contains("\n1. "), "its task has no steps"),
            (
                part("Common mistakes").contains("(diagnoses.md#"),
                "its mistakes lead nowhere",
            ),
            (
                checkpoint.contains(&format!("cargo test -p {name}\n")),
                "no command at the checkpoint",
            ),
            (
                checkpoint.contains(&format!("starter-{name}.txt")),
                "the checkpoint has no start",
            ),
            (
                checkpoint.contains(&format!("full-{name}.txt")),
                "the checkpoint has no end",
            ),
            (
                summary.contains(&format!("(solutions/{name}.md)")),
                "its solution has no page",
            ),
        ] {
            if !is_right {
                faults.push(format!("{file}: {fault}"));
            }
        }
    }
    expect_none(faults);
}

#[test]
fn there_are_three_hints_for_each_exercise() {
    let course = Course::read().expect("the course");
    for exercise in &course.exercises {
        let path = source().join(format!("hints/{}.md", exercise.name));
        let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display()));
        let summaries: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("<summary>"))
            .collect();
        assert_eq!(
            summaries,
            [
                "<summary>Hint 1: a nudge</summary>",
                "<summary>Hint 2: the concept</summary>",
                "<summary>Hint 3: nearly the code</summary>",
            ],
            "{}",
            path.display()
        );
        assert!(
            !text.contains("```") && !text.contains("]("),
            "{}",
            path.display()
        );
        assert_eq!(text.matches("<details>").count(), 3, "{}", path.display());
        assert_eq!(text.matches("</details>").count(), 3, "{}", path.display());
    }
}

#[test]
fn a_diagnosis_sends_to_a_chapter_that_exists() {
    let chapters = chapters();
    let titles: Vec<_> = chapters
        .iter()
        .filter_map(|chapter| chapter.headings.first())
        .map(|(_, title)| title.as_str())
        .collect();
    let lost = CODES
        .iter()
        .filter(|code| !titles.contains(&code.chapter))
        .map(|code| format!("{}: no chapter is called {}", code.name, code.chapter));
    expect_none(lost.collect());
}

/// A student edition leaves the solutions out.
#[test]
fn nothing_but_the_summary_leads_to_a_solution() {
    let mut faults = Vec::new();
    for chapter in chapters() {
        let is_solution = chapter.name.starts_with("solutions/");
        if is_solution || chapter.name == "SUMMARY.md" {
            continue;
        }
        let links = chapter.links.iter().map(String::as_str);
        for target in links.chain(chapter.includes()) {
            if target.contains("solutions/") {
                faults.push(format!("{}: {target}", chapter.name));
            }
        }
    }
    expect_none(faults);
}
