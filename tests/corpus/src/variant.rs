//! A right program in another style: a program of the package in `variants/` (`src/bin/ex02-tokio.rs`)
//! or a script (`ex02-threads.py`). A variant of a program other than the exercise's first goes by
//! that one's name: `ex03-client-lines.py`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use grader::course::{Course, Exercise};

use crate::folder;
use crate::mutant::is_of;

pub struct Variant {
    /// The file's name: `ex02-tokio`.
    pub name: String,
    pub(crate) path: PathBuf,
}

impl Variant {
    pub(crate) fn exercise<'a>(&self, course: &'a Course) -> Option<&'a Exercise> {
        course
            .exercises
            .iter()
            .find(|exercise| is_of(&self.name, exercise))
    }

    /// The program of the exercise in whose place it is put: the longest whose name it bears.
    pub(crate) fn program<'a>(&self, exercise: &'a Exercise) -> Option<&'a String> {
        let programs = exercise.programs.iter();
        programs
            .filter(|program| self.name.starts_with(*program))
            .max_by_key(|program| program.len())
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// Finds all variants, in the order of their names.
pub(crate) fn find_all(course: &Course) -> Result<Vec<Variant>> {
    let mut variants = Vec::new();
    for subfolder in ["variants", "variants/src/bin"] {
        find_in(&folder().join(subfolder), course, &mut variants)?;
    }
    variants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(variants)
}

fn find_in(folder: &Path, course: &Course, variants: &mut Vec<Variant>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let is_program = path
            .extension()
            .is_some_and(|extension| extension == "rs" || extension == "py");
        if !is_program {
            continue;
        }
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .context("an odd file name")?;
        let variant = Variant {
            name: name.to_owned(),
            path: path.clone(),
        };
        variant.exercise(course).with_context(|| {
            format!("{name}: a variant's name begins with its exercise's: ex02-…")
        })?;
        variants.push(variant);
    }
    Ok(())
}
