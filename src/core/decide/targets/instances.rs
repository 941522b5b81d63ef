//! Targets of tasks in network mode `bridge` or `host`: a host port of their container instance, with the EC2 instance's
//! id in target groups of target type `instance`, its private address in those of `ip`.
//!
//! Must not know network interfaces.

use super::candidates::{Candidates, OwnerScope, Unnamed};
use super::host_ports::{self, Ports};
use super::refusal::{Refusal, instance_not_found};
use crate::call::{CallError, ErrorKind};
use crate::decide::failures::Failures;
use crate::domain::arn::{ContainerName, Port};
use crate::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use crate::domain::target::{AddressFamily, Attachment, GroupTarget, Target, TargetGroup, TargetType};
use crate::domain::task::Task;
use crate::domain::task::ports::{Transport, Unfit, Wanted, choose, fitting};
use crate::journal::{Halt, Reader};
use crate::outcome::Failure;

/// The target that a target group takes for a RUNNING task on the container instance `arn`; the inner error is why it
/// takes none.
pub(crate) fn of_running<'a>(
    attachment: &Attachment,
    facts: &TargetGroup,
    (task, snapshot): (&Task, &Task),
    arn: &str,
    reader: &mut Reader<'a>,
) -> Result<Result<Target, Refusal<'a>>, Halt> {
    if matches!(
        facts.target_type,
        TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_)
    ) {
        return Ok(Err(Refusal::NotOfTypeInstanceOrIp));
    }
    let wanted = wanted(attachment.port, attachment.container.as_ref(), facts);
    let ports = match host_ports::of_running(task, snapshot, reader)? {
        Ok(ports) => ports,
        Err(error) => return Ok(Err(Refusal::Call(error))),
    };
    let bindings = match ports {
        Ports::Known(bindings) => bindings,
        Ports::NotReported(definition) if definition.maps(wanted) => return Ok(Err(Refusal::NoHostPortYet)),
        Ports::NotReported(definition) => definition.host_mode_ports(),
        Ports::OwnInterface | Ports::DefinitionUnknown => return Ok(Err(Refusal::NoAddressYet)),
        Ports::DefinitionDeleted(definition) => return Ok(Err(Refusal::DefinitionDeleted(definition))),
    };
    let port = match choose(&bindings, wanted) {
        Ok(port) => port,
        // The ports of some containers are reported before those of others.
        Err(Unfit::NotPublished) if reports_some(task, snapshot) && maps(task, snapshot, wanted, reader)? => {
            return Ok(Err(Refusal::NoHostPortYet));
        }
        Err(unfit) => return Ok(Err(Refusal::Port(unfit, bindings))),
    };
    let container_instance = match reader.describe_container_instance(&task.cluster, arn, Recall::Always)? {
        Ok(Some(container_instance)) => container_instance,
        Ok(None) => return Ok(Err(Refusal::InstanceNotFound(arn.to_owned()))),
        Err(error) => return Ok(Err(Refusal::Call(error))),
    };
    if facts.target_type == TargetType::Instance {
        let id = container_instance.ec2_instance.clone();
        return Ok(Ok(Target { id, port }));
    }
    let instance = match reader.describe_instance(&container_instance.ec2_instance, Recall::Always)? {
        Ok(Some(instance)) => instance,
        Ok(None) => return Ok(Err(Refusal::InstanceNotFound(container_instance.ec2_instance.clone()))),
        Err(error) => return Ok(Err(Refusal::Call(error))),
    };
    let id = instance.addresses.of_family(facts.family);
    Ok(id.map(|id| Target { id, port }).ok_or(Refusal::NoAddressOfFamily))
}

fn reports_some(task: &Task, snapshot: &Task) -> bool {
    [task, snapshot]
        .iter()
        .any(|snapshot| !snapshot.published_ports().is_empty())
}

/// Whether the task definition has a mapping for the port; false if the definition cannot be read.
fn maps(task: &Task, snapshot: &Task, wanted: Wanted<'_>, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    let Some(arn) = task.task_definition.as_ref().or(snapshot.task_definition.as_ref()) else {
        return Ok(false);
    };
    let definition = reader.describe_task_definition(arn)?;
    Ok(definition.is_ok_and(|definition| definition.is_some_and(|definition| definition.maps(wanted))))
}

/// Every target that a stopping task on the container instance `arn` can have registered, or why
/// there can be none.
///
/// `startedBy` contains no container, so these are the host ports of all containers that publish its port. Where the
/// container instance or the ports are not reported any more, the result contains what is still known.
pub(crate) fn of_stopping<'a>(
    task: &Task,
    arn: &str,
    published: &Ports<'_>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Candidates, Halt> {
    let mut lookup = InstanceLookup::new(task, arn);
    let mut targets = Vec::new();
    let mut unnamed = Vec::new();
    for attachment in attachments {
        let group = &attachment.group;
        let facts = match reader.describe_target_group(group)? {
            Ok(facts) => facts,
            Err(CallError {
                kind: ErrorKind::TargetGroupNotFound,
                ..
            }) => continue,
            Err(error) => {
                failures.add(error);
                continue;
            }
        };
        let ports = possible(published, wanted(attachment.port, None, facts));
        if ports.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let id = match lookup.id(facts, reader)? {
            Ok(Some(id)) => Some(id),
            // The target group takes no such target, so it was never registered.
            Ok(None) => continue,
            Err(IdUnknown::Failed(failure)) => {
                failures.add(*failure);
                continue;
            }
            Err(IdUnknown::Gone) => None,
        };
        match (id, ports) {
            (Some(id), Some(ports)) => targets.extend(ports.into_iter().map(|port| GroupTarget {
                group: group.clone(),
                target: Target { id: id.clone(), port },
            })),
            (id, ports) => unnamed.push(Unnamed {
                group: group.clone(),
                id,
                ports,
            }),
        }
    }
    Ok(Candidates {
        targets,
        unnamed,
        owner_scope: lookup.owner_scope(),
    })
}

