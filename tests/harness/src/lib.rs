//! Judges network programs from outside: starts a program, plays clients (or a server) to it, and
//! words what it saw.
//!
//! Everything that happens, on the program's side (its output, its exit) as on the played side
//! (connections, bytes), goes into one [`Recording`]. Waiting means waiting for something to be
//! recorded; a diagnosis is inferred from it, and so it is never a matter of luck what a failure
//! says.
//!
//! - A program that is a server: [`Server`] starts it and gives [`Client`]s of it.
//! - A program that is a client: [`Host`] plays the server, and [`Run`] is the program.
//!
//! Which program that is, [`program!`] says: the package's own, or any command line.

mod client;
mod codes;
mod connection;
mod deadline;
mod diagnosis;
pub mod draw;
mod host;
mod launch;
mod log;
mod observe;
mod patience;
mod process;
mod program;
mod received;
mod recording;
mod reply;
mod report;
mod run;
mod scene;
mod server;
mod stall;
mod timeline;
mod turn;

pub use client::Client;
pub use codes::{CODES, Code, NOT_IMPLEMENTED, USES_TOO_MUCH};
pub use deadline::{QUIET_WINDOW, SILENCE_VARIABLE, deadline, silence};
pub use diagnosis::After;
pub use host::{ClosedPort, DeafHost, Host, Peer, Trickle, reply_to};
pub use launch::MARK_WORD;
pub use log::{connected, disconnected};
pub use observe::Load;
pub use program::Program;
pub use report::{Diagnosis, REPORT_VARIABLE, sentence};
pub use run::{Outcome, Run};
pub use scene::{NOT_REACHED, Rule};
pub use server::{Refusal, Server};
pub use timeline::{Happening, Mark, Micros, Row, Span, State, Timeline};
pub use turn::DefaultPort;
