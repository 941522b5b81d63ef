//! The operator's command: start, stop, watch, repair.
//!
//! The shell of `start_engines::operator`: the only place that reads clock, environment, files and
//! terminal here. What it may do, the function never does: look again until something has happened.

mod arguments;
mod completions;
mod fleet;
mod held;
mod interrupt;
mod local;
mod progress;
mod reconcile;
mod reconciler;
mod redrive;
mod screen;
mod session;
mod start;
mod status;
mod stop;
mod trouble;
mod validate;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::interrupt::Interrupt;
use crate::screen::note;
use crate::session::Session;
use crate::trouble::Trouble;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(Trouble::Usage(format!("no runtime: {error}")))),
    };
    let result = runtime.block_on(run(arguments));
    // A question that nobody has answered must not hold us back.
    runtime.shutdown_background();
    end(result)
}

async fn run(arguments: Arguments) -> Result<(), Trouble> {
    let session = Session::new(arguments.global);
    let interrupt = Interrupt::listen();
    // What they have begun must be ended.
    let is_patient = matches!(arguments.command, Command::Redrive(_) | Command::Reconcile(_));
    let work = async {
        match arguments.command {
            Command::Start(asked) => start::start(&session, asked).await,
            Command::Stop(asked) => stop::stop(&session, asked).await,
            Command::Status(asked) => status::status(&session, asked).await,
            Command::Reconcile(asked) => reconcile::reconcile(&session, asked, &interrupt).await,
            Command::Redrive(asked) => redrive::redrive(&session, asked, &interrupt).await,
            Command::Validate { file } => validate::validate(&session, &file),
            Command::Local(asked) => local::local(&session, asked).await,
            Command::Completions { shell } => completions::print(shell),
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupt.heard(), if !is_patient => Err(Trouble::Interrupted),
    }
}

fn end(result: Result<(), Trouble>) -> ExitCode {
    let Err(trouble) = result else {
        return ExitCode::SUCCESS;
    };
    let message = trouble.to_string();
    if !message.is_empty() {
        note(&message);
    }
    ExitCode::from(trouble.status())
}
