//! What was measured, as a table on the terminal.

use comfy_table::{CellAlignment, Table, presets};

use crate::contenders::name;
use crate::crowd::Crowd;
use crate::load::Style;
use crate::results::{Run, cells};

/// One table for each load, with a heading that says what its latencies are.
pub fn tables(runs: &[Run]) -> String {
    let mut text = String::new();
    for style in [Style::Stay, Style::Short, Style::Paced] {
        let of_style: Vec<_> = runs
            .iter()
            .filter(|run| run.load == style)
            .cloned()
            .collect();
        if !of_style.is_empty() {
            text += &format!("\n{style}: {}.\n{}\n", style.says(), table(&of_style));
        }
    }
    text
}

/// What became of ten thousand clients.
pub fn crowd(crowds: &[Crowd]) -> Table {
    let mut table = empty(&[
        "server",
        "round",
        "clients",
        "let in",
        "seconds",
        "threads",
        "MiB",
        "MiB reserved",
        "answered",
        "failed",
        "p50 ms",
        "p99 ms",
    ]);
    for crowd in crowds {
        table.add_row([
            name(&crowd.server).to_owned(),
            crowd.round.to_string(),
            crowd.clients.to_string(),
            crowd.let_in.to_string(),
            format!("{:.2}", crowd.seconds),
            crowd.threads.to_string(),
            format!("{:.0}", crowd.memory_kib as f64 / 1024.0),
            format!("{:.0}", crowd.reserved_kib as f64 / 1024.0),
            crowd.answered.to_string(),
            crowd.failed.to_string(),
            format!("{:.2}", crowd.p50_us / 1000.0),
            format!("{:.2}", crowd.p99_us / 1000.0),
        ]);
    }
    aligned(table, 0)
}

/// Without lines between the rows, which are many.
fn empty(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(headings);
    table
}

/// Numbers to the right; the servers' names are in this column.
fn aligned(mut table: Table, names: usize) -> Table {
    for column in table.column_iter_mut() {
        if column.index != names {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn table(runs: &[Run]) -> Table {
    let mut table = empty(&[
        "clients",
        "planned/s",
        "server",
        "requests/s",
        "slowest",
        "fastest",
        "p50 µs",
        "p99 µs",
        "max µs",
        "threads",
        "MiB",
        "failures",
    ]);
    let cells = cells(runs);
    // The order in which they were measured, not that of their names.
    let mut servers: Vec<_> = Vec::new();
    for run in runs {
        if !servers.contains(&&run.server) {
            servers.push(&run.server);
        }
    }
    let mut rows: Vec<_> = cells.iter().collect();
    rows.sort_by_key(|((_, clients, rate, server), _)| {
        let place = servers.iter().position(|known| *known == server);
        (*clients, *rate, place)
    });
    for ((_, clients, rate, server), cell) in rows {
        let median = &cell.median;
        table.add_row([
            clients.to_string(),
            if *rate == 0 {
                "-".to_owned()
            } else {
                rate.to_string()
            },
            name(server).to_owned(),
            format!("{:.0}", median.requests_per_second),
            format!("{:.0}", cell.slowest),
            format!("{:.0}", cell.fastest),
            format!("{:.1}", median.p50_us),
            format!("{:.1}", median.p99_us),
            format!("{:.0}", median.max_us),
            median.threads.to_string(),
            format!("{:.1}", median.memory_kib as f64 / 1024.0),
            median.failures().to_string(),
        ]);
    }
    aligned(table, 2)
}
