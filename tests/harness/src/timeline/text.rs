//! The timeline in the terminal: at most 100 columns, rows that tell the same folded.

use std::fmt::Write as _;

use super::scale::{Kind, Scale, time};
use super::{Happening, Row, State, Timeline};

/// The columns of the picture itself; the label and the remark stand beside it.
const WIDTH: usize = 57;
const LABEL_WIDTH: usize = 9;
const REMARK_WIDTH: usize = 19;

/// Up to this many rows, all are shown.
const UNFOLDED: usize = 22;

/// Of rows that tell the same, so many are shown at the beginning and at the end.
const SHOWN_FIRST: usize = 3;
const SHOWN_LAST: usize = 2;

/// A piece of a row, with its ANSI colour.
type Cell = (char, &'static str);

const PLAIN: &str = "";

impl Timeline {
    /// The timeline as lines of text, coloured for a terminal or plain.
    pub fn text(&self, colour: bool) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let scale = Scale::new(self, Kind::Logarithmic);
        let mut lines = Vec::new();
        for group in self.groups() {
            let folded = self.rows.len() > UNFOLDED && group.len() > SHOWN_FIRST + SHOWN_LAST + 1;
            for (index, row) in group.iter().enumerate() {
                if !folded || index < SHOWN_FIRST || index >= group.len() - SHOWN_LAST {
                    lines.push(line(row, &scale, colour));
                } else if index == SHOWN_FIRST {
                    let hidden = group.len() - SHOWN_FIRST - SHOWN_LAST;
                    lines.push(format!("{:LABEL_WIDTH$} ⋮ {hidden} more like these", ""));
                }
            }
        }
        lines.push(axis(&scale));
        lines.push(self.legend());
        lines
    }

    /// Neighbouring rows that tell the same.
    fn groups(&self) -> Vec<&[Row]> {
        self.rows
            .chunk_by(|one, next| shape(one) == shape(next))
            .collect()
    }

    fn legend(&self) -> String {
        let states = self.states().map(|state| (glyph(state).0, state.meaning()));
        let events = self.events().map(|event| (sign(event).0, event.meaning()));
        // As much of it as fits in one line.
        let mut legend = String::new();
        for (sign, meaning) in states.chain(events) {
            let entry = format!("{sign} {meaning}");
            if legend.chars().count() + entry.chars().count() + 2 <= WIDTH + REMARK_WIDTH {
                let _ = write!(
                    legend,
                    "{}{entry}",
                    if legend.is_empty() { "" } else { "  " }
                );
            }
        }
        format!("{:LABEL_WIDTH$} {legend}", "")
    }
}

/// What a row tells, apart from when.
fn shape(row: &Row) -> (Vec<State>, Vec<Happening>, bool) {
    let states = row.spans.iter().map(|span| span.state);
    // How long the handshake took is of no interest.
    let states = states.filter(|&state| state != State::Connecting).collect();
    let mut events: Vec<_> = row.marks.iter().map(|mark| mark.event).collect();
    events.dedup();
    (states, events, row.behind.is_empty())
}

fn line(row: &Row, scale: &Scale, colour: bool) -> String {
    let mut cells: Vec<Cell> = vec![(' ', PLAIN); WIDTH];
    let column = |moment| (scale.position(moment) * (WIDTH - 1) as f64).round() as usize;
    for span in &row.spans {
        // An end is where the next state begins.
        let (from, to) = (column(span.from), column(span.to));
        for cell in &mut cells[from..to.max(from + 1).min(WIDTH)] {
            *cell = glyph(span.state);
        }
    }
    for mark in &row.marks {
        let cell = &mut cells[column(mark.at)];
        // In one column, an answer outweighs its question, and the end outweighs both.
        if weight(mark.event) >= weight_of(cell.0) {
            *cell = sign(mark.event);
        }
    }
    let picture = paint(&cells, colour);
    let label: String = row.label.chars().take(LABEL_WIDTH).collect();
    format!("{label:LABEL_WIDTH$} {picture} {}", remark(row))
        .trim_end()
        .to_owned()
}

fn remark(row: &Row) -> String {
    match row.behind.as_slice() {
        [] => String::new(),
        [one] => format!("behind {one}"),
        [one, other] => format!("behind {one}, {other}"),
        [first, .., last] => format!("behind {first} … {last}"),
    }
}

fn paint(cells: &[Cell], colour: bool) -> String {
    let mut text = String::new();
    for run in cells.chunk_by(|one, next| one.1 == next.1) {
        let signs: String = run.iter().map(|cell| cell.0).collect();
        match run[0].1 {
            PLAIN => text += &signs,
            _ if !colour => text += &signs,
            code => {
                let _ = write!(text, "\u{1b}[{code}m{signs}\u{1b}[0m");
            }
        }
    }
    text
}

