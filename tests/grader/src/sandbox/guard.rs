//! Who ends the sandboxes when the grader is killed. A sandbox ends with the process that has made it,
//! except for a moment while it is being made: then its half-made first process would wait for ever.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::process::Pid;

/// Waits for the end of its input, which is the grader's, and ends its process group.
const WATCH: &str = "read -r _; kill -s KILL 0";

/// The process group of all sandboxes. Its leader is the guard.
///
/// # Errors
///
/// If the guard can't be started.
pub(super) fn group() -> Result<i32> {
    // The guard's input ends with this process, however it ends.
    static GUARD: Mutex<Option<Child>> = Mutex::new(None);
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    let guard = match &mut *guard {
        Some(guard) => guard,
        none => none.insert(start()?),
    };
    Ok(Pid::from_child(guard).as_raw_nonzero().get())
}

fn start() -> Result<Child> {
    Command::new("sh")
        .args(["-c", WATCH])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a guard of the sandboxes")
}
