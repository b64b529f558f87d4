//! The stress client against each server, and what the servers cost.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::started::Started;
use crate::{Programs, TRIES};

pub(crate) fn one_loop(programs: &Programs) -> Result<String> {
    against(programs, "ex01-solution")
}

pub(crate) fn threads(programs: &Programs) -> Result<String> {
    against(programs, "ex02-solution")
}

pub(crate) fn pool(programs: &Programs) -> Result<String> {
    against(programs, "ex04-solution")
}

pub(crate) fn silent(programs: &Programs) -> Result<String> {
    // The kernel completes the connections; nobody ever accepts them.
    let server = TcpListener::bind("127.0.0.1:0")?;
    let address = server.local_addr()?.to_string();
    Ok(shown(&run(programs, &address, 3)?, &address, 3))
}

pub(crate) fn refused(programs: &Programs) -> Result<String> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let address = server.local_addr()?.to_string();
    drop(server);
    Ok(shown(&run(programs, &address, 3)?, &address, 3))
}

fn against(programs: &Programs, server: &str) -> Result<String> {
    let server = Started::new(&programs.path(server), &[])?;
    for _ in 0..TRIES {
        let output = run(programs, &server.address(), 20)?;
        // Two seconds are what a client waits, and a very busy machine may not run the server for so long.
        if !output.contains(" failed: ") {
            return Ok(shown(&output, &server.address(), 20));
        }
    }
    bail!("this machine is too busy for twenty clients")
}

/// What the stress client prints, on both of its outputs.
fn run(programs: &Programs, address: &str, clients: usize) -> Result<String> {
    let output = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
        .args([
            &programs.path("ex03-solution"),
            address,
            &clients.to_string(),
        ])
        .output()
        .context("cannot run the stress client")?;
    Ok(String::from_utf8(output.stdout)?)
}

/// As on a terminal, with the middle of many lines left out.
fn shown(output: &str, address: &str, clients: usize) -> String {
    let mut lines: Vec<_> = output.lines().collect();
    if lines.len() > 6 {
        let end = lines.len() - 2;
        lines.splice(2..end, ["\u{2026}"]);
    }
    let output = lines.join("\n").replace(address, "127.0.0.1:5000");
    format!("$ cargo run -q -p ex03 --bin ex03 -- 127.0.0.1:5000 {clients}\n{output}\n")
}

pub(crate) fn threads_of_ex02(programs: &Programs) -> Result<String> {
    threads_of(programs, "ex02-solution", None)
}

pub(crate) fn threads_of_ex04(programs: &Programs) -> Result<String> {
    threads_of(programs, "ex04-solution", Some(4))
}

/// The number of threads by the number of connected clients. A reply proves that the thread is there: that
/// of the client or, in a pool, all workers, since they are started before the first client is accepted.
fn threads_of(programs: &Programs, server: &str, workers: Option<usize>) -> Result<String> {
    let mut text = "connected clients   threads\n".to_owned();
    for clients in [0, 20, 100] {
        let server = Started::new(&programs.path(server), &[])?;
        if workers.is_some() {
            server.ask("just visiting")?;
        }
        let mut connected = Vec::new();
        for _ in 0..clients {
            connected.push(std::net::TcpStream::connect(server.address())?);
        }
        for client in connected.iter().take(workers.unwrap_or(clients)) {
            server.ask_again(client, "hello")?;
        }
        let path = format!("/proc/{}/task", server.id());
        let threads = fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?;
        writeln!(text, "{clients:>17} {:>9}", threads.count())?;
    }
    Ok(text)
}

/// How often each is measured, in turns.
const TURNS: usize = 11;

/// Each server with the stress client's clients, and with one more client that stays and is silent.
pub(crate) fn side_by_side(programs: &Programs) -> Result<String> {
    let servers = [
        ("one loop (ex01)", "ex01-solution"),
        ("a thread each (ex02)", "ex02-solution"),
        ("a pool of 4 (ex04)", "ex04-solution"),
    ];
    let loads = [1, 20, 100];
    let started = servers
        .iter()
        .map(|(_, server)| Started::new(&programs.path(server), &[]))
        .collect::<Result<Vec<_>>>()?;
    let mut times = vec![vec![Vec::new(); loads.len()]; servers.len()];
    for _ in 0..TURNS {
        for (server, times) in started.iter().zip(&mut times) {
            for (&clients, times) in loads.iter().zip(times) {
                times.push(milliseconds(&run(programs, &server.address(), clients)?)?);
            }
        }
    }
    let mut text = format!(
        "{:22}{:>12}{:>12}{:>12}   20 clients,\n{:22}{:>12}{:>12}{:>12}   one more silent\n",
        "", "1 client", "20 clients", "100 clients", "", "ms", "ms", "ms"
    );
    for (((name, _), server), times) in servers.iter().zip(&started).zip(&mut times) {
        write!(text, "{name:22}")?;
        for times in times {
            times.sort_unstable();
            write!(text, "{:>12}", times[times.len() / 2])?;
        }
        let _silent = std::net::TcpStream::connect(server.address())?;
        let output = run(programs, &server.address(), 20)?;
        let answered = output
            .lines()
            .last()
            .and_then(|line| line.split(' ').next());
        writeln!(text, "   {} answered", answered.unwrap_or("?"))?;
    }
    Ok(text)
}

/// `20/20 clients got a reply in 3 ms`
fn milliseconds(output: &str) -> Result<u64> {
    let last = output
        .lines()
        .last()
        .context("the stress client said nothing")?;
    let time = last
        .rsplit(' ')
        .nth(1)
        .context("no time in the last line")?;
    time.parse().with_context(|| format!("no time in '{last}'"))
}
