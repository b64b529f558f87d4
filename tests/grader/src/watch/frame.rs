//! What `--watch` shows, line by line: every exercise's points, and of one exercise the checks with
//! their marks and the first failure in full.

use console::measure_text_width;
use harness::{Diagnosis, Timeline, sentence};

use grader::verdict::{GradedCheck, GradedExercise, Verdict};

use super::{Known, View};
use crate::next::ALL_DONE;

const GREEN: &str = "32";
const RED: &str = "31";
const FAINT: &str = "2";
const BOLD: &str = "1";

/// So many of the checks that failed after the first are named; the others are signs.
const NAMED: usize = 5;

/// Where a diagnosis's text begins in its lines.
const INDENT: usize = 12;

/// The terminal that is drawn for.
#[derive(Clone, Copy)]
pub(super) struct Paper {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) colour: bool,
}

impl Paper {
    /// The lines that show this, as many as there are rows.
    pub(super) fn lines(self, view: &View<'_>) -> Vec<String> {
        let (exercise, known) = view.exercises[view.shown];
        let title = format!("{} · {}", exercise.name, exercise.title);
        let place = format!("exercises/{}/{}", exercise.folder, exercise.task);
        let mut lines = vec![
            self.heading(view),
            String::new(),
            format!(
                "{}  {}",
                self.paint(BOLD, &title),
                self.paint(FAINT, &place)
            ),
        ];
        let end = match &view.running {
            Some((exercise, seconds)) => {
                format!("{} is being judged … {seconds} s", exercise.name)
            }
            None => "waiting for a file to be saved".to_owned(),
        };
        let room = self.rows.saturating_sub(lines.len() + 2);
        let is_all_done = view.exercises.iter().all(|(_, known)| known.is_done());
        lines.extend(self.body(known, is_all_done, room));
        lines.push(String::new());
        lines.push(self.paint(FAINT, &format!("{end} · Ctrl-C ends")));
        lines
    }

    /// The exercises, with their points.
    fn heading(self, view: &View<'_>) -> String {
        let exercises = view.exercises.iter().enumerate();
        let words = exercises.map(|(place, (exercise, known))| {
            let points = match (&known.problem, &known.judged) {
                (Some(_), _) => "?".to_owned(),
                (None, Some(judged)) => format!("{}/{}", judged.points, judged.of),
                (None, None) => "…".to_owned(),
            };
            let words = format!("{} {points}", exercise.name);
            match (place == view.shown, known.is_done()) {
                (true, true) => self.paint(GREEN, &format!("[{words}]")),
                (true, false) => self.paint(BOLD, &format!("[{words}]")),
                (false, true) => self.paint(GREEN, &words),
                (false, false) => words,
            }
        });
        words.collect::<Vec<_>>().join("   ")
    }

    /// What is known of an exercise, in so many lines.
    fn body(self, known: &Known, is_all_done: bool, room: usize) -> Vec<String> {
        if let Some(problem) = &known.problem {
            return self.cut(self.wrapped(problem), room);
        }
        let Some(judged) = &known.judged else {
            return Vec::new();
        };
        if let Some(compiler) = &judged.compiler {
            let mut lines = vec![self.paint(RED, "does not compile"), String::new()];
            lines.extend(self.cut(compiler_lines(compiler), room.saturating_sub(2)));
            return lines;
        }
        let mut lines = vec![self.signs(judged), String::new()];
        let mut open = judged.checks.iter().filter(|check| !passed(check));
        let Some(first) = open.next() else {
            lines.push(self.paint(GREEN, "full marks"));
            if is_all_done {
                lines.push(ALL_DONE.to_owned());
            }
            return lines;
        };
        let others: Vec<_> = open.collect();
        let failure = self.failure(&first.verdict);
        let left = room.saturating_sub(lines.len() + 2);
        lines.push(self.open_check(first));
        lines.extend(self.others(&others, left.saturating_sub(failure.len())));
        lines.push(String::new());
        let left = room.saturating_sub(lines.len());
        lines.extend(self.cut(failure, left));
        lines
    }

