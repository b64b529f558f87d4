//! A load, and what came of it.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency that is told apart from longer ones, in nanoseconds: a minute.
const MAX_LATENCY: u64 = 60_000_000_000;

/// The highest rate of a paced load, in requests a second: more than one thread can send.
const MAX_RATE: u32 = 1_000_000;

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Connect once; ask, wait for the reply, ask again. A closed loop.
    Stay,
    /// Connect, ask, wait for the reply, leave; and again. A closed loop too.
    Short,
    /// Connect once; ask when the plan says so, whether the reply before has come or not. An open
    /// loop.
    Paced,
}

impl Style {
    /// What a latency of this load is, and what it leaves out.
    pub fn says(self) -> &'static str {
        match self {
            Self::Stay => {
                "closed loop: a client asks again when it has its reply; latency from the moment of \
                 sending. A server that stalls is asked less meanwhile, so few slow replies are \
                 counted (coordinated omission)"
            }
            Self::Short => {
                "closed loop: a client connects, asks, reads its reply, leaves, and comes again; \
                 latency from the moment of connecting. A server that stalls is asked less meanwhile, \
                 so few slow replies are counted (coordinated omission)"
            }
            Self::Paced => {
                "open loop: requests are sent at a fixed rate, whatever the server does; latency from \
                 the moment at which the plan has the request, so that waiting to be sent counts \
                 (no coordinated omission)"
            }
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stay => "stay",
            Self::Short => "short",
            Self::Paced => "paced",
        })
    }
}

/// How many clients do what.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub style: Style,
    pub clients: usize,
    /// Requests a second, of all clients together; only a paced load has a rate.
    pub rate: u32,
}

/// What a generator saw while it ran.
pub struct Outcome {
    /// Of each reply, in nanoseconds.
    pub latencies: Histogram<u64>,
    pub elapsed: Duration,
    /// Replies within that time.
    pub answered: u64,
    /// Connections that were refused, reset, or closed by the server.
    pub broken: u64,
    /// Replies that were not the reply to what was asked.
    pub wrong: u64,
    /// Clients that waited for a reply all the while and got none; of a paced load, requests.
    pub unanswered: u64,
}

impl Outcome {
    /// An outcome with nothing in it yet.
    ///
    /// # Errors
    ///
    /// If there is no memory for the histogram.
    pub fn new() -> Result<Self> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(1, MAX_LATENCY, 3)?,
            elapsed: Duration::ZERO,
            answered: 0,
            broken: 0,
            wrong: 0,
            unanswered: 0,
        })
    }

    pub fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(nanoseconds.max(1));
    }

    pub fn requests_per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the replies did not exceed, in microseconds; 0 if there was no
    /// reply.
    pub fn microseconds(&self, quantile: f64) -> f64 {
        if self.latencies.is_empty() {
            return 0.0;
        }
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }

    pub fn failures(&self) -> u64 {
        self.broken + self.wrong + self.unanswered
    }
}

impl Load {
    /// Refuses what can't be run.
    ///
    /// # Errors
    ///
    /// Says what can't.
    pub fn check(&self) -> Result<()> {
        ensure!(self.clients > 0, "a load needs at least 1 client");
        ensure!(
            self.style != Style::Paced || (1..=MAX_RATE).contains(&self.rate),
            "a paced load needs a rate from 1 to {MAX_RATE} requests a second, not {}",
            self.rate
        );
        Ok(())
    }
}
