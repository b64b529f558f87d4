//! Holds the book against the repository: what it includes exists, what it names exists, what it says to
//! type can be typed, its pictures are readable, and no link is dead.

mod chapter;
mod commands;
mod links;
mod names;
mod pictures;
mod structure;

use std::path::{Path, PathBuf};

/// Fails with all faults, a line each.
fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the book lies in the repository")
}

fn source() -> PathBuf {
    repository().join("book/src")
}
