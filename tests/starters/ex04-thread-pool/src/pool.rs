//! A fixed number of threads that take jobs from one queue. This file is the exercise.

use std::io;
use std::num::NonZeroUsize;

/// Runs jobs on a fixed number of threads, first come first served. The queue has no bound: a job
/// waits in it for as long as every worker is busy.
///
/// Dropping the pool lets the workers finish the jobs that are queued, and waits for them.
pub struct ThreadPool {
    // The threads (std::thread::JoinHandle), and the queue's end that takes jobs
    // (std::sync::mpsc::Sender).
}

impl ThreadPool {
    /// Starts `size` workers. The type rules out a pool of 0, whose jobs would never run.
    ///
    /// # Errors
    ///
    /// If the system can't start that many threads.
    #[allow(unused_variables, reason = "until the todo! is done")]
    pub fn new(size: NonZeroUsize) -> io::Result<Self> {
        // All workers take their jobs from one queue. For how long does a worker hold its lock?
        // And what happens to a worker whose job panics?
        todo!("start the workers; read book/src/ex04-thread-pool.md")
    }

    /// Queues the job for the next worker that is free. Never blocks.
    #[allow(unused_variables, reason = "until the todo! is done")]
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) {
        todo!("queue the job; read book/src/ex04-thread-pool.md")
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        todo!("close the queue and wait for the workers; read book/src/ex04-thread-pool.md")
    }
}
