//! What an ECS account has before any task runs: clusters and task definitions, how calls name them,
//! and DescribeTaskDefinition.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::service::ApiError;
use super::world::World;

/// A task definition's network mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkMode {
    /// An ENI for each task.
    Awsvpc,
    /// Docker's bridge on an EC2 instance; a host port of 0 is a dynamic one.
    Bridge,
    /// The EC2 instance's own network: only the task definition has the ports.
    Host,
    /// No network to the outside.
    None,
}

/// A container of a task definition.
#[derive(Debug, Clone)]
pub(super) struct ContainerDefinition {
    pub(super) name: String,
    /// (container port, host port)
    pub(super) ports: Vec<(u16, u16)>,
}

/// A registered revision of a task definition.
#[derive(Debug, Clone)]
pub struct TaskDefinition {
    pub(super) family: String,
    pub(super) revision: u32,
    pub(super) network_mode: NetworkMode,
    pub(super) containers: Vec<ContainerDefinition>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) volumes: Vec<String>,
}

impl TaskDefinition {
    /// Revision 1 of a family with no container yet.
    pub fn new(family: &str, network_mode: NetworkMode) -> Self {
        Self {
            family: family.to_owned(),
            revision: 1,
            network_mode,
            containers: Vec::new(),
            tags: Vec::new(),
            volumes: Vec::new(),
        }
    }

    /// An awsvpc definition, fit for Fargate and EC2.
    pub fn awsvpc(family: &str) -> Self {
        Self::new(family, NetworkMode::Awsvpc)
    }

    /// Another revision than 1.
    pub fn revision(mut self, revision: u32) -> Self {
        self.revision = revision;
        self
    }

    /// Adds a container. Each port is both container and host port; in bridge mode the
    /// host port is dynamic.
    pub fn container(self, name: &str, ports: &[u16]) -> Self {
        let dynamic = self.network_mode == NetworkMode::Bridge;
        let ports: Vec<(u16, u16)> = ports
            .iter()
            .map(|port| (*port, if dynamic { 0 } else { *port }))
            .collect();
        self.container_with_host_ports(name, &ports)
    }

    /// Adds a container with (container port, host port) pairs.
    pub fn container_with_host_ports(mut self, name: &str, ports: &[(u16, u16)]) -> Self {
        self.containers.push(ContainerDefinition {
            name: name.to_owned(),
            ports: ports.to_vec(),
        });
        self
    }

    /// Adds a tag, which `propagateTags` TASK_DEFINITION hands on.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Adds a volume configured at launch.
    pub fn volume(mut self, name: &str) -> Self {
        self.volumes.push(name.to_owned());
        self
    }

    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }
}

/// A cluster.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) capacity_providers: BTreeSet<String>,
}

impl World {
    /// Adds a cluster with the capacity providers FARGATE and FARGATE_SPOT; gives its ARN.
    pub fn add_cluster(&mut self, name: &str) -> String {
        let arn = self.arn("ecs", &format!("cluster/{name}"));
        let providers = ["FARGATE", "FARGATE_SPOT"].map(str::to_owned);
        let cluster = Cluster {
            arn: arn.clone(),
            name: name.to_owned(),
            capacity_providers: providers.into(),
        };
        self.clusters.insert(name.to_owned(), cluster);
        arn
    }

    /// Adds an EC2 capacity provider to a cluster.
    pub fn add_capacity_provider(&mut self, cluster: &str, provider: &str) {
        let cluster = self.clusters.get_mut(cluster).expect("a cluster of the test");
        cluster.capacity_providers.insert(provider.to_owned());
    }

    /// Registers a task definition; gives its ARN.
    pub fn add_task_definition(&mut self, definition: TaskDefinition) -> String {
        assert!(!definition.containers.is_empty(), "a task definition needs a container");
        let arn = self.arn("ecs", &format!("task-definition/{}", definition.name()));
        self.definitions.insert(arn.clone(), definition);
        arn
    }

    /// Deletes a task definition, as DeleteTaskDefinitions does in the end.
    pub fn delete_task_definition(&mut self, arn: &str) {
        self.definitions.remove(arn);
    }

