//! The operator's command `start-engines`.
//!
//! Reads the clock, the environment, files and the terminal. Unlike the function it may poll (`--wait`).

mod args;
pub mod aws;
mod calls;
mod command_error;
mod commands;
pub mod dead_letter;
mod doctor;
pub mod event;
pub mod event_file;
pub mod fleet;
mod hosts;
mod inventory;
mod reading;
mod reconciler;
mod session;
pub mod terminal;
pub mod trace;
pub mod view;
mod wait;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Arguments, Command, Format};
use self::command_error::CommandError;
use self::session::Session;
use self::terminal::interrupt::Interrupt;
use self::terminal::screen::note;

/// Runs the command with the arguments of the process; returns its exit status.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(CommandError::Usage(format!("no runtime: {error}")))),
    };
    let result = runtime.block_on(execute(arguments));
    // An unanswered question must not keep the process alive.
    runtime.shutdown_background();
    end(result)
}

async fn execute(arguments: Arguments) -> Result<(), CommandError> {
    let is_trace = matches!(arguments.command, Command::Trace(_));
    if arguments.global.output == Format::Mermaid && !is_trace {
        let message = "--output = \"mermaid\": only trace has a timeline; must be table or json";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let session = Session::new(arguments.global);
    let interrupt = Interrupt::listen();
    // These two handle interrupts themselves: they finish the step that they are in.
    let is_patient = matches!(arguments.command, Command::Redrive(_) | Command::Reconcile(_));
    let work = async {
        match arguments.command {
            Command::Start(options) => commands::start::start(&session, options).await,
            Command::Stop(options) => commands::stop::stop(&session, options).await,
            Command::Status(options) => commands::status::status(&session, options).await,
            Command::Doctor(options) => commands::doctor::doctor(&session, options).await,
            Command::Reconcile(options) => commands::reconcile::reconcile(&session, options, &interrupt).await,
            Command::Redrive(options) => commands::redrive::redrive(&session, options, &interrupt).await,
            Command::Trace(options) => commands::trace::trace(&session, options).await,
            Command::Validate { file } => commands::validate::validate(&session, &file),
            Command::Local(options) => commands::local::local(&session, options).await,
            Command::Completions { shell } => commands::completions::print(shell),
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupt.requested(), if !is_patient => Err(CommandError::Interrupted),
    }
}

fn end(result: Result<(), CommandError>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let message = error.to_string();
    if !message.is_empty() {
        note(&message);
    }
    ExitCode::from(error.status())
}
