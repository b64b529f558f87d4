//! What `cargo grade` prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{Programs, cargo, judged, repository};

/// Of an exercise's checks, so many are shown.
const SHOWN: usize = 2;

pub(crate) fn explain(programs: &Programs) -> Result<String> {
    let command = "--explain serial-service";
    let output = Command::new(programs.path("grade"))
        .args(command.split(' '))
        .output()
        .context("cannot run the grader")?;
    let output = String::from_utf8(output.stdout)?;
    Ok(format!("$ cargo grade {command}\n{output}"))
}

/// A checkout in which exercise 1 is done.
pub(crate) fn own_checkout(programs: &Programs) -> Result<String> {
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let checkout = scratch.path().join("course");
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([repository(), &checkout])
        .status()
        .context("cannot run git")?;
    ensure!(cloned.success(), "cannot clone the repository");
    fs::copy(
        repository().join("solutions/ex01-single-loop/src/main.rs"),
        checkout.join("exercises/ex01-single-loop/src/main.rs"),
    )?;
    let output = judged(
        cargo()
            .args(["run", "--quiet", "--locked", "--package", "grader"])
            .args(["--", "--yes"])
            .env("CARGO_TARGET_DIR", programs.folder.join("figures-checkout"))
            .current_dir(&checkout),
    )?;
    Ok(format!("$ cargo grade\n{}", shortened(&output)))
}

/// Three students: one hands in the references, one the program of exercise 1 for exercise 2, too, and
/// one nothing but starters.
pub(crate) fn class(programs: &Programs) -> Result<String> {
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let class = scratch.path().join("class");
    let (ada, ben, cleo) = (class.join("ada"), class.join("ben"), class.join("cleo"));
    let folders = [
        "ex01-single-loop",
        "ex02-threaded",
        "ex03-stress-client",
        "ex04-thread-pool",
    ];
    for folder in folders {
        hand_in(&format!("solutions/{folder}"), &ada.join(folder))?;
        hand_in(&format!("exercises/{folder}"), &cleo.join(folder))?;
    }
    hand_in("solutions/ex01-single-loop", &ben.join("ex01-single-loop"))?;
    hand_in("solutions/ex01-single-loop", &ben.join("ex02-threaded"))?;
    fs::write(
        ben.join("notes.txt"),
        "I have not yet come to exercise 3.\n",
    )?;
    let report = scratch.path().join("grade-report");
    let output = judged(
        Command::new(programs.path("grade"))
            .args(["--yes", "--report"])
            .args([&report, &class]),
    )?;
    let output = output.replace(&*scratch.path().to_string_lossy(), "path/to");
    // It says so only where the grader runs as root.
    let output = output.replace(", as the user nobody", "");
    Ok(format!("$ cargo grade path/to/class\n{output}"))
}

fn hand_in(from: &str, to: &Path) -> Result<()> {
    let (from, to) = (repository().join(from).join("src"), to.join("src"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The table, with the first checks of each exercise.
fn shortened(output: &str) -> String {
    let mut text = String::new();
    let mut checks = 0;
    for line in output.lines() {
        // A check stands two columns further in than its exercise.
        let is_check = line
            .split('\u{2506}')
            .nth(1)
            .is_some_and(|title| title.starts_with("   "));
        checks = if is_check { checks + 1 } else { 0 };
        match checks {
            0..=SHOWN => text += &format!("{line}\n"),
            _ if checks == SHOWN + 1 => text += "\u{2502} \u{2026}\n",
            _ => {}
        }
    }
    text
}
