//! Where on the picture a moment is. A failed check has microseconds in which everything happens, and
//! then seconds in which nothing does: the gap between two events is drawn as long as the logarithm
//! of the time that it took. A book's picture, of clients that take their time, is drawn to scale.

use super::{Micros, Timeline};

/// A gap this short is barely seen, in microseconds.
const GRAIN: f64 = 40.0;

/// Maps moments to positions from 0 to 1, in their order.
pub(super) struct Scale {
    /// Each moment at which something happened, and its position.
    stops: Vec<(Micros, f64)>,
    /// How long the gap between two moments is drawn.
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Logarithmic,
    Linear,
}

impl Kind {
    fn length(self, gap: Micros) -> f64 {
        match self {
            Self::Logarithmic => (gap as f64 / GRAIN).ln_1p(),
            Self::Linear => gap as f64,
        }
    }
}

impl Scale {
    pub(super) fn new(timeline: &Timeline, kind: Kind) -> Self {
        let spans = timeline.rows.iter().flat_map(|row| &row.spans);
        let marks = timeline.rows.iter().flat_map(|row| &row.marks);
        let mut moments: Vec<_> = spans
            .flat_map(|span| [span.from, span.to])
            .chain(marks.map(|mark| mark.at))
            .chain([timeline.end])
            .collect();
        moments.sort_unstable();
        moments.dedup();
        let mut stops = Vec::with_capacity(moments.len());
        let (mut position, mut last) = (0.0, moments[0]);
        for moment in moments {
            position += kind.length(moment - last);
            stops.push((moment, position));
            last = moment;
        }
        let width = f64::max(position, f64::MIN_POSITIVE);
        for (_, position) in &mut stops {
            *position /= width;
        }
        Self { stops, kind }
    }

    /// The position of a moment at which something happened.
    pub(super) fn position(&self, moment: Micros) -> f64 {
        let index = self.stops.partition_point(|&(stop, _)| stop < moment);
        self.stops.get(index).map_or(1.0, |&(_, position)| position)
    }

    /// When the drawn time begins.
    pub(super) fn begin(&self) -> Micros {
        self.stops[0].0
    }

    /// The moments to label: where each of these many equal parts of the picture ends, or, where the
    /// picture is not to scale, the last event at or before it.
    pub(super) fn ticks(&self, parts: u32) -> Vec<(Micros, f64)> {
        let mut ticks: Vec<_> = (0..=parts)
            .filter_map(|part| {
                let wanted = f64::from(part) / f64::from(parts);
                if self.kind == Kind::Linear {
                    let length = self.stops.last()?.0 - self.begin();
                    return Some((self.begin() + (length as f64 * wanted) as Micros, wanted));
                }
                let index = self
                    .stops
                    .partition_point(|&(_, position)| position <= wanted + 1e-9);
                self.stops.get(index.checked_sub(1)?).copied()
            })
            .collect();
        ticks.dedup();
        ticks
    }
}

/// A time in the unit that suits it: `0.35 ms`, `12 ms`, `5.0 s`.
pub(super) fn time(micros: Micros) -> String {
    let millis = micros as f64 / 1e3;
    match millis {
        ..9.95 => format!("{millis:.1} ms"),
        ..999.5 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1e3),
    }
}
