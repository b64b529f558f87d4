//! The load generator: all clients on one thread, which asks the kernel which of them have something to
//! read. So a thousand clients cost it no more threads than one, and every server faces the same.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mio::event::Event;
use mio::{Events, Poll, Registry, Token};

use crate::client::{Client, Trouble};
use crate::load::{Load, Outcome, Style};

/// How many clients wait for their first reply at a time while the clients that stay are let in. The
/// accept queue of most servers holds 128: a stampede would measure the kernel's second tries.
const OPENING: usize = 64;

/// How long the first client that stays may take to be let in (the server may still be starting its
/// threads), and the next one, until no more of them are expected to be.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
const NEXT_PATIENCE: Duration = Duration::from_millis(500);

/// How long the replies that are outstanding at the end of a paced load are waited for.
const DRAIN: Duration = Duration::from_secs(2);

/// A pause before a connection that failed is tried again.
const RETRY: Duration = Duration::from_millis(1);

pub struct Generator {
    poll: Poll,
    events: Events,
    crowd: Crowd,
}

/// The clients, and what is known of them.
struct Crowd {
    address: SocketAddr,
    style: Style,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    outcome: Outcome,
    /// Requests from before this moment don't count: of a paced load, only those of the plan do.
    counted_from: Option<Instant>,
    phase: Phase,
    /// Clients that got their first reply.
    opened: usize,
    /// Clients that could not connect, or were thrown out, and come again.
    retries: Vec<usize>,
}

/// What a client does that got its reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is in, and stays silent until all are.
    Opening,
    /// It asks again, or leaves and comes again.
    Asking,
    /// It is silent until it is told to ask.
    Told,
}

/// When which request of a paced load is to be sent.
struct Plan {
    start: Instant,
    interval: Duration,
    next: u32,
    total: u32,
}

impl Generator {
    /// Lets the clients in that stay: each connects, asks once and waits for its reply.
    ///
    /// # Errors
    ///
    /// If the system doesn't let one wait for connections. A server that lets nobody in is no error.
    pub fn open(address: SocketAddr, load: &Load) -> Result<Self> {
        load.check()?;
        let mut generator = Self {
            poll: Poll::new().context("cannot wait for connections")?,
            events: Events::with_capacity(1024),
            crowd: Crowd {
                address,
                style: load.style,
                clients: (0..load.clients).map(Client::new).collect(),
                buffer: vec![0; 16 * 1024],
                outcome: Outcome::new()?,
                counted_from: None,
                phase: Phase::Opening,
                opened: 0,
                retries: Vec::new(),
            },
        };
        if load.style != Style::Short {
            generator.let_in()?;
        }
        Ok(generator)
    }

    /// Clients that got a reply since they came.
    pub fn opened(&self) -> usize {
        self.crowd.opened
    }

    fn let_in(&mut self) -> Result<()> {
        let total = self.crowd.clients.len();
        let (mut next, mut seen, mut progress) = (0, 0, Instant::now());
        loop {
            let done = self.crowd.opened + self.crowd.outcome.failures() as usize;
            if done > seen {
                (seen, progress) = (done, Instant::now());
            }
            let patience = if done == 0 {
                FIRST_PATIENCE
            } else {
                NEXT_PATIENCE
            };
            let is_hopeless = progress.elapsed() > patience;
            // Those who can't be let in come all the same: they wait, as they would.
            let limit = if is_hopeless { total } else { done + OPENING };
            while next < limit.min(total) {
                self.crowd.come(next, self.poll.registry());
                next += 1;
            }
            if done == total || is_hopeless {
                return Ok(());
            }
            self.turn(Duration::from_millis(20))?;
        }
    }

