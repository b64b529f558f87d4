//! The measurement: each server under each load, in turns, so that a noisy machine hurts all alike.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::contenders::Contender;
use crate::generator::Generator;
use crate::load::{Load, Outcome, Style};
use crate::results::Run;
use crate::server::{Server, own_processor_time};

/// What a load does before it counts.
const WARM_UP: Duration = Duration::from_millis(100);

/// What to measure, for how long.
#[derive(Clone, Debug)]
pub struct Extent {
    pub loads: Vec<Load>,
    pub rounds: u32,
    /// Of one run of one server.
    pub window: Duration,
}

/// Measures. Servers come in turns: A B C A B C.
///
/// # Errors
///
/// If a server doesn't start, or the system runs out of something.
pub fn measure(contenders: &[Contender], extent: &Extent) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    let total = extent.rounds as usize * extent.loads.len();
    for round in 1..=extent.rounds {
        for (number, load) in extent.loads.iter().enumerate() {
            let done = (round as usize - 1) * extent.loads.len() + number;
            show(&format!(
                "{:3} % · round {round} of {} · {} · {} clients",
                done * 100 / total,
                extent.rounds,
                load.style,
                load.clients
            ));
            let measured = contenders
                .iter()
                .filter(|contender| contender.loads.contains(&load.style));
            for contender in measured {
                let run = one(contender, load, round, extent.window)
                    .with_context(|| format!("{}, {} clients", contender.key, load.clients))?;
                runs.push(run);
            }
        }
    }
    show("");
    Ok(runs)
}

/// One run of one server, started for it.
fn one(contender: &Contender, load: &Load, round: u32, window: Duration) -> Result<Run> {
    let server = Server::start(&contender.command, &contender.arguments(load.clients))?;
    let mut generator = Generator::open(server.address, load)?;
    generator.run(load, WARM_UP)?;
    let (before, own_before) = (server.usage(), own_processor_time());
    let outcome = generator.run(load, window * widening(load.style))?;
    let (after, own_after) = (server.usage(), own_processor_time());
    let requests = outcome.latencies.len();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / requests.max(1) as f64;
    Ok(Run {
        load: load.style,
        clients: load.clients,
        rate: load.rate,
        round,
        server: contender.key.clone(),
        threads: after.threads,
        memory_kib: after.memory_kib,
        server_cpu_us: rounded(each(after.processor.saturating_sub(before.processor))),
        client_cpu_us: rounded(each(own_after.saturating_sub(own_before))),
        ..seen(&outcome)
    })
}

/// When there are many short connections, the accept queue overflows, and the kernel tries again after a
/// second: the window has to be wide enough to see that.
fn widening(style: Style) -> u32 {
    match style {
        Style::Short => 3,
        Style::Stay | Style::Paced => 1,
    }
}

/// What the clients saw.
pub fn seen(outcome: &Outcome) -> Run {
    Run {
        load: Style::Stay,
        clients: 0,
        rate: 0,
        round: 1,
        server: String::new(),
        seconds: rounded(outcome.elapsed.as_secs_f64()),
        requests: outcome.answered,
        requests_per_second: rounded(outcome.requests_per_second()),
        p50_us: rounded(outcome.microseconds(0.5)),
        p99_us: rounded(outcome.microseconds(0.99)),
        max_us: rounded(outcome.microseconds(1.0)),
        broken: outcome.broken,
        wrong: outcome.wrong,
        unanswered: outcome.unanswered,
        threads: 0,
        memory_kib: 0,
        server_cpu_us: 0.0,
        client_cpu_us: 0.0,
    }
}

/// More digits say nothing.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// How far it is, where somebody looks.
pub fn show(progress: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // Where it can't be shown, it isn't.
        let _ = write!(stderr, "\r\x1b[2K{progress}");
        let _ = stderr.flush();
    }
}
