//! What `cargo test` prints: for a starter, for a right program, for a wrong one.

use anyhow::{Context, Result};

use crate::{Programs, cargo, judged};

/// Of the checks, so many are shown; the others tell nothing new.
const SHOWN: usize = 4;

pub(crate) fn starter_ex01(_: &Programs) -> Result<String> {
    starter("ex01")
}

pub(crate) fn starter_ex02(_: &Programs) -> Result<String> {
    starter("ex02")
}

pub(crate) fn starter_ex03(_: &Programs) -> Result<String> {
    starter("ex03")
}

pub(crate) fn starter_ex04(_: &Programs) -> Result<String> {
    starter("ex04")
}

pub(crate) fn full_ex01(programs: &Programs) -> Result<String> {
    right(programs, "ex01")
}

pub(crate) fn full_ex02(programs: &Programs) -> Result<String> {
    right(programs, "ex02")
}

pub(crate) fn full_ex03(programs: &Programs) -> Result<String> {
    right(programs, "ex03")
}

pub(crate) fn full_ex04(programs: &Programs) -> Result<String> {
    right(programs, "ex04")
}

pub(crate) fn loop_for_threads(programs: &Programs) -> Result<String> {
    diagnosis(
        "ex02",
        "any_client_is_answered_while_the_others_stay_connected::case_1_five",
        &programs.path("ex01-solution"),
    )
}

pub(crate) fn threads_for_pool(programs: &Programs) -> Result<String> {
    diagnosis(
        "ex04",
        "there_are_four_workers_unless_told_otherwise",
        &programs.path("ex02-solution"),
    )
}

/// The first checks, the message of the first, and the result.
fn starter(package: &str) -> Result<String> {
    // One after another, so that it is always the same check that comes first.
    let output = test(package, "", &[("RUST_TEST_THREADS", "1")])?;
    Ok(format!(
        "$ cargo test -p {package}\n{}\n\n{}\n{}",
        results(&output),
        first_failure(&output)?,
        end(&output)
    ))
}

fn right(programs: &Programs, package: &str) -> Result<String> {
    let server = programs.path(&format!("{package}-solution"));
    let client = programs.path(&format!("{package}-solution-client"));
    let variables = [
        (format!("{}_COMMAND", package.to_uppercase()), server),
        (format!("{}_CLIENT_COMMAND", package.to_uppercase()), client),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let output = test(package, "", &variables)?;
    Ok(format!(
        "$ cargo test -p {package}\n{}\n\n{}",
        results(&output),
        end(&output)
    ))
}

/// What a program in the place of a student's gets from one check.
fn diagnosis(package: &str, check: &str, program: &str) -> Result<String> {
    let variable = format!("{}_COMMAND", package.to_uppercase());
    let variables = [(variable.as_str(), program), ("RUST_TEST_THREADS", "1")];
    let output = test(package, check, &variables)?;
    first_failure(&output)
}

fn test(package: &str, filter: &str, variables: &[(&str, &str)]) -> Result<String> {
    let output = cargo()
        .args([
            "test",
            "--quiet",
            "--locked",
            "--package",
            package,
            "--no-run",
        ])
        .output()
        .context("cannot run cargo")?;
    anyhow::ensure!(output.status.success(), "{package} does not compile");
    judged(
        cargo()
            .args(["test", "--locked", "--package", package, "--", filter])
            .envs(variables.iter().copied()),
    )
}

/// How many checks there are, and the results of the first, by name.
fn results(output: &str) -> String {
    let running = output.lines().find(|line| line.starts_with("running"));
    let mut checks: Vec<_> = output
        .lines()
        .filter(|line| line.starts_with("test ") && line.contains(" ... "))
        .collect();
    checks.sort_unstable();
    checks.truncate(SHOWN);
    [running.unwrap_or_default(), &checks.join("\n"), "\u{2026}"].join("\n")
}

/// The first diagnosis.
fn first_failure(output: &str) -> Result<String> {
    let start = output.find("error[").context("no check failed")?;
    let (diagnosis, _) = output[start..]
        .split_once("\n\n")
        .context("the diagnosis has no end")?;
    Ok(diagnosis.trim_end().to_owned() + "\n")
}

fn end(output: &str) -> String {
    let result = output.lines().find(|line| line.starts_with("test result"));
    result.unwrap_or_default().to_owned() + "\n"
}
