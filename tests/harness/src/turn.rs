//! Taking turns with the checks of other processes.

use std::env;
use std::fs::{File, OpenOptions};

/// Held by the one check on this machine that may start a program on the default port: what it says there
/// must not depend on which other programs are judged at the same time.
pub struct DefaultPort {
    _lock: Option<File>,
}

impl DefaultPort {
    /// Waits until no other check holds it. Where files can't be locked, it is held by all.
    pub fn take() -> Self {
        let path = env::temp_dir().join("one-server-many-clients-port-5000.lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(path).ok();
        Self {
            _lock: file.filter(lock),
        }
    }
}

#[cfg(unix)]
fn lock(file: &File) -> bool {
    rustix::fs::flock(file, rustix::fs::FlockOperation::LockExclusive).is_ok()
}

#[cfg(not(unix))]
fn lock(_: &File) -> bool {
    false
}
