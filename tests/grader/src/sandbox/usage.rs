//! What the programs in a sandbox use together. The kernel's limits bind each process alone, but for
//! their number.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs;

use procfs::process::{Process, all_processes};
use rustix::process::Pid;

/// What a program and its children may use together: processes and threads, seconds of processor
/// time, bytes of memory, open descriptors. A hundred clients, a thread each, are the most that a check
/// asks for.
pub(super) const TASKS: u64 = 256;
pub(super) const SECONDS: u64 = 15;
pub(super) const MEMORY: u64 = 1 << 30;
/// What is in a socket's or a pipe's buffer is no process's memory, but it can't be more than some 200 KiB
/// each.
pub(super) const DESCRIPTORS: u64 = 4096;

/// What was used too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Tasks(u64),
    Seconds(u64),
    Memory(u64),
    Descriptors(u64),
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
            Self::Descriptors(descriptors) => {
                write!(f, "{descriptors} open descriptors, of {DESCRIPTORS}")
            }
        }
    }
}

/// What a process uses, or all processes of one tree.
#[derive(Clone, Copy, Default)]
struct Usage {
    tasks: u64,
    ticks: u64,
    bytes: u64,
    descriptors: u64,
}

/// A process as it was seen.
struct Seen {
    parent: i32,
    /// Its process tree, by the name of its namespace.
    tree: OsString,
    usage: Usage,
}

/// All processes of this machine, by their ids.
pub(super) struct Processes(HashMap<i32, Seen>);

impl Processes {
    /// Looks at them all: one look serves all sandboxes. `None` if they can't be seen.
    pub(super) fn look() -> Option<Self> {
        // One that has just ended uses nothing.
        let processes = all_processes().ok()?.flatten();
        let processes = processes.filter_map(|process| Some((process.pid, Seen::of(&process)?)));
        Some(Self(processes.collect()))
    }

    /// What the programs below the sandbox's first process use too much of. Each program has a process
    /// tree of its own; that of the sandbox, where the checks are, is not counted.
    pub(super) fn find_excess(&self, first: Pid) -> Option<Excess> {
        let first = first.as_raw_nonzero().get();
        let checks = &self.0.get(&first)?.tree;
        let mut programs: BTreeMap<&OsString, Usage> = BTreeMap::new();
        for seen in self.0.values() {
            if seen.tree != *checks && self.is_below(first, seen) {
                programs.entry(&seen.tree).or_default().add(seen.usage);
            }
        }
        programs.values().find_map(Usage::excess)
    }

    /// A process whose parent has ended belongs to its tree's first one.
    fn is_below(&self, first: i32, seen: &Seen) -> bool {
        let mut parent = seen.parent;
        while let Some(seen) = self.0.get(&parent) {
            if parent == first {
                return true;
            }
            parent = seen.parent;
        }
        false
    }
}

impl Seen {
    fn of(process: &Process) -> Option<Self> {
        let stat = process.stat().ok()?;
        let of_children = u64::try_from(stat.cutime + stat.cstime).ok()?;
        Some(Self {
            parent: stat.ppid,
            tree: fs::read_link(format!("/proc/{}/ns/pid", stat.pid))
                .ok()?
                .into(),
            usage: Usage {
                tasks: u64::try_from(stat.num_threads).ok()?,
                ticks: stat.utime + stat.stime + of_children,
                bytes: stat.rss * procfs::page_size(),
                descriptors: u64::try_from(process.fd_count().unwrap_or(0)).ok()?,
            },
        })
    }
}

impl Usage {
    fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.ticks += other.ticks;
        self.bytes += other.bytes;
        self.descriptors += other.descriptors;
    }

    fn excess(&self) -> Option<Excess> {
        let seconds = self.ticks / procfs::ticks_per_second();
        if self.tasks > TASKS {
            Some(Excess::Tasks(self.tasks))
        } else if seconds > SECONDS {
            Some(Excess::Seconds(seconds))
        } else if self.bytes > MEMORY {
            Some(Excess::Memory(self.bytes))
        } else if self.descriptors > DESCRIPTORS {
            Some(Excess::Descriptors(self.descriptors))
        } else {
            None
        }
    }
}
