//! What a server uses of the system: threads, descriptors, memory, processor time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Server;
use crate::deadline::{LONGEST_POLL, QUIET_WINDOW, deadline};
use crate::diagnosis::{After, Symptom};
use crate::observe::Load;
use crate::recording::Seen;

/// How long a server is watched for a thread that never rests, and how many times at most. A server that
/// rests once has passed.
const REST: Duration = QUIET_WINDOW;
const MOST_WINDOWS: usize = 5;

/// How long a thread must have run to count as spinning, if it could always have run.
const SPUN: Duration = Duration::from_millis(30);

/// How many lines a server may print meanwhile. One that pauses for a millisecond each time prints fewer.
const MOST_LINES: usize = 400;

impl Server {
    /// Watches for `window` whether the server has more threads than this, and fails if it does.
    pub fn expect_threads_at_most_for(&self, most: usize, window: Duration) {
        let too_many = self.scene.poll_for(window, || {
            let threads = self.load()?.threads;
            (threads > most).then_some(threads)
        });
        if let Some(threads) = too_many {
            self.scene.fail(Symptom::TooManyThreads { threads, most });
        }
    }

    /// What the server has and uses; `None` where the system does not tell.
    pub fn load(&self) -> Option<Load> {
        let vitals = self.scene.vitals()?;
        if vitals.hides {
            self.scene.fail(Symptom::Hides);
        }
        Some(vitals.load)
    }

    /// Expects that the server's threads and descriptors come back to what they were before, and that its
    /// memory has not grown with what it has done meanwhile. A runtime may keep a few more of each.
    pub fn expect_load_back_to(&self, before: Load, after_what: After) {
        let look = || (Instant::now(), self.scene.processor());
        let (begun, first) = look();
        let after = self.scene.poll_for(deadline(), || {
            let now = self.load()?;
            now.is_back_to(before).then_some(now)
        });
        if after.is_none() {
            let after = self.load().unwrap_or(before);
            let (now, last) = look();
            let is_busy = last.ran_since(&first) > (now - begun) / 4;
            self.scene.fail(Symptom::Leak {
                after_what,
                before,
                after,
                is_busy,
            });
        }
    }

    /// Expects that the server, which has nothing to do, uses no processor time: no thread of it spins, nor
    /// does it print without end. A runtime may be busy for a while after its start.
    pub fn expect_rest(&self) {
        let lines = |seen: &Seen| seen.program.stdout.len() + seen.program.stderr.len();
        let spins = || {
            let before = self.scene.recording.look(lines);
            let spins = self.has_spinning_thread();
            let printed = self.scene.recording.look(lines) - before;
            // A thread that prints without end is often blocked, since the pipe is full.
            let floods = printed > MOST_LINES || self.scene.floods();
            spins || floods
        };
        let mut windows = (0..MOST_WINDOWS).map(|_| spins());
        if windows.all(|spins| spins) {
            self.scene.fail(Symptom::Spins);
        }
    }

    /// Whether a thread is running, or ready to run, nearly each time that it is looked at. On a busy machine
    /// it may be ready and not get the processor: then it is watched for longer.
    ///
    /// # Panics
    ///
    /// If it did not get the processor at all: then nothing can be said about it.
    fn has_spinning_thread(&self) -> bool {
        let begun = Instant::now();
        let first = self.scene.processor();
        let mut looks = 0;
        let mut runnable: HashMap<i32, usize> = HashMap::new();
        loop {
            self.scene.recording.pause(LONGEST_POLL);
            let now = self.scene.processor();
            looks += 1;
            for (&id, _) in now.0.iter().filter(|(_, turns)| turns.can_run) {
                *runnable.entry(id).or_default() += 1;
            }
            let passed = begun.elapsed();
            if passed < REST {
                continue;
            }
            let busy = |id: &i32| runnable.get(id).is_some_and(|count| count * 4 > looks * 3);
            let ran = now
                .since(&first)
                .filter(|(id, _)| busy(id))
                .map(|(_, turns)| turns.ran);
            match ran.max() {
                None => return false,
                Some(ran) if ran >= SPUN => return true,
                Some(ran) => assert!(
                    passed < deadline(),
                    "could not judge: this machine is so busy that the program ran for {ran:.1?} of {passed:.1?}; \
                     try again, or with fewer checks at a time"
                ),
            }
        }
    }

    /// Allows the server this many descriptors more than it has open now, and returns how many that
    /// are; `None` where the system can't.
    pub fn limit_descriptors(&self, more: usize) -> Option<usize> {
        self.scene.limit_descriptors(more)
    }

    /// Waits until the server has run out of descriptors, or has accepted all clients all the same
    /// (a process for each client has descriptors of its own), or has ended.
    pub fn wait_until_out_of_descriptors(&self, limit: usize) {
        let reached = self.scene.poll_for(deadline(), || {
            let over = self.scene.recording.look(|seen| seen.program.is_over());
            let is_out = self.load().is_some_and(|now| now.descriptors >= limit);
            (over || is_out || self.scene.has_accepted_all()).then_some(())
        });
        if reached.is_none() {
            let descriptors = self.load().map_or(0, |now| now.descriptors);
            self.scene
                .fail(Symptom::NotAccepting { descriptors, limit });
        }
    }

    /// Watches for `window` whether the program, which has no descriptor left, ends, and fails if it
    /// does.
    pub fn expect_to_survive_for(&self, window: Duration) {
        let over = self
            .scene
            .wait_for(window, |seen| seen.program.exit.map(|_| ()));
        if over.is_some() {
            self.scene.fail(Symptom::Ended);
        }
    }

    /// Expects that the server has accepted all clients that are connected, whether it serves them now or
    /// not.
    pub fn expect_all_accepted(&self) {
        // One that was turned away waits no more.
        let waits = || {
            let accepted = self.scene.accepted();
            self.scene.recording.look(|seen| {
                let mut clients = seen.connections.iter().zip(accepted);
                clients.any(|(client, accepted)| client.end.is_none() && accepted == Some(false))
            })
        };
        let accepted = self.scene.poll_for(deadline(), || (!waits()).then_some(()));
        if accepted.is_none() {
            self.scene.fail(Symptom::LeavesInQueue);
        }
    }
}
