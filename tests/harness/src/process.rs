//! A running program: in a process group of its own, drained of output, killed with all it
//! started when it is dropped.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

#[cfg(unix)]
use std::os::unix::process::{CommandExt, ExitStatusExt};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::recording::{Event, Stream};
use crate::scene::Scene;

/// The longest line of output that is kept whole, in bytes; a longer one is kept in pieces.
const MAX_LINE: u64 = 64 << 10;

pub(crate) struct Process {
    child: Child,
    guard: Child,
    group: Pid,
}

impl Process {
    /// Starts the command and records its output and its exit.
    pub(crate) fn start(scene: &Arc<Scene>, mut command: Command) -> io::Result<Self> {
        command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let group = Pid::from_child(&child);
        let guard = match start_guard(group) {
            Ok(guard) => guard,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        if let Some(stdout) = child.stdout.take() {
            drain(scene, Stream::Stdout, stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            drain(scene, Stream::Stderr, stderr);
        }
        let scene = Arc::clone(scene);
        thread::spawn(move || {
            if let Some(status) = wait_for_exit(group) {
                scene.recording.record(Event::Exited(status));
            }
        });
        Ok(Self {
            child,
            guard,
            group,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Does something while the program is stopped: what happens meanwhile, it finds when it goes
    /// on.
    pub(crate) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
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

impl Drop for Process {
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

fn drain(scene: &Arc<Scene>, stream: Stream, pipe: impl Read + Send + 'static) {
    let scene = Arc::clone(scene);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            scene
                .recording
                .record(Event::Output(stream, std::mem::take(&mut line)));
        }
        scene.recording.record(Event::OutputEnded(stream));
    });
}
