//! A deadline that is fair on a busy machine: the time in which the program could have run and others
//! did does not count, nor does that in which the checks themselves were kept from running.

use std::time::{Duration, Instant};

use crate::deadline::deadline;
use crate::scene::Scene;

/// Until then, a deadline is a matter of the clock alone: nearly always, all is over by then.
const UNWATCHED: Duration = Duration::from_millis(100);

/// By how many times [`deadline`] a deadline can be put off.
const MOST: u32 = 5;

/// A program that ran for so long, and still has not done what is waited for, would not have done it on
/// an idle machine either.
const ENOUGH: Duration = Duration::from_millis(250);

/// At the least, how long to wait before the next look at the processor.
const LOOK: Duration = Duration::from_millis(50);

/// A deadline that has begun.
pub(crate) struct Patience<'a> {
    scene: &'a Scene,
    limit: Duration,
    begun: Instant,
    /// What was known when the watch began.
    before: Option<Hindrance>,
}

/// What may have kept the program from being on time, since it was started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hindrance {
    /// How long the program, or the checks, could have run and did not.
    pub(crate) waited: Duration,
    /// How long the program ran.
    pub(crate) ran: Duration,
}

impl<'a> Patience<'a> {
    /// A deadline that is over when this limit has passed, on a machine that has the time.
    pub(crate) fn new(scene: &'a Scene, limit: Duration) -> Self {
        Self {
            scene,
            limit,
            begun: Instant::now(),
            before: None,
        }
    }

    /// How long to wait at least, as far as is known now; `None` when the deadline is over.
    ///
    /// # Panics
    ///
    /// If the program had no chance to be on time: then nothing can be said about it.
    pub(crate) fn left(&mut self) -> Option<Duration> {
        let passed = self.begun.elapsed();
        let first = UNWATCHED.min(self.limit);
        if passed < first {
            return Some(first - passed);
        }
        let before = *self.before.get_or_insert_with(|| self.scene.hindrance());
        if passed < self.limit {
            return Some(self.limit - passed);
        }
        let now = self.scene.hindrance();
        let waited = now.waited.saturating_sub(before.waited);
        let ran = now.ran.saturating_sub(before.ran);
        let end = self.limit + waited;
        if passed >= end || ran >= self.limit {
            return None;
        }
        let last = self.limit + deadline() * MOST;
        if passed < last {
            return Some((end.min(last) - passed).max(LOOK));
        }
        assert!(
            ran >= ENOUGH,
            "could not judge: this machine is so busy that the program, or the checks, could not run \
             for {waited:.1?} of {passed:.1?}; try again, or with fewer checks at a time"
        );
        None
    }
}
