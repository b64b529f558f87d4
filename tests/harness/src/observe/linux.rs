//! Processes from `/proc`, sockets from the kernel's socket table.

use std::net::SocketAddr;
use std::time::Duration;

use procfs::process::{FDTarget, Process};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{FarEnd, Processor, Vitals, sockets};

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

/// Looks at what the processor did for the program started as process `root`, since its threads began.
pub(crate) fn processor(root: u32) -> Option<Processor> {
    let mut processor = Processor::default();
    for process in family(root)? {
        for task in process.tasks().into_iter().flatten().flatten() {
            // One that has just ended neither runs nor waits.
            let (Ok(times), Ok(stat)) = (task.schedstat(), task.stat()) else {
                continue;
            };
            processor.ran += Duration::from_nanos(times.sum_exec_runtime);
            processor.waited += Duration::from_nanos(times.run_delay);
            processor.can_run |= stat.state == 'R';
        }
    }
    Some(processor)
}

/// Where the program started as process `root` listens.
pub(crate) fn listening(root: u32) -> Option<SocketAddr> {
    let held: Vec<_> = family(root)?.iter().flat_map(sockets_of).collect();
    sockets::listeners().find_map(|(address, inode)| held.contains(&inode).then_some(address))
}

/// Looks at the program's end (`far`) of a connection of which the checks hold `near`.
pub(crate) fn far_end(near: SocketAddr, far: SocketAddr) -> Option<FarEnd> {
    let ours = sockets::connection(near, far)?;
    let theirs = sockets::connection(far, near)?;
    Some(FarEnd {
        accepted: theirs.is_owned(),
        unread: theirs.receive_queue,
        in_flight: ours.send_queue,
    })
}

/// Whether the other side has an end of the connection, which it keeps until it has closed it or the
/// connection is reset.
pub(crate) fn has_end(near: SocketAddr, far: SocketAddr) -> bool {
    sockets::connection(far, near).is_some()
}

/// Of each of these clients of the listener, whether the program has accepted it.
pub(crate) fn accepted(listener: SocketAddr, clients: &[Option<SocketAddr>]) -> Vec<Option<bool>> {
    clients
        .iter()
        .map(|&client| Some(sockets::connection(listener, client?)?.is_owned()))
        .collect()
}

/// Allows the program that many descriptors more than it has open now, and returns how many that
/// are.
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

/// The processes of the program that hold its listener: where the program was started by another
/// (a shell, a sandbox), that one does not count. All of them where there is none.
fn owners(root: u32, listener: Option<SocketAddr>) -> Option<Vec<Process>> {
    let family = family(root)?;
    if family.len() == 1 {
        return Some(family);
    }
    let listener = listener.and_then(sockets::listener);
    let (owners, others): (Vec<_>, Vec<_>) = family
        .into_iter()
        .partition(|process| listener.is_some_and(|inode| holds(process, inode)));
    let found = if owners.is_empty() { others } else { owners };
    (!found.is_empty()).then_some(found)
}

fn holds(process: &Process, inode: u64) -> bool {
    sockets_of(process).any(|own| own == inode)
}

/// The inodes of the sockets that the process holds.
fn sockets_of(process: &Process) -> impl Iterator<Item = u64> {
    let descriptors = process.fd().into_iter().flatten().flatten();
    descriptors.filter_map(|descriptor| match descriptor.target {
        FDTarget::Socket(inode) => Some(inode),
        _ => None,
    })
}

/// The process and all that descend from it.
fn family(root: u32) -> Option<Vec<Process>> {
    let process = |id: u32| Process::new(i32::try_from(id).ok()?).ok();
    let mut family = vec![process(root)?];
    let mut next = 0;
    while let Some(parent) = family.get(next) {
        let tasks = parent.tasks().into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| task.children().ok()).flatten();
        let children: Vec<_> = children.filter_map(process).collect();
        family.extend(children);
        next += 1;
    }
    Some(family)
}
