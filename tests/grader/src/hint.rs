//! `cargo grade --hint ex02`: the next of an exercise's three hints, as the book has them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use grader::course::{Exercise, root};

struct Hint {
    /// `Hint 1: a nudge`
    title: String,
    text: String,
}

/// Prints the first hint that was not given yet, or all of them. Once all are given, the last comes
/// again.
pub(crate) fn print(exercise: &Exercise, all: bool) -> Result<()> {
    let path = root().join(format!("book/src/hints/{}.md", exercise.name));
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let hints: Vec<_> = text.split("<details>").skip(1).filter_map(parse).collect();
    ensure!(!hints.is_empty(), "{} holds no hint", path.display());
    let mut out = io::stdout().lock();
    if all {
        for Hint { title, text } in &hints {
            writeln!(out, "{title}\n\n{text}\n")?;
        }
        return Ok(());
    }
    let given = Given::of(exercise);
    let index = given.read().min(hints.len() - 1);
    let Hint { title, text } = &hints[index];
    writeln!(out, "{title}\n\n{text}\n")?;
    match hints.len() - 1 - index {
        0 => writeln!(
            out,
            "That was the last; `cargo grade --hint {} --all` prints them all.",
            exercise.name
        )?,
        left => writeln!(out, "The same command gives the next; {left} left.")?,
    }
    given.write(index + 1)
}

fn parse(block: &str) -> Option<Hint> {
    let (block, _) = block.split_once("</details>")?;
    let (_, block) = block.split_once("<summary>")?;
    let (title, text) = block.split_once("</summary>")?;
    Some(Hint {
        title: title.to_owned(),
        text: text.trim().to_owned(),
    })
}

/// How many hints were given, kept in a file of the build folder: `cargo clean` begins anew.
struct Given {
    file: PathBuf,
}

impl Given {
    fn of(exercise: &Exercise) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| root().join("target"), PathBuf::from);
        Self {
            file: target.join("hints").join(&exercise.name),
        }
    }

    fn read(&self) -> usize {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    fn write(&self, given: usize) -> Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&self.file, given.to_string()))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}
