//! The checks pointed at other programs than the package's own.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

/// The checks of exercise 2 whose name contains `check`.
fn checks(check: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "test",
            "--quiet",
            "--package",
            "ex02-solution",
            "--test",
            "ex02",
            "--",
            check,
        ])
        .env_remove("CHECK_REPORT");
    command
}

/// Runs a check with this command in the program's place.
fn check(command: &str, check: &str) -> assert_cmd::assert::Assert {
    checks(check).env("EX02_COMMAND", command).assert()
}

const A_CHECK: &str = "a_silent_client_stops_nobody";

#[test]
fn a_server_in_python_passes_every_check() {
    if Command::new("python3").arg("--version").ok().is_err() {
        return eprintln!("skipped: this machine has no python3");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap();
    let server = root.join("tests/corpus/variants/ex02-threads.py");
    checks("")
        .env("EX02_COMMAND", format!("python3 '{}'", server.display()))
        // The start of an interpreter is work: not all of them at once.
        .env("RUST_TEST_THREADS", "8")
        .assert()
        .success();
}

#[test]
fn a_command_that_cannot_be_started_is_named() {
    check("no-such-program --flag", A_CHECK)
        .failure()
        .stdout(contains("error[not-started]"))
        .stdout(contains("no-such-program --flag"))
        .stdout(contains("EX02_COMMAND"));
}

#[test]
fn a_command_line_that_is_none_is_named() {
    check("'no end", A_CHECK)
        .failure()
        .stdout(contains("EX02_COMMAND is no command line"));
}

/// A sandbox or a launcher that starts the program may itself fail: that is not the program's end.
#[cfg(unix)]
#[test]
fn a_program_that_is_not_reached_is_not_judged() {
    for (launcher, why) in [
        (
            "sh -c 'echo bwrap: no such mount >&2; exit 1' @MARK@",
            "bwrap: no such mount",
        ),
        ("sh -c 'echo $0; echo $0 no memory' @MARK@", "no memory"),
        (
            "sh -c 'echo $0; echo x: error while loading shared libraries: y >&2; exit 127' @MARK@",
            "error while loading shared libraries",
        ),
    ] {
        check(launcher, A_CHECK)
            .failure()
            .stdout(contains("could not judge").and(contains(why)))
            .stdout(contains("error[").not());
    }
    check("sh -c 'echo $0; echo sorry >&2; exit 3' @MARK@", A_CHECK)
        .failure()
        .stdout(contains("error[ended-at-start]"));
}

#[test]
fn a_program_that_ends_at_once_is_named() {
    check("sh -c 'echo sorry >&2; exit 3'", A_CHECK)
        .failure()
        .stdout(contains("error[ended-at-start]"))
        .stdout(contains("exit status: 3"))
        .stdout(contains("stderr │ sorry"));
}

#[test]
fn a_program_without_a_banner_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("never");
    fs::write(&pipe, "").unwrap();
    // Follows a file that nobody writes to: runs, and says nothing.
    check(
        &format!(
            "sh -c 'echo hello; exec tail -f \"$0\"' '{}'",
            pipe.display()
        ),
        A_CHECK,
    )
    .failure()
    .stdout(contains("error[no-banner]"))
    .stdout(contains("hello"));
}

/// What a program prints is quoted as its own words: it can neither end the report nor colour it.
#[test]
fn a_programs_output_cannot_pass_for_the_checks_words() {
    let forged = r"sh -c 'printf %s\\n test\ result:\ ok >&2; printf \\033[32mok\\n >&2; exit 1'";
    check(forged, A_CHECK)
        .failure()
        .stdout(contains("\u{1b}[32m").not())
        .stdout(contains("stderr │ test result: ok"))
        .stdout(contains("\ntest result: ok").not());
}

#[test]
fn patience_must_be_a_number() {
    checks(A_CHECK)
        .env("PATIENCE", "very")
        .assert()
        .failure()
        .stdout(contains("PATIENCE must be a number above 0"));
}
