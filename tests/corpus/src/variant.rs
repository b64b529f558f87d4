//! A right program in another style or another language: a program of the package in `variants/`
//! (`src/bin/ex02-tokio.rs`), or a file there (`ex02-threads.py`). A variant of a program other than the
//! exercise's first goes by that one's name: `ex03-client-lines.py`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, bail};
use grader::course::{Course, Exercise};
use grader::stage::Command;

use crate::build::{build_go, build_java};
use crate::folder;
use crate::mutant::is_of;

/// Makes what can't be tried on this machine a failure, not something that is skipped: CI sets it.
const REQUIRE_SANDBOX: &str = "REQUIRE_SANDBOX";

pub struct Variant {
    /// The file's name: `ex02-tokio`.
    pub name: String,
    language: Language,
    path: PathBuf,
}

#[derive(Clone, Copy)]
enum Language {
    Rust,
    Python,
    Go,
    /// One file, whose main class is called `Main`.
    Java,
    JavaScript,
}

impl Language {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "py" => Some(Self::Python),
            "go" => Some(Self::Go),
            "java" => Some(Self::Java),
            "js" => Some(Self::JavaScript),
            _ => None,
        }
    }

    /// The commands that build and run its programs, each with its package in Debian.
    fn tools(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => &[],
            Self::Python => &[("python3", "python3")],
            Self::Go => &[("go", "golang-go")],
            Self::Java => &[
                ("javac", "default-jdk-headless"),
                ("java", "default-jdk-headless"),
            ],
            Self::JavaScript => &[("node", "nodejs")],
        }
    }
}

impl Variant {
    pub(crate) fn exercise<'a>(&self, course: &'a Course) -> Option<&'a Exercise> {
        course
            .exercises
            .iter()
            .find(|exercise| is_of(&self.name, exercise))
    }

    /// Builds it, and returns what starts it. `executables` are those of the programs in Rust, by their
    /// names. Where its language is not installed, that is said on stderr, and there is no command.
    ///
    /// # Errors
    ///
    /// If it can't be built, or its language is missing on a machine where nothing may be skipped.
    pub(crate) fn command(
        &self,
        exercise: &Exercise,
        executables: &BTreeMap<String, PathBuf>,
    ) -> Result<Option<Command>> {
        let mut tools = self.language.tools().iter();
        if let Some((tool, package)) = tools.find(|(tool, _)| !is_installed(tool)) {
            let missing = format!(
                "{} needs {tool}: `make setup` installs the package {package}",
                self.name
            );
            if env::var_os(REQUIRE_SANDBOX).is_some() {
                bail!("{missing}");
            }
            eprintln!("skipped: {missing}");
            return Ok(None);
        }
        let program = self
            .program(exercise)
            .context("a variant of no program of its exercise")?;
        let line = match self.language {
            Language::Rust => {
                let executable = executables.get(&self.name);
                words(&[executable.with_context(|| format!("{} was not built", self.name))?])?
            }
            Language::Python => words(&[&find_python()?, &self.path])?,
            Language::Go => words(&[&build_go(&self.path, &self.name)?])?,
            Language::Java => {
                let classes = build_java(&self.path, &self.name)?;
                // What makes a program start fast that lives only for seconds.
                let java = "java -XX:TieredStopAtLevel=1 -Xshare:auto -cp";
                format!("{java} {} Main", words(&[&classes])?)
            }
            Language::JavaScript => format!("node {}", words(&[&self.path])?),
        };
        Ok(Some(Command::new(program, line)))
    }

    /// The program of the exercise in whose place it is put: the longest whose name it bears.
    fn program<'a>(&self, exercise: &'a Exercise) -> Option<&'a String> {
        let programs = exercise.programs.iter();
        programs
            .filter(|program| self.name.starts_with(*program))
            .max_by_key(|program| program.len())
    }
}

/// The paths as words of a command line.
fn words(paths: &[&PathBuf]) -> Result<String> {
    let mut words = Vec::new();
    for path in paths {
        words.push(
            path.to_str()
                .with_context(|| format!("{} is not UTF-8", path.display()))?,
        );
    }
    Ok(shell_words::join(words))
}

fn is_installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// The interpreter itself: what is called `python3` may be a script that looks for it at every start.
fn find_python() -> Result<PathBuf> {
    let output = process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .context("cannot start python3")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
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
        let Some(language) = Language::of(&path) else {
            continue;
        };
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .context("an odd file name")?;
        let variant = Variant {
            name: name.to_owned(),
            language,
            path: path.clone(),
        };
        variant.exercise(course).with_context(|| {
            format!("{name}: a variant's name begins with its exercise's: ex02-…")
        })?;
        variants.push(variant);
    }
    Ok(())
}
