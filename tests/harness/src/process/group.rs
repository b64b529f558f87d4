//! A program in a process group of its own, where there are process groups.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use super::Ends;

pub(super) struct Running {
    child: Child,
    /// Leads the group.
    guard: Child,
}

impl Running {
    pub(super) fn start(mut command: Command) -> io::Result<(Self, Ends)> {
        let mut guard = start_guard()?;
        let group = Pid::from_child(&guard).as_raw_nonzero().get();
        let mut child = match command.process_group(group).spawn() {
            Ok(child) => child,
            Err(error) => {
                guard.kill()?;
                guard.wait()?;
                return Err(error);
            }
        };
        let ends = Ends::of(&mut child);
        Ok((Self { child, guard }, ends))
    }

    /// What waits for the exit.
    pub(super) fn exit(&self) -> impl FnOnce() -> Option<ExitStatus> + Send + 'static {
        let pid = Pid::from_child(&self.child);
        move || wait_for_exit(pid)
    }

    pub(super) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        let stopped = kill_process_group(self.group(), Signal::STOP).is_ok();
        if stopped {
            // Who guards must not sleep.
            let _ = kill_process(self.group(), Signal::CONT);
            // Returns at once if it has exited instead.
            let _ = waitid(
                WaitId::Pid(Pid::from_child(&self.child)),
                WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
        }
        let result = act();
        if stopped {
            let _ = kill_process_group(self.group(), Signal::CONT);
        }
        result
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.guard)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The leader is reaped last, so that until then the group's id can't be anyone else's.
        let _ = kill_process_group(self.group(), Signal::KILL);
        let _ = self.child.wait();
        let _ = self.guard.wait();
    }
}

/// Leads a group, into which the program is started, and kills it should the checks end without doing
/// so (killed, or interrupted from the keyboard, which the group does not hear of): then the guard's
/// stdin ends. It is there before the program, so that there is no moment in which the checks can be
/// killed and the program is left. Nor does it heed the hang-up that the kernel sends to a group that is
/// stopped when the checks end.
fn start_guard() -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", "trap '' HUP; read -r _; kill -s KILL 0"])
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
