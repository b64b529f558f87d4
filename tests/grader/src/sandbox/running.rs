//! A sandbox with something running in it: waiting for its end, and seeing to it that nothing of it is
//! left.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Deserialize;
use wait_timeout::ChildExt;

use super::cgroup::RunGroups;
use super::usage::Excess;
use super::{guard, lookout};

/// By its path: it is looked for nowhere else, and starts faster.
pub(super) const BUBBLEWRAP: &str = "/usr/bin/bwrap";

/// The kernel ends what is left in a process tree at once when its first process has gone.
const GONE: Duration = Duration::from_secs(30);

/// A command, in a sandbox or not, that can be started.
pub(crate) struct Prepared {
    pub(crate) command: Command,
    info: Option<Pipe>,
    pub(super) groups: Option<RunGroups>,
}

/// Through which bubblewrap tells of the sandbox that it has made.
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// A command that was started, in a sandbox or not.
pub(crate) struct Running {
    child: Child,
    /// The first process of the sandbox's tree: it is gone when all are.
    first: Option<Arc<First>>,
    /// The control groups that it and its programs are in.
    groups: Option<Arc<RunGroups>>,
}

/// How a command came to its end.
pub(crate) enum Ended {
    Itself(ExitStatus),
    /// It was ended: it had the time that it was given.
    TookTooLong,
    /// It was ended: the programs in it used too much.
    UsedTooMuch(Excess),
}

/// The first process of a sandbox.
pub(super) struct First {
    pub(super) id: Pid,
    handle: OwnedFd,
}

/// What bubblewrap tells of the sandbox that it has made.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
    child_pid: i32,
}

impl Prepared {
    /// A command that is no sandbox.
    pub(crate) fn plain(command: Command) -> Self {
        Self {
            command,
            info: None,
            groups: None,
        }
    }

    /// bubblewrap, in these control groups, to which its arguments are to be appended.
    pub(super) fn bubblewrap(groups: Option<RunGroups>) -> Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).context("cannot make a pipe")?;
        let mut words = groups.as_ref().map_or_else(Vec::new, RunGroups::joining);
        words.push(BUBBLEWRAP.to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.arg("--info-fd").arg(write.as_raw_fd().to_string());
        command.process_group(guard::group()?);
        let info = Some(Pipe { read, write });
        Ok(Self {
            command,
            info,
            groups,
        })
    }

    pub(crate) fn start(mut self) -> Result<Running> {
        // A child gets the descriptor because it is not closed at `exec`: another command that starts
        // meanwhile would get it too.
        static STARTING: Mutex<()> = Mutex::new(());
        let alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = &self.info {
            fcntl_setfd(&pipe.write, FdFlags::empty()).context("cannot hand on a pipe")?;
        }
        let name = self.command.get_program().to_owned();
        let cannot_run = || format!("cannot run {}", name.display());
        let child = self.command.spawn().with_context(cannot_run)?;
        let read = self.info.map(|pipe| pipe.read);
        drop(alone);
        let first = match read {
            Some(read) => First::read(File::from(read))?.map(Arc::new),
            None => None,
        };
        let groups = self.groups.map(Arc::new);
        Ok(Running {
            child,
            first,
            groups,
        })
    }
}

impl Running {
    /// Waits for the end, for so long. Then no process of the sandbox is left.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Ended> {
        let watch = |first| lookout::watch(first, self.groups.as_ref());
        let watched = self.first.as_ref().map(watch).transpose()?;
        let status = self.child.wait_timeout(limit)?;
        if status.is_none() {
            self.end()?;
        }
        if let Some(first) = &self.first {
            first.wait()?;
        }
        // The groups know of an excess, however short the time was in which it could be seen.
        let counted = self.groups.as_ref().and_then(|groups| groups.excess());
        let excess = watched.and_then(|watched| watched.excess()).or(counted);
        Ok(match (excess, status) {
            (Some(excess), _) => Ended::UsedTooMuch(excess),
            (None, Some(status)) => Ended::Itself(status),
            (None, None) => Ended::TookTooLong,
        })
    }

    /// bubblewrap itself ends with the first process of its sandbox.
    fn end(&mut self) -> Result<()> {
        match &self.first {
            Some(first) => first.kill()?,
            None => self.child.kill()?,
        }
        self.child.wait()?;
        Ok(())
    }
}

impl First {
    /// There is none when bubblewrap has failed.
    fn read(mut pipe: File) -> Result<Option<Self>> {
        let mut info = String::new();
        pipe.read_to_string(&mut info)
            .context("cannot read what bubblewrap says")?;
        if info.is_empty() {
            return Ok(None);
        }
        let info: Info = serde_json::from_str(&info).context("cannot read what bubblewrap says")?;
        let id = Pid::from_raw(info.child_pid).context("a sandbox without a process")?;
        match pidfd_open(id, PidfdFlags::empty()) {
            Ok(handle) => Ok(Some(Self { id, handle })),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error).context("cannot watch a sandbox"),
        }
    }

    pub(super) fn kill(&self) -> Result<()> {
        match pidfd_send_signal(&self.handle, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("cannot end a sandbox"),
        }
    }

    /// Until it has ended, and with it every process of the tree.
    fn wait(&self) -> Result<()> {
        let limit = Timespec::try_from(GONE)?;
        let mut handle = [PollFd::from_borrowed_fd(self.handle.as_fd(), PollFlags::IN)];
        let ended = poll(&mut handle, Some(&limit)).context("cannot watch a sandbox")?;
        ensure!(
            ended == 1,
            "processes of a sandbox are left: those below process {}",
            self.id
        );
        Ok(())
    }
}
