//! The picture: calls, seconds, CPU and memory over the number of live tasks.

use std::path::Path;

use super::row::{Address, Kind, Row};
use crate::plot::{self, Chart, Line};

type Value = fn(&Row) -> f64;

/// The kinds that are drawn.
const KINDS: [(Kind, &str); 6] = [
    (Kind::LateStop(Address::Free), "a late stop, free"),
    (Kind::LateStop(Address::SameService), "of the same service"),
    (Kind::LateStop(Address::NoTask), "the whole search"),
    (Kind::LateStops(Address::SameService), "1,000 late stops"),
    (Kind::StopOfAll { drain: 60, timeout: 30 }, "a stop of all, drain 60"),
    (Kind::Reconcile(300), "a reconcile"),
];

/// Draws it; with one size only there is none.
pub(super) fn draw(rows: &[Row], path: &Path) -> Result<(), String> {
    let charts: [(&str, Value); 4] = [
        ("calls", |row| row.calls() as f64),
        ("seconds", |row| row.time.as_secs_f64()),
        ("CPU, ms", Row::cpu_millis),
        ("heap, MiB", Row::mebibytes),
    ];
    let charts = charts.map(|(title, value)| Chart {
        title,
        x: "live tasks",
        lines: KINDS
            .iter()
            .map(|(kind, name)| Line {
                name,
                points: rows
                    .iter()
                    .filter(|row| row.kind == *kind)
                    .map(|row| (row.tasks as f64, value(row)))
                    .collect(),
            })
            .collect(),
    });
    plot::draw(&charts, path)
}
