//! Progress on standard error: of `--wait` a line for each change, and on a terminal one line that changes.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use start_engines_core::call::Call;

use super::screen::{Screen, note};
use super::table::{counted, printable, wrap_after};

/// A line that is drawn at most twenty times a second, on standard error; hidden if that is no terminal, or one that
/// cannot draw a line anew.
fn line() -> ProgressBar {
    if std::env::var_os("TERM").is_some_and(|name| name == "dumb") {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{seconds} s {spinner} {wide_msg}") {
        let seconds = |state: &ProgressState, text: &mut dyn Write| {
            let _ = write!(text, "{:>7.0}", state.elapsed().as_secs_f64());
        };
        bar.set_style(style.with_key("seconds", seconds).tick_chars("|/-\\ "));
    }
    bar
}

/// The progress of one wait.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn begin() -> Self {
        Self(line())
    }

    /// Time since `begin`.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Prints what has happened, and stays, in as many lines as it needs.
    pub(crate) fn line(&mut self, text: &str) {
        let head = format!("{:>7.1} s  ", self.elapsed().as_secs_f64());
        self.0
            .suspend(|| wrap_after(&head, text).iter().for_each(|line| note(line)));
    }

    /// Updates the spinner's line.
    pub(crate) fn tick(&mut self, text: &str) {
        self.0.set_message(printable(text));
        self.0.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What is being read or done, and how much of it so far: one line of the terminal, and nothing where there is none.
#[derive(Debug)]
pub(crate) struct Counting {
    bar: ProgressBar,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    what: String,
    listed: usize,
    described: usize,
    groups: usize,
    groups_read: usize,
    registered: usize,
    deregistered: usize,
    stopped: usize,
}

impl Counting {
    /// Shown on the terminal, but not besides JSON.
    pub(crate) fn on(screen: Screen) -> Self {
        Self::of(if screen.is_json() {
            ProgressBar::hidden()
        } else {
            line()
        })
    }

    /// Never shown.
    pub(crate) fn hidden() -> Self {
        Self::of(ProgressBar::hidden())
    }

    fn of(bar: ProgressBar) -> Self {
        Self {
            bar,
            numbers: Mutex::default(),
        }
    }

    /// Begins to count anew, for `what`.
    pub(crate) fn begin(&self, what: &str) {
        self.change(|numbers| {
            *numbers = Numbers {
                what: what.to_owned(),
                ..Numbers::default()
            };
        });
    }

    /// So many more tasks are known.
    pub(crate) fn listed(&self, tasks: usize) {
        self.change(|numbers| numbers.listed += tasks);
    }

    /// So many of them have been read.
    pub(crate) fn described(&self, tasks: usize) {
        self.change(|numbers| numbers.described += tasks);
    }

    /// So many target groups are to be read.
    pub(crate) fn groups(&self, groups: usize) {
        self.change(|numbers| numbers.groups = groups);
    }

    /// A call was made, and AWS has done what it asks for, or refused it.
    pub(crate) fn called(&self, call: &Call, is_done: bool) {
        self.change(|numbers| match call {
            Call::DescribeTargets { .. } => numbers.groups_read += 1,
            Call::RegisterTargets { targets, .. } if is_done => numbers.registered += targets.len(),
            Call::DeregisterTargets { targets, .. } if is_done => numbers.deregistered += targets.len(),
            Call::StopTask { .. } if is_done => numbers.stopped += 1,
            _ => {}
        });
    }

    /// Prints a line that stays.
    pub(crate) fn line(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut Numbers)) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut numbers);
        if !self.bar.is_hidden() && !numbers.what.is_empty() {
            self.bar.set_message(printable(&numbers.text()));
            self.bar.tick();
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.end();
    }
}

impl Numbers {
    fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.listed > 0 {
            parts.push(format!(
                "{} of {} described",
                self.described,
                counted(self.listed, "task")
            ));
        }
        if self.groups > 0 {
            parts.push(format!(
                "{} of {} read",
                self.groups_read,
                counted(self.groups, "target group")
            ));
        }
        for (number, done) in [(self.registered, "registered"), (self.deregistered, "deregistered")] {
            if number > 0 {
                parts.push(format!("{} {done}", counted(number, "target")));
            }
        }
        if self.stopped > 0 {
            parts.push(format!("{} stopped", counted(self.stopped, "task")));
        }
        if parts.is_empty() {
            return self.what.clone();
        }
        format!("{}: {}", self.what, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_is_done_and_how_much_of_what_is_known_so_far() {
        let mut numbers = Numbers {
            what: "reading".to_owned(),
            ..Numbers::default()
        };
        assert_eq!(numbers.text(), "reading");
        (numbers.listed, numbers.described) = (200, 100);
        assert_eq!(numbers.text(), "reading: 100 of 200 tasks described");
        (numbers.groups, numbers.groups_read) = (1, 0);
        assert_eq!(
            numbers.text(),
            "reading: 100 of 200 tasks described, 0 of 1 target group read"
        );
        let repairing = Numbers {
            what: "repairing engines".to_owned(),
            registered: 20,
            stopped: 1,
            ..Numbers::default()
        };
        assert_eq!(
            repairing.text(),
            "repairing engines: 20 targets registered, 1 task stopped"
        );
    }
}
