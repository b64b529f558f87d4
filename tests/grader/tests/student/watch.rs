//! `cargo grade --watch` in a real terminal.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use grader::course::Course;
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
    let course = Course::read().unwrap();
    let checks = &course.exercise("ex01").unwrap().checks;
    let points = checks[0].points;
    terminal.wait_for(&format!(
        "✘ every client gets its own timestamped reply ({points} points)"
    ));
    terminal.wait_for("error[not-implemented]: exercises/ex01-single-loop/src/main.rs");
    terminal.wait_for(&format!("0 of {} checks, 0 of 100 points", checks.len()));

    edition.solve(EX01);
    terminal.wait_for("ex01 100/100   [ex02 0/100]");
    terminal.wait_for("error[not-implemented]: exercises/ex02-threaded/src/main.rs");

    let one_loop = fs::read_to_string(edition.source(EX01).join("main.rs")).unwrap();
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

#[test]
fn a_newer_save_ends_a_run_that_would_never_end() {
    let edition = Edition::new();
    let phone = Phone::new();
    let mut terminal = watch_with_patience(&edition);
    terminal.wait_for("[ex01 0/100]");
    edition.write_main(EX01, &phone.caller());
    let call = phone.wait_for_call();
    terminal.wait_for("ex01 is being judged");
    edition.solve(EX01);
    expect_hung_up(call);
    terminal.wait_for("full marks");
}

#[test]
fn at_the_end_the_terminal_is_as_before_and_nothing_runs_on() {
    let edition = Edition::new();
    for signal in [Signal::INT, Signal::TERM] {
        let phone = Phone::new();
        edition.write_main(EX01, &phone.caller());
        let mut terminal = watch_with_patience(&edition);
        terminal.wait_for("ex01 is being judged");
        assert!(!terminal.is_as_before());
        let call = phone.wait_for_call();
        let status = terminal.end_with(signal);
        assert!(terminal.is_as_before());
        assert!(status.success(), "{status}");
        expect_hung_up(call);
        phone.other_calls().for_each(expect_hung_up);
    }
}

/// The checks wait for a program that says nothing far longer than these tests do.
fn watch_with_patience(edition: &Edition) -> Terminal {
    let mut command = edition.cargo(&["grade", "--watch", "--exercise", "ex01"]);
    command.env("PATIENCE", "1000");
    Terminal::start(command)
}

/// A program that never ends calls the test, which so knows that it runs, and hears when it is gone.
struct Phone(TcpListener);

impl Phone {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn caller(&self) -> String {
        let number = self.0.local_addr().unwrap();
        format!(
            "fn main() {{
                let _call = std::net::TcpStream::connect(\"{number}\");
                loop {{ std::thread::park(); }}
            }}"
        )
    }

    fn wait_for_call(&self) -> TcpStream {
        self.0.accept().unwrap().0
    }

    /// Each check starts the program: those that have called until now.
    fn other_calls(&self) -> impl Iterator<Item = TcpStream> {
        self.0.set_nonblocking(true).unwrap();
        self.0.incoming().map_while(|call| {
            let call = call.ok()?;
            call.set_nonblocking(false).unwrap();
            Some(call)
        })
    }
}

/// Long before the checks would have given the program up.
fn expect_hung_up(mut call: TcpStream) {
    call.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    match call.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("the program still runs: {other:?}"),
    }
}
