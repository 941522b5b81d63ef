//! The operator's command: start, stop, watch, repair.
//!
//! The shell of `crate::cli`: the only place that reads clock, environment, files and
//! terminal here. What it may do, the function never does: look again until something has happened.

mod args;
pub mod aws;
mod commands;
pub mod dead_letter;
mod error;
pub mod event;
pub mod event_file;
pub mod fleet;
mod inventory;
mod reconciler;
mod session;
pub mod terminal;
pub mod view;
mod wait;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Arguments, Command};
use self::error::CommandError;
use self::session::Session;
use self::terminal::interrupt::Interrupt;
use self::terminal::screen::note;

/// Runs the command with the arguments of the process; gives its exit status.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(CommandError::Usage(format!("no runtime: {error}")))),
    };
    let result = runtime.block_on(execute(arguments));
    // A question that nobody has answered must not hold us back.
    runtime.shutdown_background();
    end(result)
}

async fn execute(arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::new(arguments.global);
    let interrupt = Interrupt::listen();
    // What they have begun must be ended.
    let is_patient = matches!(arguments.command, Command::Redrive(_) | Command::Reconcile(_));
    let work = async {
        match arguments.command {
            Command::Start(asked) => commands::start::start(&session, asked).await,
            Command::Stop(asked) => commands::stop::stop(&session, asked).await,
            Command::Status(asked) => commands::status::status(&session, asked).await,
            Command::Reconcile(asked) => commands::reconcile::reconcile(&session, asked, &interrupt).await,
            Command::Redrive(asked) => commands::redrive::redrive(&session, asked, &interrupt).await,
            Command::Validate { file } => commands::validate::validate(&session, &file),
            Command::Local(asked) => commands::local::local(&session, asked).await,
            Command::Completions { shell } => commands::completions::print(shell),
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupt.heard(), if !is_patient => Err(CommandError::Interrupted),
    }
}

fn end(result: Result<(), CommandError>) -> ExitCode {
    let Err(trouble) = result else {
        return ExitCode::SUCCESS;
    };
    let message = trouble.to_string();
    if !message.is_empty() {
        note(&message);
    }
    ExitCode::from(trouble.status())
}
