//! The step before a sandbox: makes control groups for this process, bounds them, and joins them.

use std::collections::BTreeMap;
use std::env::ArgsOs;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result};

/// By the folder of a group in which a new one is made: the new one's files, and what is written to them.
type Limits = BTreeMap<PathBuf, BTreeMap<String, String>>;

/// Reads, after `--join`, the name of the file by which a process becomes a member, limits, as JSON, and a
/// command; makes and joins the groups, and returns the command.
pub(crate) fn prepare(arguments: ArgsOs) -> Result<Command> {
    let mut arguments = arguments.skip(2);
    let members = arguments.next().context("no file is given")?;
    let limits = arguments.next().context("no limits are given")?;
    let limits: Limits = serde_json::from_slice(limits.as_encoded_bytes())
        .context("the limits are not as they should be")?;
    let program = arguments.next().context("no command is given")?;
    for (parent, files) in &limits {
        let group = parent.join(format!("program-{}", process::id()));
        join(&group, files, &members)
            .with_context(|| format!("cannot join the control group {}", group.display()))?;
    }
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn join(group: &Path, files: &BTreeMap<String, String>, members: &OsStr) -> io::Result<()> {
    fs::create_dir(group)?;
    for (file, text) in files {
        fs::write(group.join(file), text)?;
    }
    fs::write(group.join(members), "0")
}
