//! `cargo grade --reset ex02`: puts an exercise's starter back and keeps what stood there beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::Local;

use grader::course::{Exercise, root};

/// Nothing is ever deleted: the old `src` is renamed to `src-DATE`.
pub(crate) fn reset(exercise: &Exercise) -> Result<()> {
    let folder = root().join("exercises").join(&exercise.folder);
    let source = folder.join("src");
    let starter = root()
        .join("tests/starters")
        .join(&exercise.folder)
        .join("src");
    let files = read(&starter)?;
    if read(&source).is_ok_and(|own| own == files) {
        println!(
            "{} is as it was at the beginning: nothing to do",
            exercise.name
        );
        return Ok(());
    }

    // The starter is complete before anything of the student's moves.
    let fresh = tempfile::Builder::new()
        .prefix(".starter-")
        .tempdir_in(&folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    for (name, text) in &files {
        let path = fresh.path().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let kept = if source.exists() {
        let kept = free_name(&folder)?;
        fs::rename(&source, &kept)
            .with_context(|| format!("cannot move {} to {}", source.display(), kept.display()))?;
        Some(kept)
    } else {
        None
    };
    let fresh = fresh.keep();
    if let Err(error) = fs::rename(&fresh, &source) {
        if let Some(kept) = &kept {
            fs::rename(kept, &source).context("cannot put your work back")?;
        }
        bail!("cannot write {}: {error}", source.display());
    }
    println!("{} is the starter again", exercise.name);
    if let Some(kept) = kept {
        let kept = kept.strip_prefix(root()).unwrap_or(&kept);
        println!("your work is kept in {}", kept.display());
    }
    Ok(())
}

/// `src-2026-01-31-120000`, or with a number behind it.
fn free_name(folder: &Path) -> Result<PathBuf> {
    let date = Local::now().format("src-%Y-%m-%d-%H%M%S").to_string();
    let numbered = (2..100).map(|number| format!("{date}-{number}"));
    std::iter::once(date.clone())
        .chain(numbered)
        .map(|name| folder.join(name))
        .find(|path| !path.exists())
        .with_context(|| format!("{} holds too many old folders", folder.display()))
}

/// The files of a folder, by their names. A folder within is not a starter's.
fn read(folder: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    let read = || format!("cannot read {}", folder.display());
    let entries = fs::read_dir(folder).with_context(read)?;
    entries
        .map(|entry| {
            let entry = entry.with_context(read)?;
            let text = fs::read(entry.path()).with_context(read)?;
            Ok((entry.file_name(), text))
        })
        .collect()
}
