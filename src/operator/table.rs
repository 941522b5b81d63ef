//! Tables for people, at most [`WIDTH`] columns wide whatever is in them.
//!
//! Must not print.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The most that a line has.
pub const WIDTH: usize = 100;
const GAP: &str = "  ";
/// What is cut ends with this.
const CUT: char = '…';

/// What a text says of how things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// A heading.
    Head,
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Not as it should be.
    Bad,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// With a tone.
    #[must_use]
    pub fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: printable(text.as_ref()),
            tone,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub head: &'static str,
    /// It is cut down to no less than this, where it is longer.
    pub least: usize,
    /// Numbers stand at the right.
    pub is_right: bool,
}

impl Column {
    /// One that may be cut down to `least`.
    #[must_use]
    pub const fn new(head: &'static str, least: usize) -> Self {
        Self {
            head,
            least,
            is_right: false,
        }
    }

    /// Its cells stand at the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// Without rows; every line begins with `indent` spaces.
    #[must_use]
    pub fn new(indent: usize, columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            indent,
        }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The heading.
    #[must_use]
    pub fn head(&self, paint: impl Fn(Tone, &str) -> String) -> String {
        let cells: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::toned(column.head, Tone::Head))
            .collect();
        self.line(&cells, &self.widths(), &paint)
    }

    /// One line for each row.
    #[must_use]
    pub fn lines(&self, paint: impl Fn(Tone, &str) -> String) -> Vec<String> {
        let widths = self.widths();
        self.rows.iter().map(|row| self.line(row, &widths, &paint)).collect()
    }

    fn line(&self, cells: &[Cell], widths: &[usize], paint: impl Fn(Tone, &str) -> String) -> String {
        let mut line = " ".repeat(self.indent);
        for (n, ((cell, width), column)) in cells.iter().zip(widths).zip(&self.columns).enumerate() {
            if n > 0 {
                line.push_str(GAP);
            }
            let text = cut(&cell.text, *width);
            let room = " ".repeat(width.saturating_sub(text.width()));
            let painted = paint(cell.tone, &text);
            let (before, after) = if column.is_right {
                (room, String::new())
            } else {
                (String::new(), room)
            };
            line.push_str(&format!("{before}{painted}{after}"));
        }
        line.trim_end().to_owned()
    }

    /// As wide as the widest cell, and where that is too much, the widest columns cut first.
    fn widths(&self) -> Vec<usize> {
        let widest = |n: usize, column: &Column| {
            let cells = self.rows.iter().filter_map(|row| row.get(n));
            cells
                .map(|cell| cell.text.width())
                .fold(column.head.width(), usize::max)
        };
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| widest(n, column))
            .collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1) + self.indent;
        while widths.iter().sum::<usize>() + gaps > WIDTH {
            let can_shrink = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| **width > column.least);
            match can_shrink.max_by_key(|(width, _)| **width) {
                Some((width, _)) => *width -= 1,
                None => break,
            }
        }
        widths
    }
}

/// A text on one line, with nothing in it that a terminal would obey.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_safe = |c: char| c == ' ' || (!c.is_whitespace() && c.width().is_some_and(|width| width > 0));
    text.chars().map(|c| if is_safe(c) { c } else { '·' }).collect()
}

/// No wider than `width`.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push(CUT);
    }
    kept
}

/// A text on several lines of at most `width`, broken between words where there are any.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in printable(text).split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        while !rest.is_empty() {
            let gap = usize::from(!line.is_empty());
            let used = line.width() + gap;
            if used + rest.width() <= width {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(rest);
                break;
            }
            if gap == 1 {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            // Longer than a line by itself; a letter is always taken, so this ends.
            let mut taken = 0;
            let end = rest.char_indices().find_map(|(at, c)| {
                taken += c.width().unwrap_or(0);
                (taken > width && at > 0).then_some(at)
            });
            let (now, later) = rest.split_at(end.unwrap_or(rest.len()));
            lines.push(now.to_owned());
            rest = later;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// `1 task`, `2 tasks`.
#[must_use]
pub fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Seconds as a person says them: `45s`, `12m`, `3h12m`, `5d4h`.
#[must_use]
pub fn age(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn plain(_: Tone, text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(1, &[Column::new("A", 5), Column::new("NUMBER", 5).right()]);
        table.row(vec!["longer".into(), "1".into()]);
        assert_eq!(table.head(plain), " A       NUMBER");
        assert_eq!(table.lines(plain), [" longer       1"]);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{202e}c\u{7}"), "a·[31mb··c·");
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 4), "日…");
    }

    #[test]
    fn ages_are_told_with_two_units_at_most() {
        let told: Vec<String> = [59, 60, 3_599, 3_600, 86_399, 450_000]
            .map(|seconds| age(Duration::from_secs(seconds)))
            .into();
        assert_eq!(told, ["59s", "1m", "59m", "1h00m", "23h59m", "5d05h"]);
    }

    #[test]
    fn texts_break_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefgh b", 3), ["a", "abc", "def", "gh", "b"]);
        assert!(wrap(" ", 3).is_empty());
    }

    proptest! {
        #[test]
        fn wrapped_lines_fit_and_lose_nothing(text in "\\PC{0,300}", width in 2..40_usize) {
            let lines = wrap(&text, width);
            let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(bare(&lines.concat()), bare(&printable(&text)));
            for line in lines {
                prop_assert!(line.width() <= width, "{}", line);
            }
        }

        #[test]
        fn no_line_is_wider_than_it_may_be(rows in prop::collection::vec((".{0,200}", ".{0,80}", "[0-9]{0,9}"), 0..6), indent in 0..8_usize) {
            let mut table = Table::new(indent, &[Column::new("TEXT", 10), Column::new("OTHER", 10), Column::new("N", 9).right()]);
            for (a, b, c) in rows {
                table.row(vec![a.into(), b.into(), c.into()]);
            }
            for line in table.lines(plain).iter().chain([&table.head(plain)]) {
                prop_assert!(line.width() <= WIDTH, "{} is {} wide", line, line.width());
            }
        }
    }
}
