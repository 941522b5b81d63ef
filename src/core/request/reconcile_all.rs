//! A `Reconcile ECS Targets` event for all clusters (`"all": true`): one schedule serves however many there are.
//!
//! Must not call AWS.

use serde_json::{Value, json};

use super::Trigger;
use super::later::Later;
use super::reconcile::ReconcileRequest;
use super::sender::Sender;
use crate::config::Config;
use crate::domain::arn::{Cluster, Scope};
use crate::domain::requested_at::{self, RequestedAt};
use crate::input::fields::Fields;
use crate::input::problem::Problems;
use crate::spec::tag::tag_text;

/// A request to reconcile each of several clusters, with an event of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReconcileAllRequest {
    /// All that the configuration names in the function's account and region, in its order.
    pub clusters: Vec<Cluster>,
    /// `requestedAt`; the events of the clusters have it too.
    pub requested_at: Option<RequestedAt>,
    /// `correlationId`; the events of the clusters have it too.
    pub correlation_id: Option<String>,
    /// The event's `id`. Schedule names contain it, so that each cluster has one schedule.
    pub identity: String,
    /// How the function is invoked for each of the clusters.
    pub later: Option<Later>,
}

/// Whether an event's `detail` is for all clusters; `null` counts as absent.
pub(super) fn is_meant(detail: &Value) -> bool {
    detail.get("all").is_some_and(|all| !all.is_null())
}

/// Reads an event's `detail`; records every problem, and returns `None` if there is one. Of a single cluster it is a
/// reconcile of that one.
pub(super) fn read(detail: &Value, sender: &Sender<'_>, config: &Config, problems: &mut Problems) -> Option<Trigger> {
    let mut fields = Fields::of(detail, "detail", problems)?;
    // Offline the function is not known, and all clusters are where the first one is.
    let home = sender.home().or_else(|| listed_home(config));
    match fields.raw("all") {
        Some(Value::Bool(true)) => {}
        other => problems.invalid(
            "detail.all",
            other.unwrap_or(&Value::Null),
            "must be true; or leave it out, and give cluster or service",
        ),
    }
    for name in ["cluster", "service", "continuation"] {
        if let Some(value) = fields.raw(name) {
            problems.invalid(fields.at(name), value, "is not for all clusters: give this, or all");
        }
    }
    let correlation_id = fields.read("correlationId", problems, tag_text);
    let given = requested_at::read(&mut fields, problems);
    fields.deny_unknown(problems);
    if sender.event_id.is_none() && !problems.mentions("event.id") {
        problems.missing("event.id", "every EventBridge event has this field");
    }
    let mut clusters = config.named_clusters(home.as_ref());
    clusters.retain(|cluster| config.allowed.clusters.allows_cluster(cluster));
    let rule = if !config.names_all_clusters() {
        Some("ALLOWED_CLUSTERS must name every cluster in full: of others it is not known which there are")
    } else if home.is_some() && clusters.is_empty() {
        Some("ALLOWED_CLUSTERS names no cluster of the function's account and region")
    } else if clusters.len() > 1 && config.scheduler.is_none() {
        Some("SCHEDULER_ROLE_ARN must be set: each of several clusters is reconciled by an event of its own")
    } else {
        None
    };
    if let Some(rule) = rule {
        problems.invalid("detail.all", &json!(true), rule);
    }
    let identity = sender.event_id?.to_owned();
    let requested_at = RequestedAt::or_sent(given, sender.sent_at);
    if let [cluster] = clusters.as_slice() {
        return Some(Trigger::Reconcile(Box::new(ReconcileRequest {
            correlation_id,
            sent_at: sender.sent_at,
            requested_at,
            later: sender.later(config),
            ..ReconcileRequest::new(cluster.clone(), None, identity, home.as_ref(), config)
        })));
    }
    Some(Trigger::ReconcileAll(Box::new(ReconcileAllRequest {
        clusters,
        requested_at,
        correlation_id,
        identity,
        later: sender.later(config),
    })))
}

/// The account and region of the first cluster that the configuration names by ARN.
fn listed_home(config: &Config) -> Option<Scope> {
    let clusters = config.allowed.clusters.patterns();
    clusters
        .filter_map(|pattern| pattern.parse::<Cluster>().ok())
        .find_map(|cluster| cluster.scope())
}

/// The `detail` of the event of one of the clusters.
#[must_use]
pub fn of_cluster(request: &ReconcileAllRequest, cluster: &Cluster) -> Value {
    let mut detail = json!({"cluster": cluster.as_str()});
    if let Some(id) = &request.correlation_id {
        detail["correlationId"] = json!(id);
    }
    if let Some(requested_at) = &request.requested_at {
        detail["requestedAt"] = json!(requested_at.text);
    }
    detail
}
