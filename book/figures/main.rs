//! Makes the book's figures from real runs of the programs: `make figures`.
//!
//! A figure is a file in book/src/figures: a timeline (SVG), or what a terminal shows (text). The chapter
//! of all diagnoses is made here too, from what `cargo grade --explain` prints. `--check` writes nothing
//! and holds each figure against a new run: moments, durations and ports may differ, what it shows may not.

mod checks;
mod diagnoses;
mod grading;
mod sessions;
mod shape;
mod started;
mod stress;
mod timelines;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use harness::draw::SEED_VARIABLE;

/// Makes the figures of the book from real runs
#[derive(Parser)]
struct Options {
    /// Only these figures: `nc.txt`
    names: Vec<String>,
    /// Write nothing; fail if a figure in the book shows something else than a new run
    #[arg(long)]
    check: bool,
}

/// Its file's name, and how it is made.
type Figure = (&'static str, fn(&Programs) -> Result<String>);

const FIGURES: &[Figure] = &[
    ("timeline-loop.svg", timelines::one_loop),
    ("timeline-threads.svg", timelines::threads),
    ("timeline-pool.svg", timelines::pool),
    (
        "timeline-silent-loop.svg",
        timelines::silent_before_one_loop,
    ),
    (
        "timeline-silent-threads.svg",
        timelines::silent_among_threads,
    ),
    ("timeline-stress.svg", timelines::stress),
    ("nc.txt", sessions::nc),
    ("telnet.txt", sessions::telnet),
    ("bash.txt", sessions::bash),
    ("python.txt", sessions::python),
    ("log.txt", sessions::log),
    ("pieces.txt", sessions::pieces),
    ("client-session.txt", sessions::manual_client),
    ("poison.txt", sessions::panicking_job),
    ("stress-ex01.txt", stress::one_loop),
    ("stress-ex02.txt", stress::threads),
    ("stress-ex04.txt", stress::pool),
    ("stress-silent.txt", stress::silent),
    ("stress-refused.txt", stress::refused),
    ("threads-ex02.txt", stress::threads_of_ex02),
    ("threads-ex04.txt", stress::threads_of_ex04),
    ("measure.txt", stress::side_by_side),
    ("starter-ex01.txt", checks::starter_ex01),
    ("starter-ex02.txt", checks::starter_ex02),
    ("starter-ex03.txt", checks::starter_ex03),
    ("starter-ex04.txt", checks::starter_ex04),
    ("full-ex01.txt", checks::full_ex01),
    ("full-ex02.txt", checks::full_ex02),
    ("full-ex03.txt", checks::full_ex03),
    ("full-ex04.txt", checks::full_ex04),
    ("fail-ex02-loop.txt", checks::loop_for_threads),
    ("fail-ex04-threads.txt", checks::threads_for_pool),
    ("../diagnoses.md", diagnoses::chapter),
    ("explain.txt", grading::explain),
    (CHECKOUT, grading::own_checkout),
    ("grade-class.txt", grading::class),
];

/// The figures whose numbers are measured: a check holds their words only.
const MEASURED: &[&str] = &["measure.txt"];

/// The figure that compiles a whole checkout.
const CHECKOUT: &str = "grade.txt";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    ensure!(
        env::var_os(SEED_VARIABLE).is_some(),
        "what the checks draw would differ from run to run: run `make figures`, which sets \
         {SEED_VARIABLE}"
    );
    for name in &options.names {
        let known = FIGURES.iter().any(|(figure, _)| figure == name);
        ensure!(known, "no figure is called '{name}'");
    }
    let is_wanted =
        |name: &str| options.names.is_empty() || options.names.iter().any(|wanted| wanted == name);
    let figures = FIGURES.iter().filter(|(name, _)| is_wanted(name));
    let (slow, others): (Vec<_>, Vec<_>) = figures.partition(|(name, _)| *name == CHECKOUT);
    let programs = Programs::build()?;
    if !options.check {
        // One after another, since some of them measure.
        return write(&programs, &[others, slow].concat());
    }
    let stale = thread::scope(|scope| {
        let slow = scope.spawn(|| stale(&programs, &slow));
        let mut names = stale(&programs, &others)?;
        names.extend(slow.join().expect("a figure is made or an error")?);
        anyhow::Ok(names)
    })?;
    ensure!(
        stale.is_empty(),
        "a new run shows something else than the book in {}: look at it, then run `make figures`",
        stale.join(", ")
    );
    Ok(())
}

fn write(programs: &Programs, figures: &[&Figure]) -> Result<()> {
    for figure in figures {
        let made = made(programs, figure)?;
        let path = path(figure);
        fs::write(&path, made).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The figures in which a new run shows something else than the book.
fn stale(programs: &Programs, figures: &[&Figure]) -> Result<Vec<&'static str>> {
    let mut stale = Vec::new();
    for figure in figures {
        let path = path(figure);
        let shown = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: run `make figures`", path.display()))?;
        let made = made(programs, figure)?;
        let same = match MEASURED.contains(&figure.0) {
            true => shape::same(&shape::words(&shown), &shape::words(&made)),
            false => shape::same(&shown, &made),
        };
        if let Err(difference) = same {
            eprintln!("{}: {difference}", figure.0);
            stale.push(figure.0);
        }
    }
    Ok(stale)
}

fn made(programs: &Programs, (name, make): &Figure) -> Result<String> {
    make(programs).with_context(|| format!("cannot make {name}"))
}

fn path((name, _): &Figure) -> PathBuf {
    repository().join("book/src/figures").join(name)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the book lies in the repository")
}

/// Where the built programs are.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds the reference solutions and the grader.
    fn build() -> Result<Self> {
        let packages = [
            "ex01-solution",
            "ex02-solution",
            "ex03-solution",
            "ex04-solution",
            "grader",
        ];
        let built = cargo()
            .args(["build", "--quiet", "--locked"])
            .args(packages.iter().flat_map(|package| ["--package", package]))
            .status()
            .context("cannot run cargo")?;
        ensure!(built.success(), "the programs don't build");
        let this = env::current_exe().context("cannot tell where the programs are")?;
        let folder = this.parent().context("this program lies in no folder")?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

/// How often a run is made, where the machine is too busy for it.
const TRIES: usize = 5;

/// What the checks print. On a machine that is too busy they say that they could not judge, and are run
/// again, as their user is told to do.
fn judged(command: &mut Command) -> Result<String> {
    for _ in 0..TRIES {
        let output = command
            .output()
            .with_context(|| format!("cannot run {command:?}"))?;
        let output = String::from_utf8(output.stdout).context("the output is not UTF-8")?;
        if !output.contains("could not judge") {
            return Ok(output);
        }
    }
    bail!("this machine is too busy for the checks to judge: {command:?}")
}

/// Cargo, in the repository.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repository());
    command
}
