//! What the function needs to have something done later: EventBridge Scheduler invokes it again.

use crate::call::schedule::Scheduler;
use crate::config::Config;
use crate::domain::arn::FunctionArn;

/// Told by the invocation, the configuration and the event; `None` of it means that nothing can be
/// done later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Later {
    /// The function that is to be invoked again: this one.
    pub function: FunctionArn,
    /// Role, group and queue.
    pub scheduler: Scheduler,
    /// The source of the event, which the later one has too: it is allowed.
    pub source: String,
}

impl Later {
    /// All three, if they are known.
    #[must_use]
    pub fn of(function: Option<&FunctionArn>, config: &Config, source: &str) -> Option<Self> {
        Some(Self {
            function: function?.clone(),
            scheduler: config.scheduler.clone()?,
            source: source.to_owned(),
        })
    }
}
