//! Grades submissions: builds the exercises, runs each check in a process of its own, and gives one
//! typed verdict, of which every report is a rendering.
//!
//! Other people's submissions are graded where there is a sandbox for them, on Linux; one's own checkout
//! everywhere.

pub mod cargo;
#[cfg(target_os = "linux")]
pub mod class;
#[cfg(target_os = "linux")]
mod compile;
pub mod course;
#[cfg(target_os = "linux")]
pub mod journal;
pub mod judge;
pub mod own;
#[cfg(target_os = "linux")]
pub mod partition;
pub mod plain;
#[cfg(target_os = "linux")]
pub mod report;
#[cfg(target_os = "linux")]
pub mod sandbox;
#[cfg(not(target_os = "linux"))]
#[path = "sandbox/elsewhere.rs"]
mod sandbox;
pub mod stage;
#[cfg(target_os = "linux")]
pub mod submission;
pub mod verdict;
