//! A wrong program: a reference solution, one mistake, and what the checks must say of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use grader::course::{Course, Exercise, root};
use harness::Host;
use serde::Deserialize;

use crate::folder;

/// A file in `mutants/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The file's name: `ex02-joins-each-thread`.
    #[serde(skip)]
    pub name: String,
    /// The mistake, in a sentence.
    pub mistake: String,
    /// The points that it gets, of 100: always the same.
    pub mark: u32,
    /// The code that every check that fails must give, unless another one is listed in `also`.
    pub diagnosis: String,
    /// Codes that some of the checks may give instead, since they see less of it.
    #[serde(default)]
    pub also: Vec<String>,
    /// Checks that must still pass.
    pub passes: Vec<String>,
    /// Checks that must fail; whatever fails must give the diagnosis.
    #[serde(default)]
    pub fails: Vec<String>,
    /// Whether it is only wrong where `localhost` has several addresses: elsewhere it is not examined.
    #[serde(default)]
    pub several_addresses: bool,
    /// A command in the place of the program, instead of changes.
    pub command: Option<String>,
    /// What is different from the solution.
    #[serde(default)]
    pub change: Vec<Change>,
}

/// Text in a source file, and what stands in its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `src/main.rs` unless it says otherwise.
    #[serde(default = "main_file")]
    pub file: PathBuf,
    /// Must be in the file exactly once.
    pub replace: String,
    pub with: String,
}

fn main_file() -> PathBuf {
    "src/main.rs".into()
}

impl Mutant {
    pub(crate) fn exercise<'a>(&self, course: &'a Course) -> Option<&'a Exercise> {
        course
            .exercises
            .iter()
            .find(|exercise| is_of(&self.name, exercise))
    }

    /// Why this machine can't tell it from a right program; none if it can.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        (self.several_addresses && !Host::name_has_several_addresses())
            .then_some("localhost has only one address on this machine")
    }

    /// Writes the solution's sources with the changes into `to`.
    pub(crate) fn write_sources(&self, exercise: &Exercise, to: &Path) -> Result<()> {
        let from = root().join("solutions").join(&exercise.folder).join("src");
        for entry in
            fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))?
        {
            let path = entry?.path();
            let name = path.file_name().context("a source without a name")?;
            let source = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let source = self.change(source, &Path::new("src").join(name))?;
            write_if_changed(&to.join("src").join(name), &source)?;
        }
        Ok(())
    }

    fn change(&self, mut source: String, file: &Path) -> Result<String> {
        for change in self.change.iter().filter(|change| change.file == file) {
            let found = source.matches(&change.replace).count();
            ensure!(
                found == 1,
                "{}: the text to replace stands {found} times in the solution's {}:\n{}",
                self.name,
                file.display(),
                change.replace
            );
            source = source.replace(&change.replace, &change.with);
        }
        Ok(source)
    }
}

/// Whether a program of this name (`ex02-joins-each-thread`) is of this exercise (`ex02`).
pub(crate) fn is_of(name: &str, exercise: &Exercise) -> bool {
    name.strip_prefix(&exercise.name)
        .is_some_and(|rest| rest.starts_with('-'))
}

/// Reads all mutants, in the order of their names.
pub(crate) fn read_all(course: &Course) -> Result<Vec<Mutant>> {
    let folder = folder().join("mutants");
    let mut mutants = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let shown = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let mut mutant: Mutant =
            toml::from_str(&text).with_context(|| format!("cannot read {shown}"))?;
        let name = path.file_stem().and_then(|name| name.to_str());
        mutant.name = name
            .with_context(|| format!("an odd file name: {shown}"))?
            .to_owned();
        validate(&mutant, course).with_context(|| shown)?;
        mutants.push(mutant);
    }
    mutants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mutants)
}

fn validate(mutant: &Mutant, course: &Course) -> Result<()> {
    let exercise = mutant
        .exercise(course)
        .context("a mutant's name begins with its exercise's: ex02-…")?;
    ensure!(
        mutant.command.is_some() == mutant.change.is_empty(),
        "a mutant has either changes or a command"
    );
    for code in mutant.also.iter().chain([&mutant.diagnosis]) {
        ensure!(
            harness::CODES.iter().any(|known| known.name == code),
            "there is no diagnosis {code}"
        );
    }
    for check in mutant.passes.iter().chain(&mutant.fails) {
        ensure!(
            exercise.checks.iter().any(|known| known.name == *check),
            "{} has no check {check}",
            exercise.name
        );
    }
    Ok(())
}

/// Leaves a file alone that has this text already: Cargo takes a new time for a change.
pub(crate) fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
