//! What a `Deregister ECS Targets` event requests, or every problem in it.
//!
//! Only start-engines itself sends it, by a one-time schedule: a late stop goes on with it where the search for the task
//! that has an address now did not fit into one invocation, or where ECS may not show that task yet. Its `source` is that
//! of ECS's own events, which nobody but AWS can send to a bus. Must not call AWS.

use serde_json::{Value, json};

use super::envelope::Event;
use super::later::Later;
use super::own::{self, Ids, MAX_TARGETS};
use super::sender::Sender;
use super::task_change::SOURCE;
use crate::config::Config;
use crate::domain::arn::{Cluster, InterfaceId, TaskArn};
use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// How many times a late stop can go on in another invocation.
pub const MAX_CONTINUATIONS: i32 = 100;
/// The maximum number of network interfaces. Without a VPC, interfaces of several VPCs may have an address.
const MAX_INTERFACES: usize = 1_000;
/// The maximum length of a text that AWS has given.
const MAX_TEXT: usize = 8_192;

/// A request to deregister the targets of a stopped task, unless another task owns them by now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeregisterRequest {
    /// The task that had the targets.
    pub task: FormerOwner,
    /// The targets in question.
    pub targets: Vec<GroupTarget>,
    /// What is known of who has their addresses now.
    pub progress: Progress,
    /// The number of the continuation, from 1 to [`MAX_CONTINUATIONS`].
    pub count: i32,
    /// When the change happened that the first event reported, for measurements.
    pub happened_at: Option<Timestamp>,
    /// How it goes on once more.
    pub later: Option<Later>,
}

/// What is needed of the stopped task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FormerOwner {
    /// `taskArn`.
    pub arn: TaskArn,
    /// The cluster, by name or ARN.
    pub cluster: Cluster,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// The network interface whose addresses the targets were.
    pub interface: InterfaceId,
}

/// How far the search has come for the tasks that have the addresses now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The network interfaces, other than the task's own, that EC2 has shown with the addresses.
    pub interfaces: Vec<SeenInterface>,
    /// Targets of live tasks that the present search has found with the address, but without their interface.
    pub kept: Vec<GroupTarget>,
    /// Where the present search stopped; `None` if a new one begins.
    pub search: Option<Search>,
}

/// A network interface that EC2 has shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeenInterface {
    /// `networkInterfaceId`.
    pub id: InterfaceId,
    /// When EC2 first showed it to this stop.
    pub first_seen: Timestamp,
    /// The targets that its task keeps: it is live, and attached to the target group with the port. `None` until the task is
    /// found. A task keeps its interface while it lives, so this does not expire.
    pub kept_by_owner: Option<Vec<GroupTarget>>,
}

/// A search that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// When it began: an interface counts as nobody's by its age then, not by its age when the search ends.
    pub began: Timestamp,
    /// The page with which it goes on.
    pub at: Place,
    /// A digest of the clusters that are searched, in their order: if the configuration names others by now, the search
    /// begins anew.
    pub clusters: String,
}

/// A page of a list of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which tasks are listed.
    pub listing: Listed,
    /// In which cluster.
    pub cluster: Cluster,
    /// `nextToken` of the page before; `None` for the first page.
    pub page: Option<String>,
    /// Whether this list was begun once more, since ECS refused a `nextToken`.
    pub is_second: bool,
}

/// The lists of tasks that are searched, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listed {
    /// Tasks with the same `startedBy` whose desired status is RUNNING.
    SameService,
    /// All tasks whose desired status is RUNNING.
    Running,
    /// All tasks whose desired status is STOPPED.
    Stopped,
}

impl Listed {
    /// The name in the event.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SameService => "sameService",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::SameService, Self::Running, Self::Stopped]
            .into_iter()
            .find(|listed| listed.name() == name)
    }
}

/// Reads an event; records every problem, and returns `None` if there is one.
pub(crate) fn read(
    event: &Event,
    sender: &Sender<'_>,
    config: &Config,
    problems: &mut Problems,
) -> Option<DeregisterRequest> {
    // Through a bus only AWS can send this source, and what AWS sends has another detail-type.
    if event.source != SOURCE {
        problems.not_allowed(
            "event.source",
            &event.source,
            "only start-engines itself sends this detail-type",
        );
        return None;
    }
    let mut fields = Fields::of(&event.detail, "detail", problems)?;
    let arn: Option<TaskArn> = fields.parsed("taskArn", problems);
    let cluster: Option<Cluster> = fields.parsed("cluster", problems);
    let started_by = fields.text("startedBy", MAX_TEXT, problems);
    let interface: Option<InterfaceId> = fields.parsed("networkInterfaceId", problems);
    let happened_at = fields.read("happenedAt", problems, own::time);
    let targets = fields.list("targets", MAX_TARGETS, problems, |value, path, problems| {
        own::target(value, path, Ids::Addresses, problems)
    });
    let count = fields.number("count", 1..=i64::from(MAX_CONTINUATIONS), problems);
    let known = targets.as_deref().unwrap_or_default();
    let interfaces = fields.list("interfaces", MAX_INTERFACES, problems, |value, path, problems| {
        seen_interface(value, path, known, problems)
    });
    let kept = fields.list("kept", MAX_TARGETS, problems, |value, path, problems| {
        one_of(value, path, known, problems)
    });
    let begun = fields.raw("search");
    let begun = begun.map(|value| search(value, problems));
    own::require(
        &mut fields,
        "event of this detail-type",
        &[
            "taskArn",
            "cluster",
            "networkInterfaceId",
            "targets",
            "count",
            "interfaces",
        ],
        problems,
    );
    fields.deny_unknown(problems);
    Some(DeregisterRequest {
        task: FormerOwner {
            arn: arn?,
            cluster: cluster?,
            started_by,
            interface: interface?,
        },
        targets: targets?,
        progress: Progress {
            interfaces: interfaces?,
            kept: kept.unwrap_or_default(),
            search: match begun {
                None => None,
                Some(search) => Some(search?),
            },
        },
        count: count?,
        happened_at,
        later: sender.later(config),
    })
}

