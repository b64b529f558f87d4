//! Whether what Cargo has left as it is was built from the sources as they are now. Cargo goes by the times
//! at which files were changed, and so does not see that an older file was put back.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::Message;

/// The sources of each artifact that Cargo has left alone, unless it is known to be built from them as they
/// are now. For each artifact that Cargo has just built, it writes down what it was built from.
///
/// # Errors
///
/// If a note can't be written.
pub(super) fn unknown_sources(workspace: &Path, messages: &[Message]) -> Result<Vec<PathBuf>> {
    let mut unknown = Vec::new();
    for message in messages {
        let is_own = message
            .manifest_path
            .as_ref()
            .is_some_and(|path| path.starts_with(workspace));
        let Some(artifact) = message.artifact().filter(|_| is_own) else {
            continue;
        };
        let listed = listed_sources(artifact, workspace);
        let sources = listed.unwrap_or_else(|| message.files_beside_source());
        let note = artifact.with_extension("sources");
        let known = fs::read_to_string(&note).unwrap_or_default();
        let now = fingerprint(artifact, &sources)?;
        if !message.fresh {
            fs::write(&note, now).with_context(|| format!("cannot write {}", note.display()))?;
        } else if known != now {
            unknown.extend(sources);
        }
    }
    Ok(unknown)
}

/// Waits until no other grader has this workspace's sources compiled again; it can't while this is held.
///
/// # Errors
///
/// If there can be no file to lock.
pub(super) fn take_turn(workspace: &Path) -> Result<File> {
    let folder = workspace.join("target");
    let path = folder.join("freshness.lock");
    let open = || {
        fs::create_dir_all(&folder)?;
        File::options().create(true).append(true).open(&path)
    };
    let file = open().with_context(|| format!("cannot write {}", path.display()))?;
    #[cfg(unix)]
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Has Cargo take these files for changed.
///
/// # Errors
///
/// If a file can't be given another time.
pub(super) fn touch(sources: &[PathBuf]) -> Result<()> {
    for source in sources {
        File::options()
            .append(true)
            .open(source)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(|| format!("cannot have {} compiled again", source.display()))?;
    }
    Ok(())
}

/// The sources that are listed beside an artifact, in the form of a makefile's rule: `ARTIFACT: SOURCE …`.
/// (Of a program that is only built to be tested, Cargo leaves no list.)
fn listed_sources(artifact: &Path, workspace: &Path) -> Option<Vec<PathBuf>> {
    let name = artifact.file_stem()?.to_str()?;
    let without_prefix = name.strip_prefix("lib").unwrap_or(name);
    let lists = [name, without_prefix].map(|name| artifact.with_file_name(format!("{name}.d")));
    let list = lists
        .iter()
        .find_map(|list| fs::read_to_string(list).ok())?;
    let (_, sources) = list.lines().next()?.split_once(": ")?;
    let sources = sources.replace("\\ ", "\0");
    let paths = sources.split(' ').filter(|source| !source.is_empty());
    let paths = paths.map(|source| workspace.join(source.replace('\0', " ")));
    Some(paths.filter(|path| path.is_file()).collect())
}

/// Changes when the artifact was built again, or when a source is another.
fn fingerprint(artifact: &Path, sources: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        let bytes =
            fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
        (source, bytes).hash(&mut hasher);
    }
    let built = fs::metadata(artifact)
        .and_then(|built| built.modified())
        .with_context(|| format!("cannot look at {}", artifact.display()))?;
    let built = built.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{:016x} {}", hasher.finish(), built.as_nanos()))
}
