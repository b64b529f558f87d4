//! The machine on which it was measured, in words: a number without it says nothing.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::Result;
use chrono::Utc;
use serde::{Deserialize, Serialize};

/// What a reader needs to know to compare.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub date: String,
    pub processor: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub system: String,
    pub rust: String,
    pub python: String,
    /// Programs that wanted to run before the measurement began, on average of a minute: on a quiet
    /// machine, well below the number of cores.
    pub busy_before: f64,
    /// Of the measurement.
    pub rounds: u32,
    pub seconds: f64,
}

impl Machine {
    /// This one, now. What the system doesn't tell is unknown.
    ///
    /// # Errors
    ///
    /// If the number of cores can't be told.
    pub fn here(rounds: u32, seconds: f64) -> Result<Self> {
        let file = |path| fs::read_to_string(path).unwrap_or_default();
        let cpu = file("/proc/cpuinfo");
        let is_virtual = cpu.contains("hypervisor");
        let processor = field(&cpu, "model name").unwrap_or_else(|| "unknown".into());
        let memory = field(&file("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
            .unwrap_or(0.0);
        let load = file("/proc/loadavg");
        Ok(Self {
            date: Utc::now().format("%Y-%m-%d").to_string(),
            processor: match is_virtual {
                true => format!("{processor}, a virtual machine"),
                false => processor,
            },
            cores: thread::available_parallelism()?.get(),
            memory_gib: (memory / 1024.0 / 1024.0).round(),
            system: says("uname", &["-sr"]),
            rust: says("rustc", &["--version"]),
            python: says("python3", &["--version"]),
            busy_before: load
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0.0),
            rounds,
            seconds,
        })
    }
}

/// `name : value`
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first line that a command prints.
fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = text
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned));
    line.unwrap_or_else(|| "unknown".into())
}