/// Every host port that the task can have for its target group, each once; `None` if they are not known.
fn possible(published: &Ports<'_>, wanted: Wanted<'_>) -> Option<Vec<Port>> {
    let bindings = match published {
        Ports::Known(bindings) => bindings.clone(),
        Ports::NotReported(definition) => definition.fixed_ports(wanted)?,
        Ports::OwnInterface => Vec::new(),
        Ports::DefinitionUnknown | Ports::DefinitionDeleted(_) => return None,
    };
    let mut ports = Vec::new();
    for (_, port) in fitting(&bindings, wanted) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Some(ports)
}

/// Whether the target is on the container instance `arn` of the task: by the EC2 instance's id, or one of its addresses.
pub(crate) fn is_on(task: &Task, arn: &str, target: &Target, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    let Some(container_instance) = reader.describe_container_instance(&task.cluster, arn, Recall::Always)?? else {
        return Err(instance_not_found(task, arn).into());
    };
    if target.id.starts_with("i-") || container_instance.ec2_instance == target.id {
        return Ok(container_instance.ec2_instance == target.id);
    }
    match reader.describe_instance(&container_instance.ec2_instance, Recall::Always)?? {
        Some(instance) => Ok(instance.addresses.each().any(|id| id == target.id)),
        None => Err(instance_not_found(task, &container_instance.ec2_instance).into()),
    }
}

/// Every id that a target on the container instance `arn` of a task can have: the EC2 instance's id, and its addresses
/// if `with_addresses`. The inner error is that ECS or EC2 does not know it any more.
pub(crate) fn ids(
    task: &Task,
    arn: &str,
    with_addresses: bool,
    reader: &mut Reader<'_>,
) -> Result<Result<Vec<String>, Failure>, Halt> {
    let Some(instance) = reader.describe_container_instance(&task.cluster, arn, Recall::Always)?? else {
        return Ok(Err(instance_not_found(task, arn)));
    };
    let mut ids = vec![instance.ec2_instance.clone()];
    if with_addresses {
        match reader.describe_instance(&instance.ec2_instance, Recall::Always)?? {
            Some(ec2_instance) => ids.extend(ec2_instance.addresses.each()),
            None => return Ok(Err(instance_not_found(task, &instance.ec2_instance))),
        }
    }
    Ok(Ok(ids))
}

/// Why the target id of a container instance is not known.
enum IdUnknown {
    Failed(Box<Failure>),
    Gone,
}

/// Looks up the container instance of a stopping task and its EC2 instance: each once, and only if a target group needs it.
struct InstanceLookup<'t, 'a> {
    task: &'t Task,
    arn: &'t str,
    container_instance: Option<Result<Option<&'a ContainerInstance>, &'a CallError>>,
    ec2_instance: Option<Result<Option<Ec2Instance>, &'a CallError>>,
}

impl<'t, 'a> InstanceLookup<'t, 'a> {
    fn new(task: &'t Task, arn: &'t str) -> Self {
        Self {
            task,
            arn,
            container_instance: None,
            ec2_instance: None,
        }
    }

    /// Its target id in a target group; the innermost `None` if the target group takes no such target.
    fn id(&mut self, facts: &TargetGroup, reader: &mut Reader<'a>) -> Result<Result<Option<String>, IdUnknown>, Halt> {
        if matches!(
            facts.target_type,
            TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_)
        ) {
            return Ok(Ok(None));
        }
        let known = match self.container_instance {
            Some(known) => known,
            None => reader.describe_container_instance(&self.task.cluster, self.arn, Recall::IfGone)?,
        };
        self.container_instance = Some(known);
        let id = match known {
            Ok(Some(container_instance)) => &container_instance.ec2_instance,
            Ok(None) => return Ok(Err(IdUnknown::Gone)),
            Err(error) => return Ok(Err(IdUnknown::Failed(Box::new(error.into())))),
        };
        if facts.target_type == TargetType::Instance {
            return Ok(Ok(Some(id.clone())));
        }
        let known = match self.ec2_instance {
            Some(known) => known,
            None => reader.describe_instance(id, Recall::IfGone)?,
        };
        self.ec2_instance = Some(known);
        Ok(match known {
            Ok(Some(instance)) => Ok(instance.addresses.of_family(facts.family)),
            Ok(None) => Err(IdUnknown::Gone),
            Err(error) => Err(IdUnknown::Failed(Box::new(error.into()))),
        })
    }

    /// While it is registered with its cluster and its EC2 instance lives, only tasks on it can have its ports.
    fn owner_scope(&self) -> OwnerScope {
        let is_registered = matches!(
            self.container_instance,
            None | Some(Ok(Some(ContainerInstance {
                is_registered: true,
                ..
            })))
        );
        let lives = matches!(
            self.ec2_instance,
            None | Some(Ok(Some(Ec2Instance { lives: true, .. })))
        );
        if is_registered && lives {
            OwnerScope::On(self.arn.to_owned())
        } else {
            OwnerScope::Anywhere
        }
    }
}

fn wanted<'a>(port: Port, container: Option<&'a ContainerName>, facts: &TargetGroup) -> Wanted<'a> {
    Wanted {
        port,
        container,
        transports: Transport::of_protocol(&facts.protocol),
        ipv6: facts.target_type == TargetType::Ip && facts.family == AddressFamily::Ipv6,
    }
}
