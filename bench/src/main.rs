//! Measures the course's servers side by side: `make bench`.
//!
//! The load generator and its clients are in [`load`], [`client`] and [`generator`]; [`server`] starts a
//! server and looks at it from outside; [`contenders`] says who is measured, [`measure`] does it, [`crowd`]
//! with ten thousand clients; [`page`] makes the book's page of the data, with the charts.

mod chart;
mod charts;
mod client;
mod contenders;
mod crowd;
mod generator;
mod load;
mod machine;
mod measure;
mod page;
mod results;
mod server;
mod table;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};

use crate::contenders::Contender;
use crate::generator::Generator;
use crate::load::{Load, Style};
use crate::machine::Machine;
use crate::measure::Extent;
use crate::page::Measured;

/// Measures servers side by side, over loopback
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Measure the reference servers, what they are held against, and servers of your own
    Run(RunOptions),
    /// Put one load on a server that runs already
    Load(LoadOptions),
    /// Put ten thousand clients on each of the servers
    Crowd(CrowdOptions),
    /// Make the book's page and its charts from the data
    Page(PageOptions),
}

#[derive(Args)]
struct RunOptions {
    /// A server of your own to measure beside the others; an address is appended to its command
    #[arg(long, value_name = "NAME=COMMAND")]
    server: Vec<String>,
    /// Only these of the repository's servers; `none` for none of them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// What the clients do: stay, short, paced
    #[arg(long, value_delimiter = ',', default_value = "stay,short,paced")]
    loads: Vec<String>,
    /// How many clients stay, or come and go
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,2,5,10,20,50,100,200,500,1000"
    )]
    clients: Vec<usize>,
    /// Requests a second of the paced load, which has 20 clients
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,2000,5000,10000,20000,50000,100000"
    )]
    rates: Vec<u32>,
    /// How often each is measured
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long a run counts; with short connections three times as long
    #[arg(long, default_value_t = 0.4)]
    seconds: f64,
    /// Where the data and the charts go
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Draw no charts
    #[arg(long)]
    no_charts: bool,
}

#[derive(Args)]
struct LoadOptions {
    /// Where the server listens: HOST:PORT, on this machine
    address: SocketAddr,
    /// How many clients
    #[arg(long, default_value_t = 20)]
    clients: usize,
    /// Each connects, asks once, and leaves
    #[arg(long, conflicts_with = "rate")]
    short: bool,
    /// Ask at this rate, in requests a second, whatever the server does
    #[arg(long)]
    rate: Option<u32>,
    /// For how long
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

#[derive(Args)]
struct CrowdOptions {
    /// A server of your own to measure beside the others; an address is appended to its command
    #[arg(long, value_name = "NAME=COMMAND")]
    server: Vec<String>,
    /// Only these of the repository's servers; `none` for none of them
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "loop,threads,pool-4,pool-n,echo,tokio,python"
    )]
    only: Vec<String>,
    /// How many clients
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Requests a second, of all clients together
    #[arg(long, default_value_t = 2000)]
    rate: u32,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Where the data goes
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

#[derive(Args)]
struct PageOptions {
    /// Where the data is
    #[arg(long, default_value = "bench/results")]
    data: PathBuf,
    /// Write nothing; fail if the page or a chart is not what the data yield
    #[arg(long)]
    check: bool,
}

/// The clients of a paced load: as many as the stress client's.
const PACED_CLIENTS: usize = 20;

