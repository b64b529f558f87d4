//! A program under test that is a server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::client::Client;
use crate::deadline::{QUIET_WINDOW, deadline, start_deadline};
use crate::diagnosis::{Capacity, Symptom};
use crate::log::{BANNER, connected, disconnected};
use crate::observe::{self, Load};
use crate::process::Process;
use crate::program::Program;
use crate::recording::{Line, Seen};
use crate::scene::{Rule, Scene};
use crate::timeline::Timeline;

/// Below this, a port is not one that the kernel has chosen (ip(7), ip_local_port_range).
const FIRST_CHOSEN_PORT: u16 = 32_768;

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
        let is_as_asked = |asked: &SocketAddr| {
            asked.ip() == address.ip() && [0, address.port()].contains(&asked.port())
        };
        if let Some(asked) = asked.filter(|asked| !is_as_asked(asked)) {
            self.scene.fail(Symptom::OtherAddress { asked, address });
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
            let is_at_rest = !left.iter().any(has_end) && !self.scene.processor().can_run;
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
            let is_at_rest = !other.scene.processor().can_run;
            is_at_rest.then_some(())
        });
        other.process.while_stopped(|| ());
        let ended = |seen: &Seen| seen.program.exit.map(|_| ());
        other.scene.wait_for(QUIET_WINDOW, ended).is_none()
    }

    /// Expects that the log says of a client that has left: it came, and then it went. Whether the log
    /// says more after that, [`Self::expect_log_of`] can tell later.
    pub fn expect_gone(&self, client: SocketAddr) {
        let entries = [connected(client), disconnected(client)];
        entries.iter().for_each(|entry| self.expect_entry(entry));
        let mut log = self.log();
        log.retain(|entry| entries.contains(entry));
        if let Some(departure) = log.iter().position(|entry| *entry == entries[1]) {
            log.truncate(departure + 1);
        }
        self.compare_log(&entries, log);
    }

    /// Expects that these entries, each a line of its own, in this order, are all that the program prints
    /// of the client.
    pub fn expect_log_of(&self, client: SocketAddr, entries: &[String]) {
        entries.iter().for_each(|entry| self.expect_entry(entry));
        let name = format!(": {client}");
        let lines = self.scene.recording.look(|seen| {
            let lines = seen.program.stdout.iter().map(Line::text);
            let lines = lines.map(|line| line.trim_end().to_owned());
            lines.filter(|line| line.ends_with(&name)).collect()
        });
        self.compare_log(entries, lines);
    }

    /// Expects that the log has those of these entries that it has in this order; others may stand between
    /// them.
    pub fn expect_order_in_log(&self, entries: &[String]) {
        let mut log = self.log();
        log.retain(|entry| entries.contains(entry));
        let mut expected = entries.to_vec();
        expected.retain(|entry| log.contains(entry));
        self.compare_log(&expected, log);
    }

    fn compare_log(&self, expected: &[String], log: Vec<String>) {
        if log != expected {
            self.scene.fail(Symptom::OtherLog {
                expected: expected.to_vec(),
                log,
            });
        }
    }

    /// Expects an entry in the server's log.
    pub fn expect_entry(&self, entry: &str) {
        let found = self.scene.wait_for(deadline(), |seen| {
            let over = || seen.program.is_over().then_some(false);
            seen.program.logs(entry).then_some(true).or_else(over)
        });
        if found != Some(true) {
            self.scene.fail(Symptom::NoLogLine {
                line: entry.to_owned(),
            });
        }
    }

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

    fn log(&self) -> Vec<String> {
        let texts = |seen: &Seen| {
            seen.program
                .log
                .iter()
                .map(|entry| entry.text.clone())
                .collect()
        };
        self.scene.recording.look(texts)
    }
}

/// How often something is done to a server that can't be stopped, so that it happens at a bad moment.
const BURST: usize = 64;

/// A start of a server.
struct Attempt {
    process: Process,
    scene: Arc<Scene>,
    start: Start,
    /// Where it listens, as the system tells, if it does not say so itself.
    found: Option<SocketAddr>,
}

impl Attempt {
    fn new(program: Program, arguments: &[&str]) -> Self {
        let scene = Scene::new(program);
        let process = scene.start(arguments, Stdio::null());
        let (start, found) = await_start(&scene);
        Self {
            process,
            scene,
            start,
            found,
        }
    }

