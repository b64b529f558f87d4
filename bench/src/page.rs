//! The book's page "The numbers", and its charts: made from the committed data, and from nothing else.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::charts::charts;
use crate::contenders::{keys, name, repository};
use crate::crowd::Crowd;
use crate::load::Style;
use crate::machine::Machine;
use crate::results::{self, Cell, Run, cells, median, ratio};

/// The numbers of clients that the tables show; the charts show all.
const SHOWN: [usize; 4] = [1, 20, 200, 1000];

/// Each reference beside what it is held against.
const RATIOS: [(&str, &[&str]); 3] = [
    ("threads", &["echo", "tokio", "python"]),
    ("pool-n", &["echo", "tokio", "python"]),
    ("pool-4", &["echo-4"]),
];

/// What was measured, as it lies in a folder.
pub struct Measured {
    runs: Vec<Run>,
    crowds: Vec<Crowd>,
    student: Vec<Student>,
    machine: Machine,
}

/// A row of what `student.sh` writes.
#[derive(Clone, Debug, Deserialize)]
struct Student {
    what: String,
    of: String,
    value: f64,
}

impl Measured {
    /// Reads the data.
    ///
    /// # Errors
    ///
    /// Names what is missing.
    pub fn read(folder: &Path) -> Result<Self> {
        let machine = folder.join("machine.toml");
        let text = fs::read_to_string(&machine)
            .with_context(|| format!("cannot read {}: measure first", machine.display()))?;
        Ok(Self {
            runs: results::read(&folder.join("runs.csv"))?,
            crowds: results::read(&folder.join("crowd.csv"))?,
            student: results::read(&folder.join("student.csv"))?,
            machine: toml::from_str(&text)
                .with_context(|| format!("{} is not a machine", machine.display()))?,
        })
    }

