//! The chapter of all diagnoses: a heading for each, and its lesson by include.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use harness::{CODES, Code};

use crate::Programs;

const INTRODUCTION: &str = "\
# Every diagnosis

A check that fails names its diagnosis by a code: `error[serial-service]`. Here is the lesson on each, as
`cargo grade --explain CODE` prints it: what happens, why, how to see it by hand, and what to change. They
stand in the order of the course, under the chapter that each belongs to.
";

pub(crate) fn chapter(_: &Programs) -> Result<String> {
    let mut text = INTRODUCTION.to_owned();
    for codes in CODES.chunk_by(|one, next| one.chapter == next.chapter) {
        // A chapter's codes may stand in several places; its heading then comes again.
        writeln!(text, "\n## {}", codes[0].chapter)?;
        for code in codes {
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
