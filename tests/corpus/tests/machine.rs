//! No fault of the machine becomes a mark: the grading is refused, or it could not judge, or the marks are
//! those that the submissions deserve.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::env;
use std::sync::Mutex;
use std::thread;

use corpus::Corpus;
use corpus::machine::{Fault, Machine, Seen};
use grader::sandbox::for_strangers;

/// How many gradings run at the same time.
const AT_ONCE: usize = 2;

#[test]
fn no_fault_of_the_machine_becomes_a_mark() {
    let may_skip = env::var_os("REQUIRE_SANDBOX").is_none();
    match for_strangers(false) {
        Ok(_) => {}
        Err(error) if may_skip => return eprintln!("skipped: {error:#}"),
        Err(error) => panic!("{error:#}"),
    }
    let machine = Machine::new(&Corpus::read().unwrap()).unwrap();
    let faults = Fault::read_all().unwrap();
    let gradings = |alone: bool| {
        let faults = faults.iter().filter(move |fault| fault.alone == alone);
        faults.flat_map(|fault| fault.levels().into_iter().map(move |level| (fault, level)))
    };
    let mistakes = Mutex::new(Vec::new());
    let try_all = |gradings: &Mutex<dyn Iterator<Item = (&Fault, &str)> + Send>| {
        loop {
            let next = gradings.lock().unwrap().next();
            let Some((fault, level)) = next else { break };
            let seen = machine.try_fault(fault, level).unwrap();
            eprintln!("{} {level}: {}", fault.name, words(&seen));
            if let Some(mistake) = fault.mistake(&seen, may_skip) {
                let mistake = format!("{} {level}: {mistake}", fault.name);
                mistakes.lock().unwrap().push(mistake);
            }
        }
    };
    let together = Mutex::new(gradings(false));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| try_all(&together));
        }
    });
    try_all(&Mutex::new(gradings(true)));
    let mistakes = mistakes.into_inner().unwrap();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn words(seen: &Seen) -> String {
    match seen {
        Seen::Outcome(outcome, said) => format!("{outcome:?}: {said}"),
        Seen::Skipped(reason) => format!("skipped: {reason}"),
        Seen::Wrong(what) => format!("WRONG: {what}"),
    }
}
