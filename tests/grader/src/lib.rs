//! Grades submissions: builds the exercises, runs each check in a process of its own, and gives one
//! typed verdict, of which every report is a rendering.

pub mod cargo;
pub mod course;
pub mod judge;
pub mod plain;
pub mod report;
pub mod stage;
pub mod submission;
pub mod verdict;
mod workspace;
