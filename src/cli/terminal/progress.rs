//! Progress of `--wait` on standard error: a line for each change, and on a terminal a spinner.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::screen::note;
use super::table::printable;

/// The progress of one wait.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn begin() -> Self {
        // On standard error; hidden if that is no terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{seconds} s {spinner} {wide_msg}") {
            let seconds = |state: &ProgressState, text: &mut dyn Write| {
                let _ = write!(text, "{:>7.0}", state.elapsed().as_secs_f64());
            };
            bar.set_style(style.with_key("seconds", seconds).tick_chars("|/-\\ "));
        }
        Self(bar)
    }

    /// Time since `begin`.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Prints a line that stays.
    pub(crate) fn line(&mut self, text: &str) {
        let seconds = self.elapsed().as_secs_f64();
        self.0
            .suspend(|| note(&format!("{seconds:>7.1} s  {}", printable(text))));
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
