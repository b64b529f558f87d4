//! What a pool is made of: boxed closures, the lifetime of a guard, panics that are caught, queues with
//! a bound.

use std::panic;
use std::sync::mpsc::{self, TrySendError};

// ANCHOR: job
/// A job: a closure that is called once, on another thread, and borrows nothing.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Two closures of different types and sizes in one list.
pub fn two_jobs(name: String) -> Vec<Job> {
    vec![
        Box::new(|| println!("a job without any data")),
        Box::new(move || println!("a job that owns the name {name}")),
    ]
}
// ANCHOR_END: job

// ANCHOR: noisy
/// Stands in for a lock's guard, and says when it is dropped.
pub struct Guard;

impl Guard {
    pub fn next(&self) -> Option<&'static str> {
        Some("a job")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        println!("unlocked");
    }
}
// ANCHOR_END: noisy

// ANCHOR: scrutinee
/// Prints `a job`, then `unlocked`: the guard lives as long as the body.
pub fn in_the_condition() {
    if let Some(job) = Guard.next() {
        println!("{job}");
    }
}
// ANCHOR_END: scrutinee

// ANCHOR: statement
/// Prints `unlocked`, then `a job`: the guard lives to the semicolon.
pub fn in_a_statement() {
    let next = Guard.next();
    if let Some(job) = next {
        println!("{job}");
    }
}
// ANCHOR_END: statement

// ANCHOR: catch
/// Whether the work came to its end.
pub fn survives(work: impl FnOnce() + panic::UnwindSafe) -> bool {
    panic::catch_unwind(work).is_ok()
}
// ANCHOR_END: catch

// ANCHOR: bounded
/// A queue for two messages refuses the third.
pub fn refuses_the_third() -> bool {
    let (queue, _messages) = mpsc::sync_channel(2);
    let first_two = queue.try_send("one").is_ok() && queue.try_send("two").is_ok();
    first_two && matches!(queue.try_send("three"), Err(TrySendError::Full("three")))
}
// ANCHOR_END: bounded
