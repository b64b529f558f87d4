//! Holds the book against the repository: what it includes exists, what it names exists, what it says to
//! type can be typed, its rules are checked and its numbers those of the code, its pictures are readable,
//! no link is dead, its code does what it says, and its search finds what it should.

mod chapter;
mod commands;
mod glossary;
mod links;
mod listings;
mod names;
mod numbers;
mod pictures;
mod rules;
mod search;
mod structure;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Fails with all faults, a line each.
fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// On one line, with single blanks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the book lies in the repository")
}

fn source() -> PathBuf {
    repository().join("book/src")
}

/// The book as a reader gets it.
fn built() -> TempDir {
    let built = TempDir::new().expect("a temporary folder");
    let output = Command::new("mdbook")
        .args(["build", "book", "--dest-dir"])
        .arg(built.path())
        .current_dir(repository())
        .output()
        .expect("mdbook runs: `make mdbook` installs it");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("ERROR"), "{log}");
    built
}
