//! What happens while somebody waits: a line for each change, and on a terminal a last one that moves.
//!
//! All on standard error.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use start_engines::operator::table::{cut, printable};
use tokio::time::Instant;

use crate::screen::note;

const FRAMES: [char; 4] = ['|', '/', '-', '\\'];
/// The moving line must not wrap: terminals are seldom narrower.
const WIDTH: usize = 79;

/// The lines of one wait.
#[derive(Debug)]
pub(crate) struct Progress {
    is_terminal: bool,
    began: Instant,
    frame: usize,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            began: Instant::now(),
            frame: 0,
            is_shown: false,
        }
    }

    /// Since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A line that stays.
    pub(crate) fn line(&mut self, text: &str) {
        self.clear();
        note(&format!("{:>7.1} s  {}", self.elapsed().as_secs_f64(), printable(text)));
    }

    /// The line that moves.
    pub(crate) fn tick(&mut self, text: &str) {
        if !self.is_terminal {
            return;
        }
        let frame = FRAMES.get(self.frame % FRAMES.len()).copied().unwrap_or(' ');
        self.frame += 1;
        let line = format!("{:>7.0} s {frame} {}", self.elapsed().as_secs_f64(), printable(text));
        let _ = std::io::stderr().write_all(format!("\r\u{1b}[K{}", cut(&line, WIDTH)).as_bytes());
        self.is_shown = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
