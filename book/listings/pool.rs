//! What a pool is made of: boxed closures, the lifetime of a guard, panics that are caught, queues that
//! end and queues with a bound.

use std::collections::VecDeque;
use std::panic::{self, UnwindSafe};
use std::sync::mpsc::{self, RecvError, SendError, SyncSender, TrySendError};

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
/// Stands in for a lock's guard, and says when it begins and when it ends.
pub struct Guard<'a> {
    words: &'a mut VecDeque<&'static str>,
}

pub fn lock<'a>(words: &'a mut VecDeque<&'static str>) -> Guard<'a> {
    println!("locked");
    Guard { words }
}

impl Guard<'_> {
    /// The oldest word.
    pub fn take(&mut self) -> Option<&'static str> {
        self.words.pop_front()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        println!("unlocked");
    }
}
// ANCHOR_END: noisy

// ANCHOR: scrutinee
/// Prints `locked`, the word, `unlocked`, and so for each word.
pub fn say_while_locked(words: &mut VecDeque<&'static str>) {
    while let Some(word) = lock(words).take() {
        println!("{word}");
    }
}
// ANCHOR_END: scrutinee

// ANCHOR: statement
/// Prints `locked`, `unlocked`, the word, and so for each word.
pub fn say(words: &mut VecDeque<&'static str>) {
    let mut next = lock(words).take();
    while let Some(word) = next {
        println!("{word}");
        next = lock(words).take();
    }
}
// ANCHOR_END: statement

// ANCHOR: quiz
/// What does it print, if the words are `one` and `two`?
pub fn say_two(words: &mut VecDeque<&'static str>) {
    match lock(words).take() {
        Some(word) => println!("{word}"),
        None => println!("no word"),
    }
    let mut guard = lock(words);
    let word = guard.take();
    println!("{}", word.unwrap_or("no word"));
}
// ANCHOR_END: quiz

// ANCHOR: catch
/// Whether the work came to its end: its panic comes no further than here.
pub fn came_to_its_end(work: impl FnOnce() + UnwindSafe) -> bool {
    panic::catch_unwind(work).is_ok()
}
// ANCHOR_END: catch

// ANCHOR: bounded
/// Offers a letter to a queue that may be full. Never waits.
pub fn offer(queue: &SyncSender<String>, letter: String) -> &'static str {
    match queue.try_send(letter) {
        Ok(()) => "it is in the queue",
        // The letter comes back, and whoever offers it must decide what becomes of it.
        Err(TrySendError::Full(_letter)) => "there is no room",
        Err(TrySendError::Disconnected(_letter)) => "nobody will ever take it",
    }
}

/// Offers three letters to a queue with room for two.
pub fn offer_three() -> [&'static str; 3] {
    let (queue, _letters) = mpsc::sync_channel(2);
    ["one", "two", "three"].map(|letter| offer(&queue, letter.to_owned()))
}
// ANCHOR_END: bounded

// ANCHOR: closed
/// Returns `[Ok(1), Ok(2), Err(RecvError)]`: first what is left, then the end.
pub fn after_the_end() -> Result<[Result<u32, RecvError>; 3], SendError<u32>> {
    let (queue, numbers) = mpsc::channel();
    queue.send(1)?;
    queue.send(2)?;
    drop(queue);
    Ok([numbers.recv(), numbers.recv(), numbers.recv()])
}
// ANCHOR_END: closed
