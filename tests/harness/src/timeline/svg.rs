//! The timeline as an SVG picture, for pages: readable in light and in dark, with its text as the
//! alternative.

use std::fmt::Write as _;

use super::scale::{Kind, Scale, time};
use super::{Happening, State, Timeline};

const LABEL_WIDTH: f64 = 110.0;
const PICTURE_WIDTH: f64 = 640.0;
const REMARK_WIDTH: f64 = 150.0;
const ROW_HEIGHT: f64 = 16.0;
const BAR_HEIGHT: f64 = 11.0;
const FOOT: f64 = 60.0;
/// As wide as a letter is on average, and a little more.
const LETTER_WIDTH: f64 = 6.2;

const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#24292f}\
.connecting{fill:#d0d7de}.waiting{fill:#eac54f}.served{fill:#2da44e}.outstanding{fill:#8bd6a0}\
.sign{fill:none;stroke:#24292f;stroke-width:1.4}.answered{fill:#0969da;stroke:none}\
.bad{stroke:#cf222e;stroke-width:2}.rule{stroke:#d0d7de}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.connecting{fill:#484f58}.waiting{fill:#d4a72c}\
.served{fill:#238636}.outstanding{fill:#56b870}.sign{stroke:#e6edf3}.answered{fill:#79c0ff}\
.bad{stroke:#ff7b72}.rule{stroke:#484f58}}";

impl Timeline {
    /// The timeline as an SVG document. `title` says what it shows, for those who can't see it.
    pub fn svg(&self, title: &str) -> String {
        self.draw(title, Kind::Logarithmic)
    }

    /// The same, drawn to scale: for clients that take their time, as in a book.
    pub fn svg_to_scale(&self, title: &str) -> String {
        self.draw(title, Kind::Linear)
    }

    fn draw(&self, title: &str, kind: Kind) -> String {
        let width = LABEL_WIDTH + PICTURE_WIDTH + REMARK_WIDTH;
        let bottom = self.rows.len() as f64 * ROW_HEIGHT;
        let height = bottom + FOOT;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\
             <title>{}</title><desc>{}</desc><style>{STYLE}</style>",
            escape(title),
            escape(&self.text(false).join("\n"))
        );
        if !self.rows.is_empty() {
            let scale = Scale::new(self, kind);
            self.draw_rows(&mut svg, &scale);
            draw_axis(&mut svg, &scale, bottom);
            draw_legend(&mut svg, self, bottom + 36.0);
        }
        svg + "</svg>\n"
    }

    fn draw_rows(&self, svg: &mut String, scale: &Scale) {
        let x = |moment| LABEL_WIDTH + scale.position(moment) * PICTURE_WIDTH;
        for (index, row) in self.rows.iter().enumerate() {
            let top = index as f64 * ROW_HEIGHT + 2.0;
            let middle = top + BAR_HEIGHT / 2.0;
            text(svg, 4.0, middle + 4.0, &row.label);
            for span in &row.spans {
                let (from, to) = (x(span.from), x(span.to));
                let class = class(span.state);
                let width = (to - from).max(0.5);
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
                     height=\"{BAR_HEIGHT}\"/>"
                );
            }
            for mark in &row.marks {
                draw_mark(svg, mark.event, x(mark.at), middle);
            }
            if let (Some(first), Some(last)) = (row.behind.first(), row.behind.last()) {
                let through = if first == last {
                    String::new()
                } else {
                    format!(" … {last}")
                };
                let remark = format!("behind {first}{through}");
                text(
                    svg,
                    LABEL_WIDTH + PICTURE_WIDTH + 10.0,
                    middle + 4.0,
                    &remark,
                );
            }
        }
    }
}

fn draw_mark(svg: &mut String, event: Happening, x: f64, y: f64) {
    let (top, bottom, left, right) = (y - 5.0, y + 5.0, x - 4.0, x + 4.0);
    let _ = match event {
        Happening::Asked => {
            write!(
                svg,
                "<path class=\"sign\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>"
            )
        }
        Happening::Answered => {
            write!(
                svg,
                "<circle class=\"answered\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"/>"
            )
        }
        Happening::HalfClosed => write!(
            svg,
            "<path class=\"sign\" d=\"M{right:.1} {top:.1}L{left:.1} {y:.1}L{right:.1} {bottom:.1}\"/>"
        ),
        Happening::Left => write!(
            svg,
            "<path class=\"sign\" d=\"M{x:.1} {top:.1}V{bottom:.1}M{left:.1} {top:.1}H{x:.1}\
             M{left:.1} {bottom:.1}H{x:.1}\"/>"
        ),
        Happening::LeftByReset | Happening::Reset => {
            let class = if event == Happening::Reset {
                "sign bad"
            } else {
                "sign"
            };
            write!(
                svg,
                "<path class=\"{class}\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}\
                 M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"/>"
            )
        }
        Happening::Closed => write!(
            svg,
            "<path class=\"sign bad\" d=\"M{x:.1} {top:.1}V{bottom:.1}M{x:.1} {top:.1}H{right:.1}\
             M{x:.1} {bottom:.1}H{right:.1}\"/>"
        ),
    };
}

fn draw_axis(svg: &mut String, scale: &Scale, y: f64) {
    let (from, to) = (LABEL_WIDTH, LABEL_WIDTH + PICTURE_WIDTH);
    let _ = write!(svg, "<path class=\"rule\" d=\"M{from} {y}H{to}\"/>");
    for (moment, position) in scale.ticks(5) {
        text(
            svg,
            LABEL_WIDTH + position * PICTURE_WIDTH,
            y + 13.0,
            &time(moment - scale.begin()),
        );
    }
}

/// What the states and the events that are shown mean, in a line each.
fn draw_legend(svg: &mut String, timeline: &Timeline, y: f64) {
    let mut x = LABEL_WIDTH;
    for state in timeline.states() {
        let (class, top) = (class(state), y - 9.0);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"16\" height=\"{BAR_HEIGHT}\"/>"
        );
        text(svg, x + 21.0, y, state.meaning());
        x += 36.0 + LETTER_WIDTH * state.meaning().len() as f64;
    }
    let (mut x, y) = (LABEL_WIDTH, y + ROW_HEIGHT);
    for event in timeline.events() {
        draw_mark(svg, event, x + 8.0, y - 4.0);
        text(svg, x + 21.0, y, event.meaning());
        x += 36.0 + LETTER_WIDTH * event.meaning().len() as f64;
    }
}

fn class(state: State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Waiting => "waiting",
        State::Served => "served",
        State::Outstanding => "outstanding",
    }
}

fn text(svg: &mut String, x: f64, y: f64, words: &str) {
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        escape(words)
    );
}

