//! The charts of a measurement: which lines each has.

use std::collections::BTreeMap;

use crate::chart::{Chart, Line, Point};
use crate::contenders::{keys, name};
use crate::load::Style;
use crate::results::{Cell, Key, Run, cells};

/// A chart's file name and the chart; only of the loads that were measured.
pub fn charts(runs: &[Run]) -> Vec<(&'static str, Chart)> {
    let cells = cells(runs);
    let clients = |(_, clients, _, _): &Key| *clients as f64;
    let rate = |(_, _, rate, _): &Key| f64::from(*rate);
    let throughput = |cell: &Cell| cell.median.requests_per_second;
    let p99 = |cell: &Cell| cell.median.p99_us / 1000.0;
    let stay = "clients that stay connected and ask again when they have their reply";
    let short = "clients that connect, ask once, leave, and come again";
    let all = vec![
        (
            "bench-stay-throughput.svg",
            chart(
                &cells,
                Style::Stay,
                "Clients that stay: throughput",
                stay,
                REQUESTS,
                clients,
                throughput,
            ),
        ),
        (
            "bench-stay-p99.svg",
            chart(
                &cells,
                Style::Stay,
                "Clients that stay: p99 of the latency",
                stay,
                P99,
                clients,
                p99,
            ),
        ),
        (
            "bench-short-throughput.svg",
            chart(
                &cells,
                Style::Short,
                "Short connections: throughput",
                short,
                REQUESTS,
                clients,
                throughput,
            ),
        ),
        (
            "bench-short-p99.svg",
            chart(
                &cells,
                Style::Short,
                "Short connections: p99 of the latency",
                short,
                P99,
                clients,
                p99,
            ),
        ),
        (
            "bench-paced-p99.svg",
            chart(
                &cells,
                Style::Paced,
                "A fixed rate: p99 of the latency",
                "requests a second that 20 clients send, whatever the server does",
                P99,
                rate,
                p99,
            ),
        ),
    ];
    all.into_iter()
        .filter(|(_, chart)| !chart.lines.is_empty())
        .collect()
}

const REQUESTS: &str = "requests a second";
const P99: &str = "p99, in milliseconds";

fn chart(
    cells: &BTreeMap<Key, Cell>,
    style: Style,
    title: &str,
    across: &str,
    up: &str,
    x: fn(&Key) -> f64,
    y: fn(&Cell) -> f64,
) -> Chart {
    let mut lines: BTreeMap<(usize, &str), Vec<Point>> = BTreeMap::new();
    // A bare echo server with 4 threads is there for the ratio, and would hide the pool of 4.
    let drawn = cells
        .iter()
        .filter(|((of, .., server), _)| *of == style && server != "echo-4");
    for (key, cell) in drawn {
        let server = key.3.as_str();
        let place = keys().position(|known| known == server);
        let point = Point {
            x: x(key),
            y: y(cell),
            has_failures: cell.median.failures() > 0,
        };
        lines
            .entry((place.unwrap_or(usize::MAX), server))
            .or_default()
            .push(point);
    }
    let lines = lines.into_iter().map(|((place, server), points)| Line {
        name: name(server).to_owned(),
        // What isn't known shares the last pen.
        pen: place.min(7),
        points,
    });
    Chart {
        prefix: "bench",
        title: title.to_owned(),
        across: across.to_owned(),
        up: up.to_owned(),
        lines: lines.collect(),
    }
}
