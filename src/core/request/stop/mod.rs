//! What a `Stop ECS Task` event requests, or every problem in it.
//!
//! It must name the tasks explicitly, and all tasks of a cluster only with `"all": true`, so that nothing is stopped by
//! mistake. Must not call AWS.

mod continuation;

use std::time::Duration;

use serde_json::{Value, json};

pub use self::continuation::{Continuation, MAX_CONTINUATIONS, continued};
use super::later::Later;
use super::sender::{Sender, check_allowed, check_cluster, check_home, check_service};
use crate::config::Config;
use crate::domain::arn::{Cluster, Scope, TaskArn};
use crate::domain::requested_at::{self, RequestedAt};
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;
use crate::spec::tag::tag_text;

/// The longest `drainSeconds`: the longest deregistration delay of a target group.
pub const MAX_DRAIN_SECONDS: i64 = 3600;
/// The longest `reason`, the limit of
/// [StopTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html).
pub(crate) const MAX_REASON_CHARACTERS: usize = 255;

/// A request to stop tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopRequest {
    /// The tasks to stop.
    pub selector: Selector,
    /// How long connections may take to end before StopTask.
    pub drain: Drain,
    /// `reason`, which becomes the tasks' `stoppedReason`.
    pub reason: String,
    /// `correlationId`.
    pub correlation_id: Option<String>,
    /// When the event was sent, by the envelope's `time`.
    pub sent_at: Option<Timestamp>,
    /// When the stop was requested: `requestedAt`, else the envelope's `time`. A stop of several tasks stops only those
    /// that were requested before it, so it always has this time.
    pub requested_at: Option<Timestamp>,
    /// Tasks that starts of the same batch have just started, which ListTasks may not list yet.
    pub just_started: Vec<JustStarted>,
    /// `unlessRunning`: whether to leave a task alone that is or was RUNNING. The deadline of a start sets it.
    pub unless_running: bool,
    /// The `id` of the first event of the stop, without one the time. The names of its schedules contain it, so that
    /// each minute has one.
    pub identity: String,
    /// Which continuation of a stop of several tasks this is; `None` for the first event.
    pub continuation: Option<Continuation>,
    /// How the second half of the stop, after the drain, is invoked; required unless `drain` is zero.
    pub later: Option<Later>,
}

/// A task that a start of the same batch has just started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JustStarted {
    /// `taskArn`, from RunTask's answer.
    pub task: TaskArn,
    /// The cluster, as the start names it.
    pub cluster: Cluster,
    /// The service of the catalog, if the start named one.
    pub service: Option<String>,
    /// When its start was requested, as in its tag or by the start's event; `None` if only `createdAt` shows it.
    pub requested_at: Option<Timestamp>,
    /// When the invocation of the start began: an older task was started by an earlier delivery or event.
    pub began_at: Timestamp,
}

impl StopRequest {
    /// The just started tasks in a cluster, and of a service if one is given.
    pub fn just_started_in(&self, cluster: &Cluster, service: Option<&str>) -> impl Iterator<Item = &JustStarted> {
        self.just_started.iter().filter(move |started| {
            let is_of_service = service.is_none_or(|name| started.service.as_deref() == Some(name));
            is_of_service && started.cluster.same_as(cluster)
        })
    }

    /// The clusters in which it stops all tasks, or all of a service; empty if it names one task.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        match &self.selector {
            Selector::Task { .. } => &[],
            Selector::Service { clusters, .. } => clusters,
            Selector::Cluster(cluster) => std::slice::from_ref(cluster),
        }
    }
}

/// The tasks that a stop names; only tasks that start-engines has started are stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// One task, by `taskArn`.
    Task {
        /// `taskArn`.
        arn: TaskArn,
        /// The task's cluster.
        cluster: Cluster,
    },
    /// All tasks of a service of the catalog.
    Service {
        /// `service`.
        name: String,
        /// The clusters in which they can be.
        clusters: Vec<Cluster>,
    },
    /// All tasks in a cluster (`"all": true`).
    Cluster(Cluster),
}

/// How long to wait between DeregisterTargets and StopTask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drain {
    /// No `drainSeconds`: the longest deregistration delay of the task's target groups.
    AsGroups,
    /// `drainSeconds`; zero for no wait.
    For(Duration),
}

