//! `cargo grade`: the grader's command line.

#[cfg(target_os = "linux")]
mod changes;
#[cfg(target_os = "linux")]
mod classes;
#[cfg(not(target_os = "linux"))]
#[path = "classes/elsewhere.rs"]
mod classes;
mod explain;
mod hint;
mod next;
#[cfg(target_os = "linux")]
mod progress;
mod reset;
mod table;
mod watch;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use grader::course::Course;
use grader::judge::judge;
use grader::own::Own;
#[cfg(target_os = "linux")]
use grader::partition::Partition;
use grader::verdict::Graded;

/// Grades submissions: builds each exercise, runs its checks, and reports the points.
#[derive(Parser)]
#[command(name = "cargo grade", version, args_conflicts_with_subcommands = true)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "classes are graded on Linux")
)]
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

    /// Judge everything again, whatever the journal says
    #[arg(long)]
    rejudge: bool,

    /// Run other people's code without a sandbox, as if it were your own
    #[arg(long)]
    no_sandbox: bool,

    /// How many exercises are graded at the same time; without it, four for each core
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Grade only the K-th of N parts of the class; `merge` puts them together
    #[cfg(target_os = "linux")]
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
            let class = classes::merge(parts, report, *yes)?;
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
        paths => Some(classes::grade(options, paths, course, &exercises)?),
    };
    let mut graded = Vec::new();
    for own in own {
        let verdict = judge(own, &exercises)?;
        if !options.json {
            table::print(&verdict).context("cannot print the table")?;
            if own == Own::Exercises {
                print!("{}", next::not_judged(&verdict));
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
