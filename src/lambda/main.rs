//! The Lambda function: reads its configuration once, then passes each event, or batch of events, to the handler.
//!
//! The only place of the function that reads the clock and the environment and writes log lines. Small on purpose; the
//! operator's command is another binary.

mod logging;
mod settings;
mod sqs;

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use start_engines_aws::AwsClients;
use start_engines_core::config::LogLevel;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::input::problem::Problems;
use start_engines_core::outcome::{Category, Failure};
use start_engines_core::ports::Clock;
use start_engines_core::report::handled::Handled;
use start_engines_handler::rate_limit::RateLimited;
use start_engines_handler::{Handler, Invocation};

use crate::logging::{log, start_logging, write};
use crate::settings::read_config;
use crate::sqs::Received;

/// The system clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the function reads the clock here only")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Answers each event: with the handler, or with the error of the initialization.
///
/// A function that exits during initialization would lose the reason; this way it goes with each event to the on-failure
/// queue.
enum Function {
    Sound(Box<Handler<RateLimited<AwsClients>, SystemClock>>),
    Misconfigured(Failure),
}

impl Function {
    /// Handles one event, an array of events, or a batch of SQS messages with one event each.
    async fn invoke(&self, event: LambdaEvent<Value>, name: &str) -> Result<Value, Refusal> {
        let invocation = Invocation {
            deadline: Timestamp::from_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX)),
            function: event.context.invoked_function_arn.parse().ok(),
        };
        match sqs::read(event.payload) {
            Received::Alone(alone) => {
                let handled = self.handle(alone, &invocation).await;
                let summary = handled.summary();
                let mut lines = Vec::new();
                log(&handled, &summary, None, name, &mut lines);
                write(&lines);
                handled.result.map(|_| Value::Object(summary)).map_err(Refusal)
            }
            Received::Events(events) => {
                let all = self.handle_batch(events, &invocation).await;
                let mut lines = Vec::new();
                for handled in &all {
                    log(handled, &handled.summary(), None, name, &mut lines);
                }
                write(&lines);
                let failed = all.iter().filter_map(|handled| {
                    let failure = handled.result.as_ref().err()?;
                    Some((handled.envelope.id.as_deref(), failure))
                });
                match sqs::failure(all.len(), failed) {
                    None => Ok(json!({"events": all.len()})),
                    Some(failure) => Err(Refusal(failure)),
                }
            }
            Received::Messages(messages, events) => {
                let all = self.handle_batch(events, &invocation).await;
                let results = messages.iter().zip(&all);
                let mut lines = Vec::new();
                for (message, handled) in results.clone() {
                    log(handled, &handled.summary(), Some(message), name, &mut lines);
                }
                write(&lines);
                let failed = results.filter(|(_, handled)| handled.result.is_err());
                Ok(sqs::response(failed.map(|(message, _)| message)))
            }
        }
    }

    async fn handle(&self, event: Value, invocation: &Invocation) -> Handled {
        match self {
            Self::Misconfigured(failure) => Handled::refused(&event, SystemClock.now(), failure.clone()),
            Self::Sound(handler) => handler.handle(event, invocation).await,
        }
    }

    async fn handle_batch(&self, events: Vec<Value>, invocation: &Invocation) -> Vec<Handled> {
        match self {
            Self::Misconfigured(failure) => {
                let refused = |event| Handled::refused(event, SystemClock.now(), failure.clone());
                events.iter().map(refused).collect()
            }
            Self::Sound(handler) => handler.handle_batch(events, invocation).await,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "start-engines".to_owned());
    let function = match start().await {
        Ok(handler) => Function::Sound(Box::new(handler)),
        Err(problems) => {
            start_logging(LogLevel::Info);
            Function::Misconfigured(Failure::new(Category::InvalidConfiguration, problems.to_string()))
        }
    };
    let service = service_fn(async |event: LambdaEvent<Value>| function.invoke(event, &name).await);
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the Lambda runtime ended: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the handler, or returns every problem of the configuration and the clients.
async fn start() -> Result<Handler<RateLimited<AwsClients>, SystemClock>, Problems> {
    let config = read_config();
    let aws = AwsClients::for_lambda(config.as_ref().ok()).await;
    let (config, aws) = match (config, aws) {
        (Ok(config), Ok(aws)) => (config, aws),
        (Err(mut problems), Err(others)) => {
            problems.extend(others);
            return Err(problems);
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems),
    };
    start_logging(config.log_level);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let aws = RateLimited::new(aws, config.api_rates.clone());
    Ok(Handler::new(config, aws, SystemClock))
}

/// A failure as Lambda's `errorType` and `errorMessage`.
#[derive(Debug)]
struct Refusal(Failure);

impl From<Refusal> for Diagnostic {
    fn from(Refusal(failure): Refusal) -> Self {
        Self {
            error_type: failure.category.to_string(),
            error_message: failure.message,
        }
    }
}