/// Reads an event's `detail`; records every problem, and returns `None` if there is one.
pub fn read(detail: &Value, sender: &Sender<'_>, config: &Config, problems: &mut Problems) -> Option<StopRequest> {
    let mut fields = Fields::of(detail, "detail", problems)?;
    let home = sender.home();
    let selector = selector(&mut fields, home.as_ref(), config, problems);
    let drain = fields.number("drainSeconds", 0..=MAX_DRAIN_SECONDS, problems);
    if config.scheduler.is_none() {
        let rule = "without SCHEDULER_ROLE_ARN, a stop cannot wait for connections to end: give 0 to stop at once";
        match drain {
            Some(0) => {}
            Some(seconds) => problems.invalid("detail.drainSeconds", &json!(seconds), rule),
            None if problems.mentions("detail.drainSeconds") => {}
            None => problems.missing("detail.drainSeconds", rule),
        }
    }
    let unless_running = fields.flag("unlessRunning", problems).unwrap_or(false);
    if unless_running && fields.raw("taskArn").is_none() {
        problems.invalid("detail.unlessRunning", &json!(true), "is only valid with taskArn");
    }
    let reason = fields.text("reason", MAX_REASON_CHARACTERS, problems);
    let correlation_id = fields.read("correlationId", problems, tag_text);
    let given = requested_at::read(&mut fields, problems);
    let requested_at = RequestedAt::or_sent(given, sender.sent_at).map(|requested| requested.at);
    let is_misnamed =
        problems.mentions("event.time") || fields.is_misnamed("requestedAt") || problems.mentions("detail.requestedAt");
    if requested_at.is_none() && fields.raw("taskArn").is_none() && !is_misnamed {
        let rule = "every EventBridge event has this field; a stop of several tasks stops only those that were requested before it";
        problems.missing("event.time", rule);
    }
    let continued = fields.raw("continuation");
    if let Some(value) = continued.filter(|_| fields.raw("taskArn").is_some()) {
        let rule = "is only valid with service, or with cluster and \"all\": true";
        problems.invalid("detail.continuation", value, rule);
    }
    let continued = continued.map(|value| continuation::read(value, problems));
    fields.deny_unknown(problems);
    let (continuation, identity) = match continued {
        None => (None, sender.event_id.map(str::to_owned)),
        Some(None) => return None,
        Some(Some((continuation, identity))) => (Some(continuation), Some(identity)),
    };
    Some(StopRequest {
        selector: selector?,
        drain: match drain.and_then(|seconds| u64::try_from(seconds).ok()) {
            Some(seconds) => Drain::For(Duration::from_secs(seconds)),
            None => Drain::AsGroups,
        },
        reason: reason.unwrap_or_else(|| match sender.event_id {
            Some(id) => format!("start-engines: stopped by event {}", crate::input::problem::shorten(id)),
            None => "start-engines: stopped by an event".to_owned(),
        }),
        correlation_id,
        sent_at: sender.sent_at,
        requested_at,
        just_started: Vec::new(),
        unless_running,
        identity: identity
            .or_else(|| requested_at.and_then(Timestamp::to_rfc3339))
            .unwrap_or_default(),
        continuation,
        later: sender.later(config),
    })
}

fn selector(
    fields: &mut Fields<'_>,
    home: Option<&Scope>,
    config: &Config,
    problems: &mut Problems,
) -> Option<Selector> {
    let task: Option<TaskArn> = fields.parsed("taskArn", problems);
    let service = fields.text("service", 128, problems);
    let cluster: Option<Cluster> = fields.parsed("cluster", problems);
    let all = fields.flag("all", problems);
    if let Some(cluster) = &cluster {
        check_cluster(cluster, home, config, problems);
    }
    let given: Vec<&str> = [
        ("taskArn", fields.raw("taskArn").is_some()),
        ("service", fields.raw("service").is_some()),
        ("all", all == Some(true)),
    ]
    .into_iter()
    .filter_map(|(name, is_given)| is_given.then_some(name))
    .collect();
    let one_of = "give taskArn, service, or cluster with \"all\": true";
    match given.as_slice() {
        ["taskArn"] => {
            let arn = task?;
            let cluster = cluster_of_task(&arn, cluster, problems)?;
            check_allowed("detail.taskArn", arn.as_str(), &cluster, config, problems);
            check_home("detail.taskArn", arn.as_str(), Some(arn.scope()), home, problems);
            Some(Selector::Task { arn, cluster })
        }
        ["service"] => {
            let name = service?;
            // A service may leave the catalog while its tasks drain.
            if fields.raw("continuation").is_none() {
                check_service(&name, config, problems);
            }
            let clusters = match cluster {
                Some(cluster) => vec![cluster],
                None => config.named_clusters(home),
            };
            if clusters.is_empty() && !problems.mentions("detail.service") {
                problems.missing(
                    "detail.cluster",
                    "the configuration names no cluster in full in which to search for the service's tasks",
                );
            }
            Some(Selector::Service { name, clusters })
        }
        ["all"] => {
            if cluster.is_none() && !problems.mentions("detail.cluster") {
                problems.missing(
                    "detail.cluster",
                    "\"all\": true stops all tasks of one cluster: name it",
                );
            }
            cluster.map(Selector::Cluster)
        }
        [] => {
            let is_noted = ["taskArn", "service", "all"]
                .iter()
                .any(|name| problems.mentions(&fields.at(name)) || fields.is_misnamed(name));
            if !is_noted {
                problems.missing("detail.taskArn", one_of);
            }
            None
        }
        several => {
            problems.invalid_text("detail", &several.join(" and "), one_of);
            None
        }
    }
}

fn cluster_of_task(task: &TaskArn, given: Option<Cluster>, problems: &mut Problems) -> Option<Cluster> {
    match (task.cluster(), given) {
        (Some(own), Some(given)) if !own.same_as(&given) => {
            problems.invalid_text("detail.cluster", given.as_str(), "the task's ARN names another cluster");
            None
        }
        (Some(own), _) => Some(own),
        (None, Some(given)) => Some(given),
        (None, None) => {
            if !problems.mentions("detail.cluster") {
                problems.missing("detail.cluster", "the task's ARN does not contain the cluster");
            }
            None
        }
    }
}
