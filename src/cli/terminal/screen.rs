//! What a person or a program reads: results on standard output, everything else on standard error.
//!
//! A reader who hangs up early is no error of ours.

use std::io::{IsTerminal, Write};

use anstream::ColorChoice;
use serde_json::Value;

use crate::args::{Color, Format, Global};

/// Both outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    is_json: bool,
    has_people: bool,
}

impl Screen {
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => ColorChoice::Auto,
        }
        .write_global();
        Self {
            is_json: global.output == Format::Json,
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
}

/// To standard output, with colours where they are wanted.
pub(crate) fn out(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// A line to standard error.
pub(crate) fn note(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Asks, on a terminal; anything but yes is no.
///
/// A line as the terminal gives it, and no library's prompt. Tried on a pseudo terminal: dialoguer 0.12 takes the first
/// y of `maybe` for yes, leaves the terminal without echo and line editing if SIGTERM ends the program meanwhile, and
/// without a cursor after Ctrl-C; inquire 0.9 puts the terminal into raw mode too, and adds 12 crates.
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