    /// Every file that the data yields, and its text.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        let source = repository().join("book/src");
        let mut files = vec![(source.join("numbers.md"), self.page())];
        for (name, chart) in charts(&self.runs) {
            files.push((source.join("figures").join(name), chart.svg()));
        }
        files
    }

    fn page(&self) -> String {
        let mut page = String::new();
        page += "# The numbers\n\n\
            This page shows what was measured last. It is made from the data in `bench/results`, and a test \
            holds it to them. [Measure them all](measure.md) says what the numbers mean. Yours will differ: \
            `make bench` measures on your machine.\n\n";
        page += &self.machine_table();
        page += &self.stay();
        page += &self.short();
        page += &self.paced();
        page += &self.crowd();
        page += &self.student_loop();
        page += "## Measure again\n\n\
            `make bench` measures and prints the first three parts. `make numbers` measures everything, and \
            makes this page and its charts anew. It takes about half an hour, and nothing else should run \
            meanwhile.\n";
        page
    }

    fn machine_table(&self) -> String {
        let machine = &self.machine;
        format!(
            "## The machine\n\n| | |\n| --- | --- |\n\
             | measured on | {} |\n| processor | {}, {} cores |\n| memory | {} GiB |\n| system | {} |\n\
             | Rust | {}, release mode |\n| Python | {} |\n| load average of the minute before it began | {} |\n\
             | rounds | {} of {} s each (short connections: three times as long), all servers in turns |\n\n\
             Clients and servers share this one machine and talk over loopback. The clients are one thread \
             of one program, the same for every server.\n\n",
            machine.date,
            machine.processor,
            machine.cores,
            machine.memory_gib,
            machine.system,
            machine.rust,
            machine.python,
            machine.busy_before,
            machine.rounds,
            machine.seconds
        )
    }

    fn stay(&self) -> String {
        let mut part = format!(
            "## Clients that stay\n\nThis load is a {}.\n\n\
             ![Chart: requests a second by the number of clients that stay, a line for each server; where some \
             clients get no reply the points are hollow](figures/bench-stay-throughput.svg)\n\n\
             ![Chart: p99 of the latency by the number of clients that stay, a line for each \
             server](figures/bench-stay-p99.svg)\n\n\
             A hollow point: some clients got no reply at all, and have no latency that could be drawn.\n\n",
            Style::Stay.says()
        );
        part += &self.ratios(Style::Stay);
        part += &self.processor_time();
        part += &self.table(Style::Stay);
        part
    }

    fn short(&self) -> String {
        let mut part = format!(
            "## Short connections\n\nThis load is a {}.\n\n\
             ![Chart: requests a second by the number of clients that come and go, a line for each \
             server](figures/bench-short-throughput.svg)\n\n\
             ![Chart: p99 of the latency by the number of clients that come and go, a line for each \
             server](figures/bench-short-p99.svg)\n\n\
             With 200 clients and more, more of them come at once than the accept queue has room for: 128, in \
             each of these servers. The kernel drops the others and they try again, the first time after a \
             second. A client that got no reply within the {:.1} s of a round is a failure, and the \
             point is hollow.\n\n",
            Style::Short.says(),
            3.0 * self.machine.seconds
        );
        part += &self.ratios(Style::Short);
        part += &self.table(Style::Short);
        part
    }

    fn paced(&self) -> String {
        let mut part = format!(
            "## A fixed rate\n\nThis load is an {}. A request that had no reply at the end counts with the time \
             for which it had waited.\n\n\
             ![Chart: p99 of the latency by the rate at which 20 clients send, a line for each \
             server](figures/bench-paced-p99.svg)\n\n\
             | planned a second | server | answered a second | p50, ms | p99, ms | max, ms |\n\
             | ---: | --- | ---: | ---: | ---: | ---: |\n",
            Style::Paced.says()
        );
        let cells = cells(&self.runs);
        let mut rows: Vec<_> = cells
            .iter()
            .filter(|((style, ..), _)| *style == Style::Paced)
            .collect();
        rows.sort_by_key(|((_, _, rate, server), _)| (*rate, place(server)));
        for ((_, _, rate, server), cell) in rows {
            let run = &cell.median;
            let _ = writeln!(
                part,
                "| {} | {} | {} | {} | {} | {} |",
                thousands(f64::from(*rate)),
                whole(server),
                thousands(run.requests_per_second),
                milliseconds(run.p50_us),
                milliseconds(run.p99_us),
                milliseconds(run.max_us)
            );
        }
        part + "\n"
    }

    /// Every server at the numbers of clients that are shown.
    fn table(&self, style: Style) -> String {
        let cells = cells(&self.runs);
        let mut tables = "<details>\n<summary>All servers, in figures</summary>\n\n\
            Medians of the rounds. The spread is the way from the slowest round to the fastest, in parts of the median. The maximum and the failures are those of the worst round. Latencies are in \
            milliseconds. A failure is a client that got no reply at all, a connection that broke, or a wrong \
            reply.\n\n"
            .to_owned();
        for clients in SHOWN {
            let mut rows: Vec<_> = cells
                .iter()
                .filter(|((of, with, ..), _)| *of == style && *with == clients)
                .collect();
            if rows.is_empty() {
                continue;
            }
            rows.sort_by_key(|((.., server), _)| place(server));
            let plural = if clients == 1 { "" } else { "s" };
            let _ = write!(
                tables,
                "| {} client{plural} | requests/s | spread | p50 | p99 | max | threads | MiB | failures |\n\
                 | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
                thousands(clients as f64)
            );
            for ((.., server), cell) in rows {
                let run = &cell.median;
                let _ = writeln!(
                    tables,
                    "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {} |",
                    whole(server),
                    thousands(run.requests_per_second),
                    spread(cell),
                    milliseconds(run.p50_us),
                    milliseconds(run.p99_us),
                    milliseconds(run.max_us),
                    thousands(run.threads as f64),
                    run.memory_kib as f64 / 1024.0,
                    thousands(run.failures() as f64)
                );
            }
            tables += "\n";
        }
        tables + "</details>\n\n"
    }

    /// How each reference stands to what it is held against.
    fn ratios(&self, style: Style) -> String {
        let shown = SHOWN.map(|clients| thousands(clients as f64));
        let mut table = format!(
            "Each reference beside the others, in turns: the median of the ratios, round by round, first of \
             requests a second (more is better), then of p99 (less is better).\n\n\
             | clients | {} |\n| --- | {} |\n",
            shown.join(" | "),
            ["---:"; SHOWN.len()].join(" | ")
        );
        for (reference, others) in RATIOS {
            for other in others {
                let pair = (reference, *other);
                let speed = SHOWN.map(|clients| {
                    ratio(&self.runs, (style, clients), pair, |run| {
                        run.requests_per_second
                    })
                });
                let tail = SHOWN
                    .map(|clients| ratio(&self.runs, (style, clients), pair, |run| run.p99_us));
                if speed.iter().all(Option::is_none) {
                    continue;
                }
                let both = speed.iter().zip(tail).map(|(speed, tail)| {
                    let shown = |ratio: Option<f64>| {
                        ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
                    };
                    format!("{} · {}", shown(*speed), shown(tail))
                });
                let both: Vec<_> = both.collect();
                let _ = writeln!(
                    table,
                    "| {} / {} | {} |",
                    whole(reference),
                    whole(other),
                    both.join(" | ")
                );
            }
        }
        table + "\n"
    }

    /// What a request costs, whoever else wanted the processor at the time.
    fn processor_time(&self) -> String {
        let shown = SHOWN.map(|clients| thousands(clients as f64));
        let mut table = format!(
            "What a request costs: the server's processor time for each, in microseconds. Other programs that \
             run at the same time change this least. The load generator's own, on average, stands last.\n\n\
             | clients | {} |\n| --- | {} |\n",
            shown.join(" | "),
            ["---:"; SHOWN.len()].join(" | ")
        );
        let time = |server: Option<&str>, clients: usize| {
            let runs = self.runs.iter().filter(|run| {
                let is_one = server.is_none_or(|server| run.server == server);
                run.load == Style::Stay && run.clients == clients && is_one
            });
            let times = runs.map(|run| match server {
                Some(_) => run.server_cpu_us,
                None => run.client_cpu_us,
            });
            format!("{:.1}", median(times))
        };
        for server in keys().map(Some).chain([None]) {
            let times = SHOWN.map(|clients| time(server, clients));
            let name = server.map_or_else(|| "the load generator".to_owned(), whole);
            let _ = writeln!(table, "| {name} | {} |", times.join(" | "));
        }
        table + "\n"
    }

    fn crowd(&self) -> String {
        let first = self.crowds.first();
        let (clients, rate) = first.map_or((0, 0), |crowd| (crowd.clients, crowd.rate));
        let mut part = format!(
            "## Ten thousand clients\n\n{} clients connect, ask once and stay. Then {} requests a second are sent, \
             for 2 s, on one connection after the other: an open loop.\n\n\
             | server | let in | a second | threads | MiB | MiB reserved | answered of {} | p50, ms | p99, ms |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            thousands(clients as f64),
            thousands(f64::from(rate)),
            thousands(2.0 * f64::from(rate))
        );
        for key in keys() {
            let rounds: Vec<_> = self
                .crowds
                .iter()
                .filter(|crowd| crowd.server == key)
                .collect();
            if rounds.is_empty() {
                continue;
            }
            let of = |value: fn(&Crowd) -> f64| median(rounds.iter().map(|crowd| value(crowd)));
            let _ = writeln!(
                part,
                "| {} | {} | {} | {} | {:.0} | {} | {} | {} | {} |",
                whole(key),
                thousands(of(|crowd| crowd.let_in as f64)),
                // What stops after a few clients has no rate.
                match of(|crowd| crowd.let_in as f64) < clients as f64 / 2.0 {
                    true => "–".to_owned(),
                    false => thousands(of(|crowd| crowd.let_in as f64 / crowd.seconds)),
                },
                thousands(of(|crowd| crowd.threads as f64)),
                of(|crowd| crowd.memory_kib as f64) / 1024.0,
                thousands(of(|crowd| crowd.reserved_kib as f64) / 1024.0),
                thousands(of(|crowd| crowd.answered as f64)),
                milliseconds(of(|crowd| crowd.p50_us)),
                milliseconds(of(|crowd| crowd.p99_us))
            );
        }
        part + "\n"
    }

    fn student_loop(&self) -> String {
        let mut part = "## The student's loop\n\n\
            What a student waits for, beside [rustlings](https://crates.io/crates/rustlings), in the same run. \
            Downloads are not counted. A verdict here is that of every check of the exercise on the reference \
            solution, compiled and run; in rustlings, that of one of its first exercises.\n\n\
            | | | seconds |\n| --- | --- | ---: |\n"
            .to_owned();
        let mut seen = Vec::new();
        for row in &self.student {
            let of = (row.what.as_str(), row.of.as_str());
            if seen.contains(&of) {
                continue;
            }
            seen.push(of);
            let all = self
                .student
                .iter()
                .filter(|other| (other.what.as_str(), other.of.as_str()) == of);
            let value = median(all.map(|row| row.value));
            let value = match row.what.as_str() {
                "crates" => format!("{value:.0} crates"),
                _ => format!("{value:.2}"),
            };
            let _ = writeln!(part, "| {} | {} | {value} |", row.what, row.of);
        }
        part + "\n"
    }
}

