//! Text tables, at most [`WIDTH`] columns wide whatever is in them.
//!
//! Always in colours: the caller that prints removes them where they are off. Must not print.
//!
//! Not with a library for tables: those hold every cell until the last one is known, and tens of thousands of rows would
//! take most of the command's memory. Here a [`Layout`] sees each row twice, and holds none.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::AnsiColor;
use textwrap::{WordSeparator, WordSplitter};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Maximum width of a line, in terminal columns.
pub const WIDTH: usize = 100;
/// More lines than a screen has: after them, the numbers of a table are printed once more.
pub const LONG: usize = 50;
/// Spaces between two columns.
const GAP: usize = 2;
/// Marks a cut cell.
const CUT: &str = "…";

/// What the colour of a text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// No colour.
    #[default]
    Plain,
    /// A heading: bold.
    Head,
    /// Good: green.
    Good,
    /// In progress: yellow.
    Busy,
    /// Needs attention: red.
    Bad,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        match self {
            Self::Plain => anstyle::Style::new(),
            Self::Head => anstyle::Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }

    /// `text` in this tone's colour.
    #[must_use]
    pub fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// One cell of a table: a text in a tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell in this tone; the text is made [`printable`].
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

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading. The column is at least as wide, even where the line of headings is not printed.
    pub head: &'static str,
    /// Minimum width: longer cells are cut to no less than this.
    pub min_width: usize,
    /// Whether cells are right-aligned, as numbers are.
    pub is_right: bool,
}

impl Column {
    /// A left-aligned column that may be cut to `min_width`.
    #[must_use]
    pub const fn new(head: &'static str, min_width: usize) -> Self {
        Self {
            head,
            min_width,
            is_right: false,
        }
    }

    /// The same column, right-aligned.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }
}

/// The widths of a table's columns. First it sees every row ([`Layout::fit`]), then it prints every row
/// ([`Layout::line`]).
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<Column>,
    /// Of the widest cell of each column, its heading included.
    widths: Vec<usize>,
    indent: usize,
}

impl Layout {
    /// For an empty table; every line begins with `indent` spaces.
    #[must_use]
    pub fn new(indent: usize, columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            widths: columns.iter().map(|column| column.head.width()).collect(),
            indent,
        }
    }

    /// Makes the columns as wide as the cells of this row.
    pub fn fit(&mut self, cells: &[Cell]) {
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.text.width());
        }
    }

    /// Cuts the widest columns first until a line fits. After that, no row may be wider.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let room = WIDTH.saturating_sub(self.indent + gaps);
        while self.widths.iter().sum::<usize>() > room {
            let columns = self.widths.iter_mut().zip(&self.columns);
            let can_shrink = columns.filter(|(width, column)| **width > column.min_width);
            let Some((widest, _)) = can_shrink.max_by_key(|(width, _)| **width) else {
                break;
            };
            *widest -= 1;
        }
        self
    }

    /// The line of headings.
    #[must_use]
    pub fn head(&self) -> String {
        let heads = self.columns.iter().map(|column| Cell::toned(column.head, Tone::Head));
        self.line(&heads.collect::<Vec<Cell>>())
    }

    /// The line of a row.
    #[must_use]
    pub fn line(&self, cells: &[Cell]) -> String {
        let mut line = " ".repeat(self.indent);
        for ((cell, column), width) in cells.iter().zip(&self.columns).zip(&self.widths) {
            let text = cut(&cell.text, *width);
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let text = if text.is_empty() {
                String::new()
            } else {
                cell.tone.paint(&text)
            };
            let parts = if column.is_right {
                [&padding, &text]
            } else {
                [&text, &padding]
            };
            line.extend(parts.map(String::as_str));
            line.push_str(&" ".repeat(GAP));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A text of at most `width` columns; if it is longer, it ends with [`CUT`].
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut room = width.saturating_sub(CUT.width());
    let fits = text.chars().take_while(|c| {
        let left = room.checked_sub(c.width().unwrap_or(0));
        room = left.unwrap_or(0);
        left.is_some()
    });
    Cow::Owned(fits.collect::<String>() + CUT)
}

/// A table with few rows: they are all kept until it is printed.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table; every line begins with `indent` spaces.
    #[must_use]
    pub fn new(indent: usize, columns: &[Column]) -> Self {
        Self {
            layout: Layout::new(indent, columns),
            rows: Vec::new(),
        }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.layout.fit(&cells);
        self.rows.push(cells);
    }

    /// Whether the table has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The line of headings.
    #[must_use]
    pub fn head(&self) -> String {
        self.layout.clone().fixed().head()
    }

    /// The lines of the rows, one for each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let layout = self.layout.clone().fixed();
        self.rows.iter().map(|cells| layout.line(cells)).collect()
    }
}