    /// Whether another server of the same program may have been in its way: it has ended, or listens on a
    /// port of its own choice.
    fn may_have_met_another(&self) -> bool {
        let address = match &self.start {
            Start::Listening(address) => Some(*address),
            Start::Over => return self.scene.recording.look(says_that_address_is_in_use),
            Start::BadBanner(_) | Start::Silent => self.found,
        };
        address.is_some_and(|address| (1..FIRST_CHOSEN_PORT).contains(&address.port()))
    }

    /// Where clients reach it.
    fn address(&self) -> SocketAddr {
        let scene = &self.scene;
        self.reachable().unwrap_or_else(|| match &self.start {
            Start::Listening(_) => scene.fail(Symptom::PortZero),
            Start::BadBanner(line) => scene.fail(Symptom::BadBanner { line: line.clone() }),
            Start::Over => scene.fail(Symptom::EndedBeforeBanner),
            Start::Silent => scene.fail(Symptom::NoBanner),
        })
    }

    /// Where clients reach it, if they do.
    fn reachable(&self) -> Option<SocketAddr> {
        let mut address = match self.start {
            Start::Listening(address) if address.port() != 0 => address,
            _ => self.found?,
        };
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Some(address)
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
    /// is not right either, so with a good address it must listen.
    pub fn expect(program: Program, arguments: &[&str], naming: &str) {
        Server::start(program.clone()).expect_serving();
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
        let listening = match await_banner(&scene, start_deadline()) {
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
            !success && lines.len() == 1 && names(&lines[0], naming)
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

/// Waits for the banner, or until the program listens all the same: where it says so wrongly, or not at
/// all, the system tells the address.
fn await_start(scene: &Scene) -> (Start, Option<SocketAddr>) {
    let mut waited = Duration::ZERO;
    let mut seen_before = None;
    loop {
        let start = await_banner(scene, QUIET_WINDOW);
        waited += QUIET_WINDOW;
        let found = match start {
            Start::Over => None,
            Start::Listening(address) if address.port() != 0 => None,
            _ => scene.find_listener(),
        };
        // One that is still at work, or listens elsewhere by now, may have its banner to come.
        let is_at_rest = || !scene.processor().can_run;
        let is_settled = found.is_some() && found == seen_before && is_at_rest();
        seen_before = found;
        let is_clear = !matches!(start, Start::Silent) || is_settled;
        let is_hopeless = scene.is_unfinished() || scene.floods();
        if is_clear || is_hopeless || waited >= start_deadline() {
            return (start, found);
        }
    }
}

fn await_banner(scene: &Scene, limit: Duration) -> Start {
    let start = scene.wait_for(limit, |seen| {
        let banner = seen.program.banner.as_ref().map(|line| {
            let address = line.strip_prefix(BANNER).unwrap_or_default();
            let address = address.trim_end().parse();
            address.map_or_else(|_| Start::BadBanner(line.clone()), Start::Listening)
        });
        // One that floods before its banner has none.
        banner
            .or_else(|| seen.program.is_over().then_some(Start::Over))
            .or_else(|| seen.program.floods.then_some(Start::Silent))
    });
    scene.expect_launched();
    start.unwrap_or(Start::Silent)
}

/// Whether the program has said, in whatever language, that it can't have its address.
fn says_that_address_is_in_use(seen: &Seen) -> bool {
    let said = seen.program.stderr.iter().chain(&seen.program.stdout);
    let mut said = said.map(|line| line.text().to_lowercase());
    said.any(|line| line.contains("in use") || line.contains("eaddrinuse"))
}

/// Whether a refusal names the address: as it stands, host and port apart, or of a port that is none, the
/// port alone.
fn names(line: &str, address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return line.contains(address);
    };
    let mut numbers = line.split(|c: char| !c.is_ascii_digit());
    let has_port = numbers.any(|number| number == port);
    let is_no_port = port.parse::<u16>().is_err();
    line.contains(address) || has_port && (is_no_port || line.contains(host))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_refusal_can_name_the_address_in_any_form() {
        for (line, address) in [
            ("cannot listen on nonsense: invalid", "nonsense"),
            ("listen tcp: address 99999: invalid port", "127.0.0.1:99999"),
            ("('127.0.0.1', 4711): in use", "127.0.0.1:4711"),
            ("listen tcp 192.0.2.1:0: bind: cannot assign", "192.0.2.1:0"),
        ] {
            assert!(names(line, address), "{line}");
        }
        for (line, address) in [
            ("Address already in use (os error 98)", "127.0.0.1:4711"),
            ("port 47110 on 127.0.0.1 is in use", "127.0.0.1:4711"),
            ("invalid port", "127.0.0.1:99999"),
        ] {
            assert!(!names(line, address), "{line}");
        }
    }
}
