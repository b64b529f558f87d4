//! `cargo grade --explain CODE`: the lesson on a diagnosis.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use harness::{CODES, Code};

/// How many codes are proposed in place of one that does not exist.
const PROPOSALS: usize = 3;

/// Prints the lesson.
pub(crate) fn print(name: &str) -> Result<()> {
    let Some(code) = CODES.iter().find(|code| code.name == name) else {
        bail!(
            "no diagnosis is called '{name}'; did you mean {}?",
            nearest(name).join(", ")
        );
    };
    let Code {
        chapter, lesson, ..
    } = code;
    writeln!(
        io::stdout(),
        "{}\n\nRead on in the book: {chapter}",
        lesson.trim_end()
    )
    .context("cannot print the lesson")
}

fn nearest(name: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
    names.sort_by(|one, other| {
        strsim::jaro_winkler(name, other).total_cmp(&strsim::jaro_winkler(name, one))
    });
    names.truncate(PROPOSALS);
    names
}
