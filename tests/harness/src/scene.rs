//! One program under test and everything that is seen of it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::deadline::{LONGEST_POLL, POLL, QUIET_WINDOW, deadline};
use crate::diagnosis::{Symptom, diagnose};
use crate::observe::{self, Vitals};
use crate::process::Process;
use crate::program::Program;
use crate::recording::Recording;

pub(crate) struct Scene {
    pub(crate) program: Program,
    pub(crate) recording: Recording,
    pid: OnceLock<u32>,
    /// The address of the program's listener, if it is a server.
    listener: OnceLock<SocketAddr>,
}

impl Scene {
    pub(crate) fn new(program: Program) -> Arc<Self> {
        Arc::new(Self {
            program,
            recording: Recording::new(),
            pid: OnceLock::new(),
            listener: OnceLock::new(),
        })
    }

    /// Starts the program with these arguments.
    pub(crate) fn start(self: &Arc<Self>, arguments: &[&str], stdin: Stdio) -> Process {
        let mut command = self.program.command(arguments);
        command.stdin(stdin);
        match Process::start(self, command) {
            Ok(process) => {
                let _ = self.pid.set(process.id());
                process
            }
            Err(error) => self.fail(Symptom::NotStarted(error)),
        }
    }

    pub(crate) fn set_listener(&self, address: SocketAddr) {
        let _ = self.listener.set(address);
    }

    pub(crate) fn listener(&self) -> Option<SocketAddr> {
        self.listener.get().copied()
    }

    /// A look at the program's threads and descriptors; `None` where the system does not tell.
    pub(crate) fn vitals(&self) -> Option<Vitals> {
        observe::vitals(*self.pid.get()?, self.listener())
    }

    /// Allows the program that many descriptors more than it has open now; false where the system
    /// can't.
    pub(crate) fn limit_descriptors(&self, more: usize) -> bool {
        let (Some(&pid), Some(listener)) = (self.pid.get(), self.listener()) else {
            return false;
        };
        observe::limit_descriptors(pid, listener, more).is_some()
    }

    /// Looks again and again, where the system has no event to wait for, until `look` finds
    /// something; `None` at the deadline, or when the program has panicked over a `todo!`.
    pub(crate) fn poll<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let end = Instant::now() + deadline();
        let mut pause = POLL;
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            let unfinished = self
                .recording
                .look(|seen| seen.program.not_implemented().is_some());
            if unfinished || Instant::now() >= end {
                return None;
            }
            self.recording.pause(pause);
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    /// Fails the check with the diagnosis that the symptom and all that was seen add up to.
    pub(crate) fn fail(&self, symptom: Symptom) -> ! {
        // A program that is about to end (its connections are gone already) gets the time to do
        // so: why it ended explains the symptom.
        self.recording
            .wait_for(QUIET_WINDOW, |seen| seen.program.is_over().then_some(()));
        let vitals = self.vitals();
        self.recording
            .look(|seen| diagnose(&self.program, seen, vitals, symptom))
            .raise()
    }
}
