//! What the system tells about a program from outside. Linux has `/proc`; elsewhere these answers
//! are `None` or none, and what depends on them is skipped.

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

/// What the processor did for a program: for all threads that it and its children have, since they began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Processor {
    /// How long they ran, together.
    pub(crate) ran: Duration,
    /// How long they had to wait, together, before they ran. It does not tell of a wait that lasts.
    pub(crate) waited: Duration,
    /// Whether one of them can run now, or does.
    pub(crate) can_run: bool,
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
    accepted, far_end, has_end, limit_descriptors, listening, processor, vitals,
};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::net::SocketAddr;

    use super::{FarEnd, Processor, Vitals};

    pub(crate) fn vitals(_root: u32, _listener: Option<SocketAddr>) -> Option<Vitals> {
        None
    }

    pub(crate) fn processor(_root: u32) -> Option<Processor> {
        None
    }

    pub(crate) fn listening(_root: u32) -> Option<SocketAddr> {
        None
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

    pub(crate) fn limit_descriptors(_root: u32, _at: SocketAddr, _more: usize) -> Option<usize> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{
    accepted, far_end, has_end, limit_descriptors, listening, processor, vitals,
};
