//! How long a task drains, which targets it leaves, and the tag that says until when.
//!
//! Must not stop a task, nor deregister a target.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::call::ErrorKind;
use crate::config::Config;
use crate::decide::deployment;
use crate::decide::failures::Failures;
use crate::decide::schedules::MIN_SCHEDULE_AHEAD;
use crate::decide::targets::candidates::OwnerScope;
use crate::decide::targets::of_stopping;
use crate::domain::arn::TargetGroupArn;
use crate::domain::started_by;
use crate::domain::tags::{STOP_AT, Tag};
use crate::domain::target::{Attachment, GroupTarget};
use crate::domain::task::{Network, Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::Failure;
use crate::request::stop::Drain;

/// The deregistration delays of target groups, as far as they can be read.
#[derive(Debug, Default)]
pub(super) struct Delays {
    known: HashMap<TargetGroupArn, Duration>,
    pub(super) failures: Failures,
}

impl Delays {
    /// Reads those of all target groups of tasks that drain as their target groups do.
    pub(super) fn of<'t>(
        tasks: impl Iterator<Item = (&'t Task, &'t [Attachment])>,
        drain: Drain,
        reader: &mut Reader<'_>,
    ) -> Result<Self, Halt> {
        let mut delays = Self::default();
        if drain != Drain::AsGroups {
            return Ok(delays);
        }
        let mut groups: Vec<&TargetGroupArn> = Vec::new();
        for (_, attachments) in tasks.filter(|(task, _)| may_drain(task)) {
            for Attachment { group, .. } in attachments {
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
        let answers = reader.describe_deregistration_delays(groups.iter().copied())?;
        for (group, answer) in groups.into_iter().zip(answers) {
            match answer {
                Ok(delay) => drop(delays.known.insert(group.clone(), delay)),
                Err(error) if error.kind == ErrorKind::TargetGroupNotFound => {
                    delays.known.insert(group.clone(), Duration::ZERO);
                }
                Err(error) => delays.failures.add(error),
            }
        }
        Ok(delays)
    }

    /// How long the task drains: as requested, else the longest deregistration delay of its target groups. `None` if
    /// that cannot be read.
    pub(super) fn drain_of(&self, task: &Task, attachments: &[Attachment], drain: Drain) -> Option<Duration> {
        if attachments.is_empty() || !may_drain(task) {
            return Some(Duration::ZERO);
        }
        match drain {
            Drain::For(drain) => Some(drain),
            Drain::AsGroups => {
                let delays = attachments
                    .iter()
                    .map(|attachment| self.known.get(&attachment.group).copied());
                delays.collect::<Option<Vec<Duration>>>()?.into_iter().max()
            }
        }
    }
}

/// Whether it can have targets that are registered, and does not drain yet.
fn may_drain(task: &Task) -> bool {
    task.phase() != Phase::Starting && !task.is_draining()
}

/// When a drain that begins then ends.
pub(super) fn end_of(drain: Duration, begins: Timestamp) -> Timestamp {
    begins.after(drain.max(MIN_SCHEDULE_AHEAD))
}

/// The targets in its `startedBy` whose target group is allowed; IAM denies the others.
pub(super) fn attachments(task: &Task, config: &Config) -> Vec<Attachment> {
    let text = task.started_by.as_deref().unwrap_or_default();
    let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
    deployment::allowed(&attachments, config)
}

/// The targets of a task, and where another task may have them.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) targets: Vec<GroupTarget>,
    pub(super) owner_scope: Option<OwnerScope>,
    /// Targets whose address or port is not known. They are left to the events of the task's stop; if it is to drain,
    /// they are failures, so that a retry tries again.
    pub(super) unnamed: Failures,
}

/// The targets that a live task can have registered.
pub(super) fn targets(task: &Arc<Task>, attachments: &[Attachment], reader: &mut Reader<'_>) -> Result<Targets, Halt> {
    let mut found = Targets::default();
    // A task that has not been RUNNING was never registered.
    if task.phase() == Phase::Starting {
        return Ok(found);
    }
    let candidates = of_stopping(task, Some(task), attachments, reader, &mut found.unnamed)?;
    let has_host_ports = matches!(task.network, Network::ContainerInstance { .. });
    if let Ok(candidates) = candidates {
        found.targets = candidates.targets;
        found.owner_scope = has_host_ports.then_some(candidates.owner_scope);
    }
    Ok(found)
}

/// The tag of a task that drains until then.
pub(super) fn tag(until: Timestamp) -> Result<Tag, Failure> {
    let time = until
        .to_seconds()
        .ok_or_else(|| Failure::internal("the end of a drain is not a valid date"))?;
    Ok(Tag {
        key: STOP_AT.to_owned(),
        value: format!("{time}Z"),
    })
}

/// Whether an error of TagResource says that the task takes no tag: for example, it has more tags by now than in its
/// snapshot. Then it is stopped without a drain.
pub(super) fn is_refused(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidParameter | ErrorKind::ClientException)
}
