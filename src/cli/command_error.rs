//! The errors that a command can end with, and their exit statuses.

use start_engines_core::call::CallError;
use start_engines_core::input::problem::Problems;

/// Why a command failed. [`crate::args::EXIT_STATUS`] is the table that `--help` prints.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// AWS refused a call, or could not be reached.
    #[error("{0}")]
    Aws(String),
    /// The command line, a file, the settings or an event are wrong.
    #[error("{0}")]
    Usage(String),
    /// Everything was done, but there is drift, a failed event or a message left; the output shows it.
    #[error("{0}")]
    NotWell(String),
    /// `--wait` took longer than `--timeout`.
    #[error("{0}")]
    TimedOut(String),
    /// SIGINT (Ctrl-C), SIGTERM or SIGHUP.
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    /// The exit status of the process.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Aws(_) => 1,
            Self::Usage(_) => 2,
            Self::NotWell(_) => 3,
            Self::TimedOut(_) => 4,
            Self::Interrupted => 130,
        }
    }

    /// A usage error: the heading, then each problem on its own line.
    pub(crate) fn of(problems: &Problems, heading: &str) -> Self {
        let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        Self::Usage(format!("{heading}:{}", lines.concat()))
    }
}

impl From<CallError> for CommandError {
    fn from(error: CallError) -> Self {
        Self::Aws(format!("{}: {error}", error.kind.name()))
    }
}