fn main() -> ExitCode {
    let done = match Options::parse().verb {
        Verb::Run(options) => run(&options),
        Verb::Load(options) => load(&options),
        Verb::Crowd(options) => crowd(&options),
        Verb::Page(options) => page(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &RunOptions) -> Result<()> {
    let extent = Extent {
        loads: loads(options)?,
        rounds: options.rounds,
        window: seconds(options.seconds)?,
    };
    ensure!(extent.rounds > 0, "--rounds must be at least 1");
    let most = extent.loads.iter().map(|load| load.clients).max();
    server::allow_descriptors(most.unwrap_or(0))?;
    make_folder(&options.out)?;
    let machine = Machine::here(options.rounds, options.seconds)?;
    let all = servers(&options.only, &options.server)?;
    let runs = measure::measure(&all, &extent)?;
    println!("{}", table::tables(&runs));
    results::write(&options.out.join("runs.csv"), &runs)?;
    let machine = toml::to_string(&machine).context("cannot describe the machine")?;
    results::write_whole(&options.out.join("machine.toml"), machine)?;
    if !options.no_charts {
        for (name, chart) in charts::charts(&runs) {
            results::write_whole(&options.out.join(name), chart.svg())?;
        }
    }
    println!(
        "The raw data, the machine and the charts: {}",
        options.out.display()
    );
    Ok(())
}

/// The servers to measure: the repository's with these names, and the user's own.
fn servers(only: &[String], own: &[String]) -> Result<Vec<Contender>> {
    let own: Vec<_> = own
        .iter()
        .map(|text| contenders::own(text))
        .collect::<Result<_>>()?;
    let mut all = match only {
        [none] if none == "none" => Vec::new(),
        only => contenders::contenders(only)?,
    };
    all.extend(own);
    ensure!(
        !all.is_empty(),
        "no server to measure: give one with --server"
    );
    Ok(all)
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn crowd(options: &CrowdOptions) -> Result<()> {
    ensure!(options.clients > 0, "--clients must be at least 1");
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    server::allow_descriptors(options.clients)?;
    make_folder(&options.out)?;
    let all = servers(&options.only, &options.server)?;
    let crowds = crowd::measure(&all, options.clients, options.rate, options.rounds)?;
    println!("{}", table::crowd(&crowds));
    results::write(&options.out.join("crowd.csv"), &crowds)
}

fn page(options: &PageOptions) -> Result<()> {
    let measured = Measured::read(&options.data)?;
    match options.check {
        true => page::check(&measured),
        false => page::write(&measured),
    }
}

fn loads(options: &RunOptions) -> Result<Vec<Load>> {
    let mut loads = Vec::new();
    for style in &options.loads {
        match style.as_str() {
            "stay" | "short" => {
                let style = if style == "stay" {
                    Style::Stay
                } else {
                    Style::Short
                };
                let of = |&clients| Load {
                    style,
                    clients,
                    rate: 0,
                };
                loads.extend(options.clients.iter().map(of));
            }
            "paced" => {
                let of = |&rate| Load {
                    style: Style::Paced,
                    clients: PACED_CLIENTS,
                    rate,
                };
                loads.extend(options.rates.iter().map(of));
            }
            other => bail!("no load is called '{other}'; there are stay, short and paced"),
        }
    }
    for load in &loads {
        load.check()?;
    }
    Ok(loads)
}

fn load(options: &LoadOptions) -> Result<()> {
    ensure!(
        options.address.ip().is_loopback(),
        "{} is not on this machine: a load is only put on loopback addresses",
        options.address
    );
    let load = Load {
        style: match (options.short, options.rate) {
            (true, _) => Style::Short,
            (_, Some(_)) => Style::Paced,
            _ => Style::Stay,
        },
        clients: options.clients,
        rate: options.rate.unwrap_or(0),
    };
    load.check()?;
    let duration = seconds(options.seconds)?;
    server::allow_descriptors(options.clients)?;
    let outcome = Generator::open(options.address, &load)?.run(&load, duration)?;
    println!("{} clients, {}", load.clients, load.style.says());
    println!(
        "{:.0} requests/s, p50 {:.1} µs, p99 {:.1} µs, max {:.1} µs",
        outcome.requests_per_second(),
        outcome.microseconds(0.5),
        outcome.microseconds(0.99),
        outcome.microseconds(1.0)
    );
    println!(
        "failures: {} broken, {} wrong, {} unanswered",
        outcome.broken, outcome.wrong, outcome.unanswered
    );
    ensure!(
        outcome.answered > 0,
        "nobody got a reply from {}",
        options.address
    );
    Ok(())
}

fn seconds(seconds: f64) -> Result<Duration> {
    ensure!(
        (0.01..=600.0).contains(&seconds),
        "--seconds must be from 0.01 to 600, not {seconds}"
    );
    Ok(Duration::from_secs_f64(seconds))
}