/// Writes the page and the charts.
///
/// # Errors
///
/// Names the file that can't be written.
pub fn write(measured: &Measured) -> Result<()> {
    for (path, text) in measured.files() {
        results::write_whole(&path, text)?;
    }
    Ok(())
}

/// Holds the page and the charts to the data.
///
/// # Errors
///
/// Names the files that the data don't yield.
pub fn check(measured: &Measured) -> Result<()> {
    let stale: Vec<_> = measured
        .files()
        .into_iter()
        .filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text))
        .map(|(path, _)| {
            path.strip_prefix(repository())
                .unwrap_or(&path)
                .display()
                .to_string()
        })
        .collect();
    if !stale.is_empty() {
        bail!(
            "not what the data yield: {}; run `make numbers-page`",
            stale.join(", ")
        );
    }
    Ok(())
}

/// How far the rounds are apart: `12 %` of the median.
fn spread(cell: &Cell) -> String {
    let speed = cell.median.requests_per_second;
    if speed == 0.0 {
        return "–".to_owned();
    }
    let share = (cell.fastest - cell.slowest) / speed;
    format!("{:.0}\u{a0}%", share * 100.0)
}

/// A server's name, kept in one line.
fn whole(server: &str) -> String {
    name(server).replace(' ', "\u{a0}")
}

/// Where a server stands in every table.
fn place(server: &str) -> Option<usize> {
    keys().position(|known| known == server)
}

/// `12,345`
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of microseconds, with as many digits as say something.
fn milliseconds(microseconds: f64) -> String {
    let value = microseconds / 1000.0;
    match value {
        _ if microseconds == 0.0 => "–".to_owned(),
        ..1.0 => format!("{value:.3}"),
        1.0..100.0 => format!("{value:.1}"),
        _ => thousands(value),
    }
}
