//! A task's state in the two shapes that AWS shows it: the API's Task (epoch seconds,
//! `ElasticNetworkInterface`, `bindIP`, tags) and the event's detail (RFC 3339, `eni`,
//! `bindIp`, never tags).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::definitions::{ContainerDefinition, NetworkMode};
use super::tasks::{Eni, TaskState};
use super::world::World;
use super::{arns, interfaces};

impl World {
    /// The `ECS Task State Change` event of a task's present state. Asking twice gives
    /// the same event, id included, as a duplicate delivery would.
    pub fn event(&self, task: &str) -> Value {
        match self.events.get(task).and_then(|own| own.last()) {
            Some((_, event)) => event.clone(),
            None => self.render_event(self.state(task)),
        }
    }

    /// All events of a task so far, one for each version.
    pub fn history(&self, task: &str) -> Vec<Value> {
        let own = self.events.get(task).into_iter().flatten();
        own.map(|(_, event)| event.clone()).collect()
    }

    /// All events of all tasks, in the order in which they happened.
    pub fn all_events(&self) -> Vec<Value> {
        let mut all: Vec<&(usize, Value)> = self.events.values().flatten().collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, event)| event.clone()).collect()
    }

    pub(super) fn record_event(&mut self, state: &TaskState) -> Value {
        let event = self.render_event(state);
        if self.keeps_history {
            let own = self.events.entry(state.arn.clone()).or_default();
            own.push((self.events_recorded, event.clone()));
            self.events_recorded += 1;
        }
        event
    }

    /// Renders the newest event of a task anew, after a change that is no new version.
    pub(super) fn rewrite_last_event(&mut self, task: &str) {
        let event = self.render_event(self.state(task));
        if let Some(last) = self.events.get_mut(task).and_then(|own| own.last_mut()) {
            last.1 = event;
        }
    }

    fn render_event(&self, state: &TaskState) -> Value {
        json!({
            "version": "0",
            "id": arns::uuid(&format!("event {} {}", state.arn, state.version)),
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": self.account,
            "time": arns::rfc3339_seconds(state.updated_at),
            "region": self.region,
            "resources": [state.arn],
            "detail": render(state, Dialect::Event),
        })
    }
}

/// The two shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Api,
    Event,
}

impl Dialect {
    fn time(self, at: OffsetDateTime) -> Value {
        match self {
            Self::Api => Value::from(arns::epoch_seconds(at)),
            Self::Event => Value::from(arns::rfc3339_millis(at)),
        }
    }
}

/// The API's Task.
pub(super) fn api_task(state: &TaskState, with_tags: bool) -> Value {
    let mut task = render(state, Dialect::Api);
    let tags = state.tags.iter().filter(|_| with_tags);
    task["tags"] = tags.map(|(key, value)| json!({"key": key, "value": value})).collect();
    task
}

fn render(state: &TaskState, dialect: Dialect) -> Value {
    let mut task = json!({
        "attachments": attachments(state, dialect),
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": "us-east-1a",
        "clusterArn": state.cluster_arn,
        "connectivity": "CONNECTED",
        "containers": state.containers.iter().map(|it| container(state, it, dialect)).collect::<Value>(),
        "cpu": "256",
        "memory": "512",
        "createdAt": dialect.time(state.created_at),
        "desiredStatus": state.desired_status,
        "enableExecuteCommand": state.execute_command,
        "group": state.group,
        "lastStatus": state.last_status,
        "launchType": state.launch_type,
        "overrides": state.overrides,
        "taskArn": state.arn,
        "taskDefinitionArn": state.definition_arn,
        "version": state.version,
    });
    let Value::Object(members) = &mut task else {
        unreachable!("an object was made")
    };
    put(members, "startedBy", state.started_by.clone());
    put(members, "capacityProviderName", state.capacity_provider.clone());
    put(members, "containerInstanceArn", state.container_instance.clone());
    put(members, "platformVersion", state.platform_version.clone());
    put(members, "stopCode", state.stop_code.clone());
    put(members, "stoppedReason", state.stopped_reason.clone());
    let time = |at: Option<OffsetDateTime>| at.map(|at| dialect.time(at));
    put(members, "startedAt", time(state.started_at));
    put(members, "stoppingAt", time(state.stopping_at));
    put(members, "executionStoppedAt", time(state.execution_stopped_at));
    put(members, "stoppedAt", time(state.stopped_at));
    if dialect == Dialect::Event {
        put(members, "updatedAt", time(Some(state.updated_at)));
    }
    task
}

