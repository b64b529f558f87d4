//! A deadline that is fair on a busy machine: the time in which the program could have run and others
//! did does not count, nor does that in which the checks themselves were kept from running.

use std::time::{Duration, Instant};

use crate::deadline::deadline;
use crate::observe::{Processor, Turns};
use crate::scene::Scene;
use crate::stall;

/// Until then, a deadline is a matter of the clock alone: nearly always, all is over by then.
const UNWATCHED: Duration = Duration::from_millis(100);

/// By how many times [`deadline`] a deadline can be put off.
const MOST: u32 = 5;

/// A program that ran for so long, and still has not done what is waited for, would not have done it on
/// an idle machine either.
const ENOUGH: Duration = Duration::from_millis(250);

/// How long the processor goes without a look, at the most.
pub(crate) const LONGEST_UNSEEN: Duration = Duration::from_millis(250);

/// How long to wait before the next look at the processor, at the least and at the most: only a look
/// tells of a wait that lasts, and a program that has ended can't be looked at any more.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), LONGEST_UNSEEN];

/// A deadline that has begun.
pub(crate) struct Patience<'a> {
    scene: &'a Scene,
    limit: Duration,
    begun: Instant,
    looks: Option<Looks>,
}

/// The first look at the processor, the last one, and what was between them.
struct Looks {
    first: Look,
    last: Look,
    /// How long the program could have run and was not seen to run.
    kept: Duration,
}

#[derive(Clone)]
struct Look {
    at: Instant,
    processor: Processor,
    stall: Duration,
}

impl<'a> Patience<'a> {
    /// A deadline that is over when this limit has passed, on a machine that has the time.
    pub(crate) fn new(scene: &'a Scene, limit: Duration) -> Self {
        Self {
            scene,
            limit,
            begun: Instant::now(),
            looks: None,
        }
    }

    /// The same, which looks at the processor from the beginning.
    pub(crate) fn watching(scene: &'a Scene, limit: Duration) -> Self {
        let looks = Some(Looks::new(Look::at(scene)));
        Self {
            looks,
            ..Self::new(scene, limit)
        }
    }

    /// How much of the time so far does not count.
    pub(crate) fn forgiven(&mut self) -> Duration {
        let Some(looks) = &mut self.looks else {
            return Duration::ZERO;
        };
        looks.add(Look::at(self.scene));
        looks.waited()
    }

    /// How long the wait has been so far, without the time that does not count: zero, if that was not even
    /// looked at.
    pub(crate) fn counted(&mut self) -> Duration {
        if self.looks.is_none() {
            return Duration::ZERO;
        }
        let forgiven = self.forgiven();
        self.begun.elapsed().saturating_sub(forgiven)
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
        let now = Look::at(self.scene);
        let looks = self.looks.get_or_insert_with(|| Looks::new(now.clone()));
        looks.add(now);
        let (ran, waited) = (looks.ran(), looks.waited());
        match ran < ENOUGH {
            true => self.scene.note_wait(looks.kept),
            // One that computes without end waits for itself.
            false => self.scene.forget_waits(),
        }
        let end = self.limit + waited;
        if passed >= end || (passed >= self.limit && ran >= self.limit) {
            return None;
        }
        let last = self.limit + deadline() * MOST;
        if passed < last {
            let [soon, late] = LOOKS;
            return Some((end.min(last) - passed).clamp(soon, late));
        }
        assert!(
            ran >= ENOUGH,
            "could not judge: this machine is so busy that the program, or the checks, could not run \
             for {:.1?} of {passed:.1?}; try again, or with fewer checks at a time",
            waited.min(passed)
        );
        None
    }
}

impl Looks {
    fn new(first: Look) -> Self {
        Self {
            last: first.clone(),
            first,
            kept: Duration::ZERO,
        }
    }

    fn add(&mut self, now: Look) {
        if self.last.processor.can_run() && now.processor.can_run() {
            let ran = now.processor.ran_since(&self.last.processor);
            self.kept += (now.at - self.last.at).saturating_sub(ran);
        }
        self.last = now;
    }

    fn ran(&self) -> Duration {
        self.last.processor.ran_since(&self.first.processor)
    }

    /// How long the program, or the checks, could have run and did not, because others had the processor. What
    /// a thread waited while the program's own threads ran is the program's doing: sixty that wake up
    /// together and run for a moment are not kept from anything.
    fn waited(&self) -> Duration {
        let processor = &self.last.processor;
        let all = processor.ran_since(&self.first.processor);
        let for_others = |turns: Turns| turns.waited.saturating_sub(all.saturating_sub(turns.ran));
        let threads = processor.since(&self.first.processor);
        let told: Duration = threads.map(|(_, turns)| for_others(turns)).sum();
        let passed = self.last.at - self.first.at;
        self.kept.max(told.min(passed)) + (self.last.stall - self.first.stall)
    }
}

impl Look {
    fn at(scene: &Scene) -> Self {
        Self {
            at: Instant::now(),
            processor: scene.processor(),
            stall: stall::total(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn turns(ran: u64, waited: u64, can_run: bool) -> Turns {
        Turns {
            ran: Duration::from_millis(ran),
            waited: Duration::from_millis(waited),
            can_run,
        }
    }

    /// Looks at a program that ran, waited and could run like this, in milliseconds, one second apart.
    fn looks(seen: &[(u64, u64, bool)]) -> Looks {
        let start = Instant::now();
        let mut all = seen
            .iter()
            .zip(0..)
            .map(|(&(ran, waited, can_run), second)| Look {
                at: start + Duration::from_secs(second),
                processor: Processor(HashMap::from([(1, turns(ran, waited, can_run))])),
                stall: Duration::ZERO,
            });
        let mut looks = Looks::new(all.next().unwrap());
        all.for_each(|look| looks.add(look));
        looks
    }

    #[test]
    fn a_program_that_sleeps_waits_for_nothing() {
        let looks = looks(&[(5, 3, false), (5, 3, false), (5, 3, false)]);
        assert_eq!(looks.waited(), Duration::ZERO);
    }

    #[test]
    fn a_wait_that_is_over_counts() {
        let looks = looks(&[(5, 3, false), (6, 903, false)]);
        assert_eq!(looks.waited(), Duration::from_millis(900));
    }

    #[test]
    fn a_wait_that_lasts_counts_once() {
        let looks = looks(&[
            (5, 3, true),
            (5, 3, true),
            (105, 3, true),
            (105, 1803, false),
        ]);
        assert_eq!(looks.waited(), Duration::from_millis(1900));
        assert_eq!(looks.ran(), Duration::from_millis(100));
    }

    /// Of so many threads, each ran and waited for so long within five seconds, in milliseconds.
    fn together(threads: i32, ran: u64, waited: u64) -> Duration {
        let begun = Instant::now();
        let look = |second, ran, waited| Look {
            at: begun + Duration::from_secs(second),
            processor: Processor(
                (0..threads)
                    .map(|id| (id, turns(ran, waited, false)))
                    .collect(),
            ),
            stall: Duration::ZERO,
        };
        let mut looks = Looks::new(look(0, 0, 0));
        looks.add(look(5, ran, waited));
        looks.waited()
    }

    #[test]
    fn threads_that_wait_for_each_other_wait_for_nobody() {
        assert_eq!(together(60, 10, 590), Duration::ZERO);
    }

    #[test]
    fn threads_that_wait_for_others_one_after_another_all_count() {
        assert_eq!(together(2, 0, 1000), Duration::from_secs(2));
        assert_eq!(together(60, 0, 1000), Duration::from_secs(5));
    }
}
