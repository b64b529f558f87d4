//! What the system tells about a program from outside. Linux has `/proc`; elsewhere these answers
//! are `None`, and what depends on them is skipped.

use std::net::SocketAddr;
use std::time::Duration;

/// A server's threads and open descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub threads: usize,
    pub descriptors: usize,
}

/// A program's use of the system: of the processes that hold its listener, or where it has none, of
/// the program and all it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vitals {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) cpu_time: Duration,
}

/// The program's end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FarEnd {
    /// False while it waits in the accept queue.
    pub(crate) accepted: bool,
    /// Bytes that have arrived and that the program has not read.
    pub(crate) unread: u32,
    /// Bytes of the played side that have not arrived yet.
    pub(crate) in_flight: u32,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{accepted, far_end, limit_descriptors, vitals};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};

    use procfs::net::{TcpNetEntry, TcpState};
    use procfs::process::{FDTarget, Process, all_processes};
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    use super::{Duration, FarEnd, SocketAddr, Vitals};

    /// Looks at the program started as process `root` that listens on `listener`.
    pub(crate) fn vitals(root: u32, listener: Option<SocketAddr>) -> Option<Vitals> {
        let mut vitals = Vitals {
            threads: 0,
            descriptors: 0,
            cpu_time: Duration::ZERO,
        };
        for process in owners(root, listener)? {
            // One that has just ended uses nothing any more.
            let (Ok(stat), Ok(descriptors)) = (process.stat(), process.fd_count()) else {
                continue;
            };
            vitals.threads += usize::try_from(stat.num_threads).ok()?;
            vitals.descriptors += descriptors;
            let ticks = stat.utime + stat.stime;
            vitals.cpu_time += Duration::from_millis(ticks * 1000 / procfs::ticks_per_second());
        }
        Some(vitals)
    }

    /// Looks at the program's end (`far`) of a connection of which the checks hold `near`.
    pub(crate) fn far_end(near: SocketAddr, far: SocketAddr) -> Option<FarEnd> {
        let entries = tcp_entries(|entry| is_between(entry, far, near));
        let ours = entries.iter().find(|entry| is_between(entry, near, far))?;
        let theirs = entries.iter().find(|entry| is_between(entry, far, near))?;
        Some(FarEnd {
            // A connection that no process has accepted belongs to no file yet.
            accepted: theirs.inode != 0,
            unread: theirs.rx_queue,
            in_flight: ours.tx_queue,
        })
    }

    /// Of each of these clients of the listener, whether the program has accepted it.
    pub(crate) fn accepted(
        listener: SocketAddr,
        clients: &[Option<SocketAddr>],
    ) -> Vec<Option<bool>> {
        let entries = tcp_entries(|entry| canonical(entry.local_address) == listener);
        let find = |client| {
            entries
                .iter()
                .find(|entry| is_between(entry, listener, client))
        };
        clients
            .iter()
            .map(|&client| Some(find(client?)?.inode != 0))
            .collect()
    }

    /// Allows the program that many descriptors more than it has open now, and returns how many
    /// that are.
    pub(crate) fn limit_descriptors(root: u32, listener: SocketAddr, more: usize) -> Option<usize> {
        let mut allowed = None;
        for process in owners(root, Some(listener))? {
            let count = process.fd_count().ok()? + more;
            let limit = u64::try_from(count).ok()?;
            let limit = Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            };
            prlimit(Pid::from_raw(process.pid()), Resource::Nofile, limit).ok()?;
            allowed = allowed.max(Some(count));
        }
        allowed
    }

    /// The processes of the program that hold its listener: where the program was started by
    /// another (a shell, a sandbox), that one does not count. All of them where there is none.
    fn owners(root: u32, listener: Option<SocketAddr>) -> Option<Vec<Process>> {
        let family = family(i32::try_from(root).ok()?)?;
        let is_listener = |entry: &TcpNetEntry| {
            entry.state == TcpState::Listen && Some(canonical(entry.local_address)) == listener
        };
        let inodes: HashSet<u64> = tcp_entries(is_listener)
            .iter()
            .filter(|entry| is_listener(entry))
            .map(|entry| entry.inode)
            .collect();
        let (owners, others): (Vec<_>, Vec<_>) = family
            .into_iter()
            .partition(|process| holds(process, &inodes));
        let found = if owners.is_empty() { others } else { owners };
        (!found.is_empty()).then_some(found)
    }

    fn holds(process: &Process, inodes: &HashSet<u64>) -> bool {
        let Ok(descriptors) = process.fd() else {
            return false;
        };
        descriptors
            .flatten()
            .any(|descriptor| match descriptor.target {
                FDTarget::Socket(inode) => inodes.contains(&inode),
                _ => false,
            })
    }

    /// The process and all that descend from it.
    fn family(root: i32) -> Option<Vec<Process>> {
        let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
        for process in all_processes().ok()?.flatten() {
            if let Ok(stat) = process.stat() {
                children.entry(stat.ppid).or_default().push(process);
            }
        }
        let mut family = vec![Process::new(root).ok()?];
        let mut next = 0;
        while let Some(process) = family.get(next) {
            family.extend(children.remove(&process.pid()).unwrap_or_default());
            next += 1;
        }
        Some(family)
    }

    /// The TCP sockets of this network namespace, if one of them is `wanted`; those of IPv6 too if
    /// none is: a listener for both families gets its IPv4 clients there, as ::ffff:127.0.0.1. (The
    /// kernel walks its whole table for each of the two, which takes milliseconds.)
    fn tcp_entries(wanted: impl Fn(&TcpNetEntry) -> bool) -> Vec<TcpNetEntry> {
        let mut entries = procfs::net::tcp().unwrap_or_default();
        if !entries.iter().any(wanted) {
            entries.extend(procfs::net::tcp6().unwrap_or_default());
        }
        entries
    }

    fn is_between(entry: &TcpNetEntry, local: SocketAddr, remote: SocketAddr) -> bool {
        canonical(entry.local_address) == local && canonical(entry.remote_address) == remote
    }

    fn canonical(address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{FarEnd, SocketAddr, Vitals};

    pub(crate) fn vitals(_root: u32, _listener: Option<SocketAddr>) -> Option<Vitals> {
        None
    }

    pub(crate) fn far_end(_near: SocketAddr, _far: SocketAddr) -> Option<FarEnd> {
        None
    }

    pub(crate) fn accepted(_at: SocketAddr, clients: &[Option<SocketAddr>]) -> Vec<Option<bool>> {
        vec![None; clients.len()]
    }

    pub(crate) fn limit_descriptors(_root: u32, _at: SocketAddr, _more: usize) -> Option<usize> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{accepted, far_end, limit_descriptors, vitals};