/// A text on one line, without control characters and escape sequences.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_safe = |c: char| c == ' ' || (!c.is_whitespace() && c.width().is_some_and(|width| width > 0));
    text.chars().map(|c| if is_safe(c) { c } else { '·' }).collect()
}

/// Wraps a text to lines of at most `width` columns, between words where possible.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = printable(text);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = textwrap::wrap(&text, between_words(width)).into_iter();
    lines.map(Cow::into_owned).filter(|line| !line.is_empty()).collect()
}

/// Wraps a text that stands after a head, to lines of at most [`WIDTH`] columns: the further ones are indented as far.
#[must_use]
pub fn wrap_after(head: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(head.width());
    let options = between_words(WIDTH).initial_indent(head).subsequent_indent(&indent);
    let text = printable(text);
    let lines = textwrap::wrap(&text, options).into_iter();
    lines.map(Cow::into_owned).collect()
}

fn between_words<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
}

/// Writes a text in a tone, in as many lines as it needs.
///
/// # Errors
/// Those of writing.
pub fn write_wrapped(out: &mut impl Write, tone: Tone, text: &str) -> io::Result<()> {
    wrap(text, WIDTH)
        .iter()
        .try_for_each(|line| writeln!(out, "{}", tone.paint(line)))
}

/// A number with its noun: `1 task`, `2 tasks`.
#[must_use]
pub fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A duration in at most two units: `45s`, `12m`, `3h12m`, `5d04h`.
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

    /// Removes colours.
    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(1, &[Column::new("A", 5), Column::new("NUMBER", 5).right()]);
        table.row(vec!["longer".into(), "1".into()]);
        assert_eq!(plain(&table.head()), " A       NUMBER");
        assert_eq!(table.lines(), [" longer       1"]);
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{202e}c\u{7}"), "a·[31mb··c·");
    }

    #[test]
    fn wide_letters_count_twice() {
        let cut = |min_width: usize| {
            let mut table = Table::new(0, &[Column::new("A", min_width), Column::new("B", WIDTH)]);
            table.row(vec!["日本語".into(), "b".repeat(WIDTH - GAP - min_width).into()]);
            table.row(vec!["".into(), "c".into()]);
            let lines = table.lines();
            let before = lines[0].split('b').next().unwrap();
            assert_eq!(before.width() + 1, lines[1].width(), "c stands below b: {lines:?}");
            lines[0].split_once(' ').unwrap().0.to_owned()
        };
        assert_eq!(cut(5), "日本…");
        assert_eq!(cut(6), "日本語");
        assert_eq!(cut(4), "日…");
    }

    #[test]
    fn ages_have_two_units_at_most() {
        let ages: Vec<String> = [59, 60, 3_599, 3_600, 86_399, 450_000]
            .map(|seconds| age(Duration::from_secs(seconds)))
            .into();
        assert_eq!(ages, ["59s", "1m", "59m", "1h00m", "23h59m", "5d05h"]);
    }

    #[test]
    fn texts_break_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefgh b", 3), ["a", "abc", "def", "gh", "b"]);
        assert!(wrap(" ", 3).is_empty());
    }

    #[test]
    fn a_text_after_a_head_stays_beside_it() {
        assert_eq!(wrap_after("  1 s  ", "task 1  RUNNING"), ["  1 s  task 1  RUNNING"]);
        let words = vec!["word"; 40].join(" ");
        let lines = wrap_after("  1 s  ", &words);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("       word") && lines.iter().all(|line| line.width() <= WIDTH),
            "{lines:?}"
        );
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
            for line in table.lines().iter().chain([&table.head()]) {
                let line = plain(line);
                prop_assert!(line.width() <= WIDTH, "{} is {} wide", line, line.width());
            }
        }
    }
}
