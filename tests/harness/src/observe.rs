//! What the system tells about a program from outside. Linux has `/proc`; elsewhere these answers
//! are `None` or none, and what depends on them is skipped.

use std::collections::HashMap;
use std::time::Duration;

/// What a server has and uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Threads, and processes that have ended and that nobody has waited for.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Bytes of memory in use.
    pub memory: u64,
    /// Bytes of memory that was asked for, in use or not.
    pub data: u64,
}

impl Load {
    /// How many more threads and descriptors a runtime may keep: those of a pool, for instance.
    const SPARE: usize = 9;

    /// How many more bytes of memory may stay in use: an allocator keeps some of what is freed.
    const SPARE_MEMORY: u64 = 8 << 20;

    /// How many more bytes may stay reserved, in use or not: stacks for later threads, for instance.
    const SPARE_DATA: u64 = 256 << 20;

    /// A program that uses more bytes than this before its first client has a runtime that collects garbage.
    /// What is above it may grow this many times before that collects anything.
    const SMALL: u64 = 4 << 20;
    const GARBAGE: u64 = 4;

    /// Whether it is what it was before, or little more.
    pub(crate) fn is_back_to(self, before: Self) -> bool {
        self.threads <= before.threads + Self::SPARE
            && self.descriptors <= before.descriptors + Self::SPARE
            && self.memory <= before.most_memory()
            && self.data <= before.data + Self::SPARE_DATA
    }

    /// Whether it has far more threads or descriptors than before.
    pub(crate) fn is_crowded(self, before: Self) -> bool {
        let most = |before: usize| before + 4 * Self::SPARE;
        self.threads > most(before.threads) || self.descriptors > most(before.descriptors)
    }

    /// How much memory may be in use later, in bytes.
    pub(crate) fn most_memory(self) -> u64 {
        let garbage = self.memory.saturating_sub(Self::SMALL) * Self::GARBAGE;
        self.memory + garbage.max(Self::SPARE_MEMORY)
    }
}

/// A program's use of the system: of the processes that hold its listener, or where it has none, of
/// the program and all it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vitals {
    pub(crate) load: Load,
    pub(crate) cpu_time: Duration,
    /// Whether one of the processes does not let its descriptors be listed.
    pub(crate) hides: bool,
}

/// What the processor did for a program: for each thread that it and its children have, by its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processor(pub(crate) HashMap<i32, Turns>);

/// A thread's turns at the processor, since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turns {
    /// How long it ran.
    pub(crate) ran: Duration,
    /// How long it had to wait before it ran. It does not tell of a wait that lasts.
    pub(crate) waited: Duration,
    /// Whether it can run now, or does.
    pub(crate) can_run: bool,
}

impl Processor {
    /// Whether one of the threads can run now, or does.
    pub(crate) fn can_run(&self) -> bool {
        self.0.values().any(|turns| turns.can_run)
    }

    /// How long all threads together have run since an earlier look.
    pub(crate) fn ran_since(&self, before: &Self) -> Duration {
        self.since(before).map(|(_, turns)| turns.ran).sum()
    }

    /// What each thread did since an earlier look, with its id.
    pub(crate) fn since(&self, before: &Self) -> impl Iterator<Item = (i32, Turns)> {
        self.0.iter().map(|(&id, now)| {
            let before = before.0.get(&id).copied().unwrap_or_default();
            let turns = Turns {
                ran: now.ran.saturating_sub(before.ran),
                waited: now.waited.saturating_sub(before.waited),
                can_run: now.can_run,
            };
            (id, turns)
        })
    }
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
mod linux;
#[cfg(target_os = "linux")]
mod sockets;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    accepted, acknowledge_at_once, far_end, has_died, has_end, limit_descriptors, listening,
    processor, vitals,
};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::net::{SocketAddr, TcpStream};

    use super::{FarEnd, Processor, Vitals};

    pub(crate) fn vitals(_root: u32, _listener: Option<SocketAddr>) -> Option<Vitals> {
        None
    }

    pub(crate) fn processor(_root: u32) -> Processor {
        Processor::default()
    }

    pub(crate) fn has_died(_root: u32) -> bool {
        false
    }

    pub(crate) fn listening(_root: u32) -> Vec<SocketAddr> {
        Vec::new()
    }

    pub(crate) fn far_end(_near: SocketAddr, _far: SocketAddr) -> Option<FarEnd> {
        None
    }

    pub(crate) fn has_end(_near: SocketAddr, _far: SocketAddr) -> bool {
        false
    }

    pub(crate) fn accepted(_at: SocketAddr, clients: &[Option<SocketAddr>]) -> Vec<Option<bool>> {
        vec![None; clients.len()]
    }

    pub(crate) fn acknowledge_at_once(_client: &TcpStream) {}

    pub(crate) fn limit_descriptors(_root: u32, _at: SocketAddr, _more: usize) -> Option<usize> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{
    accepted, acknowledge_at_once, far_end, has_died, has_end, limit_descriptors, listening,
    processor, vitals,
};
