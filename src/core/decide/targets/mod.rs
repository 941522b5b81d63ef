//! The targets of a task in its target groups: of a RUNNING task those to register, of a stopping task all that it can
//! have registered.
//!
//! A task has its own network interface (`interfaces`), or ports of its container instance (`instances`). Must not
//! register or deregister.

pub(crate) mod candidates;
pub(crate) mod host_ports;
pub(crate) mod instances;
pub(crate) mod interfaces;
pub(crate) mod membership;
pub(crate) mod refusal;
pub(crate) mod snapshot;

use self::candidates::{Candidates, OwnerScope};
use self::host_ports::Ports;
use self::snapshot::network;
use super::failures::Failures;
use crate::decide::targets::refusal::Refusal;
use crate::domain::arn::ContainerName;
use crate::domain::target::{Attachment, Target, TargetGroup};
use crate::domain::task::{Network, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::Skip;

/// The target that a target group takes for a RUNNING task; the inner error is why it takes none.
pub(crate) fn of_running<'a>(
    attachment: &Attachment,
    facts: &TargetGroup,
    event: &Task,
    snapshot: &Task,
    reader: &mut Reader<'a>,
) -> Result<Result<Target, Refusal<'a>>, Halt> {
    if !has_container(snapshot, attachment) {
        return Ok(Err(Refusal::ContainerNotFound));
    }
    if matches!(facts.protocol.as_str(), "QUIC" | "TCP_QUIC") {
        return Ok(Err(Refusal::ProtocolUnsupported));
    }
    match network(event, Some(snapshot)) {
        Network::ContainerInstance { arn, .. } => {
            instances::of_running(attachment, facts, (event, snapshot), arn, reader)
        }
        Network::External => Ok(Err(Refusal::ExternalInstance)),
        Network::Awsvpc(_) | Network::Unknown => Ok(interfaces::of_running(attachment, facts, event, snapshot)),
    }
}

/// Every target that a stopping task can have registered, or why there can be none.
///
/// For a task with a network interface, usually from the event alone; for one in network mode `host`, with its task
/// definition. DescribeTasks is called only where that is not enough.
pub(crate) fn of_stopping<'s, 'a: 's>(
    task: &Task,
    mut snapshot: Option<&'s Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Candidates, Skip>, Halt> {
    if task.has_run() && snapshot.is_none() && needs_snapshot(task, reader)? {
        snapshot = snapshot::describe(task, reader)?;
    }
    let arn = match network(task, snapshot) {
        Network::External => return Ok(Err(Skip::ExternalInstance)),
        Network::ContainerInstance { arn, .. } => arn,
        Network::Awsvpc(_) | Network::Unknown => return on_interface(task, snapshot, attachments, reader, failures),
    };
    let mut both = [Some(task), snapshot].into_iter().flatten();
    if both.all(|snapshot| snapshot.published_ports().is_empty() && !snapshot.has_run()) {
        return Ok(Err(Skip::NeverHadAnAddress));
    }
    match host_ports::of_stopping(task, snapshot, reader)? {
        Ok(Ports::OwnInterface) => on_interface(task, snapshot, attachments, reader, failures),
        Ok(published) => instances::of_stopping(task, arn, &published, attachments, reader, failures).map(Ok),
        Err(error) => {
            failures.add(error);
            Ok(Ok(Candidates {
                targets: Vec::new(),
                unnamed: Vec::new(),
                owner_scope: OwnerScope::On(arn.clone()),
            }))
        }
    }
}

fn on_interface(
    task: &Task,
    snapshot: Option<&Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Result<Candidates, Skip>, Halt> {
    let targets = interfaces::of_stopping(task, snapshot, attachments, reader, failures)?;
    Ok(targets.map(|targets| Candidates {
        targets,
        unnamed: Vec::new(),
        owner_scope: OwnerScope::of_interface(task, snapshot),
    }))
}

/// Whether the event alone does not contain the task's targets, so that a snapshot is needed.
fn needs_snapshot(task: &Task, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    Ok(match &task.network {
        Network::Unknown => true,
        Network::ContainerInstance { .. } => {
            let reported = host_ports::of_stopping(task, None, reader)?;
            !matches!(reported, Ok(Ports::Known(_)))
        }
        Network::Awsvpc(_) | Network::External => false,
    })
}

/// Whether a task has the container that the start names, if it names one and the containers are known.
fn has_container(snapshot: &Task, attachment: &Attachment) -> bool {
    let known = &snapshot.containers;
    let is_there = |name: &ContainerName| known.iter().any(|known| known == name.as_str());
    known.is_empty() || attachment.container.as_ref().is_none_or(is_there)
}
