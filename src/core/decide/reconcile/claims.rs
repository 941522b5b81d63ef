//! The claims of the tasks on the targets of one target group, for [`super::compare::compare`].
//!
//! A snapshot contains the addresses of a task with a network interface. For a task on a container instance, the container
//! instance is described, each once, and only where a target in question can be the task's.

use std::collections::{HashMap, HashSet};

use super::compare::{Claim, Stage};
use super::fleet::FleetTask;
use crate::decide::targets::host_ports::{self, PortClaims, Ports};
use crate::decide::targets::instances;
use crate::domain::arn::{Port, TargetGroupArn};
use crate::domain::target::Target;
use crate::domain::task::{Network, Task};
use crate::journal::{Halt, Reader};

/// Targets whose owners are searched for.
#[derive(Default)]
pub(super) struct Questioned {
    ports: HashSet<Port>,
    has_addresses: bool,
}

impl Questioned {
    pub(super) fn of<'t>(targets: impl IntoIterator<Item = &'t Target>) -> Self {
        let mut questioned = Self::default();
        for target in targets {
            questioned.ports.insert(target.port);
            questioned.has_addresses |= target.is_address();
        }
        questioned
    }

    fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }
}

/// The ports that a stopping or stopped task had, by its bindings, else by its definition. Where neither is known any
/// more, its targets count as unknown.
fn former_claims(task: &Task, containers_ports: &[Port], reader: &mut Reader<'_>) -> Result<PortClaims, Halt> {
    let mut claims = PortClaims::default();
    if task.published_ports().is_empty() && !task.has_run() {
        return Ok(claims);
    }
    let bindings = match host_ports::of_stopping(task, None, reader)?? {
        Ports::Known(bindings) => bindings,
        Ports::NotReported(definition) => definition.static_ports(),
        Ports::OwnInterface | Ports::DefinitionUnknown | Ports::DefinitionDeleted(_) => Vec::new(),
    };
    for binding in bindings {
        claims
            .has
            .extend(containers_ports.iter().filter_map(|&port| binding.host_port(port)));
    }
    Ok(claims)
}

/// The claims on one target group.
pub(super) struct GroupClaims<'f> {
    group: &'f TargetGroupArn,
    /// The target ids of each container instance, by its ARN.
    instance_ids: HashMap<&'f str, Vec<String>>,
    all: Vec<Claim>,
}

impl<'f> GroupClaims<'f> {
    pub(super) fn of(group: &'f TargetGroupArn) -> Self {
        Self {
            group,
            instance_ids: HashMap::new(),
            all: Vec::new(),
        }
    }

    pub(super) fn all(&self) -> &[Claim] {
        &self.all
    }

    /// Adds the claim of a task on the targets in question.
    pub(super) fn add(
        &mut self,
        fleet_task: &'f FleetTask,
        stage: Stage,
        wanted: Vec<Target>,
        questioned: &Questioned,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let of_group = fleet_task.attachments.iter().filter(|it| it.group == *self.group);
        let ports: Vec<Port> = of_group.map(|attachment| attachment.port).collect();
        let task = &*fleet_task.task;
        let mut claim = Claim {
            task: task.arn.clone(),
            stage,
            wanted,
            holds: Vec::new(),
            may_get: Vec::new(),
        };
        match &task.network {
            Network::Awsvpc(addresses) => {
                for id in addresses.each() {
                    let of_address = ports.iter().map(|&port| Target { id: id.clone(), port });
                    claim.holds.extend(of_address);
                }
            }
            Network::ContainerInstance { arn, .. } if !questioned.is_empty() => {
                let claims = match stage {
                    Stage::Serving | Stage::Live => host_ports::claims(task, &ports, reader)?,
                    Stage::Former | Stage::AnothersFormer => former_claims(task, &ports, reader)?,
                };
                let on_host = claims.has.into_iter().chain(claims.will_have);
                let on_host: Vec<Port> = on_host.filter(|port| questioned.ports.contains(port)).collect();
                if claims.may_get_any || !on_host.is_empty() {
                    let ids = self.ids(fleet_task, arn, stage, questioned, reader)?;
                    for id in &ids {
                        let of_id = on_host.iter().map(|&port| Target { id: id.clone(), port });
                        claim.holds.extend(of_id);
                    }
                    if claims.may_get_any {
                        claim.may_get = ids;
                    }
                }
            }
            Network::ContainerInstance { .. } => {}
            Network::External | Network::Unknown => {}
        }
        self.all.push(claim);
        Ok(())
    }

    /// The target ids of a container instance. For a former task it is no failure if they are not known any more: the
    /// targets that it has left are unknown then.
    fn ids(
        &mut self,
        fleet_task: &FleetTask,
        arn: &'f str,
        stage: Stage,
        questioned: &Questioned,
        reader: &mut Reader<'_>,
    ) -> Result<Vec<String>, Halt> {
        if let Some(known) = self.instance_ids.get(arn) {
            return Ok(known.clone());
        }
        let ids = match (
            instances::ids(&fleet_task.task, arn, questioned.has_addresses, reader)?,
            stage,
        ) {
            (Ok(ids), _) => ids,
            (Err(_), Stage::Former | Stage::AnothersFormer) => Vec::new(),
            (Err(failure), Stage::Serving | Stage::Live) => return Err(failure.into()),
        };
        self.instance_ids.insert(arn, ids.clone());
        Ok(ids)
    }
}
