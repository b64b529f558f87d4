//! Grades submissions: builds the exercises, runs each check in a process of its own, and gives one
//! typed verdict, of which every report is a rendering.

pub mod cargo;
pub mod class;
mod compile;
pub mod course;
pub mod journal;
pub mod judge;
pub mod partition;
pub mod plain;
pub mod report;
pub mod sandbox;
pub mod stage;
pub mod submission;
pub mod verdict;