    /// Lets the clients do what they do for this long.
    ///
    /// # Errors
    ///
    /// If the system doesn't let one wait for connections.
    pub fn run(&mut self, load: &Load, duration: Duration) -> Result<Outcome> {
        self.crowd.outcome = Outcome::new()?;
        for client in &mut self.crowd.clients {
            client.answered = 0;
        }
        let start = Instant::now();
        let is_paced = load.style == Style::Paced;
        let mut plan = is_paced.then(|| Plan::new(start, load.rate, duration));
        self.crowd.counted_from = is_paced.then_some(start);
        self.crowd.start(self.poll.registry());
        while start.elapsed() < duration {
            let left = duration.saturating_sub(start.elapsed());
            let pause = match &mut plan {
                None => left,
                Some(plan) => self.crowd.follow(plan).min(left),
            };
            self.turn(pause)?;
        }
        if let Some(plan) = &mut plan {
            // What a load generator that was held up didn't get to is due all the same.
            self.crowd.follow(plan);
        }
        self.crowd.phase = Phase::Told;
        self.crowd.outcome.elapsed = start.elapsed();
        self.crowd.outcome.answered = self.crowd.outcome.latencies.len();
        match plan {
            Some(_) => self.drain()?,
            None => self.crowd.count_unanswered(),
        }
        Ok(mem::replace(&mut self.crowd.outcome, Outcome::new()?))
    }

    /// Each planned request is accounted for: the replies are waited for, and what has none by then
    /// counts with the time for which it has waited so far.
    fn drain(&mut self) -> Result<()> {
        let start = Instant::now();
        let is_outstanding = |client: &Client| client.is_connected() && client.is_waiting();
        while self.crowd.clients.iter().any(is_outstanding) && start.elapsed() < DRAIN {
            self.turn(Duration::from_millis(20))?;
        }
        for client in &self.crowd.clients {
            let planned = client
                .waits()
                .filter(|since| Some(*since) >= self.crowd.counted_from);
            for since in planned {
                self.crowd.outcome.record(since.elapsed());
                self.crowd.outcome.unanswered += 1;
            }
        }
        Ok(())
    }

    /// Waits for news, this long at most, and attends to it.
    fn turn(&mut self, pause: Duration) -> Result<()> {
        let registry = self.poll.registry();
        for number in mem::take(&mut self.crowd.retries) {
            self.crowd.come(number, registry);
        }
        let pause = match self.crowd.retries.is_empty() {
            true => pause,
            false => pause.min(RETRY),
        };
        match self.poll.poll(&mut self.events, Some(pause)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result.context("cannot wait for connections")?,
        }
        for event in &self.events {
            self.crowd.attend(event, self.poll.registry());
        }
        Ok(())
    }
}

impl Crowd {
    /// A client connects and asks.
    fn come(&mut self, number: usize, registry: &Registry) {
        let now = Instant::now();
        let client = &mut self.clients[number];
        let came = client
            .connect(self.address, registry, Token(number), self.style)
            .map_err(Trouble::from)
            .and_then(|()| client.ask(now));
        if let Err(trouble) = came {
            self.lose(number, trouble);
        }
    }

    /// Sets the clients of a closed loop going. A paced load's are sent by its plan.
    fn start(&mut self, registry: &Registry) {
        if self.style == Style::Paced {
            self.phase = Phase::Told;
            return;
        }
        self.phase = Phase::Asking;
        for number in 0..self.clients.len() {
            let client = &mut self.clients[number];
            match self.style {
                Style::Short if !client.is_connected() => self.come(number, registry),
                // Thrown out before.
                Style::Stay if !client.is_connected() => self.outcome.broken += 1,
                Style::Stay if !client.is_waiting() => self.ask(number),
                _ => {}
            }
        }
    }

    fn ask(&mut self, number: usize) {
        if let Err(trouble) = self.clients[number].ask(Instant::now()) {
            self.lose(number, trouble);
        }
    }

    /// Sends the requests that are due; how long until the next one is.
    fn follow(&mut self, plan: &mut Plan) -> Duration {
        while plan.next < plan.total {
            let due = plan.start + plan.interval * plan.next;
            let now = Instant::now();
            if due > now {
                // The kernel wakes one to the millisecond: the last one is spent awake.
                return (due - now).saturating_sub(Duration::from_millis(1));
            }
            let number = plan.next as usize % self.clients.len();
            if let Err(trouble) = self.clients[number].ask(due) {
                self.lose(number, trouble);
            }
            plan.next += 1;
        }
        Duration::MAX
    }

