//! A server that the checks play to a client under test.

mod ports;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::Local;
use socket2::Socket;

use crate::connection::Connection;
use crate::deadline::{QUIET_WINDOW, deadline, start_deadline};
use crate::diagnosis::{LONG_WAIT, Symptom};
use crate::observe;
use crate::patience::{LONGEST_UNSEEN, Patience};
use crate::program::Program;
use crate::recording::{ConnectionSeen, Event, Line, Seen, Side};
use crate::run::Run;
use crate::scene::{Rule, Scene};
use crate::timeline::Timeline;

pub use ports::{ClosedPort, DeafHost};
use ports::{addresses_of, listen, take_port};

/// More than any check has clients: none of them is to wait because the played server is slow.
const BACKLOG: i32 = 512;

/// How many connections a played server accepts: each takes a thread and a descriptor of the checks.
const MOST_CONNECTIONS: usize = 512;

/// Once so many clients have given up, they will not all be waiting at the same time any more, and the
/// timeline shows why.
const TELLING: usize = 2;

/// A name with several addresses, on machines that have both versions of the internet protocol.
const NAME: &str = "localhost";

/// How often a port is looked for that is free at each of a name's addresses.
const ATTEMPTS: usize = 16;

/// A played server, on a port of the kernel's choice. It accepts every connection at once.
pub struct Host {
    scene: Arc<Scene>,
    address: SocketAddr,
    /// What the program is told: the address, or a name and the port.
    called: String,
    /// If it is told a name: the same port at the name's other addresses, where every connection is refused.
    refusing: Vec<Socket>,
    arrived: Arc<Mutex<Vec<Connection>>>,
    closing: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Host {
    /// Listens, and waits for clients of the program.
    ///
    /// # Panics
    ///
    /// If the system has no port or no thread left.
    pub fn new(program: Program) -> Self {
        Self::of(program, listen(BACKLOG).expect("a listener on loopback"))
    }

    /// Whether this machine's own name has several addresses, as [`Self::at_both_ends_of_a_name`] needs it.
    pub fn name_has_several_addresses() -> bool {
        addresses_of(NAME).len() > 1
    }

    /// Two servers for the program to find by name: one listens only at the first of the name's addresses,
    /// the other only at the last. `None` where the name has one address, and on Windows, where a refusal
    /// takes so long that a client may give up before it has tried the next address.
    ///
    /// # Panics
    ///
    /// If the system has no port or no thread left.
    pub fn at_both_ends_of_a_name(program: &Program) -> Option<[Self; 2]> {
        let addresses = addresses_of(NAME);
        let (&first, &last) = (addresses.first()?, addresses.last()?);
        if first == last || cfg!(windows) {
            return None;
        }
        Some([first, last].map(|address| {
            let others: Vec<_> = addresses
                .iter()
                .filter(|&&other| other != address)
                .collect();
            let free = (0..ATTEMPTS).find_map(|_| take_port(address, &others).ok());
            let (socket, refusing) = free.expect("a port that is free at each address");
            socket.listen(BACKLOG).expect("a listener on loopback");
            let mut host = Self::of(program.clone(), socket.into());
            host.called = format!("{NAME}:{}", host.address.port());
            host.refusing = refusing;
            host
        }))
    }

    fn of(program: Program, listener: TcpListener) -> Self {
        let scene = Scene::new(program);
        let address = listener.local_addr().expect("the address of a listener");
        let arrived = Arc::default();
        let closing = Arc::new(AtomicBool::new(false));
        let acceptor = {
            let (scene, arrived, closing) = (
                Arc::clone(&scene),
                Arc::clone(&arrived),
                Arc::clone(&closing),
            );
            thread::spawn(move || accept_all(&scene, &listener, &arrived, &closing))
        };
        Self {
            scene,
            address,
            called: address.to_string(),
            refusing: Vec::new(),
            arrived,
            closing,
            acceptor: Some(acceptor),
        }
    }

    /// Says that the check is strict about this rule.
    #[must_use]
    pub fn strict_about(self, rule: Rule) -> Self {
        self.scene.be_strict_about(rule);
        self
    }

    /// Starts the program as `PROGRAM ADDRESS ARGUMENTS…`.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let arguments: Vec<_> = [self.called.as_str()]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        Run::start(&self.scene, &arguments, Stdio::piped())
    }

