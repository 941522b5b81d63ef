//! Whether the goals are met, each with the figure.

use super::row::{Address, Kind, Row};

/// The largest account of the goals, and the largest cluster that is stopped.
const LARGEST: usize = 100_000;
const STOPPED: usize = 10_000;
/// Of one late stop.
const CALLS: u64 = 8;
const SECONDS: f64 = 1.0;
/// Of a batch of late stops.
const SECONDS_OF_BATCH: f64 = 30.0;
/// All targets of a stop are out by then.
const SECONDS_OF_TARGETS: f64 = 60.0;
/// Of a reconcile in one invocation.
const MEBIBYTES: f64 = 128.0;
/// How many calls more than reading everything once.
const MORE_CALLS: f64 = 1.05;

/// A line for each goal, from the rows that there are.
pub(super) fn judge(rows: &[Row]) -> Vec<String> {
    let of = |kind: Kind, tasks: usize| rows.iter().find(|row| row.kind == kind && row.tasks == tasks);
    let mut lines = vec![late_stops(rows), searches(rows)];
    let batch = of(Kind::LateStops(Address::SameService), LARGEST);
    lines.push(verdict("goal 2", batch, |row| {
        let seconds = row.time.as_secs_f64();
        let text = format!(
            "1,000 late stops before {LARGEST} live tasks: {seconds:.1} s (at most 30), {}",
            row.end
        );
        (row.is_done && seconds <= SECONDS_OF_BATCH, text)
    }));
    for (drain, timeout) in super::STOPS_OF_ALL {
        lines.push(verdict(
            &format!("goal 3, drain {drain}, timeout {timeout}"),
            of(Kind::StopOfAll { drain, timeout }, STOPPED),
            stop_of_all,
        ));
    }
    let [in_one, in_pieces] = super::TIMEOUTS.map(Kind::Reconcile);
    lines.push(verdict("goal 4, timeout 300", of(in_one, LARGEST), |row| {
        let (is_met, text) = reconcile(row);
        let is_small = row.mebibytes() <= MEBIBYTES;
        let text = format!("{text}, {:.0} MiB (at most {MEBIBYTES:.0})", row.mebibytes());
        (is_met && row.figures.invocations == 1 && is_small, text)
    }));
    lines.push(verdict("goal 4, timeout 30", of(in_pieces, LARGEST), |row| {
        let (_, text) = reconcile(row);
        (row.is_done, text)
    }));
    for kind in [Kind::Running, Kind::Mixed] {
        let largest = rows.iter().filter(|row| row.kind == kind).max_by_key(|row| row.tasks);
        lines.push(verdict("goal 5", largest, |row| {
            let (is_within, text) = allowed(row);
            (row.is_done && is_within, format!("{}: {text}", row.kind.name()))
        }));
    }
    lines
}

fn verdict(goal: &str, row: Option<&Row>, judge: impl Fn(&Row) -> (bool, String)) -> String {
    match row {
        None => format!("{goal}: not measured with these numbers of live tasks"),
        Some(row) => {
            let (is_met, text) = judge(row);
            format!("{goal}: {}: {text}", if is_met { "met" } else { "missed" })
        }
    }
}

/// Goal 1, where the address is free or of the same service.
fn late_stops(rows: &[Row]) -> String {
    let own = [Address::Free, Address::SameService].map(Kind::LateStop);
    let own = || rows.iter().filter(|row| own.contains(&row.kind));
    let calls = own().map(Row::calls).max().unwrap_or_default();
    let seconds = own().map(|row| row.time.as_secs_f64()).fold(0.0, f64::max);
    let is_met = own().all(|row| row.is_done) && calls <= CALLS && seconds <= SECONDS;
    format!(
        "goal 1: {}: a late stop, the addresses free or of the same service: at most {calls} calls (at most {CALLS}) and \
         {seconds:.2} s (at most {SECONDS:.0})",
        if is_met { "met" } else { "missed" }
    )
}

/// Goal 1, where every task is searched.
fn searches(rows: &[Row]) -> String {
    let others = [Address::AnotherTask, Address::NoTask].map(Kind::LateStop);
    let failed: Vec<String> = rows
        .iter()
        .filter(|row| others.contains(&row.kind) && !row.is_done)
        .map(|row| {
            format!(
                "{} before {} tasks ({}, {:.0} s)",
                row.kind.name(),
                row.tasks,
                row.end,
                row.time.as_secs_f64()
            )
        })
        .collect();
    if failed.is_empty() {
        "goal 1, the whole search: met: each ends in its first delivery".to_owned()
    } else {
        format!(
            "goal 1, the whole search: missed: not done in the first delivery: {}",
            failed.join("; ")
        )
    }
}

fn stop_of_all(row: &Row) -> (bool, String) {
    let progress = &row.progress;
    let out_by = progress.last_out.as_secs_f64();
    let minutes = (row.time.as_secs_f64() / 60.0).ceil();
    let schedules = row.calls_of("CreateSchedule");
    let throttled = |operation: &str| row.figures.throttled().get(operation).copied().unwrap_or_default();
    let refused = throttled("StopTask") + throttled("TagResource");
    let (is_within, calls) = allowed(row);
    let is_met =
        row.is_done && out_by <= SECONDS_OF_TARGETS && is_within && schedules as f64 <= minutes && refused == 0;
    let text = format!(
        "{} of {} targets out by {out_by:.0} s (all by {SECONDS_OF_TARGETS:.0}), {} tasks stopped by {:.0} s, {calls}, \
         {schedules} schedules in {minutes:.0} minutes (one a minute), {} StopTask and {} TagResource, of which AWS \
         throttled {refused} (none)",
        progress.out,
        row.tasks,
        progress.stopped,
        progress.last_stopped.as_secs_f64(),
        row.calls_of("StopTask"),
        row.calls_of("TagResource"),
    );
    (is_met, text)
}

fn reconcile(row: &Row) -> (bool, String) {
    let once: u64 = row.allowed.iter().map(|(_, calls)| calls).sum();
    let is_within = row.calls() as f64 <= once as f64 * MORE_CALLS;
    let text = format!(
        "{} calls (reading once takes {once}, 5 % more are allowed), {} invocations, {:.0} s, {}",
        row.calls(),
        row.figures.invocations,
        row.time.as_secs_f64(),
        row.end
    );
    (row.is_done && is_within, text)
}

/// The calls that have a limit of their own.
fn allowed(row: &Row) -> (bool, String) {
    let made = |(operation, most): &(&'static str, u64)| (*operation, row.calls_of(operation), *most);
    let texts: Vec<String> = row
        .allowed
        .iter()
        .map(made)
        .map(|(operation, calls, most)| format!("{calls} {operation} (at most {most})"))
        .collect();
    let is_within = row.allowed.iter().map(made).all(|(_, calls, most)| calls <= most);
    (is_within, texts.join(", "))
}
