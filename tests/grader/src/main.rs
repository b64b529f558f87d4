//! `cargo grade`: the grader's command line.

mod explain;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use grader::course::Course;
use grader::judge::judge;
use grader::submission::Submission;
use grader::verdict::Graded;

/// Grades submissions: builds each exercise, runs its checks, and prints the points.
#[derive(Parser)]
#[command(name = "cargo grade", version)]
struct Options {
    /// Folders that hold exercise folders (`ex01-single-loop`, …); without any, this checkout's
    /// exercises
    #[arg(value_name = "SUBMISSION")]
    submissions: Vec<PathBuf>,

    /// Grade only this exercise (`ex02`); can be given several times
    #[arg(long = "exercise", value_name = "NAME")]
    exercises: Vec<String>,

    /// Print the verdicts as JSON instead of tables
    #[arg(long)]
    json: bool,

    /// Print the lesson on a diagnosis (`serial-service`), and grade nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["submissions", "exercises", "json"])]
    explain: Option<String>,
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
    let exercises = course.select(&options.exercises)?;
    // All of them are looked at before the first is graded: a slip in the last name shows at once.
    let submissions = match options.submissions.as_slice() {
        [] => vec![Submission::of_this_checkout()],
        paths => paths
            .iter()
            .map(|path| Submission::open(path, &course))
            .collect::<Result<Vec<_>>>()?,
    };

    let mut verdicts = Vec::new();
    for submission in &submissions {
        let verdict = judge(submission, &exercises)?;
        if !options.json {
            table::print(&verdict).context("cannot print the table")?;
        }
        verdicts.push(verdict);
    }
    if options.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &verdicts).context("cannot print the verdicts")?;
        writeln!(out)?;
    }
    let all_final = verdicts.iter().all(Graded::is_final);
    Ok(if all_final {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_NOT_FINAL)
    })
}
