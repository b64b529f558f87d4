//! The course as tests/course.toml lists it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    #[serde(rename = "exercise")]
    pub exercises: Vec<Exercise>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// The package's name: `ex02`.
    pub name: String,
    pub title: String,
    /// The folder's name: `ex02-threaded`.
    pub folder: String,
    /// The programs that the package builds.
    pub programs: Vec<String>,
    /// The file of the package in which students begin.
    pub task: String,
    /// Files of the package that students do not write.
    #[serde(default)]
    pub given: Vec<String>,
    /// What the checks can't see. Students with full marks read it.
    pub not_judged: String,
    pub checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The name of the test function; its cases all have to pass.
    pub name: String,
    pub points: u32,
}

/// The root of this checkout.
pub fn root() -> &'static Path {
    let grader = Path::new(env!("CARGO_MANIFEST_DIR"));
    grader
        .ancestors()
        .nth(2)
        .expect("the grader is two folders below the root")
}

impl Course {
    pub fn read() -> Result<Self> {
        let path = root().join("tests/course.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The exercise of this name.
    pub fn exercise(&self, name: &str) -> Result<&Exercise> {
        let selected = self.select(&[name.to_owned()])?;
        selected.into_iter().next().context("no exercise")
    }

    /// The exercises with these names; all of them if there are none.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Exercise>> {
        if let Some(unknown) = names
            .iter()
            .find(|&name| self.exercises.iter().all(|exercise| exercise.name != *name))
        {
            let known: Vec<_> = self
                .exercises
                .iter()
                .map(|exercise| &*exercise.name)
                .collect();
            bail!(
                "no exercise is called '{unknown}'; choose from {}",
                known.join(", ")
            );
        }
        let selected = |exercise: &&Exercise| names.is_empty() || names.contains(&exercise.name);
        Ok(self.exercises.iter().filter(selected).collect())
    }
}

impl Exercise {
    /// Where its chapter is, from the root of this checkout.
    pub fn chapter(&self) -> String {
        format!("book/src/{}.md", self.folder)
    }

    /// The package of the reference solution.
    pub fn solution(&self) -> String {
        format!("{}-solution", self.name)
    }
}
