//! The terminal of `--watch`: its other screen, on which one frame after another is drawn.

use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use console::{Term, truncate_str};

/// The cursor is hidden on it.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// Whether the terminal shows it.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// The terminal's other screen. The one before comes back when this is dropped, and before a panic
/// says why.
pub(super) struct Screen {
    terminal: Term,
    /// What is on it.
    drawn: String,
}

impl Screen {
    pub(super) fn open() -> Result<Self> {
        let say = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave();
            say(panic);
        }));
        let terminal = Term::stdout();
        IS_OPEN.store(true, Ordering::SeqCst);
        (&terminal)
            .write_all(ENTER.as_bytes())
            .context("cannot draw on the terminal")?;
        Ok(Self {
            terminal,
            drawn: String::new(),
        })
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.terminal.size();
        (rows.into(), columns.into())
    }

    /// Draws these lines, unless they are what is seen.
    pub(super) fn draw(&mut self, lines: &[String]) -> Result<()> {
        let (rows, columns) = self.size();
        let mut text = "\u{1b}[H".to_owned();
        for (row, line) in lines.iter().take(rows).enumerate() {
            if row > 0 {
                text += "\r\n";
            }
            text += &truncate_str(line, columns, "…");
            text += "\u{1b}[0m\u{1b}[K";
        }
        text += "\u{1b}[J";
        if text != self.drawn {
            let terminal = &mut &self.terminal;
            terminal
                .write_all(text.as_bytes())
                .and_then(|()| terminal.flush())
                .context("cannot draw on the terminal")?;
            self.drawn = text;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Once: a second time, the cursor would go back to where it was, over what has been said since.
fn leave() {
    if IS_OPEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
    }
}
