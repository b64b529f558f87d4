//! The measurement from end to end, on a tiny load: what is measured is of no concern here, that it is
//! measured is. And the book's page is what the committed data yield.

use std::fs;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::cargo_bin;
use predicates::prelude::*;
use predicates::str::contains;

fn bench() -> Command {
    Command::new(cargo_bin!("bench"))
}

/// A server of one's own, as `--server` takes it.
fn echo(name: &str, arguments: &str) -> String {
    format!("{name}={}{arguments}", cargo_bin!("echo").display())
}

/// One round of every load with a few clients, in a folder of its own.
fn run(server: &str, loads: &str) -> (tempfile::TempDir, String) {
    let out = tempfile::tempdir().expect("a folder");
    let output = bench()
        .args(["run", "--only", "none", "--server", server])
        .args(["--loads", loads, "--clients", "1,3", "--rates", "500"])
        .args(["--rounds", "2", "--seconds", "0.05", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let table = String::from_utf8(output.get_output().stdout.clone()).expect("a table");
    (out, table)
}

#[test]
fn every_load_is_measured_and_drawn() {
    let (out, table) = run(&echo("mine", ""), "stay,short,paced");
    let mut reader = csv::Reader::from_path(out.path().join("runs.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    // Two rounds of: 1 and 3 clients that stay, 1 and 3 that come and go, and a rate.
    assert_eq!(rows.len(), 2 * (2 + 2 + 1));
    for row in &rows {
        assert_eq!(&row[column("server")], "mine", "{row:?}");
        for failure in ["broken", "wrong", "unanswered"] {
            assert_eq!(&row[column(failure)], "0", "{row:?}");
        }
        assert_ne!(&row[column("requests")], "0", "{row:?}");
    }
    for said in ["closed loop", "open loop", "coordinated omission", "mine"] {
        assert!(table.contains(said), "{table}");
    }
    for chart in [
        "stay-throughput",
        "stay-p99",
        "short-throughput",
        "short-p99",
        "paced-p99",
    ] {
        let svg = fs::read_to_string(out.path().join(format!("bench-{chart}.svg"))).unwrap();
        assert!(svg.contains(">mine</text>"), "{chart}: {svg}");
    }
    let machine = fs::read_to_string(out.path().join("machine.toml")).unwrap();
    assert!(machine.contains("processor"), "{machine}");
}

/// A server that serves one client at a time leaves two of three without a reply: they are counted, not
/// forgotten.
#[test]
fn clients_without_a_reply_are_failures() {
    let one_thread = tempfile::tempdir().expect("a folder");
    let script = one_thread.path().join("one-thread.sh");
    let program = cargo_bin!("echo");
    fs::write(&script, format!("exec '{}' \"$1\" 1\n", program.display())).unwrap();
    let (out, _) = run(&format!("one=sh '{}'", script.display()), "stay");
    let mut reader = csv::Reader::from_path(out.path().join("runs.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    for row in reader.records().map(Result::unwrap) {
        let clients: u64 = row[column("clients")].parse().unwrap();
        let unanswered: u64 = row[column("unanswered")].parse().unwrap();
        assert_eq!(unanswered, clients - 1, "{row:?}");
    }
}

#[test]
fn a_crowd_is_let_in_and_served() {
    let out = tempfile::tempdir().expect("a folder");
    bench()
        .args(["crowd", "--only", "none", "--server", &echo("mine", "")])
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
        .success();
    let mut reader = csv::Reader::from_path(out.path().join("crowd.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let row = reader.records().next().unwrap().unwrap();
    assert_eq!(&row[column("let_in")], "100", "{row:?}");
    assert_eq!(&row[column("failed")], "0", "{row:?}");
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
        (&["run", "--rates", "0"], "a rate of at least 1"),
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
