//! A story as a table of at most 100 columns, with the time between its steps and a bar of the time.

pub mod json;
pub mod mermaid;

use std::io::{self, Write};
use std::time::Duration;

use start_engines_core::domain::timestamp::Timestamp;

use crate::terminal::table::{Cell, Column, Layout, Tone, WIDTH, age, printable, wrap, write_wrapped};
use crate::trace::diagnosis::State;
use crate::trace::evidence::Evidence;
use crate::trace::story::Story;
use crate::trace::{Moment, What};

/// Columns of the bar.
const BAR: usize = 12;
/// Characters of a task's id in the table.
const SHOWN_ID: usize = 8;
/// Lines of one moment: longer details are cut, and are whole in JSON.
const MAX_LINES: usize = 3;

const COLUMNS: [Column; 6] = [
    Column::new("TIME", 12),
    Column::new("AFTER", 7).right(),
    Column::new("", BAR),
    Column::new("TASK", SHOWN_ID),
    Column::new("WHAT", 16),
    Column::new("DETAIL", 30),
];

/// Prints a story.
///
/// # Errors
/// Those of writing.
pub fn write_table(evidence: &Evidence, story: &Story, out: &mut impl Write) -> io::Result<()> {
    write_wrapped(out, Tone::Head, &title(evidence))?;
    let rows = rows(evidence, story);
    if !rows.is_empty() {
        let columns = columns(evidence);
        let mut layout = Layout::new(0, &columns);
        rows.iter().for_each(|row| layout.fit(row));
        let layout = layout.fixed();
        writeln!(out, "{}", layout.head())?;
        for row in &rows {
            writeln!(out, "{}", layout.line(row))?;
        }
    }
    for gap in &story.gaps {
        write_wrapped(out, Tone::Bad, &format!("missing: {gap}"))?;
    }
    for note in &story.notes {
        write_wrapped(out, Tone::Plain, &format!("note: {note}"))?;
    }
    let diagnosis = &story.diagnosis;
    let tone = match diagnosis.state {
        State::Well => Tone::Good,
        State::Waiting => Tone::Busy,
        State::Bad => Tone::Bad,
    };
    write_wrapped(out, tone, &format!("Diagnosis: {}", diagnosis.sentence))?;
    match &diagnosis.next {
        Some(next) => writeln!(out, "Next: {}", printable(next)),
        None => Ok(()),
    }
}

/// What the story is about.
#[must_use]
pub fn title(evidence: &Evidence) -> String {
    let mut title = match evidence.tasks.as_slice() {
        [one] => format!("Task {}", one.task.arn.id()),
        many => format!("{} {}: {} tasks", evidence.kind.words(), evidence.id, many.len()),
    };
    let services = evidence.tasks.iter().filter_map(|life| life.status.service.as_deref());
    let of_log = evidence.lines.iter().filter_map(|line| line.text("service"));
    if let Some(service) = services.chain(of_log).next() {
        title += &format!(", service {service}");
    }
    let first = title.chars().next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(title.chars().skip(1)).collect()
}

/// Whether the table needs a column for the task.
fn has_several(evidence: &Evidence) -> bool {
    evidence.tasks.len() + evidence.gone.len() > 1
}

fn columns(evidence: &Evidence) -> Vec<Column> {
    let is_shown = |column: &&Column| column.head != "TASK" || has_several(evidence);
    COLUMNS.iter().filter(is_shown).copied().collect()
}

fn rows(evidence: &Evidence, story: &Story) -> Vec<Vec<Cell>> {
    let columns = columns(evidence);
    let others: usize = columns.iter().map(|column| column.min_width + 2).sum();
    let room = WIDTH - others + 30;
    let (Some(first), Some(last)) = (story.moments.first(), story.moments.last()) else {
        return Vec::new();
    };
    let (first, last) = (first.at, last.at);
    let mut rows = Vec::new();
    let mut before: Option<&Moment> = None;
    let mut day = String::new();
    for moment in &story.moments {
        let text = moment.at.to_rfc3339().unwrap_or_default();
        let (date, time) = text.split_once('T').unwrap_or((&text, ""));
        if date != day {
            day = date.to_owned();
            rows.push(vec![Cell::toned(date, Tone::Head)]);
        }
        let is_planned = moment.at > evidence.now;
        let after = match before {
            _ if is_planned => format!("in {}", short(moment.at.since(evidence.now))),
            Some(before) => format!("+{}", short(moment.at.since(before.at))),
            None => String::new(),
        };
        let from = before.map_or(first, |before| before.at);
        let tone = tone(moment, is_planned);
        let details = lines(detail(moment, story), room);
        for n in 0..details.len().max(1) {
            let detail = details.get(n).map_or("", String::as_str);
            let is_first = n == 0;
            let only_first = |text: &str| if is_first { text.to_owned() } else { String::new() };
            let task = moment.task.as_ref().map_or("", |task| task.id());
            let task: String = task.chars().take(SHOWN_ID).collect();
            let mut row = vec![
                Cell::from(only_first(time.trim_end_matches('Z'))),
                Cell::from(only_first(&after)),
                Cell::from(only_first(&bar(first, last, from, moment.at))),
            ];
            if has_several(evidence) {
                row.push(Cell::from(only_first(&task)));
            }
            row.push(Cell::toned(only_first(moment.what.word()), tone));
            row.push(Cell::toned(detail, tone));
            rows.push(row);
        }
        before = Some(moment);
    }
    rows
}

