//! The measurement from end to end, on a tiny load: what is measured is of no concern here, that it is
//! measured is. And the book's page is what the committed data yield.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::cargo_bin;
use predicates::prelude::*;
use predicates::str::contains;

fn bench() -> Command {
    Command::new(cargo_bin!("bench"))
}

/// A server of one's own, as `--server` takes it.
fn echo(name: &str) -> String {
    format!("{name}={}", cargo_bin!("echo").display())
}

/// A row of the raw data, by the names of its columns.
type Row = BTreeMap<String, String>;

fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).expect("raw data");
    let rows = reader.deserialize().map(|row| row.expect("a row"));
    rows.collect()
}

/// One round of these loads with a few clients, in a folder of its own; and what it printed.
fn run(server: &str, loads: &str) -> (tempfile::TempDir, String) {
    let out = tempfile::tempdir().expect("a folder");
    let output = bench()
        .args(["run", "--only", "none", "--server", server])
        .args(["--loads", loads, "--clients", "1,3", "--rates", "500"])
        .args(["--rounds", "1", "--seconds", "0.5", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let table = String::from_utf8(output.get_output().stdout.clone()).expect("a table");
    (out, table)
}

/// How many are answered in so short a time is the machine's business; that nothing breaks is not.
#[test]
fn every_load_is_measured_and_drawn() {
    let (out, table) = run(&echo("mine"), "stay,short,paced");
    let rows = rows(&out.path().join("runs.csv"));
    let loads: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {} {}", row["load"], row["clients"], row["rate"]))
        .collect();
    assert_eq!(
        loads,
        [
            "stay 1 0",
            "stay 3 0",
            "short 1 0",
            "short 3 0",
            "paced 20 500"
        ]
    );
    for row in &rows {
        assert_eq!(row["server"], "mine", "{row:?}");
        assert_eq!(
            (row["broken"].as_str(), row["wrong"].as_str()),
            ("0", "0"),
            "{row:?}"
        );
    }
    assert!(
        rows.iter()
            .any(|row| row["requests"] != "0" && row["p99_us"] != "0.0"),
        "{rows:?}"
    );
    for said in ["closed loop", "open loop", "coordinated omission", "mine"] {
        assert!(table.contains(said), "{table}");
    }
    for load in ["stay", "short", "paced"] {
        let chart = out.path().join(format!("bench-{load}-p99.svg"));
        let svg = fs::read_to_string(&chart).expect("a chart");
        assert!(
            svg.starts_with("<svg") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
    }
    let machine = fs::read_to_string(out.path().join("machine.toml")).expect("a machine");
    assert!(machine.contains("processor"), "{machine}");
}

/// A server that serves one client at a time leaves two of three without a reply: they are counted, not
/// forgotten.
#[test]
fn clients_without_a_reply_are_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("one-thread.sh");
    let program = cargo_bin!("echo");
    fs::write(&script, format!("exec '{}' \"$1\" 1\n", program.display())).expect("a script");
    let (out, _) = run(&format!("one=sh '{}'", script.display()), "stay");
    for row in rows(&out.path().join("runs.csv")) {
        let number = |column: &str| row[column].parse::<u64>().expect("a number");
        assert!(number("unanswered") >= number("clients") - 1, "{row:?}");
    }
}

#[test]
fn a_crowd_is_let_in() {
    let out = tempfile::tempdir().expect("a folder");
    bench()
        .args(["crowd", "--only", "none", "--server", &echo("mine")])
        .args([
            "--clients",
            "100",
            "--rate",
            "200",
            "--rounds",
            "1",
            "--out",
        ])
        .arg(out.path())
        .assert()
        .success()
        .stdout(contains("mine"));
    let rows = rows(&out.path().join("crowd.csv"));
    assert_eq!(rows.len(), 1);
    assert_ne!(rows[0]["let_in"], "0", "{rows:?}");
}

#[test]
fn the_book_shows_what_the_committed_data_yield() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/results");
    bench()
        .args(["page", "--check", "--data", data])
        .assert()
        .success();
}

#[test]
fn bad_arguments_are_refused_in_a_line() {
    let away = "is not on this machine";
    for (arguments, said) in [
        (&["run", "--only", "lop"][..], "no server is called 'lop'"),
        (&["run", "--only", "none"], "no server to measure"),
        (&["run", "--server", "mine"], "'mine' is not NAME=COMMAND"),
        (
            &["run", "--server", "echo=x"],
            "is a server of this repository",
        ),
        (
            &["run", "--server", "mine="],
            "the command of 'mine' is empty",
        ),
        (&["run", "--loads", "long"], "no load is called 'long'"),
        (&["run", "--rounds", "0"], "--rounds must be at least 1"),
        (
            &["run", "--seconds", "0"],
            "--seconds must be from 0.01 to 600",
        ),
        (&["run", "--clients", "0"], "at least 1 client"),
        (&["run", "--rates", "0"], "a rate from 1 to 1000000"),
        (&["run", "--out", "/dev/null/x"], "cannot make /dev/null/x"),
        (&["load", "192.0.2.1:80"], away),
        (&["crowd", "--clients", "0"], "--clients must be at least 1"),
        (
            &["crowd", "--clients", "100000000"],
            "raise it (ulimit -Hn)",
        ),
        (
            &["page", "--data", "nowhere"],
            "cannot read nowhere/machine.toml",
        ),
    ] {
        bench().args(arguments).assert().failure().stderr(
            contains(said).and(predicate::function(|text: &str| text.lines().count() == 1)),
        );
    }
}

#[test]
fn a_server_that_does_not_start_is_named() {
    for (server, said) in [
        ("mine=/no/such/program", "cannot start `/no/such/program`"),
        (
            "mine=sh -c 'echo broken >&2; exit 3'",
            "ended before it listened",
        ),
    ] {
        bench()
            .args([
                "run",
                "--only",
                "none",
                "--server",
                server,
                "--seconds",
                "0.01",
            ])
            .assert()
            .failure()
            .stderr(contains(said).and(contains("mine, 1 clients")));
    }
}