    /// Who was where, and when, until now.
    pub fn timeline(&self) -> Timeline {
        self.scene.timeline()
    }

    /// Waits for a client, whatever it says, and returns whether one connects before the program ends.
    pub fn is_reached(&self) -> bool {
        let reached = self.scene.wait_for(start_deadline(), |seen| {
            let is_reached = !seen.connections.is_empty();
            (is_reached || seen.program.is_over()).then_some(is_reached)
        });
        reached == Some(true)
    }

    /// Waits until this many clients have said hello, without answering any, and returns them in the order
    /// of their numbers. A check that is strict about hellos also expects the numbers to begin at 0, and
    /// each hello to end with a newline.
    pub fn hellos(&self, clients: usize) -> Vec<Peer> {
        let is_strict = self.scene.is_strict_about(Rule::FormOfHellos);
        let mut patience = Patience::watching(&self.scene, start_deadline());
        let mut peers = self.first_messages(clients, is_strict);
        self.expect_all_to_wait(&mut patience);
        peers.sort_by_key(Peer::number);
        for (number, peer) in peers.iter().enumerate() {
            let label = format!("client {number}");
            let id = peer.connection.id();
            self.scene.recording.record(Event::Named(id, label));
        }
        let hellos: Vec<_> = peers.iter().map(Peer::message).collect();
        let right = (0..clients).map(|number| format!("Hello from client {number}"));
        let said = hellos
            .iter()
            .map(|hello| hello.trim_end_matches('\r').to_owned());
        let numbers: BTreeSet<_> = peers.iter().map(Peer::number).collect();
        let is_told_apart = numbers.len() == peers.len() && !numbers.contains(&None);
        if !right.eq(said) && (is_strict || !is_told_apart) {
            self.scene.fail(Symptom::OtherHellos { hellos });
        }
        peers
    }

    /// Watches for a quiet window, by the clock alone, that no client gives up: what a program does that
    /// does not wait for its replies would otherwise depend on how soon they come. If one gives up after a
    /// long wait, and the machine was so busy that the others came late, nothing can be said about it.
    fn expect_all_to_wait(&self, patience: &mut Patience<'_>) {
        let left = self.scene.recording.wait_for(QUIET_WINDOW, |seen| {
            let mut connections = seen.connections.iter();
            let left = connections.any(|client| client.end.is_some());
            (left || seen.program.exit.is_some()).then_some(())
        });
        if left.is_some() {
            let waits = |seen: &Seen| seen.connections.iter().filter_map(wait_until_end).min();
            let shortest = self.scene.recording.look(waits);
            if shortest.is_some_and(|wait| wait >= LONG_WAIT) {
                self.scene.judge_fairness(patience.forgiven());
            }
            self.scene.fail(Symptom::EndedWhileWaiting);
        }
    }

    /// Expects that these clients disconnect, while `waiting` has no reply and still waits for it.
    pub fn expect_ends_before(&self, peers: &[Peer], waiting: &Peer) {
        let ids: Vec<_> = peers.iter().map(|peer| peer.connection.id()).collect();
        let late = waiting.connection.id();
        let open = |seen: &Seen| {
            ids.iter()
                .copied()
                .find(|&id| seen.connections[id].end.is_none())
        };
        let since = self.scene.recording.now().since_start;
        self.scene.wait_for(deadline(), |seen| {
            (open(seen).is_none() || seen.connections[late].end.is_some()).then_some(())
        });
        // So late, they may have ended with the program, and the last end may only not be seen yet.
        if self.scene.recording.now().since_start - since >= LONG_WAIT {
            self.scene.recording.wait_for(QUIET_WINDOW, |seen| {
                seen.connections[late].end.is_some().then_some(())
            });
        }
        let waited = self
            .scene
            .recording
            .look(|seen| wait_until_end(&seen.connections[late]));
        if waited.is_some_and(|wait| wait < LONG_WAIT) {
            self.scene.fail(Symptom::EndedWhileWaiting);
        }
        // If the one without a reply has given up first, the program has ended, and with it all
        // connections.
        let gave_up = waited.is_some();
        let still_open = self.scene.recording.look(open);
        if let Some(client) = still_open.or(gave_up.then(|| ids[0])) {
            self.scene.fail(Symptom::NeverDisconnects { client });
        }
    }

