//! One exercise being judged: a grader of its own, that can be ended at any moment.

use std::env;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use grader::course::Exercise;
use grader::plain::{plain, plain_everywhere};
use grader::verdict::{Graded, GradedExercise};

/// It is ended, with all that it has started, when this is dropped.
pub(super) struct Run {
    child: Child,
    output: File,
    errors: File,
    started: Instant,
}

pub(super) enum Outcome {
    Judged(Box<GradedExercise>),
    /// The grader could not run; its own words.
    Failed(String),
}

impl Run {
    pub(super) fn start(exercise: &Exercise) -> Result<Self> {
        let grader = env::current_exe().context("cannot tell where the grader is")?;
        let output = tempfile::tempfile().context("cannot make a scratch file")?;
        let errors = tempfile::tempfile().context("cannot make a scratch file")?;
        let mut command = Command::new(grader);
        command
            .args(["--json", "--exercise", &exercise.name])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(errors.try_clone()?);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Self {
            child: command.spawn().context("cannot start the grader")?,
            output,
            errors,
            started: Instant::now(),
        })
    }

    pub(super) fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// What came out, harmless to show; `None` while it still runs.
    pub(super) fn outcome(&mut self) -> Result<Option<Outcome>> {
        if self.child.try_wait()?.is_none() {
            return Ok(None);
        }
        let mut text = String::new();
        self.output.rewind()?;
        self.output.read_to_string(&mut text)?;
        let graded: Option<Vec<Graded>> = serde_json::from_str(&text).ok();
        let judged = graded
            .and_then(|graded| graded.into_iter().next())
            .and_then(|graded| graded.exercises.into_iter().next());
        if let Some(judged) = judged {
            return Ok(Some(Outcome::Judged(Box::new(plain_everywhere(&judged)?))));
        }
        let mut text = String::new();
        self.errors.rewind()?;
        self.errors.read_to_string(&mut text)?;
        Ok(Some(Outcome::Failed(plain(text.trim()))))
    }
}

impl Drop for Run {
    /// The programs under test have groups of their own; they end with the checks that started them.
    /// Where there are no groups, what runs comes to its end by itself, and nobody reads its verdict.
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            // Once it is reaped, the group's id may be anyone's.
            if matches!(self.child.try_wait(), Ok(None)) {
                let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
