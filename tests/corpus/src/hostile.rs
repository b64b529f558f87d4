//! Attacks on the grader, each as a submission of the first exercise: `hostile/NAME.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};
use grader::course::root;
use grader::verdict::{Graded, Verdict};
use harness::USES_TOO_MUCH;
use serde::Deserialize;

/// The exercise that every attack is handed in for.
pub const EXERCISE: &str = "ex01";
const FOLDER: &str = "ex01-single-loop";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    #[serde(skip)]
    pub name: String,
    /// What it tries, in a sentence.
    pub attack: String,
    pub verdict: Expected,
    /// The code that each failed check must have.
    pub diagnosis: Option<String>,
    /// Whether it takes all of the processor, while it lasts, without the diagnosis that says so.
    #[serde(default)]
    exhausts: bool,
    /// What the compiler must say.
    pub compiler: Option<String>,
    /// What must be listed as left behind.
    #[serde(default)]
    pub left_behind: Vec<String>,
    /// By their paths below the exercise's folder.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Passed,
    /// At least one check fails.
    Failed,
    NotImplemented,
    DoesNotCompile,
    NotSubmitted,
}

/// What stands in an attack's text for a thing of the machine that it is tried on.
pub struct Scene<'a> {
    /// `@OUTSIDE@`: a path that no submission may write to.
    pub outside: &'a Path,
    /// `@PORT@`: where a listener waits that no submission may reach.
    pub port: u16,
}

impl Hostile {
    /// Whether it takes all that the machine has, while it lasts.
    pub fn exhausts(&self) -> bool {
        self.exhausts || self.diagnosis.as_deref() == Some(USES_TOO_MUCH.name)
    }

    /// All of them, by their names.
    pub fn read_all() -> Result<Vec<Self>> {
        let folder = root().join("tests/corpus/hostile");
        let mut all = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let read = || format!("cannot read {}", path.display());
            let text = fs::read_to_string(&path).with_context(read)?;
            let mut hostile: Self = toml::from_str(&text).with_context(read)?;
            let name = path.file_stem().context("a file without a name")?;
            hostile.name = name.to_string_lossy().into_owned();
            all.push(hostile);
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Writes the submission into a folder of its own below `class`.
    pub fn hand_in(&self, class: &Path, scene: &Scene<'_>) -> Result<()> {
        let folder = class.join(&self.name).join(FOLDER);
        for (path, text) in &self.files {
            write(&folder.join(path), &self.fill_in(text, scene)?)?;
        }
        for (path, target) in &self.links {
            let path = folder.join(path);
            make_parent(&path)?;
            symlink(self.fill_in(target, scene)?, &path)?;
        }
        Ok(())
    }

    fn fill_in(&self, text: &str, scene: &Scene<'_>) -> Result<String> {
        let text = text
            .replace("@SOLUTION@", &solution()?)
            .replace("@ROOT@", &root().to_string_lossy())
            .replace("@OUTSIDE@", &scene.outside.to_string_lossy())
            .replace("@PORT@", &scene.port.to_string());
        Ok(text)
    }

    /// What is not as it must be in the verdict, each in a line.
    pub fn faults(&self, graded: &Graded) -> Vec<String> {
        let mut faults = Vec::new();
        for exercise in &graded.exercises {
            let verdicts = || exercise.checks.iter().map(|check| &check.verdict);
            let is_right = match self.verdict {
                Expected::Passed => verdicts().all(|verdict| matches!(verdict, Verdict::Passed)),
                Expected::Failed => verdicts().any(|verdict| matches!(verdict, Verdict::Failed(_))),
                Expected::NotImplemented => {
                    verdicts().all(|verdict| matches!(verdict, Verdict::NotImplemented(_)))
                }
                Expected::DoesNotCompile => {
                    verdicts().all(|verdict| matches!(verdict, Verdict::DoesNotCompile))
                }
                Expected::NotSubmitted => {
                    verdicts().all(|verdict| matches!(verdict, Verdict::NotSubmitted))
                }
            };
            if !is_right || !exercise.is_final() {
                let checks = exercise.checks.iter();
                let lines =
                    checks.map(|check| format!("\n  {}: {}", check.name, words(&check.verdict)));
                faults.push(format!(
                    "not {:?}:{}",
                    self.verdict,
                    lines.collect::<String>()
                ));
            }
            for verdict in verdicts() {
                if let (Some(expected), Verdict::Failed(diagnoses)) = (&self.diagnosis, verdict)
                    && let Some(other) = diagnoses.iter().find(|found| found.code != *expected)
                {
                    faults.push(format!("not {expected}: {other}"));
                }
            }
            let compiler = exercise.compiler.as_deref().unwrap_or_default();
            if let Some(text) = &self.compiler
                && !compiler.contains(text)
            {
                faults.push(format!("the compiler does not say {text:?}: {compiler}"));
            }
        }
        for path in &self.left_behind {
            if !graded.left_behind.iter().any(|line| line.contains(path)) {
                faults.push(format!("{path} is not listed: {:?}", graded.left_behind));
            }
        }
        faults
            .into_iter()
            .map(|fault| format!("{} ({}): {fault}", self.name, self.attack))
            .collect()
    }
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::CouldNotJudge(reason) => format!("could not judge: {reason}"),
        other => other.words(),
    }
}

/// Hands in the reference solution.
pub fn hand_in_the_solution(submission: &Path) -> Result<()> {
    write(&submission.join(FOLDER).join("src/main.rs"), &solution()?)
}

/// The reference solution, as a module that can be served by.
fn solution() -> Result<String> {
    let path = root().join("solutions").join(FOLDER).join("src/main.rs");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.replace("\nfn main()", "\npub fn main()"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    make_parent(path)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().context("a path without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
