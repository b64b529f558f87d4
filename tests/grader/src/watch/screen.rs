//! The one screen of `--watch`.

use std::env;
use std::io::{self, Write};

use anyhow::Result;
use console::{Term, truncate_str};
use harness::sentence;

use grader::verdict::{GradedCheck, GradedExercise, Verdict};

use super::{Known, View};

const GREEN: &str = "32";
const RED: &str = "31";
const FAINT: &str = "2";
const BOLD: &str = "1";

/// The checks that have not passed and are named; the others are signs.
const NAMED: usize = 4;

/// The terminal's other screen. The one before comes back when this is dropped.
pub(super) struct Screen {
    terminal: Term,
    colour: bool,
}

impl Screen {
    pub(super) fn open() -> Result<Self> {
        let terminal = Term::stdout();
        write!(&terminal, "\u{1b}[?1049h\u{1b}[?25l")?;
        Ok(Self {
            terminal,
            colour: env::var_os("NO_COLOR").is_none(),
        })
    }

    pub(super) fn draw(&self, view: &View<'_>) -> Result<()> {
        let (rows, columns) = self.terminal.size();
        let mut lines = vec![self.heading(view), String::new()];
        let (exercise, known) = view.exercises[view.shown];
        lines.push(self.paint(BOLD, &format!("{} · {}", exercise.name, exercise.title)));
        lines.extend(self.body(known));
        let end = match view.running {
            Some(exercise) => format!("{} is being judged … Ctrl-C ends", exercise.name),
            None => "waiting for a file to be saved. Ctrl-C ends".to_owned(),
        };
        let room = usize::from(rows).saturating_sub(2);
        if lines.len() > room {
            lines.truncate(room.saturating_sub(1));
            lines.push(self.paint(FAINT, "… the terminal is too small for the rest"));
        }
        let mut text = "\u{1b}[H".to_owned();
        for line in lines
            .iter()
            .chain([&String::new(), &self.paint(FAINT, &end)])
        {
            text += &truncate_str(line, usize::from(columns).max(20), "…");
            text += "\u{1b}[0m\u{1b}[K\r\n";
        }
        // No new line after the last: the screen would roll.
        let text = text.trim_end_matches("\r\n").to_owned() + "\u{1b}[J";
        (&self.terminal).write_all(text.as_bytes())?;
        self.terminal.flush()?;
        Ok(())
    }

    /// The exercises, with their points.
    fn heading(&self, view: &View<'_>) -> String {
        let exercises = view.exercises.iter().enumerate();
        let words = exercises.map(|(place, (exercise, known))| {
            let points = match (&known.problem, &known.judged) {
                (Some(_), _) => "?".to_owned(),
                (None, Some(judged)) => format!("{}/{}", judged.points, judged.of),
                (None, None) => "…".to_owned(),
            };
            let words = format!("{} {points}", exercise.name);
            match (place == view.shown, known.is_done()) {
                (_, true) => self.paint(GREEN, &words),
                (true, false) => self.paint(BOLD, &format!("[{words}]")),
                (false, false) => words,
            }
        });
        words.collect::<Vec<_>>().join("   ")
    }

    fn body(&self, known: &Known) -> Vec<String> {
        if let Some(problem) = &known.problem {
            return problem.lines().map(str::to_owned).collect();
        }
        let Some(judged) = &known.judged else {
            return Vec::new();
        };
        let mut lines = vec![self.signs(judged), String::new()];
        if let Some(compiler) = &judged.compiler {
            lines.push(self.paint(RED, "does not compile"));
            lines.extend(compiler.lines().map(str::to_owned));
            return lines;
        }
        let open: Vec<_> = judged
            .checks
            .iter()
            .filter(|check| !passed(check))
            .collect();
        for check in open.iter().take(NAMED) {
            let line = format!("✘ {} ({} points)", sentence(&check.name), check.of);
            lines.push(self.paint(RED, &line));
        }
        if open.len() > NAMED {
            lines.push(self.paint(FAINT, &format!("  and {} more", open.len() - NAMED)));
        }
        lines.push(String::new());
        match open.first().map(|check| &check.verdict) {
            None => lines.push(self.paint(GREEN, "full marks")),
            Some(Verdict::Failed(diagnoses) | Verdict::NotImplemented(diagnoses)) => {
                let first = diagnoses
                    .first()
                    .map(|diagnosis| diagnosis.text(self.colour));
                lines.extend(first.unwrap_or_default().lines().map(str::to_owned));
            }
            Some(Verdict::CouldNotJudge(reason)) => {
                lines.push(format!("could not judge: {reason}"))
            }
            Some(other) => lines.push(other.words()),
        }
        lines
    }

    /// A sign for each check, in the order of the course.
    fn signs(&self, judged: &GradedExercise) -> String {
        let signs = judged.checks.iter().map(|check| match passed(check) {
            true => self.paint(GREEN, "✔"),
            false => self.paint(RED, "✘"),
        });
        let passed = judged.checks.iter().filter(|check| passed(check)).count();
        format!(
            "{}  {passed} of {} checks, {} of {} points",
            signs.collect::<String>(),
            judged.checks.len(),
            judged.points,
            judged.of
        )
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write!(io::stdout(), "\u{1b}[?25h\u{1b}[?1049l");
        let _ = io::stdout().flush();
    }
}

fn passed(check: &GradedCheck) -> bool {
    matches!(check.verdict, Verdict::Passed)
}
