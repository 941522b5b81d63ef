//! What a person or a program reads: results on standard output, everything else on standard error.
//!
//! A reader who hangs up early is no error of ours.

use std::io::{IsTerminal, Write};

use serde_json::Value;
use start_engines::operator::table::Tone;

use crate::arguments::{Color, Format, Global};

/// Both outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    is_json: bool,
    has_colour: bool,
    has_people: bool,
}

impl Screen {
    pub(crate) fn new(global: &Global) -> Self {
        let wants_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            is_json: global.output == Format::Json,
            has_colour: match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => std::io::stdout().is_terminal() && !wants_none,
            },
            has_people: std::io::stderr().is_terminal() && std::io::stdin().is_terminal(),
        }
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn has_people(self) -> bool {
        self.has_people
    }

    /// Whether the result is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// The result: `text` for people, or `json` for programs.
    pub(crate) fn result(self, text: &str, json: &Value) {
        if self.is_json {
            out(&format!("{json:#}\n"));
        } else {
            out(text);
        }
    }

    /// `text` in the colour of its tone, if there are colours.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Head => "1",
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
        };
        if self.has_colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// To standard output.
pub(crate) fn out(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A line to standard error.
pub(crate) fn note(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Asks, on a terminal; anything but yes is no.
pub(crate) async fn confirm(question: &str) -> bool {
    let _ = std::io::stderr().write_all(format!("{question} [y/N] ").as_bytes());
    // In a thread of its own, so that an interrupt is heard meanwhile.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    match read.await {
        Ok(Ok(line)) => matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        Ok(Err(_)) | Err(_) => false,
    }
}
