//! The fragments of code that the book's chapters show. They are compiled, so that they can't drift from
//! what Rust accepts.

pub mod next;
pub mod pool;
pub mod protocol;
pub mod stress;
pub mod threads;
