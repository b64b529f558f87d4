//! What the programs in a sandbox use together. The kernel's limits bind each process alone, but for
//! their number.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs;

use procfs::process::{Stat, all_processes};
use rustix::process::Pid;

/// What a program and its children may use together: processes and threads, seconds of processor
/// time, bytes of memory. A hundred clients, a thread each, are the most that a check asks for.
pub(super) const TASKS: u64 = 256;
pub(super) const SECONDS: u64 = 15;
pub(super) const MEMORY: u64 = 1 << 30;

/// What was used too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Tasks(u64),
    Seconds(u64),
    Memory(u64),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tasks(tasks) => write!(f, "{tasks} processes and threads, of {TASKS}"),
            Self::Seconds(seconds) => {
                write!(f, "{seconds} seconds of processor time, of {SECONDS}")
            }
            Self::Memory(bytes) => {
                write!(f, "{} MiB of memory, of {}", bytes >> 20, MEMORY >> 20)
            }
        }
    }
}

/// What the processes of one tree use.
#[derive(Default)]
struct Usage {
    tasks: u64,
    ticks: u64,
    bytes: u64,
}

/// What the programs below the sandbox's first process use too much of. Each program has a process
/// tree of its own; that of the sandbox, where the checks are, is not counted.
pub(super) fn find_excess(first: Pid) -> Option<Excess> {
    let tree_of = |id: i32| fs::read_link(format!("/proc/{id}/ns/pid")).ok();
    let first = first.as_raw_nonzero().get();
    let checks = tree_of(first)?;
    let processes: HashMap<_, _> = all_processes()
        .ok()?
        .filter_map(|process| process.ok()?.stat().ok())
        .map(|stat| (stat.pid, stat))
        .collect();
    let mut programs: BTreeMap<OsString, Usage> = BTreeMap::new();
    for stat in processes.values() {
        if !is_below(first, stat, &processes) {
            continue;
        }
        if let Some(tree) = tree_of(stat.pid)
            && tree != checks
        {
            programs.entry(tree.into()).or_default().add(stat);
        }
    }
    programs.values().find_map(Usage::excess)
}

/// A process whose parent has ended belongs to its tree's first one.
fn is_below(first: i32, stat: &Stat, processes: &HashMap<i32, Stat>) -> bool {
    let mut parent = stat.ppid;
    while let Some(stat) = processes.get(&parent) {
        if parent == first {
            return true;
        }
        parent = stat.ppid;
    }
    false
}

impl Usage {
    fn add(&mut self, stat: &Stat) {
        self.tasks += u64::try_from(stat.num_threads).unwrap_or_default();
        let of_children = u64::try_from(stat.cutime + stat.cstime).unwrap_or_default();
        self.ticks += stat.utime + stat.stime + of_children;
        self.bytes += stat.rss * procfs::page_size();
    }

    fn excess(&self) -> Option<Excess> {
        let seconds = self.ticks / procfs::ticks_per_second();
        if self.tasks > TASKS {
            Some(Excess::Tasks(self.tasks))
        } else if seconds > SECONDS {
            Some(Excess::Seconds(seconds))
        } else if self.bytes > MEMORY {
            Some(Excess::Memory(self.bytes))
        } else {
            None
        }
    }
}
