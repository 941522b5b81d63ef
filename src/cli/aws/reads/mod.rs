//! What `doctor` asks AWS: only reads. Each answer is translated into what the checks know (`crate::doctor::world`).

mod containers;
mod function;
mod identity;
mod images_logs_secrets;
mod messaging;
mod routing;
mod vpc;

use aws_config::SdkConfig;
use start_engines_core::call::{CallError, ErrorKind};

pub(crate) use self::images_logs_secrets::{CacheRule, EcrImage};

/// The clients of `doctor`.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    config: SdkConfig,
    ecs: aws_sdk_ecs::Client,
    elbv2: aws_sdk_elasticloadbalancingv2::Client,
    events: aws_sdk_eventbridge::Client,
    lambda: aws_sdk_lambda::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    scheduler: aws_sdk_scheduler::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Reads {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            ecs: aws_sdk_ecs::Client::new(config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }

    /// The region that is asked.
    pub(crate) fn region(&self) -> String {
        self.config.region().map(ToString::to_string).unwrap_or_default()
    }
}

fn unreadable(operation: &'static str, message: impl Into<String>) -> CallError {
    CallError {
        operation,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message: message.into(),
    }
}