    /// Waits for the one client's first message.
    pub fn first_message(&self, message: &str) -> Peer {
        let peer = self.first_messages(1, true).remove(0);
        let said = peer.message();
        if said.trim_end_matches('\r') != message {
            self.scene.fail(Symptom::OtherLineSent {
                message: message.to_owned(),
                said,
            });
        }
        peer
    }

    /// Waits until this many clients have sent a line; where it need not have a newline, what they have sent
    /// when nothing more comes.
    fn first_messages(&self, clients: usize, with_newline: bool) -> Vec<Peer> {
        let is_there = |client: &ConnectionSeen| client.first_received().is_some();
        let is_whole = |client: &ConnectionSeen| !client.lines.is_empty();
        let said = self.await_from(clients, start_deadline(), is_there)
            && (self.await_from(clients, QUIET_WINDOW, is_whole) || !with_newline);
        if !said && !self.refusing.is_empty() && !self.is_reached_by_now() {
            self.scene.fail(Symptom::NotFoundByName {
                called: self.called.clone(),
                address: self.address,
            });
        }
        if !said {
            self.scene.fail(Symptom::TooFewHellos { expected: clients });
        }
        self.take_arrived()
    }

    fn is_reached_by_now(&self) -> bool {
        let look = |seen: &Seen| !seen.connections.is_empty();
        self.scene.recording.look(look)
    }

    /// Waits until so many clients that are still there have done that.
    fn await_from(
        &self,
        clients: usize,
        limit: Duration,
        done: fn(&ConnectionSeen) -> bool,
    ) -> bool {
        let all = self.scene.wait_for(limit, |seen| {
            let waiting = |client: &&ConnectionSeen| done(client) && client.end.is_none();
            let count = seen.connections.iter().filter(waiting).count();
            let now = self.scene.recording.now().since_start;
            let gave_up = |client: &&ConnectionSeen| has_given_up(client, now);
            let over = seen.program.is_over()
                || seen.connections.iter().filter(gave_up).count() >= TELLING;
            (count >= clients).then_some(true).or(over.then_some(false))
        });
        all == Some(true)
    }

    /// Every client that has connected and was not taken yet.
    fn take_arrived(&self) -> Vec<Peer> {
        std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
            .into_iter()
            .map(|connection| Peer {
                scene: Arc::clone(&self.scene),
                connection,
                messages: 1,
            })
            .filter(|peer| peer.has_spoken())
            .collect()
    }
}

/// Whether the client has waited for its reply in vain, and the processor has been looked at since: it may
/// be the machine that kept the others from coming.
fn has_given_up(client: &ConnectionSeen, now: Duration) -> bool {
    let seen_since = |end: Duration| now.saturating_sub(end) >= LONGEST_UNSEEN;
    wait_until_end(client).is_some_and(|wait| wait >= LONG_WAIT)
        && client.end.is_some_and(|(_, at)| seen_since(at.since_start))
}

/// How long a client that has ended its connection had it.
fn wait_until_end(client: &ConnectionSeen) -> Option<Duration> {
    let (_, end) = client.end?;
    let from = client.connected.unwrap_or(end);
    Some(end.since_start.saturating_sub(from.since_start))
}

impl Drop for Host {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // One more connection wakes the acceptor.
        if TcpStream::connect_timeout(&self.address, deadline()).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            let _ = acceptor.join();
        }
    }
}

/// A client of the program, as the played server sees it. Its connection is closed when this is
/// dropped.
pub struct Peer {
    scene: Arc<Scene>,
    connection: Connection,
    /// How many of its messages have been taken.
    messages: usize,
}

impl Peer {
    /// Its latest message.
    pub fn message(&self) -> String {
        self.scene.recording.look(|seen| {
            let client = &seen.connections[self.connection.id()];
            let tail = || String::from_utf8_lossy(&client.tail).into_owned();
            let line = client.lines.get(self.messages - 1);
            line.map_or_else(tail, Line::text)
        })
    }

