//! The student edition, written as `make student-edition` writes it and used as a student uses it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod daily;
mod edition;
mod solutions;
mod terminal;
mod watch;