    /// A sign for each check, in the order of the course.
    fn signs(self, judged: &GradedExercise) -> String {
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

    fn open_check(self, check: &GradedCheck) -> String {
        let line = format!("✘ {} ({} points)", sentence(&check.name), check.of);
        self.paint(RED, &line)
    }

    /// The checks that failed after the first, as far as there is room.
    fn others(self, checks: &[&GradedCheck], room: usize) -> Vec<String> {
        let room = room.min(NAMED + 1);
        let named = match checks.len() <= room {
            true => checks.len(),
            false => room.saturating_sub(1),
        };
        let mut lines: Vec<_> = checks[..named]
            .iter()
            .map(|check| self.open_check(check))
            .collect();
        if named < checks.len() && room > 0 {
            lines.push(self.paint(FAINT, &format!("  and {} more", checks.len() - named)));
        }
        lines
    }

    fn failure(self, verdict: &Verdict) -> Vec<String> {
        match verdict {
            Verdict::Failed(diagnoses) | Verdict::NotImplemented(diagnoses) => diagnoses
                .first()
                .map(|diagnosis| self.diagnosis(diagnosis))
                .unwrap_or_default(),
            Verdict::CouldNotJudge(reason) => self.wrapped(&format!("could not judge: {reason}")),
            other => vec![other.words()],
        }
    }

    /// The words first, the picture last: that is what can be missing where there is little room.
    fn diagnosis(self, diagnosis: &Diagnosis) -> Vec<String> {
        let words = Diagnosis {
            timeline: Timeline::default(),
            ..diagnosis.clone()
        };
        let mut lines = self.wrapped(&words.text(self.colour));
        let picture = diagnosis.timeline.text(self.colour).into_iter();
        lines.extend(picture.enumerate().map(|(index, line)| {
            let label = if index == 0 { "  timeline" } else { "" };
            format!("{label:INDENT$}{line}")
        }));
        lines
    }

    fn wrapped(self, text: &str) -> Vec<String> {
        text.lines()
            .flat_map(|line| wrap(line, self.columns))
            .collect()
    }

    /// So many of the lines, and a word about the others.
    fn cut(self, mut lines: Vec<String>, room: usize) -> Vec<String> {
        if lines.len() > room {
            let hidden = lines.len() - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            let word = format!("… {hidden} lines more: make this terminal taller");
            lines.push(self.paint(FAINT, &word));
        }
        lines
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

/// From the first error on: the warnings before it can wait.
fn compiler_lines(output: &str) -> Vec<String> {
    let lines = output.lines().map(str::to_owned);
    let is_error = |line: &String| line.starts_with("error");
    let errors: Vec<_> = lines.clone().skip_while(|line| !is_error(line)).collect();
    match errors.is_empty() {
        true => lines.collect(),
        false => errors,
    }
}

/// Breaks a line between words; what follows is indented as a diagnosis's text is.
fn wrap(line: &str, columns: usize) -> Vec<String> {
    if measure_text_width(line) <= columns || columns <= 2 * INDENT {
        return vec![line.to_owned()];
    }
    let mut lines = Vec::new();
    let mut current = String::new();
    for (index, word) in line.split(' ').enumerate() {
        let is_full = measure_text_width(&current) + 1 + measure_text_width(word) > columns;
        if is_full && !current.trim().is_empty() {
            lines.push(current);
            current = format!("{:INDENT$}{word}", "");
        } else {
            if index > 0 {
                current.push(' ');
            }
            current += word;
        }
    }
    lines.push(current);
    lines
}

fn passed(check: &GradedCheck) -> bool {
    matches!(check.verdict, Verdict::Passed)
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn a_long_line_is_broken_between_words() {
        let line = "  observed  one two three four five six seven";
        let wrapped = wrap(line, 30);
        assert_eq!(
            wrapped,
            [
                "  observed  one two three four",
                "            five six seven"
            ]
        );
    }

    #[test]
    fn a_line_that_fits_stays_and_colours_take_no_room() {
        let line = "\u{1b}[1;34m  observed\u{1b}[0m  one two three four";
        assert_eq!(wrap(line, 30), [line]);
    }

    #[test]
    fn a_word_that_is_longer_than_the_terminal_stays_whole() {
        let word = "x".repeat(40);
        assert_eq!(wrap(&word, 30), [word]);
    }
}
