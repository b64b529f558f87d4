//! How long the checks wait.
//!
//! A *deadline* is reached only by a wrong program: a right one answers at once. A *quiet window*
//! is watched for a proof of guilt: a right program gives none, however slow the machine. Of both, the time
//! in which the program was kept from running does not count (see `patience`).

use std::env;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);

/// How long to watch that something does not happen.
pub const QUIET_WINDOW: Duration = Duration::from_millis(300);

/// How long a program has to print its banner. Where many interpreters start at once on a busy
/// machine, a right one can be slow; only one that prints none reaches this.
pub(crate) fn start_deadline() -> Duration {
    deadline() * 4
}

/// How long a program gets to read what was sent, before the next piece is sent all the same. Where the
/// system tells when it has, this is never waited out.
pub(crate) const READ_WINDOW: Duration = if cfg!(target_os = "linux") {
    Duration::from_secs(1)
} else {
    QUIET_WINDOW
};

/// How long a program has for all replies of a check together. A right one needs milliseconds; one that
/// takes its time for each message reaches this.
pub(crate) fn deadline_for_all() -> Duration {
    deadline() * 4
}

/// How often to look where the system has no event to wait for (`/proc`): at first, and at last.
pub(crate) const POLL: Duration = Duration::from_millis(1);
pub(crate) const LONGEST_POLL: Duration = Duration::from_millis(16);

/// How long a program has to answer: 5 s, times the environment variable `PATIENCE` (a positive
/// number, for very slow machines).
///
/// # Panics
///
/// If `PATIENCE` is set to something else.
pub fn deadline() -> Duration {
    match env::var("PATIENCE") {
        Err(_) => DEADLINE,
        Ok(text) => {
            let factor = text
                .parse()
                .ok()
                .filter(|&factor: &f64| factor > 0.0 && factor <= 1000.0);
            let Some(factor) = factor else {
                panic!("PATIENCE must be a number above 0 and up to 1000, not '{text}'");
            };
            DEADLINE.mul_f64(factor)
        }
    }
}

/// The environment variable by which the grader makes [`silence`] longer.
pub const SILENCE_VARIABLE: &str = "SILENCE";

/// How long the check of silent clients stays silent: 1 s, or as many seconds as the environment variable
/// `SILENCE` says.
///
/// # Panics
///
/// If that is no whole number of seconds up to 60.
pub fn silence() -> Duration {
    match env::var(SILENCE_VARIABLE) {
        Err(_) => Duration::from_secs(1),
        Ok(text) => {
            let seconds = text.parse().ok().filter(|seconds| *seconds <= 60);
            let Some(seconds) = seconds else {
                panic!("SILENCE must be a whole number of seconds up to 60, not '{text}'");
            };
            Duration::from_secs(seconds)
        }
    }
}
