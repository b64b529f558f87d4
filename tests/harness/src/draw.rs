//! Random words and numbers for the checks, which no program can know before. Each run draws new ones. A
//! failure names the seed: with that as the environment variable `SEED`, a run draws the same again. What is
//! drawn never decides the verdict on a right program, nor on one that is wrong for another reason.

use std::cell::RefCell;
use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use fastrand::Rng;

use crate::report::current_check;

/// The environment variable that names the seed of a run.
pub const SEED_VARIABLE: &str = "SEED";

thread_local! {
    /// Each check runs on its own thread, so what it draws does not depend on other checks.
    static DRAWS: RefCell<Rng> = RefCell::new(Rng::with_seed(seed() ^ hash(&current_check())));
}

/// This run's seed.
///
/// # Panics
///
/// If `SEED` is set to something else than a number of at most 64 bits.
pub(crate) fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| match env::var(SEED_VARIABLE) {
        // Short enough to be typed.
        Err(_) => RandomState::new().build_hasher().finish() % 1_000_000,
        Ok(text) => text.parse().unwrap_or_else(|_| {
            panic!("SEED must be a number from 0 to {}, not '{text}'", u64::MAX)
        }),
    })
}

/// A number from `least` to `most`.
pub fn between(least: usize, most: usize) -> usize {
    DRAWS.with_borrow_mut(|draws| draws.usize(least..=most))
}

/// How many clients are many at the same time: more than 100, 110 and 120, at which a program may stop, and
/// fewer than a listener's usual backlog of 128.
pub fn many_clients() -> usize {
    between(121, 124)
}

/// A word of six letters.
pub fn word() -> String {
    const CONSONANTS: &[u8] = b"bdfghklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    DRAWS.with_borrow_mut(|draws| {
        let letters = [CONSONANTS, VOWELS].into_iter().cycle().take(6);
        let letter = |of: &[u8]| char::from(of[draws.usize(..of.len())]);
        letters.map(letter).collect()
    })
}

/// The text with a word behind it: a message that was never sent before.
pub fn fresh(text: &str) -> String {
    format!("{text}, {}", word())
}

/// FNV-1a, which is the same on every machine.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_their_bounds() {
        for _ in 0..1000 {
            assert!((97..=113).contains(&between(97, 113)));
        }
        assert_eq!(between(7, 7), 7);
    }

    #[test]
    fn words_differ() {
        let words = [word(), word(), word()];
        assert!(words.iter().all(|word| word.len() == 6));
        assert!(words[0] != words[1] || words[1] != words[2]);
    }
}