fn put<V: Into<Value>>(members: &mut Map<String, Value>, name: &str, value: Option<V>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value.into());
    }
}

/// Volumes before the ENI: the order is not promised, so nobody may count on it.
fn attachments(state: &TaskState, dialect: Dialect) -> Value {
    let volumes = state.volumes.iter().map(|name| {
        json!({
            "id": arns::uuid(&format!("volume {name} {}", state.arn)),
            "type": "AmazonElasticBlockStorage",
            "status": "ATTACHED",
            "details": [{"name": "volumeName", "value": name}],
        })
    });
    let eni = state.eni.iter().map(|eni| {
        json!({
            "id": eni_attachment_id(state),
            "type": match dialect { Dialect::Api => "ElasticNetworkInterface", Dialect::Event => "eni" },
            "status": eni.status,
            "details": eni_details(&state.arn, eni),
        })
    });
    volumes.chain(eni).collect()
}

fn eni_attachment_id(state: &TaskState) -> String {
    arns::uuid(&format!("attachment {}", state.arn))
}

fn eni_details(task: &str, eni: &Eni) -> Value {
    let mut details = vec![json!({"name": "subnetId", "value": eni.subnet})];
    if let Some(address) = eni.address {
        let mac = arns::hex(&format!("mac {task}"), 8);
        let mac = format!("0a:58:{}:{}:{}:{}", &mac[..2], &mac[2..4], &mac[4..6], &mac[6..8]);
        let name = format!("ip-{}.ec2.internal", address.to_string().replace('.', "-"));
        if !eni.hides_id {
            details.push(json!({"name": "networkInterfaceId", "value": interfaces::id_of(task)}));
        }
        details.push(json!({"name": "macAddress", "value": mac}));
        details.push(json!({"name": "privateDnsName", "value": name}));
        details.push(json!({"name": "privateIPv4Address", "value": address.to_string()}));
    }
    Value::from(details)
}

fn container(state: &TaskState, definition: &ContainerDefinition, dialect: Dialect) -> Value {
    let status = match state.last_status {
        "RUNNING" => "RUNNING",
        "DEPROVISIONING" | "STOPPED" => "STOPPED",
        _ => "PENDING",
    };
    let id = arns::uuid(&format!("container {} {}", definition.name, state.arn));
    let mut container = json!({
        "containerArn": format!("{}/{id}", state.arn.replacen(":task/", ":container/", 1)),
        "taskArn": state.arn,
        "name": definition.name,
        "image": format!("example/{}:latest", definition.name),
        "lastStatus": status,
        "cpu": "0",
        "networkInterfaces": network_interfaces(state),
    });
    // Published ports show once the container has been started, and in host mode never.
    if state.network_mode != NetworkMode::Awsvpc {
        container["networkBindings"] = network_bindings(state, &definition.name, dialect);
    }
    if status == "STOPPED" && state.started_at.is_some() {
        container["exitCode"] = Value::from(0);
    }
    if let Some(reason) = &state.container_reason {
        container["reason"] = Value::from(reason.as_str());
    }
    if dialect == Dialect::Api {
        container["healthStatus"] = Value::from("UNKNOWN");
    }
    container
}

fn network_interfaces(state: &TaskState) -> Value {
    let interfaces = state.eni.iter().filter_map(|eni| {
        let mut interface = json!({
            "attachmentId": eni_attachment_id(state),
            "privateIpv4Address": eni.address?.to_string(),
        });
        if let Some(ipv6) = eni.ipv6 {
            interface["ipv6Address"] = Value::from(ipv6.to_string());
        }
        Some(interface)
    });
    interfaces.collect()
}

fn network_bindings(state: &TaskState, container: &str, dialect: Dialect) -> Value {
    let bind_address = match dialect {
        Dialect::Api => "bindIP",
        Dialect::Event => "bindIp",
    };
    let is_shown = state.network_mode == NetworkMode::Bridge && state.started_at.is_some();
    let own = state
        .bindings
        .iter()
        .filter(|binding| is_shown && binding.container == container);
    own.map(|binding| {
        let mut value = json!({bind_address: binding.address, "protocol": binding.protocol});
        if binding.ports == 1 {
            value["containerPort"] = Value::from(binding.container_port);
            value["hostPort"] = Value::from(binding.host_port);
        } else {
            let range = |first: u16| format!("{first}-{}", first + binding.ports - 1);
            value["containerPortRange"] = Value::from(range(binding.container_port));
            value["hostPortRange"] = Value::from(range(binding.host_port));
        }
        value
    })
    .collect()
}
