//! The operator's command `start-engines`: only calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    start_engines_cli::run()
}
