//! How long the checks themselves were kept from running. On a machine that is so busy, a program may
//! have missed a deadline through no fault of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(50);

/// The longest that a tick has been late, in milliseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Starts to watch, once for all checks of this process.
pub(crate) fn watch() {
    static WATCH: OnceLock<()> = OnceLock::new();
    WATCH.get_or_init(|| {
        thread::spawn(|| {
            loop {
                let start = Instant::now();
                thread::sleep(TICK);
                let late = start.elapsed().saturating_sub(TICK).as_millis();
                LONGEST.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
    });
}

/// The longest that this process was kept from running since the watch began.
pub(crate) fn longest() -> Duration {
    Duration::from_millis(LONGEST.load(Ordering::Relaxed))
}
