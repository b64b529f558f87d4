//! The folders that a program can write to, as far as the sandbox leaves them unbounded: bubblewrap limits
//! their bytes, but an empty file has none, and takes a kibibyte of the kernel's memory.

use std::ffi::CString;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, mount_remount};

/// File systems in memory, of this sandbox's own.
const FOLDERS: [&str; 2] = ["/tmp", "/dev/shm"];

/// Bounds the number of files in each of the folders.
pub(crate) fn bound(files: u64) -> Result<()> {
    let option = CString::new(format!("nr_inodes={files}"))?;
    for folder in FOLDERS {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(folder, flags, &option)
            .with_context(|| format!("cannot remount {folder}"))?;
    }
    Ok(())
}
