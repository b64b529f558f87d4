//! Runs the whole corpus and prints the matrix of its programs and the checks: `make corpus`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use corpus::{Corpus, matrix};

/// The exam of the checks: wrong programs that must be caught, right ones that must pass
#[derive(Parser)]
struct Options {
    /// Only the programs whose name contains one of these
    names: Vec<String>,
    /// Ask only whether each wrong program gets its mark, and each right one passes: on a busy machine,
    /// the checks see less of why
    #[arg(long)]
    verdicts_only: bool,
    /// Run nothing: write a class of submissions, made from the corpus, into this folder
    #[arg(long, value_name = "FOLDER")]
    class: Option<PathBuf>,
    /// How many submissions the class has
    #[arg(long, value_name = "NUMBER", default_value_t = 10, requires = "class")]
    submissions: usize,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether every program got what it must.
fn run() -> Result<bool> {
    let options = Options::parse();
    let corpus = Corpus::read()?.select(&options.names)?;
    if let Some(folder) = options.class {
        corpus.hand_in(&folder, options.submissions)?;
        return Ok(true);
    }
    let examined = corpus.examine()?;
    print!("{}", matrix::render(&examined));
    let faults: Vec<_> = if options.verdicts_only {
        let open: usize = examined.iter().map(|program| program.open()).sum();
        println!("{open} checks could not judge");
        let wrong = examined
            .iter()
            .filter_map(|program| program.wrong_verdict());
        wrong.collect()
    } else {
        examined
            .iter()
            .flat_map(|program| program.faults())
            .collect()
    };
    for fault in &faults {
        println!("{fault}");
    }
    Ok(faults.is_empty())
}
