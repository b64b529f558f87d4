//! The grader's own copies of all single files that are bound into sandboxes. Others may be replaced while
//! a class is graded: the system's by its package manager, what Cargo has built by the next build.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::cgroup::Groups;
use crate::cargo;

/// Where the dynamic loader finds libraries.
const LOADER_CACHE: &str = "ld.so.cache";

/// The files that map names to addresses. In a sandbox there is no other machine, and `localhost` has an IPv4
/// and an IPv6 address, as on most machines. Without `multi on`, the C library would read only the first line
/// of `hosts` that matches (host.conf(5)). The IPv4 address comes first (gai.conf(5)), so that a server that
/// listens on `localhost` listens on 127.0.0.1, as the contract says.
const NAMES: [(&str, &str); 4] = [
    ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("host.conf", "multi on\n"),
    ("nsswitch.conf", "hosts: files\n"),
    ("gai.conf", "precedence ::ffff:0:0/96 100\n"),
];

/// The names of the files in a sandbox's /etc.
pub(super) fn settings() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name).chain([LOADER_CACHE])
}

/// A folder of files, and the control groups, for as long as sandboxes are made.
pub struct Kit {
    folder: TempDir,
    pub(super) groups: Option<Groups>,
}

impl Kit {
    /// Builds the launcher and copies the system's settings.
    pub(super) fn new(groups: Option<Groups>) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a scratch folder")?;
        let kit = Self { folder, groups };
        copy(&cargo::build_launcher()?, &kit.launcher(), 0o755)?;
        let settings = kit.settings();
        fs::create_dir(&settings).with_context(|| format!("cannot make {}", settings.display()))?;
        let system_cache = Path::new("/etc").join(LOADER_CACHE);
        if system_cache.exists() {
            copy(&system_cache, &settings.join(LOADER_CACHE), 0o644)?;
        }
        for (name, text) in NAMES {
            let file = settings.join(name);
            fs::write(&file, text)
                .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o644)))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(kit)
    }

    /// The executable that starts the programs under test.
    pub(super) fn launcher(&self) -> PathBuf {
        self.folder.path().join("launcher")
    }

    /// The folder of the files that come into a sandbox's /etc.
    pub(super) fn settings(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    /// Copies an executable, and returns where the copy is.
    pub(super) fn keep(&self, executable: &Path) -> Result<PathBuf> {
        let name = executable
            .file_name()
            .context("an executable without a name")?;
        let kept = self.folder.path().join(name);
        copy(executable, &kept, 0o755)?;
        Ok(kept)
    }
}

/// Copies a file and gives it this mode, whatever the umask.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::copy(from, to)
        .and_then(|_| fs::set_permissions(to, Permissions::from_mode(mode)))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
