//! What is graded: a folder that holds exercise folders.

use std::collections::BTreeMap;
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

pub struct Collected {
    pub name: String,
    pub sources: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub left_behind: Vec<String>,
    pub problem: Option<String>,
}

pub fn collect(paths: &[PathBuf], course: &Course) -> Result<Vec<Collected>> {
    let mut all = Vec::new();
    for path in paths {
        let s = Submission::open(path, course)?;
        let mut sources = BTreeMap::new();
        for e in &course.exercises {
            if let Some(f) = s.exercise(e) {
                let mut files = BTreeMap::new();
                for x in fs::read_dir(f.join("src"))? {
                    let x = x?;
                    files.insert(
                        format!("src/{}", x.file_name().to_string_lossy()),
                        fs::read(x.path())?,
                    );
                }
                sources.insert(e.name.clone(), files);
            }
        }
        all.push(Collected {
            name: s.name,
            sources,
            left_behind: vec![],
            problem: None,
        });
    }
    Ok(all)
}
/// One of this checkout's own folders: its code is trusted as this checkout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    Exercises,
    Solutions,
}

impl Own {
    /// The folder that this path names, if it is one of them.
    pub fn of(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        [Self::Exercises, Self::Solutions]
            .into_iter()
            .find(|own| path == root().join(own.folder()))
    }

    pub fn folder(self) -> &'static str {
        match self {
            Self::Exercises => "exercises",
            Self::Solutions => "solutions",
        }
    }

    /// The name that the exercise's package has there.
    pub fn package(self, exercise: &Exercise) -> String {
        match self {
            Self::Exercises => exercise.name.clone(),
            Self::Solutions => exercise.solution(),
        }
    }
}
