//! Processes from `/proc`, sockets from the kernel's socket table.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use procfs::ProcError;
use procfs::process::{FDTarget, Process, Task};
use rustix::net::sockopt::set_tcp_quickack;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{FarEnd, Processor, Turns, Vitals, sockets};

/// Looks at the program started as process `root` that listens on `listener`.
pub(crate) fn vitals(root: u32, listener: Option<SocketAddr>) -> Option<Vitals> {
    let mut vitals = Vitals::default();
    let load = &mut vitals.load;
    for process in owners(root, listener)? {
        // One that has just ended uses nothing any more.
        let Ok(stat) = process.stat() else { continue };
        // One that nobody waits for has nothing any more, but is still there.
        if stat.state == 'Z' {
            load.threads += 1;
            continue;
        }
        vitals.hides |= hides(&process);
        load.descriptors += process.fd_count().unwrap_or(0);
        load.threads += usize::try_from(stat.num_threads).ok()?;
        let sizes = process.statm().ok();
        load.memory += stat.rss * procfs::page_size();
        load.data += sizes.map_or(0, |sizes| sizes.data * procfs::page_size());
        let ticks = stat.utime + stat.stime;
        vitals.cpu_time += Duration::from_millis(ticks * 1000 / procfs::ticks_per_second());
    }
    Some(vitals)
}

/// Whether the process does not let its descriptors be listed. Neither does one that is about to end, but that
/// has no memory any more.
fn hides(process: &Process) -> bool {
    let is_denied = matches!(process.fd(), Err(ProcError::PermissionDenied(_)));
    is_denied && process.stat().is_ok_and(|stat| stat.vsize > 0)
}

/// Looks at what the processor did for the program started as process `root`.
pub(crate) fn processor(root: u32) -> Processor {
    let family = family(root).unwrap_or_default();
    let tasks = family.iter().filter_map(|process| process.tasks().ok());
    let turns = |task: Task| {
        // One that has just ended neither runs nor waits.
        let (times, stat) = (task.schedstat().ok()?, task.stat().ok()?);
        let turns = Turns {
            ran: Duration::from_nanos(times.sum_exec_runtime),
            waited: Duration::from_nanos(times.run_delay),
            can_run: stat.state == 'R',
        };
        Some((task.tid, turns))
    };
    Processor(tasks.flatten().flatten().filter_map(turns).collect())
}

/// Whether this process, for which the checks have not waited yet, has ended.
pub(crate) fn has_died(process: u32) -> bool {
    let stat = i32::try_from(process)
        .ok()
        .and_then(|id| Process::new(id).ok()?.stat().ok());
    stat.is_some_and(|stat| stat.state == 'Z')
}

/// Where the program started as process `root` listens.
pub(crate) fn listening(root: u32) -> Vec<SocketAddr> {
    let family = family(root).unwrap_or_default();
    let held: Vec<_> = family.iter().flat_map(sockets_of).collect();
    let listeners = sockets::listeners().filter(|(_, inode)| held.contains(inode));
    listeners
        .map(|(address, _)| SocketAddr::new(address.ip().to_canonical(), address.port()))
        .collect()
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

/// Has what arrives on this connection acknowledged at once: a server whose small writes wait for that
/// (Nagle's algorithm) would wait for 40 ms each time. The kernel forgets it again and again (TCP_QUICKACK in
/// tcp(7)).
pub(crate) fn acknowledge_at_once(client: &TcpStream) {
    // Without it, all is as well, and takes longer.
    _ = set_tcp_quickack(client, true);
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

/// The processes of the program: those that hold its listener, and all below them, whether they hold it or
/// not. (What stands above, a shell or a sandbox that has started it, does not count.) All of them where
/// there is none.
fn owners(root: u32, listener: Option<SocketAddr>) -> Option<Vec<Process>> {
    let family = family(root)?;
    if family.len() == 1 {
        return Some(family);
    }
    let listener = listener.and_then(sockets::listener);
    let mut ids = HashSet::new();
    // Parents come before their children.
    for process in &family {
        let holds = listener.is_some_and(|inode| holds(process, inode));
        let parent = process.stat().map(|stat| stat.ppid);
        if holds || parent.is_ok_and(|parent| ids.contains(&parent)) {
            ids.insert(process.pid);
        }
    }
    let (owners, others): (Vec<_>, Vec<_>) = family
        .into_iter()
        .partition(|process| ids.contains(&process.pid));
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
