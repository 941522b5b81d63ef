//! What a `Reconcile ECS Targets` event requests, or every problem in it.
//!
//! It must name a service or a cluster, so that nothing is repaired by mistake. Must not call AWS.

use serde_json::{Value, json};

use super::later::Later;
use super::sender::{Sender, check_allowed, check_cluster, check_service};
use crate::config::Config;
use crate::domain::arn::{Cluster, Scope, TargetGroupArn};
use crate::domain::requested_at::{self, RequestedAt};
use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;
use crate::spec::tag::tag_text;

/// How many times a reconcile can continue in another invocation.
pub const MAX_CONTINUATIONS: i32 = 100;

/// A request to compare the tasks of a cluster with the targets of their target groups, and to repair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReconcileRequest {
    /// The cluster whose tasks are compared.
    pub cluster: Cluster,
    /// The other clusters in which tasks of this deployment can have targets in the same target groups.
    pub others: Vec<Cluster>,
    /// The service, if only its target groups are compared; each of them as a whole.
    pub service: Option<String>,
    /// The target groups to compare even if no task names them.
    pub groups: Vec<TargetGroupArn>,
    /// When the event was sent, by the envelope's `time`.
    pub sent_at: Option<Timestamp>,
    /// `requestedAt`, for logs and outcome events only. Continuations have that of the first event.
    pub requested_at: Option<RequestedAt>,
    /// `correlationId`.
    pub correlation_id: Option<String>,
    /// The `id` of the first event of the reconcile. Schedule names contain it, so that each continuation has one
    /// schedule.
    pub identity: String,
    /// Where an earlier part of the same reconcile stopped; `None` for the first part.
    pub continuation: Option<Continuation>,
    /// How the reconcile continues if it does not fit into one invocation; without it, it cannot continue.
    pub later: Option<Later>,
    /// Whether to repair nothing, and return the plan. Only the operator's command sets it.
    pub dry_run: bool,
    /// Whether to deregister nothing but what this reconcile has just registered, because not every cluster in which a
    /// live task can have a target is known. Only the operator's command sets it.
    pub deregisters_nothing: bool,
    /// Unknown targets to deregister too. Only the operator's command sets it.
    pub prune: Vec<GroupTarget>,
}

/// How far a reconcile has come (`continuation`). Only start-engines itself sends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Continuation {
    /// The last target group that is done, in the order of ARNs; `None` if none is.
    pub after: Option<TargetGroupArn>,
    /// The number of the continuation, from 1 to [`MAX_CONTINUATIONS`].
    pub count: i32,
}

impl ReconcileRequest {
    /// A request for a cluster, or for a service in it, with everything else at its default. `home` is the function's
    /// account and region, if they are known.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        service: Option<String>,
        identity: String,
        home: Option<&Scope>,
        config: &Config,
    ) -> Self {
        let groups = match &service {
            None => config.named_target_groups(home),
            Some(service) => config.target_groups_of(service, home),
        };
        let mut others = config.named_clusters(home);
        others.retain(|other| !other.same_as(&cluster));
        Self {
            cluster,
            others,
            service,
            groups: groups.into_iter().collect(),
            sent_at: None,
            requested_at: None,
            correlation_id: None,
            identity,
            continuation: None,
            later: None,
            dry_run: false,
            deregisters_nothing: false,
            prune: Vec::new(),
        }
    }
}

/// Reads an event's `detail`; records every problem, and returns `None` if there is one.
pub fn read(detail: &Value, sender: &Sender<'_>, config: &Config, problems: &mut Problems) -> Option<ReconcileRequest> {
    let mut fields = Fields::of(detail, "detail", problems)?;
    let home = sender.home();
    let (cluster, service) = selector(&mut fields, home.as_ref(), config, problems);
    let correlation_id = fields.read("correlationId", problems, tag_text);
    let given = requested_at::read(&mut fields, problems);
    // Absent, or null, which counts as absent: else this is not read (`reconcile_all`).
    fields.raw("all");
    let continued = fields.raw("continuation");
    let continued = continued.map(|value| continuation(value, problems));
    fields.deny_unknown(problems);
    let (continuation, identity) = match continued {
        None => (None, sender.event_id.map(str::to_owned)),
        Some(None) => return None,
        Some(Some((continuation, identity))) => (Some(continuation), Some(identity)),
    };
    if identity.is_none() && !problems.mentions("event.id") {
        problems.missing("event.id", "every EventBridge event has this field");
    }
    Some(ReconcileRequest {
        correlation_id,
        continuation,
        sent_at: sender.sent_at,
        requested_at: RequestedAt::or_sent(given, sender.sent_at),
        later: sender.later(config),
        ..ReconcileRequest::new(cluster?, service, identity?, home.as_ref(), config)
    })
}

