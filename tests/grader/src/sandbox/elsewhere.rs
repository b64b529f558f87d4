//! Where there is no sandbox: one's own programs run as they are.

use std::fmt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use wait_timeout::ChildExt;

/// A command that can be started.
pub(crate) struct Prepared {
    pub(crate) command: Command,
}

/// A command that was started.
pub(crate) struct Running {
    child: Child,
}

/// How a command came to its end.
pub(crate) enum Ended {
    Itself(ExitStatus),
    /// It was ended: it had the time that it was given.
    TookTooLong,
    #[expect(dead_code, reason = "nothing is measured without a sandbox")]
    UsedTooMuch(Excess),
}

/// Nobody's: nothing is measured without a sandbox.
#[derive(Clone, Copy)]
pub(crate) enum Excess {}

impl Prepared {
    pub(crate) fn plain(command: Command) -> Self {
        Self { command }
    }

    pub(crate) fn start(mut self) -> Result<Running> {
        let name = self.command.get_program().to_owned();
        let child = self.command.spawn();
        let child = child.with_context(|| format!("cannot run {}", name.display()))?;
        Ok(Running { child })
    }
}

impl Running {
    /// Waits for the end, for so long.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Ended> {
        if let Some(status) = self.child.wait_timeout(limit)? {
            return Ok(Ended::Itself(status));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(Ended::TookTooLong)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
