//! The operator's command: its program only calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    start_engines_cli::run()
}
