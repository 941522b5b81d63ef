//! A shell's completions, made of the command line itself.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::Arguments;
use crate::error::CommandError;
use crate::terminal::screen::out;

/// Prints them.
pub(crate) fn print(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "start-engines", &mut script);
    out(&String::from_utf8_lossy(&script));
    Ok(())
}
