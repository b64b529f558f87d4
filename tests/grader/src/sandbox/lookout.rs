//! The lookout: one thread that looks at what the programs in all sandboxes use, and ends a sandbox where
//! it is too much.

use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cgroup::RunGroups;
use super::running::First;
use super::usage::{Excess, Processes};

/// How long from one look to the next.
const LOOK: Duration = Duration::from_millis(500);

/// The sandboxes to look at: those whose [`Watched`] is still held.
static SANDBOXES: Mutex<Vec<Weak<Watched>>> = Mutex::new(Vec::new());
static ARRIVED: Condvar = Condvar::new();

/// A sandbox that is looked at for as long as this is held.
pub(super) struct Watched {
    first: Arc<First>,
    groups: Option<Arc<RunGroups>>,
    excess: OnceLock<Excess>,
}

/// Looks at this sandbox from now on.
///
/// # Errors
///
/// If there can be no lookout.
pub(super) fn watch(first: &Arc<First>, groups: Option<&Arc<RunGroups>>) -> Result<Arc<Watched>> {
    let watched = Arc::new(Watched {
        first: Arc::clone(first),
        groups: groups.cloned(),
        excess: OnceLock::new(),
    });
    start()?;
    let mut sandboxes = SANDBOXES.lock().unwrap_or_else(PoisonError::into_inner);
    sandboxes.push(Arc::downgrade(&watched));
    ARRIVED.notify_one();
    Ok(watched)
}

impl Watched {
    fn end(&self, excess: Excess) {
        _ = self.excess.set(excess);
        // One that can't be ended now is ended by who waits for it.
        _ = self.first.kill();
    }

    /// What the sandbox was ended for.
    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess.get().copied()
    }
}

fn start() -> Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        let lookout = thread::Builder::new().name("lookout".into());
        lookout
            .spawn(look_out)
            .context("cannot start the lookout")?;
        *started = true;
    }
    Ok(())
}

fn look_out() {
    take_precedence();
    loop {
        let sandboxes = sandboxes();
        for sandbox in &sandboxes {
            let groups = sandbox.groups.as_ref();
            if let Some(excess) = groups.and_then(|groups| groups.excess()) {
                sandbox.end(excess);
            }
        }
        if let Some(processes) = Processes::look() {
            let firsts = sandboxes.iter().map(|sandbox| sandbox.first.id);
            let excesses = processes.find_excesses(firsts);
            for sandbox in &sandboxes {
                if let Some(excess) = excesses.get(&sandbox.first.id) {
                    sandbox.end(*excess);
                }
            }
        }
        thread::sleep(LOOK);
    }
}

/// Thousands of processes must not keep the lookout from seeing that they are too many: it goes before
/// them all, also where each session gets an equal share of the processor. Where that is not allowed, it
/// takes its turn.
fn take_precedence() {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    _ = Command::new("chrt")
        .args(["--rr", "--pid", "1", &thread])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// The sandboxes to look at; as long as there is none, it waits.
fn sandboxes() -> Vec<Arc<Watched>> {
    let mut sandboxes = SANDBOXES.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        sandboxes.retain(|sandbox| sandbox.strong_count() > 0);
        let watched: Vec<_> = sandboxes.iter().filter_map(Weak::upgrade).collect();
        if !watched.is_empty() {
            return watched;
        }
        sandboxes = ARRIVED
            .wait(sandboxes)
            .unwrap_or_else(PoisonError::into_inner);
    }
}
