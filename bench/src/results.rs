//! The raw data: a row for each run of each server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::load::Style;

/// One run of one server under one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub load: Style,
    pub clients: usize,
    /// Requests a second that were planned; 0 if the load has no plan.
    pub rate: u32,
    pub round: u32,
    pub server: String,
    pub seconds: f64,
    pub requests: u64,
    pub requests_per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    pub broken: u64,
    pub wrong: u64,
    pub unanswered: u64,
    pub threads: u64,
    pub memory_kib: u64,
    /// Processor time of the server for each request, and of the load generator.
    pub server_cpu_us: f64,
    pub client_cpu_us: f64,
}

impl Run {
    pub fn failures(&self) -> u64 {
        self.broken + self.wrong + self.unanswered
    }
}

/// All rounds of one server under one load.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Medians over the rounds, but for the maximum and the failures: the worst round's.
    pub median: Run,
    pub slowest: f64,
    pub fastest: f64,
}

/// What was measured of which server: style, clients, rate.
pub type Key = (Style, usize, u32, String);

/// Sums up the rounds.
pub fn cells(runs: &[Run]) -> BTreeMap<Key, Cell> {
    let mut rounds: BTreeMap<Key, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        let key = (run.load, run.clients, run.rate, run.server.clone());
        rounds.entry(key).or_default().push(run);
    }
    let cells = rounds.into_iter();
    cells.map(|(key, runs)| (key, sum_up(&runs))).collect()
}

fn sum_up(runs: &[&Run]) -> Cell {
    let of = |value: fn(&Run) -> f64| median(runs.iter().map(|run| value(run)));
    let worst = runs.iter().max_by_key(|run| run.failures());
    let mut sum = worst.map_or_else(|| runs[0].clone(), |run| (*run).clone());
    sum.requests_per_second = of(|run| run.requests_per_second);
    sum.p50_us = of(|run| run.p50_us);
    sum.p99_us = of(|run| run.p99_us);
    sum.max_us = runs.iter().map(|run| run.max_us).fold(0.0, f64::max);
    sum.threads = of(|run| run.threads as f64) as u64;
    sum.memory_kib = of(|run| run.memory_kib as f64) as u64;
    sum.server_cpu_us = of(|run| run.server_cpu_us);
    sum.client_cpu_us = of(|run| run.client_cpu_us);
    let speeds = runs.iter().map(|run| run.requests_per_second);
    Cell {
        median: sum,
        slowest: speeds.clone().fold(f64::INFINITY, f64::min),
        fastest: speeds.fold(0.0, f64::max),
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}

/// How one server's figure stands to another's: the median of the ratios, round by round, of runs that
/// came right after each other. None if the two were not measured under this load.
pub fn ratio(
    runs: &[Run],
    (load, clients): (Style, usize),
    (server, other): (&str, &str),
    figure: fn(&Run) -> f64,
) -> Option<f64> {
    let of = |name: &str| {
        let mut found: Vec<_> = runs
            .iter()
            .filter(|run| run.load == load && run.clients == clients && run.server == name)
            .collect();
        found.sort_by_key(|run| run.round);
        found
    };
    let ratios = of(server)
        .into_iter()
        .zip(of(other))
        .map(|(one, other)| figure(one) / figure(other))
        .filter(|ratio| ratio.is_finite());
    let ratios: Vec<_> = ratios.collect();
    (!ratios.is_empty()).then(|| median(ratios.into_iter()))
}

/// Reads rows.
///
/// # Errors
///
/// Names the file, and the line that is not a row.
pub fn read<Row: DeserializeOwned>(path: &Path) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_path(path)
        .with_context(|| format!("cannot read {}: measure first", path.display()))?;
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is not what was measured", path.display()))
}

/// Writes rows; the file is there as a whole or not at all.
///
/// # Errors
///
/// Names the file.
pub fn write<Row: Serialize>(path: &Path, rows: &[Row]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let text = writer.into_inner().context("cannot write the rows")?;
    write_whole(path, &text)
}

/// Writes a file; it is there as a whole or as it was before.
///
/// # Errors
///
/// Names the file.
pub fn write_whole(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
