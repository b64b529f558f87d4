//! A class of any size, made from the corpus: what the grader's speed is measured with.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use grader::course::root;

use crate::Corpus;

/// Every so many students hand in the solution; the others hand in a mutant of each exercise.
const RIGHT: usize = 3;

impl Corpus {
    /// Writes as many submissions of all exercises into a folder, each in one of its own.
    ///
    /// # Errors
    ///
    /// If the folder exists, or cannot be written.
    pub fn hand_in(&self, folder: &Path, submissions: usize) -> Result<()> {
        ensure!(
            !folder.exists(),
            "{} exists: remove it, or name another folder",
            folder.display()
        );
        for student in 0..submissions {
            for exercise in &self.course.exercises {
                let to = folder
                    .join(format!("student-{student:03}"))
                    .join(&exercise.folder);
                let mutants: Vec<_> = self
                    .mutants
                    .iter()
                    .filter(|mutant| mutant.command.is_none())
                    .filter(|mutant| {
                        mutant
                            .exercise(&self.course)
                            .is_some_and(|of| of.name == exercise.name)
                    })
                    .collect();
                if student % RIGHT == 0 {
                    let from = root().join("solutions").join(&exercise.folder).join("src");
                    copy_sources(&from, &to.join("src"))?;
                } else if let Some(mutant) = mutants.get(student % mutants.len().max(1)) {
                    mutant.write_sources(exercise, &to)?;
                }
            }
        }
        Ok(())
    }
}

fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    let copy = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(copy)?;
    for entry in fs::read_dir(from).with_context(copy)? {
        let path = entry?.path();
        let name = path.file_name().context("a source without a name")?;
        fs::copy(&path, to.join(name)).with_context(copy)?;
    }
    Ok(())
}
