//! The first step of the sandbox that the checks are in: bounds how much a connection's buffers hold.

use std::env::ArgsOs;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::geteuid;

use crate::capabilities;

/// The smallest, the first and the largest size of a TCP socket's buffers, in bytes (tcp(7)). By itself, the
/// kernel lets a receiver's grow to 6 MiB and more, in memory that belongs to no process: a hundred connections
/// that nobody reads held 381 MiB. The first sizes are the kernel's, so whoever reads what comes sees no
/// difference; and no check sends more than 64 KiB that it expects to be taken unread.
const SIZES: [(&str, &str); 2] = [
    ("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 131072"),
    ("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 131072"),
];

/// Bounds the buffers in this process's network, and returns the command that comes after the first argument.
///
/// # Errors
///
/// If that is not allowed, or there is no command.
pub(crate) fn prepare(arguments: ArgsOs) -> Result<Command> {
    for (setting, sizes) in SIZES {
        fs::write(setting, sizes).with_context(|| format!("cannot set {setting}"))?;
    }
    // Root becomes nobody in the next step, for which it needs them.
    if !geteuid().is_root() {
        capabilities::drop_all()?;
    }
    let mut arguments = arguments.skip(2);
    let mut command = Command::new(arguments.next().context("no command is given")?);
    command.args(arguments);
    Ok(command)
}
