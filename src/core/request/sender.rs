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

/// Checks the request's field `cluster`.
pub(crate) fn check_cluster(cluster: &Cluster, home: Option<&Scope>, config: &Config, problems: &mut Problems) {
    let (field, text) = ("detail.cluster", cluster.as_str());
    check_allowed(field, text, cluster, config, problems);
    check_home(field, text, cluster.scope(), home, problems);
}

/// Checks a cluster that follows from another field; `text` is what a problem shows.
pub(crate) fn check_allowed(field: &str, text: &str, cluster: &Cluster, config: &Config, problems: &mut Problems) {
    if !config.allowed.clusters.allows_cluster(cluster) {
        problems.not_allowed(field, text, "is not in ALLOWED_CLUSTERS");
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
        problems.not_in_catalog("detail.service", name, config.catalog.rule());
    }
}
