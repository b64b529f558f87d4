//! The last step into a sandbox: takes on the limits that its first argument gives, in JSON, prints its
//! second one, a mark, as a line, and becomes the program that the others are, with its arguments. So who
//! reads its output knows whether the program was reached. If it can't be, the mark comes again, and why.
//!
//! With `--join` it is the step before the sandbox: it joins control groups and becomes the sandbox. With
//! `--bound-buffers` it is the first step of the sandbox around: it bounds the buffers of its network.
//!
//! One program does what `taskset`, `nice` and `prlimit` would do one after another: a class starts
//! programs by the ten thousand.

#[cfg(target_os = "linux")]
mod buffers;
#[cfg(target_os = "linux")]
mod capabilities;
#[cfg(target_os = "linux")]
mod groups;
#[cfg(target_os = "linux")]
mod scratch;
#[cfg(target_os = "linux")]
mod syscalls;

use std::env;
use std::process::ExitCode;

/// As shells say that a command can't be run.
const CANNOT_RUN: u8 = 126;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("--join") => eprintln!("launcher: {}", join()),
        Some("--bound-buffers") => eprintln!("launcher: {}", bound_buffers()),
        _ => {
            let why = launch();
            let mark = env::args().nth(2).unwrap_or_default();
            println!("{mark} the launcher {why}");
        }
    }
    ExitCode::from(CANNOT_RUN)
}

#[cfg(not(target_os = "linux"))]
fn join() -> &'static str {
    launch()
}

#[cfg(not(target_os = "linux"))]
fn bound_buffers() -> &'static str {
    launch()
}

/// Joins control groups and becomes the command, or says why it can't.
#[cfg(target_os = "linux")]
fn join() -> String {
    format!("{:#}", linux::join())
}

/// Bounds the buffers of its network and becomes the command, or says why it can't.
#[cfg(target_os = "linux")]
fn bound_buffers() -> String {
    format!("{:#}", linux::bound_buffers())
}

#[cfg(not(target_os = "linux"))]
fn launch() -> &'static str {
    "other people's submissions are graded on Linux only"
}

/// Becomes the program, or says why it can't.
#[cfg(target_os = "linux")]
fn launch() -> String {
    format!("{:#}", linux::launch())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::io::{self, Write};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use anyhow::{Context, Error, Result};
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    use rustix::thread::{CpuSet, sched_setaffinity};
    use serde::Deserialize;

    use crate::{buffers, capabilities, groups, scratch, syscalls};

    /// What the program can use.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        /// The number of the core that it runs on.
        core: usize,
        /// In steps of `nice`, how much precedence it gives up.
        give_way: i32,
        /// Processes and threads, of its user in its user namespace.
        processes: u64,
        /// Bytes of address space, of each process.
        memory: u64,
        /// Seconds of processor time, of each process.
        cpu: u64,
        /// Bytes that a file can grow to.
        file: u64,
        /// Open descriptors, of each process.
        descriptors: u64,
        /// Files in each of the folders that it can write to, whatever their size.
        files: u64,
    }

    /// Becomes the program, or returns why it can't.
    pub(super) fn launch() -> Error {
        match prepare() {
            Ok((mark, mut program)) => {
                // Whoever does not read it has no use for the program's output either.
                _ = writeln!(io::stdout(), "{mark}");
                let error = program.exec();
                Error::new(error).context(format!("cannot run {}", program.get_program().display()))
            }
            Err(error) => error,
        }
    }

    /// Joins control groups and becomes the command, or returns why it can't.
    pub(super) fn join() -> Error {
        match groups::prepare(env::args_os()) {
            Ok(mut command) => Error::new(command.exec()).context("cannot run the command"),
            Err(error) => error,
        }
    }

    /// Bounds buffers and becomes the command, or returns why it can't.
    pub(super) fn bound_buffers() -> Error {
        match buffers::prepare(env::args_os()) {
            Ok(mut command) => Error::new(command.exec()).context("cannot run the command"),
            Err(error) => error,
        }
    }

    fn prepare() -> Result<(String, Command)> {
        let mut arguments = env::args_os().skip(1);
        let limits = arguments.next().context("no limits are given")?;
        let limits: Limits = serde_json::from_slice(limits.as_encoded_bytes())
            .context("the limits are not as they should be")?;
        let mark = arguments.next().context("no mark is given")?;
        let program = arguments.next().context("no program is given")?;
        limits.take_on().context("cannot take on the limits")?;
        scratch::bound(limits.files).context("cannot bound the number of files")?;
        capabilities::drop_all()?;
        syscalls::deny()?;
        let mut program = Command::new(program);
        program.args(arguments);
        Ok((mark.to_string_lossy().into_owned(), program))
    }

    impl Limits {
        fn take_on(&self) -> rustix::io::Result<()> {
            let mut cores = CpuSet::new();
            cores.set(self.core);
            sched_setaffinity(None, &cores)?;
            nice(self.give_way)?;
            for (resource, limit) in [
                (Resource::Nproc, self.processes),
                (Resource::As, self.memory),
                (Resource::Cpu, self.cpu),
                (Resource::Fsize, self.file),
                (Resource::Nofile, self.descriptors),
                (Resource::Core, 0),
            ] {
                let limit = Rlimit {
                    current: Some(limit),
                    maximum: Some(limit),
                };
                setrlimit(resource, limit)?;
            }
            Ok(())
        }
    }
}