    /// The number in its hello, `Hello from client NUMBER`.
    fn number(&self) -> Option<usize> {
        self.message()
            .strip_prefix("Hello from client ")?
            .trim_end()
            .parse()
            .ok()
    }

    /// Waits for its next message.
    pub fn expect_message(&mut self, message: &str) {
        let (id, number) = (self.connection.id(), self.messages);
        let said = self.scene.wait_for(deadline(), |seen| {
            let client = &seen.connections[id];
            match client.lines.get(number) {
                Some(line) => Some(Ok(line.text())),
                None => client.end.map(|(end, _)| Err(end)),
            }
        });
        self.messages += 1;
        match said {
            Some(Ok(said)) if said.trim_end_matches('\r') == message => {}
            Some(Ok(said)) => {
                self.scene.fail(Symptom::OtherLineSent {
                    message: message.to_owned(),
                    said,
                });
            }
            _ => self.scene.fail(Symptom::NothingSent {
                message: message.to_owned(),
            }),
        }
    }

    /// Replies to its latest message, as a right server does, and returns the reply.
    pub fn answer(&self) -> String {
        let reply = reply_to(&self.message());
        self.send(format!("{reply}\n").as_bytes());
        reply
    }

    /// Sends these bytes in one write.
    pub fn send(&self, bytes: &[u8]) {
        self.connection.send(bytes);
    }

    /// Sends one byte after another, for ever or until the client is gone.
    pub fn trickle(self, byte: u8) -> Trickle {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let gone = |seen: &Seen| {
                (seen.connections[self.connection.id()].end.is_some()
                    || seen.program.is_over()
                    || stopped.load(Ordering::SeqCst))
                .then_some(())
            };
            while self.scene.recording.wait_for(TRICKLE_PACE, gone).is_none() {
                self.connection.send(&[byte]);
            }
        });
        Trickle {
            stop,
            thread: Some(thread),
        }
    }

    /// Waits until the program has read all that was sent, for a quiet window at most: its clients may
    /// give up after 2 s.
    pub fn wait_until_read(&self) {
        let id = self.connection.id();
        let ended = || {
            self.scene
                .recording
                .look(|seen| seen.connections[id].end.is_some())
        };
        let read = || {
            let far_end = observe::far_end(self.connection.local(), self.connection.peer());
            far_end.is_some_and(|end| end.unread == 0 && end.in_flight == 0)
        };
        self.scene
            .poll_for(QUIET_WINDOW, || (read() || ended()).then_some(()));
    }

    /// Closes the connection.
    pub fn close(mut self) {
        self.connection.close();
    }

    /// Resets the connection.
    pub fn reset(mut self) {
        self.connection.reset();
    }

    /// Expects that the client ends the connection.
    pub fn expect_end(&self) {
        let id = self.connection.id();
        let end = self
            .scene
            .wait_for(deadline(), |seen| seen.connections[id].end);
        if end.is_none() {
            self.scene.fail(Symptom::NeverDisconnects { client: id });
        }
    }

    fn has_spoken(&self) -> bool {
        self.scene.recording.look(|seen| {
            seen.connections[self.connection.id()]
                .first_received()
                .is_some()
        })
    }
}

/// How often a byte is trickled: often enough that no read time-out of seconds ever expires.
const TRICKLE_PACE: Duration = Duration::from_millis(50);

/// Bytes that keep coming until this is dropped.
pub struct Trickle {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The reply of a right server, without its newline.
pub fn reply_to(message: &str) -> String {
    let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
    format!("[{timestamp}] Server got '{message}'")
}

fn accept_all(
    scene: &Arc<Scene>,
    listener: &TcpListener,
    arrived: &Mutex<Vec<Connection>>,
    closing: &AtomicBool,
) {
    for _ in 0..MOST_CONNECTIONS {
        let Ok((stream, peer)) = listener.accept() else {
            return;
        };
        if closing.load(Ordering::SeqCst) {
            return;
        }
        let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let id = scene.recording.add_connection(Side::Server);
        // A connection that is gone before it could be set up is the client's affair.
        if let Ok(connection) = Connection::new(scene, id, stream, peer, true) {
            arrived.push(connection);
        }
    }
}
