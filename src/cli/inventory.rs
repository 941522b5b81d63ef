//! Reads tasks and target groups from AWS.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use start_engines_core::call::CallError;
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use start_engines_core::domain::task::Network;
use start_engines_core::domain::task::ports::PortBinding;

use crate::aws::OperatorClients;
use crate::fleet::{Fleet, GroupMember, TaskSnapshot, match_targets};

/// Reads tasks and target groups; caches container instances and task definitions.
#[derive(Debug)]
pub(crate) struct Inventory<'a> {
    clients: &'a OperatorClients,
    container_instances: HashMap<String, Vec<String>>,
    definitions: HashMap<TaskDefinition, Vec<PortBinding>>,
}

impl<'a> Inventory<'a> {
    pub(crate) fn new(clients: &'a OperatorClients) -> Self {
        Self {
            clients,
            container_instances: HashMap::new(),
            definitions: HashMap::new(),
        }
    }

    /// Those of these tasks that ECS still has.
    pub(crate) async fn tasks(&mut self, cluster: &Cluster, arns: &[TaskArn]) -> Result<Vec<TaskSnapshot>, CallError> {
        let mut tasks = self.clients.describe_tasks(cluster, arns).await?;
        for snapshot in tasks
            .iter_mut()
            .filter(|snapshot| snapshot.is_started_by_start_engines())
        {
            let Network::ContainerInstance { arn, .. } = &snapshot.task.network else {
                continue;
            };
            if !self.container_instances.contains_key(arn) {
                let hosts = self.clients.hosts(cluster, arn).await?;
                self.container_instances.insert(arn.clone(), hosts);
            }
            snapshot.hosts = self.container_instances.get(arn).cloned().unwrap_or_default();
            let Some(definition) = snapshot
                .task
                .task_definition
                .as_ref()
                .filter(|_| snapshot.ports.is_empty())
            else {
                continue;
            };
            if !self.definitions.contains_key(definition) {
                let ports = self.clients.certain_ports(definition).await?;
                self.definitions.insert(definition.clone(), ports);
            }
            snapshot.ports = self.definitions.get(definition).cloned().unwrap_or_default();
        }
        Ok(tasks)
    }

    /// All tasks of a cluster that ECS still lists.
    pub(crate) async fn list(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        self.clients.list_tasks(cluster).await
    }

    /// These tasks with all targets of their target groups, and of the target groups `more`.
    pub(crate) async fn fleet(&self, tasks: Vec<TaskSnapshot>, more: &[TargetGroupArn]) -> Result<Fleet, CallError> {
        let started = tasks.iter().filter(|snapshot| snapshot.is_started_by_start_engines());
        let named = started
            .flat_map(TaskSnapshot::attachments)
            .map(|attachment| attachment.group);
        let names: BTreeSet<TargetGroupArn> = named.chain(more.iter().cloned()).collect();
        let mut groups: BTreeMap<TargetGroupArn, Vec<GroupMember>> = BTreeMap::new();
        for name in names {
            let members = self.clients.target_group(&name).await?;
            groups.insert(name, members);
        }
        Ok(match_targets(tasks, &groups))
    }
}