    fn attend(&mut self, event: &Event, registry: &Registry) {
        let number = event.token().0;
        let client = &mut self.clients[number];
        let before = client.answered;
        let (outcome, counted_from) = (&mut self.outcome, self.counted_from);
        let mut attended = Ok(());
        if event.is_writable() {
            attended = client.send();
        }
        if event.is_readable() && attended.is_ok() {
            let to_the_end = event.is_read_closed();
            attended = client.receive(&mut self.buffer, to_the_end, |since| {
                if Some(since) >= counted_from {
                    outcome.record(since.elapsed());
                }
            });
        }
        if self.phase == Phase::Opening && client.answered > before {
            self.opened += 1;
        }
        match attended {
            Err(trouble) => self.lose(number, trouble),
            Ok(()) if self.phase != Phase::Asking || client.answered == before => {}
            Ok(()) if self.style == Style::Short => {
                client.leave();
                self.come(number, registry);
            }
            Ok(()) => self.ask(number),
        }
    }

    /// The client's connection is gone, or of no use.
    fn lose(&mut self, number: usize, trouble: Trouble) {
        // Of a paced load, each request counts.
        let lost = match self.style {
            Style::Paced => self.planned(&self.clients[number]).count().max(1) as u64,
            _ => 1,
        };
        self.clients[number].leave();
        match trouble {
            Trouble::Broken => self.outcome.broken += lost,
            Trouble::Wrong => self.outcome.wrong += lost,
        }
        if self.style == Style::Short {
            self.retries.push(number);
        }
    }

    /// Since when each request of the client that counts has been waiting.
    fn planned<'a>(&self, client: &'a Client) -> impl Iterator<Item = Instant> + use<'a> {
        let counted_from = self.counted_from;
        client
            .waits()
            .filter(move |since| Some(*since) >= counted_from)
    }

    fn count_unanswered(&mut self) {
        let unanswered = |client: &&Client| client.is_waiting() && client.answered == 0;
        self.outcome.unanswered = self.clients.iter().filter(unanswered).count() as u64;
    }
}

impl Plan {
    fn new(start: Instant, rate: u32, duration: Duration) -> Self {
        let interval = Duration::from_secs(1) / rate;
        Self {
            start,
            interval,
            next: 0,
            total: (duration.as_nanos() / interval.as_nanos().max(1)) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::Generator;
    use crate::load::{Load, Style};

    /// A server that answers the first line of each client so, and is silent from then on.
    fn server(reply: fn(&str) -> String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move |mut client: TcpStream| {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            client.write_all(reply(&line).as_bytes()).unwrap();
            // Until the client leaves.
            while reader.read_line(&mut line).is_ok_and(|length| length > 0) {}
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || serve(client));
            }
        });
        address
    }

    fn load(style: Style) -> Load {
        Load {
            style,
            clients: 4,
            rate: 1000,
        }
    }

    /// Coordinated omission: a server that stalls gets no fewer requests, and each counts.
    #[test]
    fn an_open_loop_counts_every_request_that_was_planned() {
        let load = load(Style::Paced);
        let mut generator = Generator::open(server(str::to_owned), &load).unwrap();
        let outcome = generator.run(&load, Duration::from_millis(100)).unwrap();
        assert_eq!((outcome.answered, outcome.unanswered), (0, 100));
        assert_eq!(outcome.latencies.len(), 100);
    }

    #[test]
    fn a_closed_loop_counts_a_stalled_server_once_for_each_client() {
        let load = load(Style::Stay);
        let mut generator = Generator::open(server(str::to_owned), &load).unwrap();
        let outcome = generator.run(&load, Duration::from_millis(100)).unwrap();
        assert_eq!((outcome.answered, outcome.unanswered), (0, 4));
    }

    #[test]
    fn a_wrong_reply_is_a_failure() {
        let load = load(Style::Stay);
        let address = server(|_| "[2026-01-31 12:00:00.123456] Server got 'Hello'\n".to_owned());
        let mut generator = Generator::open(address, &load).unwrap();
        assert_eq!((generator.opened(), generator.crowd.outcome.wrong), (0, 4));
        // Their connections are of no use any more.
        let outcome = generator.run(&load, Duration::from_millis(10)).unwrap();
        assert_eq!((outcome.answered, outcome.broken), (0, 4));
    }
}
