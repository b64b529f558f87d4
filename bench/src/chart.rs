//! A chart with two logarithmic axes, as an SVG for light and for dark, with its content in words.
//!
//! Drawn here rather than by a charting crate: those write their colours into each element, so that a
//! picture can't follow the reader's light or dark, and they know no alternative text.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 556.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 366.0;

/// Between two names at the lines' ends.
const NAME_HEIGHT: f64 = 18.0;

/// A name's colour in light and in dark, and the dashes of its line.
const PENS: [(&str, &str, &str); 8] = [
    ("#cf222e", "#ff7b72", ""),
    ("#0969da", "#58a6ff", ""),
    ("#1a7f37", "#56d364", ""),
    ("#8250df", "#bc8cff", ""),
    ("#57606a", "#8b949e", "2 4"),
    ("#953800", "#ffa657", "7 4"),
    ("#bf3989", "#f778ba", "7 4"),
    ("#4d2d00", "#e3b341", "3 3"),
];

pub struct Chart {
    /// Before the classes' names: styles of pictures on one page don't mix.
    pub prefix: &'static str,
    pub title: String,
    pub across: String,
    pub up: String,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    /// Which pen it is drawn with; the same server has the same in every chart.
    pub pen: usize,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    /// Some clients got no reply: drawn hollow.
    pub has_failures: bool,
}