    pub(super) fn describe_task_definition(&mut self, input: &Value) -> Result<Value, ApiError> {
        let asked = input["taskDefinition"].as_str().unwrap_or_default();
        let unknown = |_| ApiError::new("ClientException", "Unable to describe task definition.");
        let (arn, definition) = self.definition(asked).map_err(unknown)?;
        let described = self.overlaid("task definition", &arn, describe(&arn, &definition));
        Ok(json!({"taskDefinition": described, "tags": []}))
    }

    /// The cluster that a call names, by name or ARN; `default` when it names none.
    pub(super) fn cluster(&self, input: &Value) -> Result<Cluster, ApiError> {
        let asked = input["cluster"].as_str().unwrap_or("default");
        let found = if asked.starts_with("arn:") {
            self.clusters.values().find(|cluster| cluster.arn == asked)
        } else {
            self.clusters.get(asked)
        };
        found
            .cloned()
            .ok_or_else(|| ApiError::new("ClusterNotFoundException", "Cluster not found."))
    }

    /// The task definition that a call names: family (newest), family:revision or ARN.
    pub(super) fn definition(&self, asked: &str) -> Result<(String, TaskDefinition), ApiError> {
        let prefix = self.arn("ecs", "task-definition/");
        let name = asked.strip_prefix(&prefix).unwrap_or(asked);
        self.definitions
            .iter()
            .filter(|(_, found)| found.name() == name || found.family == name)
            .max_by_key(|(_, found)| found.revision)
            .map(|(arn, found)| (arn.clone(), found.clone()))
            .ok_or_else(|| ApiError::new("ClientException", "TaskDefinition not found."))
    }

    /// The full ARN of a resource that a call names by id or ARN. An ARN of another
    /// cluster is an error, as in the real service.
    pub(super) fn in_cluster(&self, kind: &str, asked: &str, cluster: &Cluster) -> Result<String, ApiError> {
        if !asked.starts_with("arn:") {
            return Ok(self.arn("ecs", &format!("{kind}/{}/{asked}", cluster.name)));
        }
        let refused = |why: String| Err(ApiError::new("InvalidParameterException", why));
        let Some(rest) = asked.strip_prefix(&self.arn("ecs", &format!("{kind}/"))) else {
            return refused(format!("Invalid identifier: {asked}"));
        };
        match rest.split_once('/') {
            Some((owner, id)) if !id.is_empty() && owner == cluster.name => Ok(asked.to_owned()),
            Some((owner, _)) => refused(format!(
                "Invalid identifier: Identifier is for cluster {owner}. Your cluster is {}",
                cluster.name
            )),
            None => refused(format!("Invalid identifier: {asked}")),
        }
    }
}

/// In network mode `bridge` that was not asked for by name there is no `networkMode`, and in the others ECS has
/// made the host port the container's own.
fn describe(arn: &str, definition: &TaskDefinition) -> Value {
    let mapping = |&(container_port, host_port): &(u16, u16)| {
        let host_port = match definition.network_mode {
            NetworkMode::Bridge => host_port,
            NetworkMode::Awsvpc | NetworkMode::Host | NetworkMode::None => container_port,
        };
        json!({"containerPort": container_port, "hostPort": host_port, "protocol": "tcp"})
    };
    let container = |container: &ContainerDefinition| {
        json!({
            "name": container.name,
            "image": format!("example/{}:latest", container.name),
            "essential": true,
            "portMappings": container.ports.iter().map(mapping).collect::<Value>(),
            "environment": [],
            "mountPoints": [],
        })
    };
    let mut described = json!({
        "taskDefinitionArn": arn,
        "family": definition.family,
        "revision": definition.revision,
        "status": "ACTIVE",
        "compatibilities": if definition.network_mode == NetworkMode::Awsvpc { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) },
        "containerDefinitions": definition.containers.iter().map(container).collect::<Value>(),
        "volumes": [],
        "placementConstraints": [],
    });
    match definition.network_mode {
        NetworkMode::Bridge => {}
        NetworkMode::Awsvpc => described["networkMode"] = json!("awsvpc"),
        NetworkMode::Host => described["networkMode"] = json!("host"),
        NetworkMode::None => described["networkMode"] = json!("none"),
    }
    described
}
