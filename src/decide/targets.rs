//! Which targets a task has in its groups: of a RUNNING task the right ones, of a stopping task all
//! that it can have.
//!
//! A task has a network interface of its own (`interfaces`), or ports of its container instance
//! (`instances`). Must not register or deregister.

use std::sync::Arc;

use super::failures::Failures;
use super::lost::Lost;
use super::ports::Ports;
use super::{instances, interfaces, ports};
use crate::arn::TargetGroupArn;
use crate::call::{CallError, ErrorKind};
use crate::journal::Halt;
use crate::journal::Reader;
use crate::outcome::{Failure, Skip};
use crate::target::GroupTarget;
use crate::target::{Attachment, Target, TargetGroup, TargetHealth};
use crate::task::{Network, Task};

/// Every target that a stopping task can have registered.
pub(super) struct Candidates {
    pub(super) targets: Vec<GroupTarget>,
    /// Those that nobody can name any more.
    pub(super) lost: Vec<Lost>,
    pub(super) rivals: Rivals,
}

/// Where a newer owner of the targets would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rivals {
    /// On this container instance: they are ports of it.
    On(String),
    /// In any cluster: the machine or the interface that had the address may be gone.
    Anywhere,
}

impl Rivals {
    /// Of targets that were registered a moment ago, when the task was RUNNING.
    pub(super) fn of_running(event: &Task, look: &Task) -> Self {
        match network(event, Some(look)) {
            Network::ContainerInstance { arn, .. } => Self::On(arn.clone()),
            Network::Awsvpc(_) | Network::External | Network::Unknown => Self::Anywhere,
        }
    }
}

/// Targets by group, groups and targets in the order given.
pub(super) fn by_group(targets: &[GroupTarget]) -> Vec<(TargetGroupArn, Vec<Target>)> {
    let mut groups: Vec<(TargetGroupArn, Vec<Target>)> = Vec::new();
    for GroupTarget { group, target } in targets {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, of_group)) => of_group.push(target.clone()),
            None => groups.push((group.clone(), vec![target.clone()])),
        }
    }
    groups
}

/// The task as DescribeTasks shows it; `None` if ECS does not know it.
pub(super) fn look<'a>(task: &Task, reader: &mut Reader<'a>) -> Result<Option<&'a Task>, Halt> {
    let tasks = reader.describe_tasks(&task.cluster, vec![task.arn.clone()])??;
    Ok(tasks.iter().map(Arc::as_ref).find(|found| found.arn == task.arn))
}

/// Those that are in their group and not on their way out.
pub(super) fn still_registered(
    targets: &[GroupTarget],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<GroupTarget>, Halt> {
    let mut registered = Vec::new();
    for (group, of_group) in by_group(targets) {
        match reader.describe_target_health(&group, of_group.clone())? {
            Ok(health) => {
                let still = of_group.into_iter().zip(health).filter(|(_, health)| match health {
                    TargetHealth::Registered(_) => true,
                    TargetHealth::Draining | TargetHealth::NotRegistered => false,
                });
                registered.extend(still.map(|(target, _)| GroupTarget {
                    group: group.clone(),
                    target,
                }));
            }
            Err(error) if is_gone(error) => {}
            Err(error) => failures.add(error),
        }
    }
    Ok(registered)
}

/// The group is gone, or takes no such target, and so never had it: nothing is registered.
pub(super) fn is_gone(error: &CallError) -> bool {
    matches!(error.kind, ErrorKind::TargetGroupNotFound | ErrorKind::InvalidTarget)
}

/// The target that a group takes for a RUNNING task; the inner error is why it takes none.
pub(super) fn of_running(
    attachment: &Attachment,
    facts: &TargetGroup,
    event: &Task,
    look: &Task,
    reader: &mut Reader<'_>,
) -> Result<Result<Target, Failure>, Halt> {
    if let Err(failure) = container_exists(attachment, look).and_then(|()| protocol_is_known(attachment, facts)) {
        return Ok(Err(failure));
    }
    match network(event, Some(look)) {
        Network::ContainerInstance { arn, .. } => instances::of_running(attachment, facts, (event, look), arn, reader),
        Network::External => Ok(Err(external(event))),
        Network::Awsvpc(_) | Network::Unknown => Ok(interfaces::of_running(attachment, facts, event, look)),
    }
}

/// Every target that a stopping task can have registered, or why there can be none.
///
/// Of a task with an interface mostly from the event alone, of one in network mode `host` with what its
/// definition tells. Only where that is not enough, DescribeTasks is asked.
pub(super) fn of_stopping<'a>(
    task: &Task,
    mut look: Option<&'a Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Candidates, Skip>, Halt> {
    if task.has_run() && look.is_none() && tells_little(task, reader)? {
        look = self::look(task, reader)?;
    }
    let arn = match network(task, look) {
        Network::External => return Ok(Err(Skip::ExternalInstance)),
        Network::ContainerInstance { arn, .. } => arn,
        Network::Awsvpc(_) | Network::Unknown => return on_interface(task, look, attachments, reader, failures),
    };
    let mut both = [Some(task), look].into_iter().flatten();
    if both.all(|snapshot| snapshot.shown_ports().is_empty() && !snapshot.has_run()) {
        return Ok(Err(Skip::NeverHadAnAddress));
    }
    match ports::of_stopping(task, look, reader)? {
        Ok(Ports::OwnInterface) => on_interface(task, look, attachments, reader, failures),
        Ok(published) => instances::of_stopping(task, arn, &published, attachments, reader, failures).map(Ok),
        Err(error) => {
            failures.add(error);
            Ok(Ok(Candidates {
                targets: Vec::new(),
                lost: Vec::new(),
                rivals: Rivals::On(arn.clone()),
            }))
        }
    }
}

