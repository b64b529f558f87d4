//! A fixed number of threads that take jobs from one queue.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

// ANCHOR: pool
type Job = Box<dyn FnOnce() + Send + 'static>;

/// Runs jobs on a fixed number of threads, first come first served. The queue has no bound: a job
/// waits in it for as long as every worker is busy.
///
/// Dropping the pool lets the workers finish the jobs that are queued, and waits for them.
pub struct ThreadPool {
    /// `None` only while the pool is being dropped.
    queue: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
}
// ANCHOR_END: pool

// ANCHOR: new
impl ThreadPool {
    /// Starts `size` workers. The type rules out a pool of 0, whose jobs would never run.
    ///
    /// # Errors
    ///
    /// If the system can't start that many threads; those that have started end.
    pub fn new(size: NonZeroUsize) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let workers = (0..size.get())
            .map(|number| {
                let jobs = Arc::clone(&jobs);
                thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(move || work(&jobs))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            queue: Some(queue),
            workers,
        })
    }

    /// Queues the job for the next worker that is free. Never blocks.
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) {
        let queue = self.queue.as_ref().expect("the queue is open until drop");
        queue
            .send(Box::new(job))
            .expect("the workers live as long as the queue is open");
    }
}
// ANCHOR_END: new

// ANCHOR: drop
impl Drop for ThreadPool {
    fn drop(&mut self) {
        // Closing the queue is the signal to stop: the workers see it once the queue is empty.
        drop(self.queue.take());
        for worker in self.workers.drain(..) {
            // A worker catches its jobs' panics, so there is no error left to report.
            let _ = worker.join();
        }
    }
}
// ANCHOR_END: drop

// ANCHOR: work
/// A worker's life: one job after another, until the queue is closed.
fn work(jobs: &Mutex<Receiver<Job>>) {
    while let Some(job) = next_job(jobs) {
        // A job that panics must not take its worker along. The panic's message is on stderr by
        // now, and what the job owned is dropped, so there is nothing else to do.
        let _ = panic::catch_unwind(AssertUnwindSafe(job));
    }
}

/// Waits for a job; `None` when the queue is closed and empty.
///
/// A function of its own, so that the lock is free again before the job runs: in
/// `while let Ok(job) = jobs.lock()….recv()` the guard would live as long as the loop's body, and
/// one worker would keep all the others from the queue.
fn next_job(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    jobs.recv().ok()
}
// ANCHOR_END: work
