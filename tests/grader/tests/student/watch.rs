//! `cargo grade --watch` in a real terminal.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use rustix::process::Signal;

use crate::edition::Edition;
use crate::terminal::Terminal;

const EX01: &str = "ex01-single-loop";
const EX02: &str = "ex02-threaded";

fn watch(edition: &Edition, arguments: &[&str]) -> Terminal {
    let mut command = edition.cargo(&["grade", "--watch"]);
    command.args(arguments);
    Terminal::start(command)
}

#[test]
fn without_a_terminal_it_refuses() {
    Edition::new()
        .grade(&["--watch"])
        .assert()
        .failure()
        .stdout(is_empty())
        .stderr(contains("--watch draws on a terminal, and this is none"))
        .stderr(predicate::function(|text: &str| text.lines().count() == 1));
}

#[test]
fn what_is_saved_is_judged_and_the_next_failure_is_shown() {
    let edition = Edition::new();
    let mut terminal = watch(&edition, &[]);
    terminal.wait_for("[ex01 0/100]   ex02 0/100   ex03 0/100   ex04 0/100");
    terminal.wait_for("✘ every client gets its own timestamped reply (10 points)");
    terminal.wait_for("error[not-implemented]: exercises/ex01-single-loop/src/main.rs");
    terminal.wait_for("0 of 29 checks, 0 of 100 points");

    edition.solve(EX01);
    terminal.wait_for("ex01 100/100   [ex02 0/100]");
    terminal.wait_for("error[not-implemented]: exercises/ex02-threaded/src/main.rs");

    // The solution of exercise 1 keeps clients waiting, which exercise 2 must not.
    let one_loop = std::fs::read_to_string(edition.source(EX01).join("main.rs")).unwrap();
    edition.write_main(EX02, &one_loop);
    terminal.wait_for("error[serial-service]");
    terminal.wait_for("read      book: A thread for each client");

    edition.write_main(EX02, "fn main() { let port: u16 = \"5000\"; }");
    terminal.wait_for("does not compile");
    terminal.wait_for("mismatched types");

    edition.solve(EX02);
    terminal.wait_for("ex01 100/100   ex02 100/100   [ex03 0/100]");
}

#[test]
fn one_exercise_can_be_pinned() {
    let edition = Edition::new();
    let mut terminal = watch(&edition, &["--exercise", "ex02"]);
    terminal.wait_for("[ex02 0/100]");
    assert!(!terminal.text().contains("ex01"), "{}", terminal.text());
    edition.solve(EX02);
    terminal.wait_for("full marks");
}

/// The program calls the test, which so knows that it runs, and hears when it is gone.
#[test]
fn a_newer_save_ends_a_run_that_would_never_end() {
    let edition = Edition::new();
    let phone = TcpListener::bind("127.0.0.1:0").unwrap();
    let main = format!(
        "fn main() {{ let _call = std::net::TcpStream::connect(\"{}\"); loop {{ std::thread::park(); }} }}",
        phone.local_addr().unwrap()
    );
    let mut terminal = watch(&edition, &["--exercise", "ex01"]);
    terminal.wait_for("[ex01 0/100]");
    edition.write_main(EX01, &main);
    terminal.wait_for("ex01 is being judged");
    let (call, _) = phone.accept().unwrap();
    edition.solve(EX01);
    expect_hung_up(call);
    terminal.wait_for("full marks");
}

#[test]
fn at_the_end_the_terminal_is_as_before_and_nothing_runs_on() {
    let edition = Edition::new();
    for signal in [Signal::INT, Signal::TERM] {
        let phone = TcpListener::bind("127.0.0.1:0").unwrap();
        let main = format!(
            "fn main() {{ let _call = std::net::TcpStream::connect(\"{}\"); loop {{ std::thread::park(); }} }}",
            phone.local_addr().unwrap()
        );
        edition.write_main(EX01, &main);
        let mut terminal = watch(&edition, &["--exercise", "ex01"]);
        terminal.wait_for("ex01 is being judged");
        assert!(!terminal.is_as_before());
        let (call, _) = phone.accept().unwrap();
        let status = terminal.end_with(signal);
        assert!(terminal.is_as_before());
        assert!(status.success(), "{status}");
        expect_hung_up(call);
    }
}

fn expect_hung_up(mut call: TcpStream) {
    call.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    match call.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("the program still runs: {other:?}"),
    }
}
