//! What tasks publish on their container instances: what they show, else what their definitions tell.
//!
//! In network mode `host` no task ever shows a port, neither in events nor in DescribeTasks: the agent reports
//! none ("we do not return any network bindings for awsvpc and host network mode tasks":
//! [amazon-ecs-agent#3479](https://github.com/aws/amazon-ecs-agent/pull/3479)). Which mode a task is in, only
//! its definition tells. In network mode `bridge` a binding is shown from when its container runs; until then
//! it is nobody's to guess.
//!
//! A port that no mapping names is not published in network mode `host` either, though something may listen on
//! it: ECS keeps a port of the machine for a task only by a mapping, so two tasks on one machine could
//! claim it; and ECS itself takes no service with a load balancer without one ("A host port mapping for the
//! container port 8080 is required": terraform#24274).
//!
//! Must not know machines: a host port is half a target.

use super::Halt;
use crate::arn::{Port, TaskDefinition};
use crate::definition::{Definition, NetworkMode};
use crate::journal::{Asked, Reader};
use crate::task::ports::PortBinding;
use crate::task::{Status, Task};

/// What a task that is, or has been, RUNNING publishes on its container instance.
#[derive(Debug)]
pub(super) enum Ports<'a> {
    /// This, and nothing else.
    Known(Vec<PortBinding>),
    /// Nobody shows where, as yet: in network mode `bridge` the machine chooses.
    NotShown(&'a Definition),
    /// Nothing: it has an interface of its own, which nobody shows, as yet.
    OwnInterface,
    /// Nobody tells of which definition it is.
    Untold,
    /// Its definition was deleted.
    Gone(TaskDefinition),
}

/// Of a RUNNING task, as the newer snapshot tells that shows any.
pub(super) fn of_running<'a>(event: &Task, look: &Task, reader: &mut Reader<'a>) -> Asked<'a, Ports<'a>> {
    let (newer, older) = if look.version >= event.version {
        (look, event)
    } else {
        (event, look)
    };
    let shown = match newer.shown_ports() {
        [] => older.shown_ports(),
        shown => shown,
    };
    shown_or_defined(shown.to_vec(), [Some(newer), Some(older)], reader)
}

/// Of a task that is stopping or has stopped: all that either snapshot tells, since a container that was
/// restarted may have another port.
pub(super) fn of_stopping<'a>(task: &Task, look: Option<&Task>, reader: &mut Reader<'a>) -> Asked<'a, Ports<'a>> {
    let both = || [Some(task), look].into_iter().flatten();
    let shown = both()
        .flat_map(|snapshot| snapshot.shown_ports().iter().cloned())
        .collect();
    shown_or_defined(shown, [Some(task), look], reader)
}

fn shown_or_defined<'a>(
    shown: Vec<PortBinding>,
    snapshots: [Option<&Task>; 2],
    reader: &mut Reader<'a>,
) -> Asked<'a, Ports<'a>> {
    if !shown.is_empty() {
        return Ok(Ok(Ports::Known(shown)));
    }
    let named = snapshots.into_iter().flatten();
    let Some(arn) = named.filter_map(|task| task.task_definition.as_ref()).next() else {
        return Ok(Ok(Ports::Untold));
    };
    let definition = match reader.describe_task_definition(arn)? {
        Ok(Some(definition)) => definition,
        Ok(None) => return Ok(Ok(Ports::Gone(arn.clone()))),
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(match &definition.network_mode {
        NetworkMode::Host => Ports::Known(definition.on_same()),
        NetworkMode::Awsvpc => Ports::OwnInterface,
        NetworkMode::None => Ports::Known(Vec::new()),
        NetworkMode::Bridge | NetworkMode::Unknown(_) if definition.mappings.is_empty() => Ports::Known(Vec::new()),
        // The machine's own network on Windows, say, publishes as `bridge` does.
        NetworkMode::Bridge | NetworkMode::Unknown(_) => Ports::NotShown(definition),
    }))
}

/// What a live task has to do with the ports of its machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// Those that it has.
    pub(super) has: Vec<Port>,
    /// Those that it will have: it starts, and ECS, which places no two tasks with one fixed port on one
    /// machine ([`RESOURCE:PORTS`](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)),
    /// keeps them for it. So whoever had them has given them back.
    pub(super) will_have: Vec<Port>,
    /// The machine will give it others, and nobody knows which.
    pub(super) may_get_any: bool,
}

/// Of a live task, by the ports of its containers that are in question. What a RUNNING task does not show it
/// does not publish, if it shows any; one that starts may show only some.
pub(super) fn claims(task: &Task, containers_ports: &[Port], reader: &mut Reader<'_>) -> Result<Claims, Halt> {
    let shown = task.shown_ports();
    let mut claims = Claims::default();
    for &port in containers_ports {
        claims
            .has
            .extend(shown.iter().filter_map(|binding| binding.host_port(port)));
    }
    let is_running = task.last_status == Status::Running;
    if is_running && !shown.is_empty() {
        return Ok(claims);
    }
    let definition = match &task.task_definition {
        Some(arn) => reader.describe_task_definition(arn)??,
        None => None,
    };
    let Some(definition) = definition else {
        claims.may_get_any = true;
        return Ok(claims);
    };
    let mut fixed = Vec::new();
    for mapping in &definition.mappings {
        for &port in containers_ports.iter().filter(|port| mapping.is_of(**port)) {
            let on_host = match &definition.network_mode {
                NetworkMode::Host => Some(&mapping.on_same),
                NetworkMode::Bridge | NetworkMode::Unknown(_) => mapping.on_fixed.as_ref(),
                NetworkMode::Awsvpc | NetworkMode::None => continue,
            };
            match on_host.and_then(|binding| binding.host_port(port)) {
                Some(port) => fixed.push(port),
                None => claims.may_get_any = true,
            }
        }
    }
    if is_running {
        claims.has.extend(fixed);
    } else {
        claims.will_have = fixed;
    }
    Ok(claims)
}
