//! One program under test and everything that is seen of it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::deadline::{LONGEST_POLL, POLL, QUIET_WINDOW, deadline, deadline_for_all};
use crate::diagnosis::{Capacity, Evidence, Symptom, diagnose};
use crate::launch::{self, Launch};
use crate::observe::{self, Processor, Vitals};
use crate::patience::Patience;
use crate::process::Process;
use crate::program::Program;
use crate::recording::{Moment, Recording, Seen, Side};
use crate::stall;
use crate::timeline::Timeline;

/// A rule that a check can be strict about; about all others it is lenient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A reply has the protocol's form to the letter, and nothing else is sent.
    FormOfReplies,
    /// A reply is about its message, and not about those before it as well.
    EachMessageByItself,
    /// A timestamp is the time of the answer.
    Timestamps,
    /// A stress client's hellos are those that are asked for, each with its newline.
    FormOfHellos,
    /// A stress client prints each reply, with its client's number.
    PrintedReplies,
    /// It names each client that failed, and says why.
    NamedFailures,
    /// It ends with how many clients got their reply.
    Summary,
    /// Its exit status tells whether a client failed.
    ExitStatus,
}

pub(crate) struct Scene {
    pub(crate) program: Program,
    rule: OnceLock<Rule>,
    pub(crate) recording: Recording,
    pid: OnceLock<u32>,
    /// The address of the program's listener, if it is a server.
    listener: OnceLock<SocketAddr>,
    capacity: OnceLock<Capacity>,
    out_of_descriptors: AtomicBool,
    /// The longest that the program was kept from running while something of it was waited for, in
    /// microseconds.
    longest_wait: AtomicU64,
    /// How long the checks have waited for replies, in microseconds: the time that counts, and all of it.
    waited_for_replies: AtomicU64,
    spent_on_replies: AtomicU64,
    /// About how many bytes the record of what the program has sent takes.
    pub(crate) received: AtomicUsize,
}

impl Scene {
    pub(crate) fn new(program: Program) -> Arc<Self> {
        stall::watch();
        Arc::new(Self {
            program,
            rule: OnceLock::new(),
            recording: Recording::new(),
            pid: OnceLock::new(),
            listener: OnceLock::new(),
            capacity: OnceLock::new(),
            out_of_descriptors: AtomicBool::new(false),
            longest_wait: AtomicU64::new(0),
            waited_for_replies: AtomicU64::new(0),
            spent_on_replies: AtomicU64::new(0),
            received: AtomicUsize::new(0),
        })
    }

    /// Waits until what starts the program has done so: until then, no deadline has begun.
    ///
    /// # Panics
    ///
    /// If that takes longer than [`LAUNCH_LIMIT`]: then nothing can be said about the program.
    fn await_launch(&self) {
        let launched = self.recording.wait_for(LAUNCH_LIMIT, |seen| {
            let is_awaited = matches!(seen.program.launch, Launch::Awaited { .. });
            (!is_awaited || seen.program.is_over()).then_some(())
        });
        // Its `todo!`, on stderr, may have been read before the launcher's mark, on stdout.
        assert!(
            launched.is_some() || self.is_unfinished(),
            "could not judge: {NOT_REACHED} within {} s, because this machine is so busy; try again, or with \
             fewer checks at a time",
            LAUNCH_LIMIT.as_secs()
        );
        self.expect_launched();
    }

    /// From now on, the check is strict about this rule.
    pub(crate) fn be_strict_about(&self, rule: Rule) {
        let _ = self.rule.set(rule);
    }

    pub(crate) fn is_strict_about(&self, rule: Rule) -> bool {
        self.rule.get() == Some(&rule)
    }

