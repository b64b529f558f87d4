//! A program under test that is a server.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::deadline::{deadline, start_deadline};
use crate::diagnosis::{Capacity, Symptom};
use crate::log::{connected, disconnected};
use crate::observe::Load;
use crate::process::Process;
use crate::program::Program;
use crate::recording::{Line, Seen};
use crate::scene::Scene;
use crate::timeline::Timeline;

const BANNER: &str = "Server listening on ";

/// A server under test, started on a port of the kernel's choice and killed when dropped.
pub struct Server {
    process: Process,
    scene: Arc<Scene>,
    address: SocketAddr,
}

impl Server {
    /// Starts the program as `PROGRAM 127.0.0.1:0` and waits for its banner.
    pub fn start(program: Program) -> Self {
        Self::start_with(program, &["127.0.0.1:0"])
    }

    /// Starts the program with these arguments, the first of which is an address, and waits for its
    /// banner.
    pub fn start_with(program: Program, arguments: &[&str]) -> Self {
        let scene = Scene::new(program);
        let process = scene.start(arguments, Stdio::null());
        let address = match await_start(&scene) {
            Start::Listening(address) => address,
            Start::BadBanner(line) => scene.fail(Symptom::BadBanner { line }),
            Start::Over => scene.fail(Symptom::EndedBeforeBanner),
            Start::Silent => scene.fail(Symptom::NoBanner),
        };
        scene.set_listener(address);
        if address.port() == 0 {
            scene.fail(Symptom::PortZero);
        }
        let server = Self {
            process,
            scene,
            address,
        };
        if let Some(asked) = arguments
            .first()
            .and_then(|text| text.parse::<SocketAddr>().ok())
        {
            let is_as_asked =
                asked.ip() == address.ip() && [0, address.port()].contains(&asked.port());
            if !is_as_asked {
                server.scene.fail(Symptom::OtherAddress { asked, address });
            }
        }
        server
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

    /// Connects a client. It reads whatever the server sends.
    pub fn connect(&self) -> Client {
        Client::connect(&self.scene, self.address, true)
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
            let first = self.first_to_hear(waiting.iter().map(|client| &**client));
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
    /// wait in the accept queue, and what becomes of them there, the server finds when it goes on.
    pub fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.process.while_stopped(act)
    }

    /// Expects the log of a client that has left, until it says so: `[+] Connected`, and then
    /// `[-] Disconnected`. Whether the log says more after that, [`Self::expect_log_of`] can tell later.
    pub fn expect_gone(&self, client: SocketAddr) {
        let lines = [connected(client), disconnected(client)];
        lines.iter().for_each(|line| self.expect_line(line));
        let mut log = self.log_of(client);
        if let Some(departure) = log.iter().position(|line| *line == lines[1]) {
            log.truncate(departure + 1);
        }
        self.compare_log(&lines, log);
    }

    /// Expects that these lines, in this order, are all that the log says of the client.
    pub fn expect_log_of(&self, client: SocketAddr, lines: &[String]) {
        lines.iter().for_each(|line| self.expect_line(line));
        self.compare_log(lines, self.log_of(client));
    }

    /// Expects these lines in the log, in this order; others may stand between them.
    pub fn expect_log(&self, lines: &[String]) {
        lines.iter().for_each(|line| self.expect_line(line));
        let mut log = self.log();
        log.retain(|line| lines.contains(line));
        self.compare_log(lines, log);
    }

    fn compare_log(&self, expected: &[String], log: Vec<String>) {
        if log != expected {
            self.scene.fail(Symptom::OtherLog {
                expected: expected.to_vec(),
                log,
            });
        }
    }

    /// Expects a line on the server's standard output.
    pub fn expect_line(&self, line: &str) {
        let found = self
            .scene
            .wait_for(deadline(), |seen| match find(seen, line) {
                true => Some(true),
                false => seen.program.is_over().then_some(false),
            });
        if found != Some(true) {
            self.scene.fail(Symptom::NoLogLine {
                line: line.to_owned(),
            });
        }
    }

    /// Watches for `window` whether the server has more threads than this, and fails if it does.
    /// Returns false where the system does not tell.
    pub fn expect_threads_at_most_for(&self, most: usize, window: Duration) -> bool {
        let mut is_told = false;
        let too_many = self.scene.poll_for(window, || {
            let threads = self.load()?.threads;
            is_told = true;
            (threads > most).then_some(threads)
        });
        if let Some(threads) = too_many {
            self.scene.fail(Symptom::TooManyThreads { threads, most });
        }
        is_told
    }

    /// Who was where, and when, until now.
    pub fn timeline(&self) -> Timeline {
        self.scene.timeline()
    }

    /// How many threads and descriptors the server has; `None` where the system does not tell.
    pub fn load(&self) -> Option<Load> {
        let vitals = self.scene.vitals()?;
        Some(Load {
            threads: vitals.threads,
            descriptors: vitals.descriptors,
        })
    }

    /// Expects that the server's threads and descriptors come back to what they were before this
    /// many clients came and left. A runtime may keep a few more: a tenth of the clients at most.
    pub fn expect_load_back_to(&self, before: Load, clients: usize) {
        let spare = clients / 10;
        let after = self.scene.poll_for(deadline(), || {
            let now = self.load()?;
            let back = now.threads <= before.threads + spare
                && now.descriptors <= before.descriptors + spare;
            back.then_some(now)
        });
        if after.is_none() {
            let after = self.load().unwrap_or(before);
            self.scene.fail(Symptom::Leak {
                clients,
                before,
                after,
            });
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

    /// What the log says of the client.
    fn log_of(&self, client: SocketAddr) -> Vec<String> {
        let name = format!(": {client}");
        let mut log = self.log();
        log.retain(|line| line.ends_with(&name));
        log
    }

    fn log(&self) -> Vec<String> {
        let trimmed = |line: String| line.trim_end().to_owned();
        self.scene.recording.look(|seen| {
            seen.program
                .stdout
                .iter()
                .map(|line| trimmed(line.text()))
                .collect()
        })
    }
}

/// A start of the program that it should, or may, refuse.
pub struct Refusal {
    scene: Arc<Scene>,
    arguments: String,
    /// Where the program listens all the same, if it does.
    listening: Option<SocketAddr>,
}

impl Refusal {
    /// Starts the program with arguments that it must refuse: one line on stderr that contains
    /// `naming`, nothing listening, an exit status that is not 0. A program that refuses everything
    /// is not right either, so with a good address it must serve.
    pub fn expect(program: Program, arguments: &[&str], naming: &str) {
        Server::start(program.clone()).connect().ask("not refused");
        let refusal = Self::attempt(program, arguments, naming);
        if let Some(address) = refusal.listening {
            refusal.scene.fail(Symptom::NotRefused {
                arguments: refusal.arguments,
                address: Some(address),
            });
        }
    }

    /// Starts the program with arguments that it may refuse. If it does, then in the right way.
    pub fn attempt(program: Program, arguments: &[&str], naming: &str) -> Self {
        let scene = Scene::new(program);
        let _process = scene.start(arguments, Stdio::null());
        let arguments = arguments.join(" ");
        let listening = match await_start(&scene) {
            Start::Listening(address) => Some(address),
            Start::BadBanner(line) => scene.fail(Symptom::BadBanner { line }),
            Start::Silent => scene.fail(Symptom::NoBanner),
            Start::Over => None,
        };
        let is_clear = scene.recording.look(|seen| {
            let lines = seen.program.stderr.iter().map(Line::text);
            let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
            let success = seen
                .program
                .exit
                .is_some_and(|(status, _)| status.success());
            !success && lines.len() == 1 && lines[0].contains(naming)
        });
        if listening.is_none() && !is_clear {
            scene.fail(Symptom::UnclearRefusal {
                arguments,
                naming: naming.to_owned(),
            });
        }
        Self {
            scene,
            arguments,
            listening,
        }
    }

    /// Expects that the program, if it was not refused, listens on this address.
    ///
    /// # Panics
    ///
    /// If `expected` is no address.
    pub fn expect_nowhere_but(&self, expected: &str) {
        let asked = expected.parse().expect("an address");
        if let Some(address) = self.listening.filter(|&address| address != asked) {
            self.scene.fail(Symptom::OtherAddress { asked, address });
        }
    }
}

enum Start {
    Listening(SocketAddr),
    BadBanner(String),
    Over,
    Silent,
}

fn await_start(scene: &Scene) -> Start {
    let start = scene.wait_for(start_deadline(), |seen| {
        let banner = seen.program.stdout.iter().find_map(|line| {
            let line = line.text();
            let address = line.strip_prefix(BANNER)?.trim_end().parse();
            Some(address.map_or(Start::BadBanner(line), Start::Listening))
        });
        banner
            .or_else(|| seen.program.is_over().then_some(Start::Over))
            .or_else(|| seen.program.floods.then_some(Start::Silent))
    });
    start.unwrap_or(Start::Silent)
}

fn find(seen: &Seen, line: &str) -> bool {
    seen.program
        .stdout
        .iter()
        .any(|seen| seen.text().trim_end() == line)
}