/// The detail. Of a stop whose reason is in the diagnosis, only ECS's `stopCode`.
fn detail<'m>(moment: &'m Moment, story: &Story) -> &'m str {
    let is_stop = matches!(moment.what, What::Stopping | What::Stopped);
    match moment.detail.split_once(": ") {
        Some((code, _)) if is_stop && story.diagnosis.sentence.contains(&moment.detail) => code,
        Some(_) | None => &moment.detail,
    }
}

fn tone(moment: &Moment, is_planned: bool) -> Tone {
    match moment.what {
        _ if is_planned => Tone::Busy,
        what if what.is_bad() => Tone::Bad,
        What::Health if moment.detail.ends_with(": healthy") => Tone::Good,
        What::Health if moment.detail.contains(": initial") => Tone::Busy,
        What::Health => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// A detail in at most [`MAX_LINES`] lines.
fn lines(detail: &str, room: usize) -> Vec<String> {
    let mut lines = wrap(detail, room);
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            let kept: String = last.chars().take(room.saturating_sub(2)).collect();
            *last = format!("{} …", kept.trim_end());
        }
    }
    lines
}

/// A duration: milliseconds below a second, tenths below a minute.
fn short(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1_000 => format!("{millis}ms"),
        millis @ 1_000..60_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        _ => age(time),
    }
}

/// The part of the whole time between two moments, as a bar.
fn bar(first: Timestamp, last: Timestamp, from: Timestamp, to: Timestamp) -> String {
    let whole = last.since(first).as_millis().max(1);
    let place = |at: Timestamp| {
        let place = at.since(first).as_millis() * (BAR as u128 - 1) / whole;
        usize::try_from(place).unwrap_or(0).min(BAR - 1)
    };
    let (from, to) = (place(from), place(to));
    (0..BAR)
        .map(|n| if (from..=to).contains(&n) { '█' } else { '░' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::log::LogLine;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_bar_shows_which_part_of_the_time_a_step_took() {
        assert_eq!(bar(at(0), at(110), at(0), at(0)), "█░░░░░░░░░░░");
        assert_eq!(bar(at(0), at(110), at(20), at(50)), "░░████░░░░░░");
        assert_eq!(bar(at(0), at(110), at(50), at(110)), "░░░░░███████");
        assert_eq!(bar(at(5), at(5), at(5), at(5)), "█░░░░░░░░░░░", "a story of one moment");
    }

    #[test]
    fn what_was_not_decided_is_neither_good_nor_bad() {
        let line = r#"{"message": "event handled", "outcome": "checked", "detailType": "Check ECS Targets",
            "tasks": ["TASK"], "undecided": ["TASK"],
            "targetsNotHealthy": ["auth/10.0.1.1:8080 initial Elb.InitialHealthChecking"]}"#;
        let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/9c70423078253913200a3450779974e8";
        let line = LogLine::read(at(0), &line.replace("TASK", task)).unwrap();
        let [moment] = line.moments().try_into().unwrap();
        assert_eq!(moment.what.name(), "undecided");
        assert_eq!(tone(&moment, false), Tone::Plain);
        assert!(!moment.what.is_bad());
    }

    #[test]
    fn durations_are_short() {
        let all = [12, 1_290, 59_999, 61_000, 3_600_000].map(|millis| short(Duration::from_millis(millis)));
        assert_eq!(all, ["12ms", "1.2s", "59.9s", "1m", "1h00m"]);
    }
}
