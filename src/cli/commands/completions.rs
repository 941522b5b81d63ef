//! `completions`: a shell's completions, generated from the command line's definition.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::Arguments;
use crate::command_error::CommandError;
use crate::terminal::screen::out;

/// Prints the completions.
pub(crate) fn print(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "start-engines", &mut script);
    out(&String::from_utf8_lossy(&script));
    Ok(())
}