fn axis(scale: &Scale) -> String {
    let mut line = String::new();
    for (moment, position) in scale.ticks(4) {
        let column = (position * (WIDTH - 1) as f64).round() as usize;
        let label = time(moment - scale.begin());
        if column >= line.chars().count() {
            let gap = column - line.chars().count();
            let _ = write!(line, "{:gap$}╵{label} ", "");
        }
    }
    format!("{:LABEL_WIDTH$} {line}", "").trim_end().to_owned()
}

fn glyph(state: State) -> Cell {
    match state {
        State::Connecting => ('·', "2"),
        State::Waiting => ('┄', "33"),
        State::Served => ('█', "32"),
        State::Outstanding => ('▒', "32"),
    }
}

fn sign(event: Happening) -> Cell {
    match event {
        Happening::Asked => ('?', PLAIN),
        Happening::Answered => ('●', "36"),
        Happening::HalfClosed => ('<', PLAIN),
        Happening::Left => ('|', PLAIN),
        Happening::LeftByReset => ('/', PLAIN),
        Happening::Closed => ('■', "31"),
        Happening::Reset => ('×', "31"),
    }
}

fn weight(event: Happening) -> u8 {
    weight_of(sign(event).0)
}

fn weight_of(sign: char) -> u8 {
    match sign {
        '?' => 1,
        '<' => 2,
        '●' => 3,
        '|' | '/' | '■' | '×' => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Mark, Micros, Span};

    /// A client that is taken up at one moment and leaves at another.
    fn client(number: usize, taken_up: Micros, left: Micros, behind: &[&str]) -> Row {
        let made = number as Micros * 10;
        Row {
            label: format!("c{number}"),
            spans: vec![
                Span {
                    state: State::Waiting,
                    from: made,
                    to: taken_up,
                },
                Span {
                    state: State::Served,
                    from: taken_up,
                    to: left,
                },
            ],
            marks: vec![Mark {
                event: Happening::Left,
                at: left,
            }],
            behind: behind.iter().map(|&label| label.to_owned()).collect(),
        }
    }

    /// The column in which each row begins to be served.
    fn steps(timeline: &Timeline) -> Vec<usize> {
        let lines = timeline.text(false);
        let step = |line: &String| line.chars().position(|sign| sign == '█');
        lines
            .iter()
            .filter(|line| line.starts_with('c'))
            .filter_map(step)
            .collect()
    }

    #[test]
    fn a_single_loop_is_a_staircase() {
        let rows = (1..=5).map(|n| client(n, n as Micros * 1_000, (n as Micros + 1) * 1_000, &[]));
        let steps = steps(&Timeline {
            rows: rows.collect(),
            end: 6_000,
        });
        assert_eq!(steps.len(), 5);
        assert!(steps.is_sorted_by(|one, next| one < next), "{steps:?}");
    }

    #[test]
    fn a_thread_for_each_client_is_a_block() {
        let rows = (1..=5).map(|n| client(n, 1_000, 5_000, &[]));
        let steps = steps(&Timeline {
            rows: rows.collect(),
            end: 6_000,
        });
        assert!(steps.iter().all(|&step| step == steps[0]), "{steps:?}");
    }

    #[test]
    fn the_blocker_is_named() {
        let rows = vec![
            client(1, 1_000, 5_000, &[]),
            client(2, 5_000, 5_500, &["c1"]),
        ];
        let lines = Timeline { rows, end: 6_000 }.text(false);
        assert!(lines[1].ends_with("behind c1"), "{lines:#?}");
    }

    #[test]
    fn a_hundred_rows_fold_and_no_line_is_too_long() {
        let rows = (1..=100)
            .map(|n| client(n, 2_000, 5_000, &["c1", "c2"]))
            .collect();
        let lines = Timeline {
            rows,
            end: 1_000_000,
        }
        .text(false);
        assert!(lines.len() < 15, "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("95 more like these")),
            "{lines:#?}"
        );
        let label = "  timeline  ".len();
        assert!(
            lines.iter().all(|line| line.chars().count() + label <= 100),
            "{lines:#?}"
        );
    }

    #[test]
    fn plain_text_has_no_escapes_and_colour_changes_nothing_else() {
        let rows = vec![client(1, 1_000, 5_000, &[])];
        let timeline = Timeline { rows, end: 6_000 };
        let (plain, colour) = (timeline.text(false).join(""), timeline.text(true).join(""));
        assert!(!plain.contains('\u{1b}'));
        assert!(colour.contains("\u{1b}[32m"));
    }
}
