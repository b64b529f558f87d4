//! The chapter of all diagnoses: a heading for each, and its lesson by include.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use harness::{CODES, Code};

use crate::{Programs, repository};

const INTRODUCTION: &str = "\
# Every diagnosis

A check that fails names its diagnosis by a code: `error[serial-service]`. Here is the lesson on each, as
`cargo grade --explain CODE` prints it: what happens, why, how to see it by hand, and what to change. They
stand in the order of the course, under the chapter that each belongs to.
";

pub(crate) fn chapter(_: &Programs) -> Result<String> {
    let summary = repository().join("book/src/SUMMARY.md");
    let summary = fs::read_to_string(summary).context("cannot read the summary")?;
    let mut chapters: Vec<_> = CODES.iter().map(|code| code.chapter).collect();
    chapters.sort_by_key(|&chapter| summary.find(chapter));
    chapters.dedup();
    let mut text = INTRODUCTION.to_owned();
    for chapter in chapters {
        writeln!(text, "\n## {chapter}")?;
        for code in CODES.iter().filter(|code| code.chapter == chapter) {
            write!(text, "\n{}", section(code)?)?;
        }
    }
    Ok(text)
}

/// The heading is the lesson's title, and its id the code.
fn section(code: &Code) -> Result<String> {
    let title = code.lesson.lines().next();
    let title = title
        .and_then(|line| line.strip_prefix(&format!("# {}: ", code.name)))
        .with_context(|| format!("{}.md does not start with `# {0}: `", code.name))?;
    let name = code.name;
    Ok(format!(
        "### `{name}`: {title} {{#{name}}}\n\n{{{{#include ../../tests/harness/lessons/{name}.md:3:}}}}\n"
    ))
}