/// The target with this index.
fn one_of(value: &Value, path: &str, targets: &[GroupTarget], problems: &mut Problems) -> Option<GroupTarget> {
    let index = value.as_u64().and_then(|index| usize::try_from(index).ok());
    let found = index.and_then(|index| targets.get(index)).cloned();
    if found.is_none() {
        problems.invalid(path, value, "must be the index of one of detail.targets");
    }
    found
}

fn seen_interface(
    value: &Value,
    path: &str,
    targets: &[GroupTarget],
    problems: &mut Problems,
) -> Option<SeenInterface> {
    let mut fields = Fields::of(value, path, problems)?;
    let id: Option<InterfaceId> = fields.parsed("id", problems);
    let first_seen = fields.read("firstSeen", problems, own::time);
    let has_owner = fields.raw("keptByOwner").is_some();
    let kept_by_owner = fields.list("keptByOwner", MAX_TARGETS, problems, |value, path, problems| {
        one_of(value, path, targets, problems)
    });
    own::require(&mut fields, "interface", &["id", "firstSeen"], problems);
    fields.deny_unknown(problems);
    Some(SeenInterface {
        id: id?,
        first_seen: first_seen?,
        kept_by_owner: if has_owner { Some(kept_by_owner?) } else { None },
    })
}

fn search(value: &Value, problems: &mut Problems) -> Option<Search> {
    let mut fields = Fields::of(value, "detail.search", problems)?;
    let began = fields.read("began", problems, own::time);
    let listing = fields.read("listing", problems, |value| {
        let listed = value.as_str().and_then(Listed::of);
        listed.ok_or_else(|| "must be sameService, running or stopped".to_owned())
    });
    let cluster: Option<Cluster> = fields.parsed("cluster", problems);
    let page = fields.text("nextToken", MAX_TEXT, problems);
    let is_second = fields.flag("second", problems).unwrap_or(false);
    let clusters = fields.text("clusters", MAX_TEXT, problems);
    own::require(
        &mut fields,
        "search",
        &["began", "listing", "cluster", "clusters"],
        problems,
    );
    fields.deny_unknown(problems);
    Some(Search {
        clusters: clusters?,
        began: began?,
        at: Place {
            listing: listing?,
            cluster: cluster?,
            page,
            is_second,
        },
    })
}

/// The `detail` of the event; `None` if a time is not a valid date.
#[must_use]
pub fn detail(request: &DeregisterRequest) -> Option<Value> {
    let DeregisterRequest {
        task,
        targets,
        progress,
        count,
        happened_at,
        later: _,
    } = request;
    let indices = |kept: &[GroupTarget]| -> Vec<usize> {
        let index = |target: &GroupTarget| targets.iter().position(|known| known == target);
        kept.iter().filter_map(index).collect()
    };
    let mut interfaces = Vec::new();
    for seen in &progress.interfaces {
        let mut interface = json!({"id": seen.id.as_str(), "firstSeen": seen.first_seen.to_rfc3339()?});
        if let Some(kept) = &seen.kept_by_owner {
            interface["keptByOwner"] = json!(indices(kept));
        }
        interfaces.push(interface);
    }
    let mut detail = json!({
        "taskArn": task.arn.as_str(),
        "cluster": task.cluster.as_str(),
        "networkInterfaceId": task.interface.as_str(),
        "targets": targets.iter().map(own::target_item).collect::<Vec<_>>(),
        "interfaces": interfaces,
        "count": count,
    });
    if let Some(text) = &task.started_by {
        detail["startedBy"] = json!(text);
    }
    if let Some(time) = happened_at {
        detail["happenedAt"] = json!(time.to_rfc3339()?);
    }
    if !progress.kept.is_empty() {
        detail["kept"] = json!(indices(&progress.kept));
    }
    if let Some(Search { began, at, clusters }) = &progress.search {
        let mut search = json!({
            "began": began.to_rfc3339()?,
            "clusters": clusters,
            "listing": at.listing.name(),
            "cluster": at.cluster.as_str(),
        });
        if let Some(token) = &at.page {
            search["nextToken"] = json!(token);
        }
        if at.is_second {
            search["second"] = json!(true);
        }
        detail["search"] = search;
    }
    Some(detail)
}

#[cfg(test)]
mod deregister_tests;