fn on_interface<'a>(
    task: &Task,
    look: Option<&'a Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Candidates, Skip>, Halt> {
    let targets = interfaces::of_stopping(task, look, attachments, reader, failures)?;
    Ok(targets.map(|targets| Candidates {
        targets,
        lost: Vec::new(),
        rivals: Rivals::Anywhere,
    }))
}

/// Whether DescribeTasks may tell more of its targets.
fn tells_little(task: &Task, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    Ok(match &task.network {
        Network::Unknown => true,
        Network::ContainerInstance { .. } => {
            let told = ports::of_stopping(task, None, reader)?;
            !matches!(told, Ok(Ports::Known(_)))
        }
        Network::Awsvpc(_) | Network::External => false,
    })
}

/// Of two snapshots' networks the one that tells: an interface before an instance, as tasks on
/// Managed Instances have both.
fn network<'t>(event: &'t Task, look: Option<&'t Task>) -> &'t Network {
    let both = || [Some(event), look].into_iter().flatten().map(|task| &task.network);
    both()
        .find(|network| matches!(network, Network::Awsvpc(_)))
        .or_else(|| both().find(|network| **network != Network::Unknown))
        .unwrap_or(&Network::Unknown)
}

fn container_exists(attachment: &Attachment, look: &Task) -> Result<(), Failure> {
    let Some(name) = &attachment.container else {
        return Ok(());
    };
    if look.containers.is_empty() || look.containers.iter().any(|known| known == name.as_str()) {
        return Ok(());
    }
    let message = format!(
        "{} has no container {name}: containerName must be one of {}",
        look.arn,
        look.containers.join(", ")
    );
    Err(Failure::permanent("container_not_found", message))
}

/// Of QUIC ELB wants a `QuicServerId` with each target ("required if the protocol is `QUIC` or
/// `TCP_QUIC`", unique per listener), which the server writes into its connection ids, so that only it
/// can tell
/// ([TargetDescription](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html)).
fn protocol_is_known(attachment: &Attachment, facts: &TargetGroup) -> Result<(), Failure> {
    if !matches!(facts.protocol.as_str(), "QUIC" | "TCP_QUIC") {
        return Ok(());
    }
    let message = format!(
        "{} has the protocol {}, whose targets need a QuicServerId that only the server knows: use a target group of protocol UDP or TCP_UDP",
        attachment.group, facts.protocol
    );
    Err(Failure::permanent("protocol_unsupported", message))
}

fn external(task: &Task) -> Failure {
    let message = format!(
        "{} runs on ECS Anywhere, whose tasks have no address that a target group takes: run it on Fargate or EC2, or start it with \"targets\": []",
        task.arn
    );
    Failure::permanent("external_instance", message)
}
