//! How far the grading of a class is: a bar in a terminal, otherwise a line for each submission.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use grader::plain::plain_line;
use grader::verdict::Graded;

pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    of: usize,
    done: AtomicUsize,
}

impl Progress {
    pub(crate) fn new(of: usize) -> Self {
        let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed} {msg}");
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(of as u64);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            bar,
            of,
            done: AtomicUsize::new(0),
        }
    }

    pub(crate) fn graded(&self, graded: &Graded) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        let name = plain_line(&graded.submission);
        match &self.bar {
            Some(bar) => {
                bar.set_message(name);
                bar.inc(1);
            }
            None => eprintln!(
                "{done}/{} {name}: {} of {}",
                self.of,
                graded.points(),
                graded.of()
            ),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
