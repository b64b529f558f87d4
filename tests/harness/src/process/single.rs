//! A program where there are no process groups (Windows): it is killed when it is dropped, but what it
//! has itself started is not, and it can't be stopped for a while. No program of the course starts
//! another.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Ends;

/// How often it is looked whether the program has ended: waiting for it would keep it from being
/// killed.
const LOOK: Duration = Duration::from_millis(5);

pub(super) struct Running {
    child: Arc<Mutex<Child>>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> io::Result<(Self, Ends)> {
        let mut child = command.spawn()?;
        let ends = Ends::of(&mut child);
        let child = Arc::new(Mutex::new(child));
        Ok((Self { child }, ends))
    }

    /// What waits for the exit.
    pub(super) fn exit(&self) -> impl FnOnce() -> Option<ExitStatus> + Send + 'static {
        let child = Arc::clone(&self.child);
        move || {
            loop {
                match lock(&child).try_wait() {
                    Ok(Some(status)) => return Some(status),
                    Ok(None) => {}
                    Err(_) => return None,
                }
                thread::sleep(LOOK);
            }
        }
    }

    #[cfg_attr(unix, expect(dead_code, reason = "nothing of it to be tested"))]
    pub(super) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        act()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::Running;

    /// Any program that is surely there: this one, which lists its tests.
    fn program() -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("--list").stdout(Stdio::piped());
        command
    }

    #[test]
    fn the_exit_is_seen() {
        let (running, ends) = Running::start(program()).unwrap();
        let mut listed = String::new();
        ends.stdout.unwrap().read_to_string(&mut listed).unwrap();
        assert!(listed.contains("the_exit_is_seen: test"));
        assert!(running.exit()().unwrap().success());
    }

    /// It waits for ever at its input, so that its output ends only because it is killed.
    #[cfg(unix)]
    #[test]
    fn a_dropped_program_is_killed() {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let (running, ends) = Running::start(command).unwrap();
        let exit = running.exit();
        drop(running);
        assert!(!exit().unwrap().success());
        assert_eq!(ends.stdout.unwrap().read(&mut [0]).unwrap(), 0);
        drop(ends.stdin);
    }
}
