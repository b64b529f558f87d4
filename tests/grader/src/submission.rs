//! What students handed in, read into memory.

mod archive;
mod folder;
mod intake;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use archive::Format;
use intake::{Intake, show};

use crate::course::{Course, Exercise};

/// What was handed in by one student, in memory: nothing of it touches the disk until it is laid out.
pub struct Collected {
    /// The student's: the folder's or archive's name without its ending.
    pub name: String,
    /// By the exercise's name (`ex02`): its sources, by their path below the package (`src/main.rs`).
    pub sources: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// What was handed in and not taken, each with the reason in a few words; at most 100, then how
    /// many more.
    pub left_behind: Vec<String>,
    /// Why nothing of it can be graded (one line: what, where, what to do).
    pub problem: Option<String>,
}

/// Opens each path: a submission (folder, .zip, .tar.gz, .tgz, .tar) or a folder of any mix of them,
/// one a student. With `single`, each path is one student's, whatever lies in it.
pub fn collect(paths: &[PathBuf], single: bool, course: &Course) -> Result<Vec<Collected>> {
    // All of them are looked at before the first is read: a slip in the last path shows at once.
    let mut found = Vec::new();
    for path in paths {
        found.extend(find(path, single, course)?);
    }
    let mut names = BTreeSet::new();
    let collected = found.into_iter().map(|path| {
        let (name, note) = name_apart(&path, &mut names);
        open(&path, name, note, course)
    });
    Ok(collected.collect())
}

/// The submissions that a path stands for: itself, or what lies in it.
fn find(path: &Path, single: bool, course: &Course) -> Result<Vec<PathBuf>> {
    let shown = path.display();
    let path = fs::canonicalize(path).with_context(|| {
        format!("cannot open {shown}: name a submission, or a folder of submissions")
    })?;
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    if !is_folder(&path) {
        let is_archive = path.is_file() && Format::of(file_name(&path)).is_some();
        if !is_archive {
            bail!("{shown} is no submission: name a folder, a .zip, a .tar.gz or a .tar");
        }
        return Ok(vec![path]);
    }
    let is_exercise = |exercise: &Exercise| {
        let below = path.join("exercises").join(&exercise.folder);
        is_folder(&path.join(&exercise.folder)) || is_folder(&below)
    };
    if single || course.exercises.iter().any(is_exercise) {
        return Ok(vec![path]);
    }
    let read = || format!("cannot read {shown}");
    let mut found = Vec::new();
    for entry in fs::read_dir(&path).with_context(read)? {
        let entry = entry.with_context(read)?;
        let name = entry.file_name();
        let kind = entry.file_type().with_context(read)?;
        // A link is kept, to be said of that student that it is one.
        let could_be = kind.is_dir()
            || (kind.is_file() || kind.is_symlink()) && Format::of(name.as_bytes()).is_some()
            || kind.is_symlink() && entry.path().is_dir();
        let is_tools = name.as_bytes().starts_with(b".") || intake::is_made_by_tools(&name);
        if could_be && !is_tools {
            found.push(entry.path());
        }
    }
    if found.is_empty() {
        bail!("{shown} holds no submission: name a folder that holds folders or archives");
    }
    found.sort_unstable();
    Ok(found)
}

/// A name that no other submission has, and a line about it if another one would have had it.
fn name_apart(path: &Path, names: &mut BTreeSet<String>) -> (String, Option<String>) {
    let full = file_name(path);
    let stem = match Format::and_stem(full) {
        Some((_, stem)) if !path.is_dir() => stem,
        _ => full,
    };
    let own = show(stem);
    let numbered = (2..).map(|number| format!("{own} ({number})"));
    let mut candidates = std::iter::once(own.clone()).chain(numbered);
    let name = candidates
        .find(|name| names.insert(name.clone()))
        .unwrap_or_default();
    let note = (name != own).then(|| {
        let path = show(path.as_os_str().as_bytes());
        format!("another submission is called {own} too: this one is {path}")
    });
    (name, note)
}

fn open(path: &Path, name: String, note: Option<String>, course: &Course) -> Collected {
    let mut intake = Intake::new(course);
    if let Some(note) = note {
        intake.note(note);
    }
    let result = read(path, &mut intake);
    let (sources, left_behind) = intake.finish(result);
    let (sources, problem) = match sources {
        Ok(sources) => (sources, None),
        Err(problem) => {
            let path = show(path.as_os_str().as_bytes());
            (BTreeMap::new(), Some(format!("{path} {problem}")))
        }
    };
    Collected {
        name,
        sources,
        left_behind,
        problem,
    }
}

fn read(path: &Path, intake: &mut Intake<'_>) -> Result<()> {
    let parent = fs::File::open(path.parent().unwrap_or(path)).context("cannot be opened")?;
    let name = CString::new(file_name(path)).context("cannot be opened")?;
    let cannot =
        |reason| anyhow::anyhow!("cannot be read ({reason}): hand in the files themselves");
    // The root of the disk has no name.
    let name = if name.is_empty() { c".".into() } else { name };
    let is_folder = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    match Format::of(name.to_bytes()) {
        Some(format) if !is_folder => {
            let file = folder::open_file(&parent.into(), &name).map_err(cannot)?;
            archive::read(file, format, intake)
        }
        _ => {
            let folder = folder::open_folder(&parent.into(), &name).map_err(cannot)?;
            folder::read(&folder, intake)
        }
    }
}

fn file_name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}
