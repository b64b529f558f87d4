//! How long the checks themselves were kept from running.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(50);

/// By how much all ticks together have been late, in microseconds.
static LATE: AtomicU64 = AtomicU64::new(0);

/// By how much the tick that was latest has been late, in microseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Starts to watch, once for all checks of this process.
pub(crate) fn watch() {
    static WATCH: OnceLock<()> = OnceLock::new();
    WATCH.get_or_init(|| {
        thread::spawn(|| {
            loop {
                let start = Instant::now();
                thread::sleep(TICK);
                let late = start.elapsed().saturating_sub(TICK).as_micros();
                let late = u64::try_from(late).unwrap_or(u64::MAX);
                LATE.fetch_add(late, Ordering::Relaxed);
                LONGEST.fetch_max(late, Ordering::Relaxed);
            }
        });
    });
}

/// How long this process was kept from running since the watch began.
pub(crate) fn total() -> Duration {
    Duration::from_micros(LATE.load(Ordering::Relaxed))
}

/// The longest that it was at a stretch.
pub(crate) fn longest() -> Duration {
    Duration::from_micros(LONGEST.load(Ordering::Relaxed))
}