/// `cluster` and `service`; without `cluster`, the cluster in which the service is started.
fn selector(
    fields: &mut Fields<'_>,
    home: Option<&Scope>,
    config: &Config,
    problems: &mut Problems,
) -> (Option<Cluster>, Option<String>) {
    let has_cluster = fields.raw("cluster").is_some();
    let has_service = fields.raw("service").is_some();
    let cluster: Option<Cluster> = fields.parsed("cluster", problems);
    if let Some(cluster) = &cluster {
        check_cluster(cluster, home, config, problems);
    }
    let service = fields.text("service", 128, problems);
    if let Some(service) = &service {
        check_service(service, config, problems);
    }
    if !has_cluster && !has_service && !fields.is_misnamed("service") {
        problems.missing("detail.cluster", "give cluster or service, or \"all\": true");
    }
    if has_cluster || service.is_none() {
        return (cluster, service);
    }
    let entry = service.as_ref().and_then(|service| config.catalog.get(service));
    let started_in = entry.and_then(|entry| entry.cluster.as_ref().or(config.defaults.cluster.as_ref()));
    match started_in {
        Some(cluster) => {
            check_allowed("detail.service", cluster.as_str(), cluster, config, problems);
            (Some(cluster.clone()), service)
        }
        None => {
            if entry.is_some() {
                let rule = "neither the catalog entry nor ECS_CLUSTER gives the cluster of the service";
                problems.missing("detail.cluster", rule);
            }
            (None, service)
        }
    }
}

fn continuation(value: &Value, problems: &mut Problems) -> Option<(Continuation, String)> {
    let mut fields = Fields::of(value, "detail.continuation", problems)?;
    let after = fields.parsed("after", problems);
    let count = fields.number("count", 1..=i64::from(MAX_CONTINUATIONS), problems);
    let identity = fields.text("id", 1024, problems);
    for name in ["count", "id"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "every continuation has this field");
        }
    }
    fields.deny_unknown(problems);
    Some((Continuation { after, count: count? }, identity?))
}

/// The `detail` of the event that continues a reconcile.
#[must_use]
pub fn continued(request: &ReconcileRequest, continuation: &Continuation) -> Value {
    let mut detail = json!({
        "cluster": request.cluster.as_str(),
        "continuation": {"count": continuation.count, "id": request.identity},
    });
    if let Some(after) = &continuation.after {
        detail["continuation"]["after"] = json!(after.as_str());
    }
    if let Some(service) = &request.service {
        detail["service"] = json!(service);
    }
    if let Some(id) = &request.correlation_id {
        detail["correlationId"] = json!(id);
    }
    if let Some(requested_at) = &request.requested_at {
        detail["requestedAt"] = json!(requested_at.text);
    }
    detail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

    fn read_back(detail: &Value) -> ReconcileRequest {
        let sender = Sender {
            event_id: Some("another"),
            sent_at: None,
            source: "app.tests",
            function: None,
        };
        let mut problems = Problems::new();
        let request = read(detail, &sender, &Config::default(), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        request.unwrap()
    }

    fn config(variables: &[(&str, &str)]) -> Config {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::read(get, None, None).unwrap()
    }

    #[test]
    fn target_groups_and_other_clusters_are_those_that_the_configuration_names_in_full() {
        let other = GROUP.replace("us-east-1", "eu-west-1");
        let groups = format!("{GROUP},{other},auth*");
        let config = config(&[
            ("ALLOWED_CLUSTERS", "engines,workers"),
            ("ALLOWED_TARGET_GROUPS", &groups),
        ]);
        let home = GROUP.parse::<TargetGroupArn>().unwrap().scope();
        let request = ReconcileRequest::new("engines".parse().unwrap(), None, "e1".into(), home.as_ref(), &config);
        assert_eq!(request.others, ["workers".parse().unwrap()]);
        assert_eq!(request.groups, [GROUP.parse().unwrap()]);
    }

    proptest! {
        #[test]
        fn a_continuation_is_read_as_it_was_written(
            count in 1..=MAX_CONTINUATIONS,
            has_group in any::<bool>(),
            identity in "[ -~]{1,40}",
            correlation_id in prop::option::of("[a-z0-9-]{1,40}"),
            time in prop::option::of(0..4_000_000_000_i64),
        ) {
            let requested_at = time.and_then(|time| RequestedAt::of_time(Timestamp::from_millis(time * 1000)));
            let request = ReconcileRequest {
                correlation_id,
                requested_at,
                ..ReconcileRequest::new("engines".parse().unwrap(), None, identity, None, &Config::default())
            };
            let continuation = Continuation { after: has_group.then(|| GROUP.parse().unwrap()), count };
            let read = read_back(&continued(&request, &continuation));
            prop_assert_eq!(read.continuation.as_ref(), Some(&continuation));
            prop_assert_eq!(ReconcileRequest { continuation: None, ..read }, request);
        }
    }
}
