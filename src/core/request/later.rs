//! What the function needs in order to do something later: EventBridge Scheduler invokes it again.

use crate::call::schedule::Scheduler;
use crate::config::Config;
use crate::domain::arn::FunctionArn;

/// How the function is invoked again later. Where a field has this as `None`, nothing can be done later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Later {
    /// The function to invoke again: this one, by the invocation's ARN.
    pub function: FunctionArn,
    /// Role, schedule group and dead-letter queue, from the configuration.
    pub scheduler: Scheduler,
    /// The `source` of the event. The later event has the same one, because it is allowed.
    pub source: String,
}

impl Later {
    /// `None` if the function's ARN is not known or there is no scheduler.
    #[must_use]
    pub fn of(function: Option<&FunctionArn>, config: &Config, source: &str) -> Option<Self> {
        Some(Self {
            function: function?.clone(),
            scheduler: config.scheduler.clone()?,
            source: source.to_owned(),
        })
    }
}