/// Student text can stand in a label.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use crate::timeline::{Happening, Mark, Row, Span, State, Timeline};

    #[test]
    fn what_a_student_named_is_escaped() {
        let row = Row {
            label: "<script>".into(),
            spans: Vec::new(),
            marks: Vec::new(),
            behind: vec!["\"&'".into()],
        };
        let svg = Timeline {
            rows: vec![row],
            end: 10,
        }
        .svg("a & b");
        assert!(svg.contains("&lt;script&gt;"));
        assert!(!svg.contains("<script>"));
        assert!(svg.contains("<title>a &amp; b</title>"));
    }

    #[test]
    fn the_legend_explains_what_is_shown_and_nothing_else() {
        let row = Row {
            label: "c1".into(),
            spans: vec![Span {
                state: State::Served,
                from: 0,
                to: 10,
            }],
            marks: vec![Mark {
                event: Happening::Closed,
                at: 10,
            }],
            behind: Vec::new(),
        };
        let svg = Timeline {
            rows: vec![row],
            end: 10,
        }
        .svg("closed early");
        assert!(svg.contains(">being served</text>"));
        assert!(svg.contains(">closed by the server</text>"));
        assert!(!svg.contains(">not taken up</text>"));
        assert!(!svg.contains(">left</text>"));
    }
}
