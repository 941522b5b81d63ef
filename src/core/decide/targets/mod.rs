//! Which targets a task has in its groups: of a RUNNING task the right ones, of a stopping task all
//! that it can have.
//!
//! A task has a network interface of its own (`interfaces`), or ports of its container instance
//! (`instances`). Must not register or deregister.

pub(crate) mod address;
pub(crate) mod candidates;
pub(crate) mod host_ports;
pub(crate) mod instances;
pub(crate) mod interfaces;
pub(crate) mod membership;
pub(crate) mod snapshot;

use self::candidates::{Candidates, OwnerScope};
use self::host_ports::Ports;
use self::snapshot::network;
use super::failures::Failures;
use crate::domain::target::{Attachment, Target, TargetGroup};
use crate::domain::task::{Network, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::{Failure, Skip};

/// The target that a group takes for a RUNNING task; the inner error is why it takes none.
pub(crate) fn of_running(
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
pub(crate) fn of_stopping<'a>(
    task: &Task,
    mut look: Option<&'a Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Candidates, Skip>, Halt> {
    if task.has_run() && look.is_none() && tells_little(task, reader)? {
        look = snapshot::describe(task, reader)?;
    }
    let arn = match network(task, look) {
        Network::External => return Ok(Err(Skip::ExternalInstance)),
        Network::ContainerInstance { arn, .. } => arn,
        Network::Awsvpc(_) | Network::Unknown => return on_interface(task, look, attachments, reader, failures),
    };
    let mut both = [Some(task), look].into_iter().flatten();
    if both.all(|snapshot| snapshot.published_ports().is_empty() && !snapshot.has_run()) {
        return Ok(Err(Skip::NeverHadAnAddress));
    }
    match host_ports::of_stopping(task, look, reader)? {
        Ok(Ports::OwnInterface) => on_interface(task, look, attachments, reader, failures),
        Ok(published) => instances::of_stopping(task, arn, &published, attachments, reader, failures).map(Ok),
        Err(error) => {
            failures.add(error);
            Ok(Ok(Candidates {
                targets: Vec::new(),
                lost: Vec::new(),
                owner_scope: OwnerScope::On(arn.clone()),
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
        owner_scope: OwnerScope::Anywhere,
    }))
}

/// Whether DescribeTasks may tell more of its targets.
fn tells_little(task: &Task, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    Ok(match &task.network {
        Network::Unknown => true,
        Network::ContainerInstance { .. } => {
            let told = host_ports::of_stopping(task, None, reader)?;
            !matches!(told, Ok(Ports::Known(_)))
        }
        Network::Awsvpc(_) | Network::External => false,
    })
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
