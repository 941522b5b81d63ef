//! The ports that tasks publish on their container instances: by their bindings, else by their definitions.
//!
//! In network mode `host` no task has bindings, neither in events nor in DescribeTasks: the agent reports none ("we do not
//! return any network bindings for awsvpc and host network mode tasks":
//! [amazon-ecs-agent#3479](https://github.com/aws/amazon-ecs-agent/pull/3479)). Only the task definition contains the
//! network mode. In network mode `bridge` a binding is reported once its container runs; until then a dynamic port is not
//! known.
//!
//! A port without a mapping is not published in network mode `host` either, though something may listen on it: ECS
//! reserves a port of the container instance for a task only by a mapping, so two tasks on one container instance could
//! claim it; and ECS itself refuses a service with a load balancer without one ("A host port mapping for the container
//! port 8080 is required": terraform#24274).
//!
//! Must not know container instances: a host port is half of a target.

use crate::domain::arn::{Port, TaskDefinition};
use crate::domain::definition::{Definition, NetworkMode};
use crate::domain::task::ports::PortBinding;
use crate::domain::task::{Status, Task};
use crate::journal::{Asked, Halt, Reader};

/// What a task that is, or has been, RUNNING publishes on its container instance, as far as it is known.
#[derive(Debug)]
pub(crate) enum Ports<'a> {
    /// Exactly these bindings.
    Known(Vec<PortBinding>),
    /// No bindings are reported yet, in network mode `bridge`, where host ports may be dynamic.
    NotReported(&'a Definition),
    /// Nothing: it has its own network interface, which is not reported yet.
    OwnInterface,
    /// Neither bindings nor the ARN of the task definition are reported.
    DefinitionUnknown,
    /// No bindings are reported, and its task definition was deleted.
    DefinitionDeleted(TaskDefinition),
}

/// What a RUNNING task publishes: the bindings of the newer of event and snapshot, unless only the older one has any.
pub(crate) fn of_running<'a>(event: &Task, snapshot: &Task, reader: &mut Reader<'a>) -> Asked<'a, Ports<'a>> {
    let (newer, older) = if snapshot.version >= event.version {
        (snapshot, event)
    } else {
        (event, snapshot)
    };
    let reported = match newer.published_ports() {
        [] => older.published_ports(),
        reported => reported,
    };
    reported_or_defined(reported.to_vec(), [Some(newer), Some(older)], reader)
}

/// What a stopping or stopped task publishes: the bindings of both event and snapshot, since a container that was
/// restarted may have another port.
pub(crate) fn of_stopping<'a>(task: &Task, snapshot: Option<&Task>, reader: &mut Reader<'a>) -> Asked<'a, Ports<'a>> {
    let both = || [Some(task), snapshot].into_iter().flatten();
    let reported = both()
        .flat_map(|snapshot| snapshot.published_ports().iter().cloned())
        .collect();
    reported_or_defined(reported, [Some(task), snapshot], reader)
}

fn reported_or_defined<'a>(
    reported: Vec<PortBinding>,
    snapshots: [Option<&Task>; 2],
    reader: &mut Reader<'a>,
) -> Asked<'a, Ports<'a>> {
    if !reported.is_empty() {
        return Ok(Ok(Ports::Known(reported)));
    }
    let named = snapshots.into_iter().flatten();
    let Some(arn) = named.filter_map(|task| task.task_definition.as_ref()).next() else {
        return Ok(Ok(Ports::DefinitionUnknown));
    };
    let definition = match reader.describe_task_definition(arn)? {
        Ok(Some(definition)) => definition,
        Ok(None) => return Ok(Ok(Ports::DefinitionDeleted(arn.clone()))),
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(match &definition.network_mode {
        NetworkMode::Host => Ports::Known(definition.host_mode_ports()),
        NetworkMode::Awsvpc => Ports::OwnInterface,
        NetworkMode::None => Ports::Known(Vec::new()),
        NetworkMode::Bridge | NetworkMode::Unknown(_) if definition.mappings.is_empty() => Ports::Known(Vec::new()),
        // The default network mode on Windows, for example, publishes like `bridge`.
        NetworkMode::Bridge | NetworkMode::Unknown(_) => Ports::NotReported(definition),
    }))
}

/// The host ports of its container instance that a live task claims.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PortClaims {
    /// Those that it has.
    pub(crate) has: Vec<Port>,
    /// Those that it will have: it starts, and ECS reserves them for it, since it does not place two tasks with the same
    /// fixed port on one container instance
    /// ([`RESOURCE:PORTS`](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)).
    /// So the task before it has freed them.
    pub(crate) will_have: Vec<Port>,
    /// Whether it will get dynamic ports, which are not known yet.
    pub(crate) may_get_any: bool,
}

