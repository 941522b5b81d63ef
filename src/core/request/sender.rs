//! The sender of a request, by envelope and invocation, and the checks that all requests share.

use super::later::Later;
use crate::config::Config;
use crate::domain::arn::{Cluster, FunctionArn, Scope};
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;

/// Where a request comes from, by its envelope and the invocation.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The event's `id`.
    pub event_id: Option<&'a str>,
    /// The event's `time`.
    pub sent_at: Option<Timestamp>,
    /// The event's `source`.
    pub source: &'a str,
    /// The ARN of the function that handles the request; `None` when the operator's command validates offline.
    pub function: Option<&'a FunctionArn>,
}

impl Sender<'_> {
    /// The function's partition, account and region, if its ARN is known.
    #[must_use]
    pub fn home(&self) -> Option<Scope> {
        self.function.and_then(FunctionArn::scope)
    }

    /// How the function is invoked again later; `None` if that is not possible.
    #[must_use]
    pub fn later(&self, config: &Config) -> Option<Later> {
        Later::of(self.function, config, self.source)
    }
}

pub(crate) fn check_cluster(
    field: &str,
    text: &str,
    cluster: &Cluster,
    home: Option<&Scope>,
    config: &Config,
    problems: &mut Problems,
) {
    if !config.allowed.clusters.allows_cluster(cluster) {
        problems.not_allowed(field, text, "is not in ALLOWED_CLUSTERS");
    }
    if field == "detail.cluster" {
        check_home(field, text, cluster.scope(), home, problems);
    }
}

pub(crate) fn check_home(field: &str, text: &str, scope: Option<Scope>, home: Option<&Scope>, problems: &mut Problems) {
    if let (Some(scope), Some(home)) = (scope, home)
        && scope != *home
    {
        let rule = format!(
            "must be in account {} and region {}, like the function",
            home.account, home.region
        );
        problems.invalid_text(field, text, rule);
    }
}

pub(crate) fn check_service(name: &str, config: &Config, problems: &mut Problems) {
    if config.catalog.get(name).is_none() {
        problems.invalid_text("detail.service", name, config.catalog.rule());
    }
}
