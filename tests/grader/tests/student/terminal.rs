//! A terminal of 100 columns and 40 rows, with a program in it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const ROWS: u16 = 40;
const COLUMNS: u16 = 100;

/// A right program is there long before, even where everything is compiled first.
const DEADLINE: Duration = Duration::from_secs(300);

pub(crate) struct Terminal {
    program: Child,
    keyboard_and_screen: File,
    shown: vt100::Parser,
}

impl Terminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = |cells| NonZero::new(cells).unwrap();
        let window = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, window).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs =
            File::from(open(ptsname(&ours, Vec::new()).unwrap(), flags, Mode::empty()).unwrap());
        let program = command
            .env("TERM", "xterm-256color")
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs)
            .spawn()
            .unwrap();
        // The command holds the program's ends of the terminal.
        drop(command);
        Self {
            program,
            keyboard_and_screen: File::from(ours),
            shown: vt100::Parser::new(size(ROWS), size(COLUMNS), 0),
        }
    }

    /// What stands on the screen.
    pub(crate) fn text(&self) -> String {
        self.shown.screen().contents()
    }

    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |terminal| terminal.text().contains(text));
    }

    pub(crate) fn is_as_before(&self) -> bool {
        let screen = self.shown.screen();
        !screen.alternate_screen() && !screen.hide_cursor()
    }

    /// Sends a signal, and waits for the program's end.
    pub(crate) fn end_with(&mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.program), signal).unwrap();
        let end = Instant::now() + DEADLINE;
        while self.read(end) {}
        self.program.wait().unwrap()
    }

    fn wait_until(&mut self, what: &str, is_reached: impl Fn(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !is_reached(self) {
            assert!(
                self.read(end),
                "the program has ended without {what}:\n{}",
                self.text()
            );
        }
    }

    /// Takes in what is written to the screen; false when nobody writes any more.
    fn read(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let screen = self.keyboard_and_screen.as_fd();
        let ready = poll(
            &mut [PollFd::from_borrowed_fd(screen, PollFlags::IN)],
            Some(&left),
        );
        assert_ne!(ready, Ok(0), "nothing new on the screen:\n{}", self.text());
        let mut bytes = [0; 4096];
        match self.keyboard_and_screen.read(&mut bytes) {
            Ok(0) => false,
            Ok(length) => {
                self.shown.process(&bytes[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => false,
            Err(error) => panic!("cannot read the screen: {error}"),
        }
    }
}

impl Drop for Terminal {
    /// So that it ends what it has started.
    fn drop(&mut self) {
        if let Ok(None) = self.program.try_wait() {
            let _ = kill_process(Pid::from_child(&self.program), Signal::TERM);
            let _ = self.program.wait();
        }
    }
}
