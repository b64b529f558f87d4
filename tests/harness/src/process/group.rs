//! A program in a process group of its own, where there are process groups.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Ends;

pub(super) struct Running {
    child: Child,
    guard: Child,
    group: Pid,
}

impl Running {
    pub(super) fn start(mut command: Command) -> io::Result<(Self, Ends)> {
        let mut child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        let guard = match start_guard(group) {
            Ok(guard) => guard,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        let ends = Ends::of(&mut child);
        let running = Self {
            child,
            guard,
            group,
        };
        Ok((running, ends))
    }

    /// What waits for the exit.
    pub(super) fn exit(&self) -> impl FnOnce() -> Option<ExitStatus> + Send + 'static {
        let pid = self.group;
        move || wait_for_exit(pid)
    }

    pub(super) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        let stopped = kill_process_group(self.group, Signal::STOP).is_ok();
        if stopped {
            // Returns at once if it has exited instead.
            let _ = waitid(
                WaitId::Pid(self.group),
                WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
        }
        let result = act();
        if stopped {
            let _ = kill_process_group(self.group, Signal::CONT);
        }
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The leader is reaped last, so that until then the group's id can't be anyone else's.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.wait();
    }
}

/// Kills the group should the checks end without doing so (killed, or interrupted from the
/// keyboard, which the group does not hear of): then the guard's stdin ends.
fn start_guard(group: Pid) -> io::Result<Child> {
    Command::new("sh")
        .arg("-c")
        .arg(format!(
            "read -r _; kill -s KILL -- -{}",
            group.as_raw_nonzero()
        ))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Waits for the exit but does not reap: the process stays a zombie, and its id its own.
fn wait_for_exit(pid: Pid) -> Option<ExitStatus> {
    loop {
        let status = match waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Ok(Some(status)) => status,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return None,
        };
        let raw = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code << 8,
            (None, Some(signal)) => signal,
            (None, None) => continue,
        };
        return Some(ExitStatus::from_raw(raw));
    }
}
