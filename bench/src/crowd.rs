//! Ten thousand clients: how each server lets them in, what they cost, and how they are served when they
//! say little.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::contenders::Contender;
use crate::generator::Generator;
use crate::load::{Load, Style};
use crate::measure::{rounded, seen, show};
use crate::server::Server;

/// How long the clients ask, when all that can be are let in.
const WINDOW: Duration = Duration::from_secs(2);

/// One server and its crowd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crowd {
    pub server: String,
    pub round: u32,
    pub clients: usize,
    /// Clients that got a reply when they came, and how long it took until the last of them had it.
    pub let_in: usize,
    pub seconds: f64,
    pub threads: u64,
    pub memory_kib: u64,
    pub reserved_kib: u64,
    /// Requests a second that were planned, and what came of them; a request that got no reply counts
    /// with the time for which it had waited by the end.
    pub rate: u32,
    pub answered: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    pub failed: u64,
}

/// Puts the crowd on each server, in turns.
///
/// # Errors
///
/// If a server doesn't start, or the system runs out of something.
pub fn measure(
    contenders: &[Contender],
    clients: usize,
    rate: u32,
    rounds: u32,
) -> Result<Vec<Crowd>> {
    let mut crowds = Vec::new();
    for round in 1..=rounds {
        for contender in contenders {
            show(&format!("round {round} of {rounds} · {}", contender.key));
            let crowd = one(contender, clients, rate, round)
                .with_context(|| format!("{}, {clients} clients", contender.key))?;
            crowds.push(crowd);
        }
    }
    show("");
    Ok(crowds)
}

fn one(contender: &Contender, clients: usize, rate: u32, round: u32) -> Result<Crowd> {
    let load = Load {
        style: Style::Paced,
        clients,
        rate,
    };
    let server = Server::start(&contender.command, &contender.arguments(clients))?;
    let start = Instant::now();
    let mut generator = Generator::open(server.address, &load)?;
    let seconds = start.elapsed().as_secs_f64();
    let let_in = generator.opened();
    let usage = server.usage();
    let outcome = generator.run(&load, WINDOW)?;
    let failed = outcome.failures();
    let run = seen(&outcome);
    Ok(Crowd {
        server: contender.key.clone(),
        round,
        clients,
        let_in,
        seconds: rounded(seconds),
        threads: usage.threads,
        memory_kib: usage.memory_kib,
        reserved_kib: usage.reserved_kib,
        rate,
        answered: run.requests,
        p50_us: run.p50_us,
        p99_us: run.p99_us,
        max_us: run.max_us,
        failed,
    })
}
