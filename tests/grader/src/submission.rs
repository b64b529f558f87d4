//! What is graded: a folder that holds exercise folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::course::{Course, Exercise, root};

pub struct Submission {
    /// As it was named on the command line.
    pub name: String,
    folder: PathBuf,
}

impl Submission {
    /// The exercises of this checkout.
    pub fn of_this_checkout() -> Self {
        Self {
            name: "exercises".into(),
            folder: root().join("exercises"),
        }
    }

    /// Opens a folder that holds at least one exercise folder.
    pub fn open(path: &Path, course: &Course) -> Result<Self> {
        let shown = path.display();
        let folder = fs::canonicalize(path).with_context(|| {
            format!("cannot open {shown}: name a folder that holds exercise folders")
        })?;
        let submission = Self {
            name: shown.to_string(),
            folder,
        };
        if course
            .exercises
            .iter()
            .all(|exercise| submission.exercise(exercise).is_none())
        {
            let folders: Vec<_> = course
                .exercises
                .iter()
                .map(|exercise| &*exercise.folder)
                .collect();
            bail!(
                "{shown} is no submission: name a folder that holds at least one of {}, each with \
                 its src folder",
                folders.join(", ")
            );
        }
        Ok(submission)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The exercise's folder, if it was submitted.
    pub fn exercise(&self, exercise: &Exercise) -> Option<PathBuf> {
        let folder = self.folder.join(&exercise.folder);
        folder.join("src").is_dir().then_some(folder)
    }
}
