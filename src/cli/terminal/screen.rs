//! Output: results on standard output, everything else on standard error.
//!
//! A closed pipe is not an error.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::ColorChoice;
use serde::Serialize;
use serde_json::Value;

use super::table::wrap_after;
use crate::args::{Color, Format, Global};

/// Standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    is_json: bool,
    is_mermaid: bool,
    is_interactive: bool,
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
            is_mermaid: global.output == Format::Mermaid,
            is_interactive: std::io::stderr().is_terminal() && std::io::stdin().is_terminal(),
        }
    }

    /// Whether standard input and standard error are a terminal, so that questions can be asked.
    pub(crate) fn is_interactive(self) -> bool {
        self.is_interactive
    }

    /// Whether `--output json` was given.
    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Whether `--output mermaid` was given.
    pub(crate) fn is_mermaid(self) -> bool {
        self.is_mermaid
    }

    /// Prints the result: `text`, or with `--output json` the JSON value.
    pub(crate) fn result(self, text: &str, json: &Value) {
        if self.is_json {
            out(&format!("{json:#}\n"));
        } else {
            out(text);
        }
    }
}

/// Writes a long result to standard output, part by part, in colours if they are on.
pub(crate) fn out_by(write: impl FnOnce(&mut BufWriter<Box<dyn Write>>) -> io::Result<()>) {
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(Box::new(anstream::stdout()));
    let _ = write(&mut out).and_then(|()| out.flush());
}

/// Prints JSON to standard output while it is made.
pub(crate) fn out_json(value: &impl Serialize) {
    out_by(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    });
}

/// Prints to standard output, in colours if they are on.
pub(crate) fn out(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Prints a line to standard error.
pub(crate) fn note(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints a text to standard error, in as many lines as it needs; one that is indented stays so.
pub(crate) fn note_wrapped(text: &str) {
    for line in text.lines() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        wrap_after(indent, rest).iter().for_each(|line| note(line));
    }
}

/// Asks a question on the terminal; any answer but `y` or `yes` is no.
///
/// Reads a plain line instead of using a prompt library. Tried on a pseudo terminal: dialoguer 0.12 takes the first
/// y of `maybe` for yes, leaves the terminal without echo and line editing if SIGTERM ends the program meanwhile, and
/// without a cursor after Ctrl-C; inquire 0.9 puts the terminal into raw mode too, and adds 12 crates.
pub(crate) async fn confirm(question: &str) -> bool {
    let _ = std::io::stderr().write_all(format!("{question} [y/N] ").as_bytes());
    // In its own thread, so that signals are handled meanwhile.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    match read.await {
        Ok(Ok(line)) => matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        Ok(Err(_)) | Err(_) => false,
    }
}
