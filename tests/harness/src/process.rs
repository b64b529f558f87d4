//! A running program: drained of output, and killed with all it started when it is dropped.

#[cfg(unix)]
mod group;
// Compiled with the tests everywhere, so that no platform's code is left unseen.
#[cfg(any(not(unix), test))]
mod single;

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;

#[cfg(unix)]
use group::Running;
#[cfg(not(unix))]
use single::Running;

use crate::recording::{Event, Stream};
use crate::scene::Scene;

/// The longest line of output that is kept whole, in bytes; a longer one is kept in pieces.
const MAX_LINE: u64 = 64 << 10;

pub(crate) struct Process {
    running: Running,
    id: u32,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the command and records its output and its exit.
    pub(crate) fn start(scene: &Arc<Scene>, mut command: Command) -> io::Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (running, ends) = Running::start(command)?;
        if let Some(stdout) = ends.stdout {
            drain(scene, Stream::Stdout, stdout);
        }
        if let Some(stderr) = ends.stderr {
            drain(scene, Stream::Stderr, stderr);
        }
        let scene = Arc::clone(scene);
        let wait_for_exit = running.exit();
        thread::spawn(move || {
            if let Some(status) = wait_for_exit() {
                scene.recording.record(Event::Exited(status));
            }
        });
        Ok(Self {
            running,
            id: ends.id,
            stdin: ends.stdin,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Does something while the program is stopped: what happens meanwhile, it finds when it goes
    /// on. Where no program can be stopped, it goes on all the time.
    pub(crate) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.running.while_stopped(act)
    }
}

/// What a started program is known and spoken to by.
struct Ends {
    id: u32,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Ends {
    fn of(child: &mut Child) -> Self {
        Self {
            id: child.id(),
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
        }
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