/// What a live task claims for these container ports. A RUNNING task with any bindings publishes nothing else; one that
/// starts may have only some of its bindings yet.
pub(crate) fn claims(task: &Task, containers_ports: &[Port], reader: &mut Reader<'_>) -> Result<PortClaims, Halt> {
    let reported = task.published_ports();
    let mut claims = PortClaims::default();
    for &port in containers_ports {
        claims
            .has
            .extend(reported.iter().filter_map(|binding| binding.host_port(port)));
    }
    let is_running = task.last_status == Status::Running;
    if is_running && !reported.is_empty() {
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
        let is_reported = |port| {
            let mut of_container = reported
                .iter()
                .filter(|it| it.container == mapping.in_host_mode.container);
            of_container.any(|binding| binding.host_port(port).is_some())
        };
        for &port in containers_ports
            .iter()
            .filter(|port| mapping.is_of(**port) && !is_reported(**port))
        {
            let on_host = match &definition.network_mode {
                NetworkMode::Host => Some(&mapping.in_host_mode),
                NetworkMode::Bridge | NetworkMode::Unknown(_) => mapping.in_bridge_mode.as_ref(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::call::{Answer, Call};
    use crate::domain::definition::PortMapping;
    use crate::domain::task::from_event;
    use crate::domain::task::ports::RawBinding;
    use crate::domain::timestamp::Timestamp;
    use crate::journal::{Entry, Journal};

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn task(last_status: &str, bindings: &Value) -> Task {
        let detail = json!({
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef",
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7",
            "lastStatus": last_status, "desiredStatus": "RUNNING", "containerInstanceArn": "container-instance",
            "containers": [{"name": "auth", "networkBindings": bindings}],
        });
        from_event(&detail).unwrap()
    }

    /// The claims for container port 8080, and the number of DescribeTaskDefinition calls.
    fn claims_of(task: &Task, mode: Option<&str>, mappings: &[(&str, i64, Option<i64>)]) -> (PortClaims, usize) {
        let mapping = |(name, container_port, host_port): &(&str, i64, Option<i64>)| {
            let raw = RawBinding {
                container_port: Some(*container_port),
                host_port: *host_port,
                ..RawBinding::default()
            };
            PortMapping::read(name, raw)
        };
        let definition = Definition {
            network_mode: mode.into(),
            mappings: mappings.iter().filter_map(mapping).collect(),
        };
        let mut journal = Journal::new(NOW);
        let ports = ["8080".parse().unwrap()];
        let asked = claims(task, &ports, &mut Reader::new(&journal));
        if let Err(Halt::Ask(calls)) = asked {
            let [call] = <[Call; 1]>::try_from(calls).unwrap();
            assert!(matches!(call, Call::DescribeTaskDefinition { .. }));
            journal.entries.push(Entry {
                call,
                asked_at: NOW,
                answered_at: NOW,
                calls: 1,
                answer: Ok(Answer::Definition(Some(Arc::new(definition)))),
            });
        }
        let mut reader = Reader::new(&journal);
        let found = claims(task, &ports, &mut reader).unwrap();
        assert_eq!(
            claims(task, &ports, &mut reader).unwrap(),
            found,
            "the same again, without a second call"
        );
        (found, journal.entries.len())
    }

    #[test]
    fn what_a_live_task_has_will_have_or_may_get_comes_from_its_bindings_and_its_definition() {
        let none = json!([]);
        let reported = json!([{"containerPort": 8080, "hostPort": 32768}]);
        let others = json!([{"containerPort": 9090, "hostPort": 32768}]);
        let (fixed, dynamic) = ([("auth", 8080, Some(80))], [("auth", 8080, Some(0))]);
        let two = [("auth", 8080, Some(0)), ("proxy", 8080, None)];
        let has = |port: &str| (vec![port.parse().unwrap()], vec![], false);
        let will_have = |port: &str| (vec![], vec![port.parse().unwrap()], false);
        let (any, nothing) = ((vec![], vec![], true), (vec![], vec![], false));
        let has_one_and_may_get = (vec!["32768".parse().unwrap()], vec![], true);
        let table = [
            ("RUNNING", &reported, None, &dynamic[..], has("32768"), 0),
            ("RUNNING", &others, None, &dynamic, nothing.clone(), 0),
            ("RUNNING", &none, Some("host"), &dynamic, has("8080"), 1),
            ("RUNNING", &none, None, &fixed, has("80"), 1),
            ("RUNNING", &none, None, &dynamic, any.clone(), 1),
            ("PENDING", &none, Some("host"), &dynamic, will_have("8080"), 1),
            ("PENDING", &none, None, &fixed, will_have("80"), 1),
            ("PENDING", &none, None, &dynamic, any.clone(), 1),
            ("PENDING", &none, Some("nat"), &dynamic, any.clone(), 1),
            ("PENDING", &others, None, &dynamic, any, 1),
            // One container has its port, and the other will get one.
            ("PENDING", &reported, None, &dynamic, has("32768"), 1),
            ("PENDING", &reported, None, &two, has_one_and_may_get, 1),
            ("PENDING", &none, None, &[("auth", 9090, Some(0))], nothing.clone(), 1),
            ("PENDING", &none, Some("awsvpc"), &dynamic, nothing.clone(), 1),
            ("PENDING", &none, Some("none"), &dynamic, nothing, 1),
        ];
        for (last, bindings, mode, mappings, (has, will_have, may_get_any), asked) in table {
            let expected = PortClaims {
                has,
                will_have,
                may_get_any,
            };
            let found = claims_of(&task(last, bindings), mode, mappings);
            assert_eq!(found, (expected, asked), "{last} {bindings} {mode:?} {mappings:?}");
        }
    }

    #[test]
    fn a_live_task_whose_definition_is_not_reported_may_get_any_port() {
        let without_definition = Task {
            task_definition: None,
            ..task("RUNNING", &json!([]))
        };
        assert!(claims_of(&without_definition, None, &[]).0.may_get_any);
    }
}
