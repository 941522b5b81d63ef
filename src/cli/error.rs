//! How a command can end other than well, and the exit status for it.

use start_engines_core::call::CallError;
use start_engines_core::input::problem::Problems;

/// Why a command did not end well. [`crate::args::EXIT_STATUS`] is the table for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// AWS refused a call, or could not be reached.
    #[error("{0}")]
    Aws(String),
    /// The command line, a file, the settings or an event are wrong.
    #[error("{0}")]
    Usage(String),
    /// All is done, and not all is well; what is not, was told.
    #[error("{0}")]
    NotWell(String),
    /// It took longer than it was given.
    #[error("{0}")]
    TimedOut(String),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Aws(_) => 1,
            Self::Usage(_) => 2,
            Self::NotWell(_) => 3,
            Self::TimedOut(_) => 4,
            Self::Interrupted => 130,
        }
    }

    /// Every problem on a line of its own.
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
