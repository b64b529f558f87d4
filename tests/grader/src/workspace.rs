//! Where a submission is built: in this checkout if it is one of its own folders, otherwise in a
//! workspace of its own, made of the course's manifests and the submission's sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::course::{Exercise, root};
use crate::submission::Submission;

pub(crate) enum Workspace {
    /// A folder of this checkout, with the ending of its packages' names.
    Own { suffix: &'static str },
    /// Nothing in it is shared with another submission, the target folder neither: Cargo tells a
    /// changed source by its time, and could take one submission's program for another's.
    Scratch(TempDir),
}

impl Workspace {
    /// The workspace for these exercises of a submission.
    pub(crate) fn new(submission: &Submission, exercises: &[&Exercise]) -> Result<Self> {
        for (folder, suffix) in [("exercises", ""), ("solutions", "-solution")] {
            if submission.folder() == root().join(folder) {
                return Ok(Self::Own { suffix });
            }
        }
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        fill(scratch.path(), submission, exercises).context("cannot fill the scratch folder")?;
        Ok(Self::Scratch(scratch))
    }

    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Own { .. } => root(),
            Self::Scratch(scratch) => scratch.path(),
        }
    }

    /// The name that the exercise's package has here.
    pub(crate) fn package(&self, exercise: &Exercise) -> String {
        match self {
            Self::Own { suffix } => format!("{}{suffix}", exercise.name),
            Self::Scratch(_) => exercise.name.clone(),
        }
    }
}

fn fill(workspace: &Path, submission: &Submission, exercises: &[&Exercise]) -> Result<()> {
    let mut manifest = read_manifest(&root().join("Cargo.toml"))?;
    if let Some(Value::Table(table)) = manifest.get_mut("workspace") {
        table.remove("default-members");
        table.insert("members".into(), Value::Array(vec!["exercises/*".into()]));
    }
    write(&workspace.join("Cargo.toml"), &manifest.to_string())?;
    copy(&root().join("Cargo.lock"), &workspace.join("Cargo.lock"))?;
    for exercise in exercises {
        if let Some(folder) = submission.exercise(exercise) {
            let package = workspace.join("exercises").join(&exercise.folder);
            fill_package(&package, &folder, exercise)?;
        }
    }
    Ok(())
}

fn fill_package(package: &Path, submitted: &Path, exercise: &Exercise) -> Result<()> {
    copy_sources(&submitted.join("src"), &package.join("src"))?;
    let solution = root().join("solutions").join(&exercise.folder);
    for given in &exercise.given {
        copy(&solution.join(given), &package.join(given))?;
    }
    let original = root()
        .join("exercises")
        .join(&exercise.folder)
        .join("Cargo.toml");
    let mut manifest = read_manifest(&original)?;
    // The checks are compiled elsewhere, once.
    manifest.remove("dev-dependencies");
    manifest.remove("test");
    write(&package.join("Cargo.toml"), &manifest.to_string())
}

/// Copies the Rust sources below `from`, and nothing else: no links, no other files.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let read = || format!("cannot read {}", from.display());
    for entry in fs::read_dir(from).with_context(read)? {
        let entry = entry.with_context(read)?;
        let (path, kind) = (entry.path(), entry.file_type().with_context(read)?);
        let target: PathBuf = to.join(entry.file_name());
        if kind.is_dir() {
            copy_sources(&path, &target)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            copy(&path, &target)?;
        }
    }
    Ok(())
}

fn read_manifest(path: &Path) -> Result<Table> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse()
        .with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