    /// Starts the program with these arguments.
    pub(crate) fn start(self: &Arc<Self>, arguments: &[&str], stdin: Stdio) -> Process {
        let (mut command, launch) = self.program.command(arguments);
        self.recording.expect_launch(launch);
        command.stdin(stdin);
        match Process::start(self, command) {
            Ok(process) => {
                let _ = self.pid.set(process.id());
                self.await_launch();
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

    pub(crate) fn set_capacity(&self, capacity: Capacity) {
        let _ = self.capacity.set(capacity);
    }

    /// A look at the program's threads and descriptors; `None` where the system does not tell.
    pub(crate) fn vitals(&self) -> Option<Vitals> {
        observe::vitals(*self.pid.get()?, self.listener())
    }

    /// Allows the program that many descriptors more than it has open now, and returns how many that
    /// are; `None` where the system can't.
    pub(crate) fn limit_descriptors(&self, more: usize) -> Option<usize> {
        let limit = observe::limit_descriptors(*self.pid.get()?, self.listener()?, more)?;
        self.out_of_descriptors.store(true, Ordering::SeqCst);
        Some(limit)
    }

    /// Whether the program has accepted every client that is connected.
    pub(crate) fn has_accepted_all(&self) -> bool {
        let open: Vec<_> = self.recording.look(|seen| {
            seen.connections
                .iter()
                .map(|client| client.left.is_none())
                .collect()
        });
        let accepted = self.accepted();
        open.iter()
            .zip(accepted)
            .filter(|(open, _)| **open)
            .all(|(_, accepted)| accepted == Some(true))
    }

    /// What the processor did for the program; nothing where the system does not tell.
    pub(crate) fn processor(&self) -> Processor {
        self.pid
            .get()
            .map_or_else(Processor::default, |&pid| observe::processor(pid))
    }

    /// Takes note of how long the program was kept from running, while something of it was waited for.
    pub(crate) fn note_wait(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.longest_wait.fetch_max(wait, Ordering::Relaxed);
    }

    /// Takes note that the program can't have been on time, had it run or not.
    pub(crate) fn forget_waits(&self) {
        self.longest_wait.store(0, Ordering::Relaxed);
    }

    /// Waits until `found` finds what it looks for in what has been seen; `None` when the program has
    /// had this long for it, or as soon as it has panicked over a `todo!`.
    pub(crate) fn wait_for<T>(
        &self,
        limit: Duration,
        found: impl FnMut(&Seen) -> Option<T>,
    ) -> Option<T> {
        self.wait_with(&mut Patience::new(self, limit), found)
    }

    /// Waits for a reply, for as long as a program has for one, and for all replies together.
    pub(crate) fn wait_for_reply<T>(&self, found: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        let mut patience = Patience::new(self, deadline());
        let begun = Instant::now();
        let reply = self.wait_with(&mut patience, found);
        let spent = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.spent_on_replies.fetch_add(spent, Ordering::Relaxed);
        let counted = patience.counted().as_micros();
        let counted = u64::try_from(counted).unwrap_or(u64::MAX);
        let before = self
            .waited_for_replies
            .fetch_add(counted, Ordering::Relaxed);
        let limit = deadline_for_all();
        if reply.is_some() && Duration::from_micros(before + counted) > limit {
            self.fail(Symptom::TooSlow { limit });
        }
        reply
    }

    /// How long the checks have waited for replies.
    pub(crate) fn spent_on_replies(&self) -> Duration {
        Duration::from_micros(self.spent_on_replies.load(Ordering::Relaxed))
    }

    fn wait_with<T>(
        &self,
        patience: &mut Patience<'_>,
        mut found: impl FnMut(&Seen) -> Option<T>,
    ) -> Option<T> {
        while let Some(left) = patience.left() {
            let result = self.recording.wait_for(left, &mut found);
            if result.is_some() || self.is_unfinished() {
                return result;
            }
        }
        None
    }

    /// Looks again and again, where the system has no event to wait for, until `look` finds
    /// something; `None` when the program has had this long for it, or as soon as it has panicked over
    /// a `todo!`.
    pub(crate) fn poll_for<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut patience = Patience::new(self, limit);
        let mut pause = POLL;
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            let left = patience.left()?;
            if self.is_unfinished() {
                return None;
            }
            self.recording.pause(pause.min(left));
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    /// Where the program listens, as the system tells: nowhere, if it does not tell.
    pub(crate) fn listeners(&self) -> Vec<SocketAddr> {
        self.pid
            .get()
            .map_or_else(Vec::new, |&pid| observe::listening(pid))
    }

    /// Whether the process that was started has ended, as the system tells: on a busy machine, the checks may
    /// not have heard of it yet.
    fn has_died(&self) -> bool {
        self.pid.get().is_some_and(|&pid| observe::has_died(pid))
    }

    /// Whether it has printed more than is kept.
    pub(crate) fn floods(&self) -> bool {
        self.recording.look(|seen| seen.program.floods)
    }

    /// Whether it has panicked over a `todo!`.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.recording
            .look(|seen| seen.program.not_implemented().is_some())
    }

    /// Fails the check with the diagnosis that the symptom and all that was seen add up to.
    pub(crate) fn fail(&self, symptom: Symptom) -> ! {
        // A program that is about to end (its connections are gone already) gets the time to do
        // so: why it ended explains the symptom.
        let ended = self.wait_for(QUIET_WINDOW, |seen| seen.program.exit.map(|_| ()));
        if ended.is_some() || self.has_died() {
            // Its last words came before that, and may only not be read yet.
            self.wait_for(deadline(), |seen| seen.program.is_over().then_some(()));
        }
        self.expect_launched();
        self.judge_fairness(self.unfairness().unwrap_or_default());
        let vitals = self.vitals();
        let accepted = self.accepted();
        let capacity = self.capacity.get().copied().unwrap_or_default();
        let out_of_descriptors = self.out_of_descriptors.load(Ordering::SeqCst);
        let now = self.recording.now();
        self.recording
            .look(|seen| {
                let evidence = Evidence {
                    seen,
                    now,
                    vitals,
                    accepted,
                    capacity,
                    out_of_descriptors,
                };
                diagnose(&self.program, &evidence, &symptom)
            })
            .raise()
    }

    /// # Panics
    ///
    /// If the program was never reached: then nothing can be said about it.
    pub(crate) fn expect_launched(&self) {
        if let Some(why) = self.recording.look(|seen| launch::failure(&seen.program)) {
            panic!("could not judge: {NOT_REACHED}: {why}");
        }
    }

    /// # Panics
    ///
    /// If a client's reply was so late that it may have given up: then nothing can be said about it.
    pub(crate) fn judge_fairness(&self, late: Duration) {
        assert!(
            late <= FAIR,
            "could not judge: this machine is so busy that a reply was late by {late:.1?}, and a client \
             may give up after 2 s; try again, or with fewer checks at a time"
        );
    }

    /// By how much the clients under test may have been kept from having their replies in time by
    /// something else than the checks' purpose; `None` if the program is a server.
    fn unfairness(&self) -> Option<Duration> {
        let held = self.recording.look(longest_held_reply)?;
        let waited = Duration::from_micros(self.longest_wait.load(Ordering::Relaxed));
        Some(held + waited + stall::longest())
    }

    /// Who was where, and when, until now.
    pub(crate) fn timeline(&self) -> Timeline {
        let now = self.recording.now();
        self.recording.look(|seen| Timeline::of(seen, now))
    }

    /// Of each connection, whether the program has accepted it; `None` where the system does not
    /// tell.
    pub(crate) fn accepted(&self) -> Vec<Option<bool>> {
        let clients: Vec<_> = self
            .recording
            .look(|seen| seen.connections.iter().map(|client| client.local).collect());
        match self.listener() {
            Some(listener) => observe::accepted(listener, &clients),
            None => vec![None; clients.len()],
        }
    }
}

/// What a check that could not judge says where the program was not started.
pub const NOT_REACHED: &str = "the program was not reached";

/// How long a sandbox may take to start a program.
const LAUNCH_LIMIT: Duration = Duration::from_secs(60);

/// How late the checks may be with a reply to a client that waits at least 2 s for it.
const FAIR: Duration = Duration::from_millis(1800);

/// The longest that the checks, as a server, took for a whole reply after the last hello: before that,
/// they may be waiting for the program. Zero before the first reply; `None` before the first hello.
fn longest_held_reply(seen: &Seen) -> Option<Duration> {
    let served = || {
        seen.connections
            .iter()
            .filter(|client| client.side == Side::Server)
    };
    let last_hello = served()
        .filter_map(|client| client.lines.first())
        .map(|line| line.at)
        .max()?;
    let replies = served().filter_map(|client| {
        client
            .sent
            .iter()
            .find(|(_, bytes)| bytes.contains(&b'\n'))
            .map(|(at, _)| *at)
    });
    let held = replies.max().map(|reply| {
        let since = |moment: Moment| moment.since_start;
        since(reply).saturating_sub(since(last_hello))
    });
    Some(held.unwrap_or_default())
}
