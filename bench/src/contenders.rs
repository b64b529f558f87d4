//! Who is measured: the references, and what they are held against.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::load::Style;

/// A server to measure.
#[derive(Clone, Debug)]
pub struct Contender {
    /// As in the data: `pool-4`.
    pub key: String,
    pub command: Vec<String>,
    pub threads: Threads,
    /// The loads under which it is measured.
    pub loads: Vec<Style>,
}

/// What is said after the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Nothing.
    Own,
    /// This number of threads.
    Fixed(usize),
    /// As many threads as there are clients.
    AsClients,
}

/// The key of each contender of this repository, its name for people, its program, its threads.
const CONTENDERS: &[(&str, &str, &str, Threads)] = &[
    ("loop", "one loop (ex01)", "ex01-solution", Threads::Own),
    (
        "threads",
        "a thread each (ex02)",
        "ex02-solution",
        Threads::Own,
    ),
    (
        "pool-4",
        "a pool of 4 (ex04)",
        "ex04-solution",
        Threads::Fixed(4),
    ),
    (
        "pool-n",
        "a pool of all (ex04)",
        "ex04-solution",
        Threads::AsClients,
    ),
    ("echo", "bare echo", "echo", Threads::Own),
    ("echo-4", "bare echo, 4 threads", "echo", Threads::Fixed(4)),
    ("tokio", "tokio", "ex02-tokio", Threads::Own),
    ("python", "Python", PYTHON, Threads::Own),
];

const PYTHON: &str = "tests/corpus/variants/ex02-threads.py";

/// The packages that hold them.
const PACKAGES: [&str; 5] = [
    "ex01-solution",
    "ex02-solution",
    "ex04-solution",
    "variants",
    "bench",
];

/// What a contender is called for people.
pub fn name(key: &str) -> &str {
    let known = CONTENDERS.iter().find(|(known, ..)| *known == key);
    known.map_or(key, |(_, name, ..)| name)
}

/// The keys of this repository's contenders, in their order.
pub fn keys() -> impl Iterator<Item = &'static str> {
    CONTENDERS.iter().map(|(key, ..)| *key)
}

/// The contenders with these keys (all, if none is given), built for measuring: in release mode.
///
/// # Errors
///
/// If a key is unknown, or something doesn't build.
pub fn contenders(only: &[String]) -> Result<Vec<Contender>> {
    for key in only {
        ensure!(
            keys().any(|known| known == key),
            "no server is called '{key}'; there are {}",
            keys().collect::<Vec<_>>().join(", ")
        );
    }
    build()?;
    let folder = release_folder()?;
    let wanted = CONTENDERS
        .iter()
        .filter(|(key, ..)| only.is_empty() || only.iter().any(|wanted| wanted == key));
    Ok(wanted
        .map(|&(key, _, program, threads)| Contender {
            key: key.to_owned(),
            command: match program {
                PYTHON => vec![
                    "python3".to_owned(),
                    repository().join(PYTHON).to_string_lossy().into_owned(),
                ],
                _ => vec![folder.join(program).to_string_lossy().into_owned()],
            },
            threads,
            loads: loads(key),
        })
        .collect())
}

/// A server that only serves some of its clients has no place under a load of a given rate; a worker for
/// each client is no different from a pool of 4 to clients that leave at once.
fn loads(key: &str) -> Vec<Style> {
    match key {
        "pool-n" => vec![Style::Stay, Style::Paced],
        "loop" | "pool-4" | "echo-4" => vec![Style::Stay, Style::Short],
        _ => vec![Style::Stay, Style::Short, Style::Paced],
    }
}

/// A server that the user brings: `NAME=COMMAND`.
///
/// # Errors
///
/// If it isn't of that form.
pub fn own(text: &str) -> Result<Contender> {
    let Some((key, command)) = text.split_once('=') else {
        bail!("'{text}' is not NAME=COMMAND");
    };
    ensure!(
        !key.is_empty()
            && key
                .chars()
                .all(|sign| sign == '-' || sign.is_ascii_alphanumeric()),
        "'{key}' is no name for a server: use letters, digits and -"
    );
    ensure!(
        keys().all(|known| known != key),
        "'{key}' is a server of this repository: call yours something else"
    );
    let command = shell_words::split(command).with_context(|| format!("'{command}'"))?;
    ensure!(!command.is_empty(), "the command of '{key}' is empty");
    Ok(Contender {
        key: key.to_owned(),
        command,
        threads: Threads::Own,
        loads: vec![Style::Stay, Style::Short, Style::Paced],
    })
}

impl Contender {
    /// What is said after the address, for this many clients.
    pub fn arguments(&self, clients: usize) -> Vec<String> {
        match self.threads {
            Threads::Own => Vec::new(),
            Threads::Fixed(threads) => vec![threads.to_string()],
            Threads::AsClients => vec![clients.to_string()],
        }
    }
}

fn build() -> Result<()> {
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "--locked"])
        .args(PACKAGES.iter().flat_map(|package| ["--package", package]))
        .current_dir(repository())
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the servers don't build");
    Ok(())
}

/// Beside the folder in which this program lies, whether that is `debug` or `release`.
fn release_folder() -> Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where the programs are")?;
    let target = this.parent().and_then(Path::parent);
    let target = target.context("this program lies in no target folder")?;
    Ok(target.join("release"))
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the repository")
}
