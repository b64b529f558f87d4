//! What the programs in a sandbox use together. The kernel's limits bind each process alone, but for
//! their number.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs;

use procfs::process::{Process, all_processes};
use rustix::process::Pid;

/// What a program and its children may use together: processes and threads, seconds of processor
/// time, bytes of memory, open descriptors. Some 120 clients, a thread each, are the most that a check
/// asks for.
pub(super) const TASKS: u64 = 256;
pub(super) const SECONDS: u64 = 15;
pub(super) const MEMORY: u64 = 1 << 30;
/// What is in a socket's or a pipe's buffers is no process's memory, but it can't be more than 256 KiB each:
/// the launcher bounds those of TCP, and no program makes others larger than they are at first.
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

/// What a process uses, or several together.
#[derive(Clone, Copy, Default)]
struct Usage {
    tasks: u64,
    ticks: u64,
    bytes: u64,
    /// At the most: counting them is slow.
    descriptors: u64,
}

/// A process as it was seen.
struct Seen {
    id: i32,
    parent: i32,
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

    /// What the programs in the sandboxes with these first processes use too much of, by the first process.
    pub(super) fn find_excesses(&self, firsts: impl Iterator<Item = Pid>) -> HashMap<Pid, Excess> {
        let mut below: HashMap<i32, Vec<&Seen>> = firsts
            .map(|first| (first.as_raw_nonzero().get(), Vec::new()))
            .collect();
        for seen in self.0.values() {
            let mut parent = seen.parent;
            while let Some(next) = self.0.get(&parent) {
                if let Some(found) = below.get_mut(&parent) {
                    found.push(seen);
                    break;
                }
                parent = next.parent;
            }
        }
        let excess = |(first, below): (i32, Vec<_>)| {
            Some((Pid::from_raw(first)?, find_excess(first, &below)?))
        };
        below.into_iter().filter_map(excess).collect()
    }
}

/// What the programs among the processes below a sandbox's first one use too much of. Each program has a
/// process tree of its own; that of the sandbox, where the checks are, is not counted.
fn find_excess(first: i32, below: &[&Seen]) -> Option<Excess> {
    let mut together = Usage::default();
    below.iter().for_each(|seen| together.add(seen.usage));
    // Nearly always, not even all of them together use too much.
    together.excess()?;
    let checks = tree(first)?;
    let mut programs: BTreeMap<OsString, Usage> = BTreeMap::new();
    for seen in below {
        // One that has just ended is in no tree.
        let Some(tree) = tree(seen.id).filter(|tree| *tree != checks) else {
            continue;
        };
        let counted = Process::new(seen.id).and_then(|process| process.fd_count());
        let descriptors = counted.ok().and_then(|count| u64::try_from(count).ok());
        programs.entry(tree).or_default().add(Usage {
            descriptors: descriptors.unwrap_or(0),
            ..seen.usage
        });
    }
    programs.values().find_map(Usage::excess)
}

/// The process tree that a process is in, by the name of its namespace.
fn tree(id: i32) -> Option<OsString> {
    Some(fs::read_link(format!("/proc/{id}/ns/pid")).ok()?.into())
}

impl Seen {
    fn of(process: &Process) -> Option<Self> {
        let stat = process.stat().ok()?;
        let of_children = u64::try_from(stat.cutime + stat.cstime).ok()?;
        Some(Self {
            id: stat.pid,
            parent: stat.ppid,
            usage: Usage {
                tasks: u64::try_from(stat.num_threads).ok()?,
                ticks: stat.utime + stat.stime + of_children,
                bytes: stat.rss * procfs::page_size(),
                descriptors: super::DESCRIPTORS.into(),
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
