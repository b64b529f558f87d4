//! `cargo grade`: the grader's command line.

mod changes;
mod explain;
mod hint;
mod next;
mod progress;
mod reset;
mod table;
mod watch;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use grader::class::{Grader, submissions_at_once};
use grader::course::{Course, Exercise};
use grader::journal::Journal;
use grader::judge::judge;
use grader::partition::Partition;
use grader::sandbox::for_strangers;
use grader::submission::{Own, collect};
use grader::verdict::{Class, Graded};
use grader::{partition, report, sandbox};

use crate::progress::Progress;

/// Grades submissions: builds each exercise, runs its checks, and reports the points.
#[derive(Parser)]
#[command(name = "cargo grade", version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// A submission (a folder, a .zip, a .tar.gz) or a folder of them, one a student; without any,
    /// this checkout's exercises
    #[arg(value_name = "SUBMISSION")]
    submissions: Vec<PathBuf>,

    /// Each SUBMISSION is one student's, whatever lies in it
    #[arg(long)]
    single: bool,

    /// Grade only this exercise (`ex02`); can be given several times
    #[arg(long = "exercise", value_name = "NAME")]
    exercises: Vec<String>,

    /// Print the verdicts as JSON instead of tables
    #[arg(long)]
    json: bool,

    /// Where the reports and the journal of other people's submissions go
    #[arg(long, value_name = "FOLDER", default_value = "grade-report")]
    report: PathBuf,

    /// Write the reports even if marks of an earlier grading change
    #[arg(long)]
    yes: bool,

    /// Run other people's code without a sandbox, as if it were your own
    #[arg(long)]
    no_sandbox: bool,

    /// How many submissions are graded at the same time
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Grade only the K-th of N parts of the class; `merge` puts them together
    #[arg(long, value_name = "K/N")]
    partition: Option<Partition>,

    /// Print the lesson on a diagnosis (`serial-service`), and grade nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["submissions", "exercises", "json"])]
    explain: Option<String>,

    /// Print the next hint of this exercise, and grade nothing
    #[arg(long, value_name = "NAME", conflicts_with_all = ["submissions", "exercises", "json", "explain"])]
    hint: Option<String>,

    /// With --hint: print all three
    #[arg(long, requires = "hint")]
    all: bool,

    /// Put this exercise's starter back, keep your work beside it, and grade nothing
    #[arg(long, value_name = "NAME", conflicts_with_all = ["submissions", "exercises", "json", "explain", "hint"])]
    reset: Option<String>,

    /// Grade the exercise whose file was saved, again and again, until Ctrl-C
    #[arg(long, conflicts_with_all = ["submissions", "json", "explain", "hint", "reset"])]
    watch: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Puts the reports of a class's parts together
    Merge {
        /// The parts' report folders
        #[arg(required = true, value_name = "FOLDER")]
        parts: Vec<PathBuf>,

        /// Where the class's reports go
        #[arg(long, value_name = "FOLDER", default_value = "grade-report")]
        report: PathBuf,

        /// Write the reports even if marks of an earlier grading change
        #[arg(long)]
        yes: bool,
    },
}

/// Grading ran, but a check could not judge: the marks are not final.
const EXIT_NOT_FINAL: u8 = 3;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode> {
    if let Some(code) = &options.explain {
        explain::print(code)?;
        return Ok(ExitCode::SUCCESS);
    }
    let course = Course::read()?;
    if let Some(name) = &options.hint {
        hint::print(course.exercise(name)?, options.all)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &options.reset {
        reset::reset(course.exercise(name)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.watch {
        watch::watch(&course, &options.exercises)?;
        return Ok(ExitCode::SUCCESS);
    }
    let graded = match &options.verb {
        Some(Verb::Merge { parts, report, yes }) => {
            let class = partition::merge(parts)?;
            write_reports(report, &class, *yes)?;
            table::print_class(&class)?;
            class.submissions
        }
        None => grade(options, &course)?,
    };
    let all_final = graded.iter().all(Graded::is_final);
    Ok(if all_final {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_NOT_FINAL)
    })
}

fn grade(options: &Options, course: &Course) -> Result<Vec<Graded>> {
    let exercises = course.select(&options.exercises)?;
    let (own, others) = match options.submissions.as_slice() {
        [] => (vec![Own::Exercises], Vec::new()),
        paths => divide(paths),
    };
    let class = match others.as_slice() {
        [] => None,
        paths => Some(grade_class(options, paths, course, &exercises)?),
    };
    let mut graded = Vec::new();
    for own in own {
        let verdict = judge(own, &exercises)?;
        if !options.json {
            table::print(&verdict).context("cannot print the table")?;
            if own == Own::Exercises {
                print!("{}", next::step(&verdict, course));
            }
        }
        graded.push(verdict);
    }
    if let Some(class) = class {
        if !options.json {
            table::print_class(&class).context("cannot print the table")?;
            println!("reports: {}", options.report.join("index.html").display());
        }
        graded.extend(class.submissions);
    }
    if options.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &graded).context("cannot print the verdicts")?;
        writeln!(out)?;
    }
    Ok(graded)
}

/// This checkout's own folders, and everybody else's.
fn divide(paths: &[PathBuf]) -> (Vec<Own>, Vec<PathBuf>) {
    let own = paths.iter().filter_map(|path| Own::of(path)).collect();
    let others = paths.iter().filter(|path| Own::of(path).is_none());
    (own, others.cloned().collect())
}

fn grade_class(
    options: &Options,
    paths: &[PathBuf],
    course: &Course,
    exercises: &[&Exercise],
) -> Result<Class> {
    let mut submissions = collect(paths, options.single, course)?;
    if let Some(partition) = options.partition {
        submissions = partition.select(submissions);
    }
    let sandbox = for_strangers(options.no_sandbox)?;
    if sandbox == sandbox::Sandbox::None {
        eprintln!("warning: {}", sandbox.protection());
    }
    fs::create_dir_all(&options.report)
        .with_context(|| format!("cannot make {}", options.report.display()))?;
    let journal = Journal::open(&options.report.join("journal.jsonl"))?;
    let grader = Grader::new(sandbox, exercises)?;
    let progress = Progress::new(submissions.len());
    let at_once = options.jobs.map_or_else(submissions_at_once, usize::from);
    let class = grader.grade(&submissions, &journal, at_once, |graded| {
        progress.graded(graded);
    })?;
    progress.finish();
    write_reports(&options.report, &class, options.yes)?;
    Ok(class)
}

/// Writes the reports; marks that differ from those of an earlier grading are shown first, and have
/// to be agreed to.
fn write_reports(folder: &Path, class: &Class, yes: bool) -> Result<()> {
    let changes = match partition::read_class(folder)? {
        Some(before) => changes::between(&before, class),
        None => Vec::new(),
    };
    if !changes.is_empty() {
        eprintln!("marks that change:");
        for change in &changes {
            eprintln!("  {change}");
        }
        if !yes && !changes::are_agreed_to()? {
            bail!(
                "nothing was written to {}; to write the new marks, add --yes",
                folder.display()
            );
        }
    }
    report::write(folder, class)?;
    partition::write_class(folder, class)
}
