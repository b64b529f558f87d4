//! Runs the whole corpus and prints the matrix of its programs and the checks: `make corpus`.
//! With arguments, only the programs whose name contains one of them.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use corpus::{Corpus, matrix};

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
    let names: Vec<_> = env::args().skip(1).collect();
    let corpus = Corpus::read()?.select(&names)?;
    let examined = corpus.examine()?;
    print!("{}", matrix::render(&examined));
    let faults: Vec<_> = examined
        .iter()
        .flat_map(|program| program.faults())
        .collect();
    for fault in &faults {
        println!("{fault}");
    }
    Ok(faults.is_empty())
}
