//! This checkout's own folders, which are judged where they are.

use std::fs;
use std::path::Path;

use crate::course::{Exercise, root};

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
            .find(|own| fs::canonicalize(root().join(own.folder())).is_ok_and(|own| own == path))
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