impl Chart {
    /// The picture. Points at 0, which a logarithmic axis doesn't have, are left out.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x = Scale::new(points().map(|point| point.x), LEFT, RIGHT, false);
        let y = Scale::new(points().map(|point| point.y), BOTTOM, TOP, true);
        let mut svg = self.head();
        self.axes(&mut svg, &x, &y);
        let mut names = Vec::new();
        for line in &self.lines {
            let drawn: Vec<_> = line.points.iter().filter(|point| point.y > 0.0).collect();
            let Some(last) = drawn.last() else { continue };
            let places: Vec<_> = drawn
                .iter()
                .map(|point| format!("{:.1} {:.1}", x.place(point.x), y.place(point.y)))
                .collect();
            let pen = format!("{}-{}", self.prefix, line.pen);
            put(
                &mut svg,
                format_args!("<path class=\"{pen}\" d=\"M{}\"/>", places.join("L")),
            );
            for point in &drawn {
                let class = if point.has_failures { "hollow" } else { "full" };
                put(
                    &mut svg,
                    format_args!(
                        "<circle class=\"{pen} {}-{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
                        self.prefix,
                        x.place(point.x),
                        y.place(point.y)
                    ),
                );
            }
            names.push((y.place(last.y), x.place(last.x), line));
        }
        self.names(&mut svg, names);
        svg + "</svg>\n"
    }

    fn head(&self) -> String {
        let p = self.prefix;
        let mut light = String::new();
        let mut dark = String::new();
        for (number, (on_light, on_dark, dashes)) in PENS.iter().enumerate() {
            let _ = write!(
                light,
                ".{p}-{number}{{fill:none;stroke:{on_light};stroke-width:2;stroke-dasharray:{}}}\
                 text.{p}-{number}{{fill:{on_light};stroke:none}}circle.{p}-{number}{{stroke-dasharray:none}}\
                 circle.{p}-{number}.{p}-full{{fill:{on_light}}}",
                if dashes.is_empty() { "none" } else { dashes }
            );
            let _ = write!(
                dark,
                ".{p}-{number}{{stroke:{on_dark}}}text.{p}-{number}{{fill:{on_dark}}}\
                 circle.{p}-{number}.{p}-full{{fill:{on_dark}}}"
            );
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<style>\n\
             text{{font:14px system-ui,sans-serif;fill:#24292f}}.{p}-small{{font-size:12.5px;fill:#57606a}}\
             .{p}-grid{{stroke:#d0d7de;stroke-width:1}}.{p}-faint{{stroke:#eaeef2;stroke-width:1}}\
             .{p}-lead{{stroke:#8c959f;stroke-width:1;fill:none}}\n{light}\n\
             @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.{p}-small{{fill:#b1bac4}}\
             .{p}-grid{{stroke:#30363d}}.{p}-faint{{stroke:#21262d}}{dark}}}\n</style>\n",
            escaped(&self.title),
            escaped(&self.description())
        )
    }

    /// The chart's content in words: each line's first and last point.
    fn description(&self) -> String {
        let mut words = format!(
            "{}, by {}; both axes are logarithmic.",
            self.up, self.across
        );
        for line in &self.lines {
            let mut drawn = line.points.iter().filter(|point| point.y > 0.0);
            let Some(first) = drawn.next() else { continue };
            let last = drawn.next_back().unwrap_or(first);
            let _ = write!(
                words,
                " {}: {} at {}, {} at {}{}.",
                line.name,
                label(first.y),
                label(first.x),
                label(last.y),
                label(last.x),
                if last.has_failures {
                    ", with failures"
                } else {
                    ""
                }
            );
        }
        words
    }

    fn axes(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let p = self.prefix;
        for (value, is_power) in y.ticks() {
            let place = y.place(value);
            let class = if is_power { "grid" } else { "faint" };
            put(
                svg,
                format_args!("<path class=\"{p}-{class}\" d=\"M{LEFT} {place:.1}H{RIGHT}\"/>"),
            );
            put(
                svg,
                format_args!(
                    "<text class=\"{p}-small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    LEFT - 8.0,
                    place + 4.5,
                    label(value)
                ),
            );
        }
        for (value, _) in x.ticks() {
            let place = x.place(value);
            put(
                svg,
                format_args!("<path class=\"{p}-faint\" d=\"M{place:.1} {TOP}V{BOTTOM}\"/>"),
            );
            put(
                svg,
                format_args!(
                    "<text class=\"{p}-small\" x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    BOTTOM + 20.0,
                    label(value)
                ),
            );
        }
        put(
            svg,
            format_args!("<text x=\"10\" y=\"18\">{}</text>", escaped(&self.up)),
        );
        put(
            svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                (LEFT + RIGHT) / 2.0,
                HEIGHT - 10.0,
                escaped(&self.across)
            ),
        );
    }

    /// Each name beside its line's end, moved apart where two would overlap.
    fn names(&self, svg: &mut String, mut names: Vec<(f64, f64, &Line)>) {
        names.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut places: Vec<f64> = names.iter().map(|(place, ..)| *place).collect();
        for index in 1..places.len() {
            places[index] = places[index].max(places[index - 1] + NAME_HEIGHT);
        }
        let mut limit = BOTTOM + 8.0;
        for place in places.iter_mut().rev() {
            *place = place.min(limit);
            limit = *place - NAME_HEIGHT;
        }
        for (&(from, end, line), to) in names.iter().zip(places) {
            let p = self.prefix;
            put(
                svg,
                format_args!(
                    "<path class=\"{p}-lead\" d=\"M{:.1} {from:.1}L{:.1} {to:.1}\"/>",
                    end + 5.0,
                    RIGHT + 26.0
                ),
            );
            put(
                svg,
                format_args!(
                    "<text class=\"{p}-{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    line.pen,
                    RIGHT + 30.0,
                    to + 5.0,
                    escaped(&line.name)
                ),
            );
        }
    }
}

/// A logarithmic axis.
struct Scale {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From the least to the most of the values above 0, or, `in_steps`, from the tick below to the tick
    /// above.
    fn new(values: impl Iterator<Item = f64>, from: f64, to: f64, in_steps: bool) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            least = least.min(value);
            most = most.max(value);
        }
        if !least.is_finite() {
            (least, most) = (1.0, 10.0);
        }
        if in_steps {
            least = steps(least / 5.0, least)
                .last()
                .map_or(least, |step| step.0);
            most = steps(most, most * 5.0).next().map_or(most, |step| step.0);
        }
        if most <= least {
            most = least * 10.0;
        }
        Self {
            least,
            most,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value / self.least).ln() / (self.most / self.least).ln();
        self.from + share * (self.to - self.from)
    }

    /// Each tick, and whether it is a power of ten.
    fn ticks(&self) -> Vec<(f64, bool)> {
        let all: Vec<_> = steps(self.least, self.most).collect();
        // Too many for their labels: only the powers of ten.
        if all.len() > 14 {
            return all.into_iter().filter(|(_, is_power)| *is_power).collect();
        }
        all
    }
}

/// 1, 2, 5, 10, 20, 50 … between the two, and whether each is a power of ten.
fn steps(least: f64, most: f64) -> impl Iterator<Item = (f64, bool)> {
    let powers = (-3..10).map(|power| 10_f64.powi(power));
    let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| (digit * power, digit == 1.0)));
    all.filter(move |(step, _)| (least * 0.999..=most * 1.001).contains(step))
}

/// `20`, `50k`
fn label(value: f64) -> String {
    match value {
        0.0..1.0 => format!("{}", (value * 1000.0).round() / 1000.0),
        1.0..10.0 => format!("{}", (value * 10.0).round() / 10.0),
        10.0..10_000.0 => format!("{value:.0}"),
        10_000.0..1_000_000.0 => format!("{:.0}k", value / 1000.0),
        _ => format!("{:.1}M", value / 1_000_000.0),
    }
}

fn put(svg: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(svg, "{line}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
