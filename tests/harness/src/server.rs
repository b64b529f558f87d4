//! A program under test that is a server.

mod crowd;
mod log;
mod refusal;
mod resources;
mod start;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Client;
use crate::deadline::{QUIET_WINDOW, deadline};
use crate::diagnosis::{Capacity, Symptom};
use crate::observe;
use crate::process::Process;
use crate::program::Program;
use crate::recording::Seen;
use crate::scene::{Rule, Scene};
use crate::timeline::Timeline;

pub use refusal::Refusal;
use start::{Attempt, Start, await_banner};

/// Servers that listen on a port of their own choice run one at a time, so that each of them gets it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A server under test, started on a port of the kernel's choice and killed when dropped.
pub struct Server {
    process: Process,
    scene: Arc<Scene>,
    address: SocketAddr,
    arguments: Vec<String>,
    /// Whether it lets its clients go when they leave, as far as is known.
    lets_go: AtomicBool,
    /// Given back when the process has ended.
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Server {
    /// Starts the program as `PROGRAM 127.0.0.1:0` and waits for its banner.
    pub fn start(program: Program) -> Self {
        Self::start_with(program, &["127.0.0.1:0"])
    }

    /// Starts the program with these arguments, the first of which is an address, and waits for its
    /// banner. Where it listens is judged by [`Server::expect_address`] alone.
    pub fn start_with(program: Program, arguments: &[&str]) -> Self {
        let mut attempt = Attempt::new(program.clone(), arguments);
        let mut turn = None;
        if attempt.may_have_met_another() {
            drop(attempt);
            turn = Some(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
            attempt = Attempt::new(program, arguments);
        }
        let address = attempt.address();
        let Attempt { process, scene, .. } = attempt;
        scene.set_listener(address);
        Self {
            process,
            scene,
            address,
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            lets_go: AtomicBool::new(true),
            _turn: turn,
        }
    }

    /// Says that the check is strict about this rule.
    #[must_use]
    pub fn strict_about(self, rule: Rule) -> Self {
        self.scene.be_strict_about(rule);
        self
    }

    /// Expects that the banner tells where the server listens, and that it is where the first argument
    /// says.
    pub fn expect_address(&self) {
        let asked = self.arguments.first().and_then(|text| text.parse().ok());
        let address = match await_banner(&self.scene, deadline()) {
            Start::Listening(address) => address,
            Start::BadBanner(line) => self.scene.fail(Symptom::BadBanner { line }),
            Start::Over => self.scene.fail(Symptom::EndedBeforeBanner),
            Start::Silent => self.scene.fail(Symptom::NoBanner),
        };
        if address.port() == 0 {
            self.scene.fail(Symptom::PortZero);
        }
        let is_as_asked = |asked: &SocketAddr, address: SocketAddr| {
            asked.ip() == address.ip() && [0, address.port()].contains(&asked.port())
        };
        if let Some(asked) = asked.filter(|asked| !is_as_asked(asked, address)) {
            self.scene.fail(Symptom::OtherAddress { asked, address });
        }
        // A banner can say anything; the system tells where it really listens.
        let listeners = self.scene.listeners();
        let elsewhere = listeners
            .iter()
            .find(|listener| listener.port() == address.port())
            .or(listeners.first());
        if let Some(&elsewhere) = elsewhere.filter(|_| !listeners.contains(&address)) {
            self.scene.fail(Symptom::OtherAddress {
                asked: address,
                address: elsewhere,
            });
        }
    }

    /// Expects that the server accepts a client and does something with its message, whatever that is:
    /// only one that is not written yet fails.
    pub fn expect_serving(&self) {
        let client = self.connect();
        client.say("anyone here?");
        self.scene
            .wait_for(QUIET_WINDOW, |seen| client.has_bytes(seen).then_some(()));
        if self.scene.is_unfinished() {
            self.scene.fail(Symptom::Ended);
        }
    }

    /// Says that this server serves one client at a time; the others wait.
    #[must_use]
    pub fn one_at_a_time(self) -> Self {
        self.scene.set_capacity(Capacity::One);
        self
    }

    /// Says that this server serves as many clients at a time as it has workers.
    #[must_use]
    pub fn with_workers(self, workers: usize) -> Self {
        self.scene.set_capacity(Capacity::Workers(workers));
        self
    }

    /// The address in the banner.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client. It reads whatever the server sends. Those who have left before have really gone by
    /// then: whether the server still has to do with them would be a matter of luck.
    pub fn connect(&self) -> Client {
        self.wait_until_gone();
        Client::connect(&self.scene, self.address, true)
    }

    /// Waits until the server has closed its ends of the connections of those who have left, and waits for
    /// something again. One that has once not done so within a quiet window is not waited for any more.
    fn wait_until_gone(&self) {
        let left: Vec<_> = self.scene.recording.look(|seen| {
            let left = seen
                .connections
                .iter()
                .filter(|client| client.left.is_some());
            left.filter_map(|client| client.local).collect()
        });
        if left.is_empty() || !self.lets_go.load(Ordering::Relaxed) {
            return;
        }
        let gone = self.scene.poll_for(QUIET_WINDOW, || {
            let over = self
                .scene
                .recording
                .look(|seen| seen.program.exit.is_some());
            let has_end = |local: &SocketAddr| observe::has_end(*local, self.address);
            let is_at_rest = !left.iter().any(has_end) && !self.scene.processor().can_run();
            (over || is_at_rest).then_some(())
        });
        self.lets_go.store(gone.is_some(), Ordering::Relaxed);
    }

    /// Connects a client that never reads.
    pub fn connect_without_reading(&self) -> Client {
        Client::connect(&self.scene, self.address, false)
    }

    /// Connects this many clients, all of which stay connected.
    pub fn connect_many(&self, clients: usize) -> Vec<Client> {
        (0..clients).map(|_| self.connect()).collect()
    }

    /// Expects the reply to each client's message, whichever is answered first; each leaves when it has
    /// its reply, so that a server that serves one at a time, in whatever order, comes to the next.
    pub fn expect_each_reply(&self, clients: Vec<(Client, String)>) {
        let mut waiting = clients;
        while !waiting.is_empty() {
            let first = self.first_to_hear(waiting.iter().map(|(client, _)| client));
            let (mut client, message) = waiting.remove(first);
            client.expect_reply(&message);
            client.leave();
        }
    }

    /// Expects the reply to this message, which all of the clients have sent, for this many of them,
    /// whichever are answered first. All stay.
    pub fn expect_replies_for(&self, count: usize, clients: &mut [Client], message: &str) {
        let mut waiting: Vec<_> = clients.iter_mut().collect();
        for _ in 0..count {
            let answered = self
                .scene
                .wait_for_reply(|seen| waiting.iter().position(|client| client.has_bytes(seen)));
            let first = answered.unwrap_or(0);
            waiting.remove(first).expect_reply(message);
        }
    }

    /// Which of the clients hears something first; the first of them, if none does.
    fn first_to_hear<'a>(&self, clients: impl Iterator<Item = &'a Client> + Clone) -> usize {
        let heard = self
            .scene
            .wait_for_reply(|seen| clients.clone().position(|client| client.has_heard(seen)));
        heard.unwrap_or(0)
    }

    /// Does something while the server is stopped (SIGSTOP): connections that are made meanwhile
    /// wait in the accept queue, and what becomes of them there, the server finds when it goes on. A
    /// server that a stop alone ends is not stopped; then it is done [`BURST`] times in a row.
    pub fn while_stopped(&self, act: impl Fn()) {
        if self.survives_a_stop() {
            self.process.while_stopped(&act);
        } else {
            (0..BURST).for_each(|_| act());
        }
    }

    /// Whether a server like this one goes on after a stop. A wait for events (epoll, poll) that is
    /// interrupted so fails with EINTR (signal(7)), and one that takes this for an error has its reasons.
    fn survives_a_stop(&self) -> bool {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let other = Attempt::new(self.scene.program.clone(), &arguments);
        if other.reachable().is_none() {
            return false;
        }
        // It is stopped where it will be when it is judged: while it waits for something.
        other.scene.poll_for(QUIET_WINDOW, || {
            let is_at_rest = !other.scene.processor().can_run();
            is_at_rest.then_some(())
        });
        other.process.while_stopped(|| ());
        let ended = |seen: &Seen| seen.program.exit.map(|_| ());
        other.scene.wait_for(QUIET_WINDOW, ended).is_none()
    }

    /// Who was where, and when, until now.
    pub fn timeline(&self) -> Timeline {
        self.scene.timeline()
    }
}

/// How often something is done to a server that can't be stopped, so that it happens at a bad moment.
const BURST: usize = 64;
