//! Reads tasks and target groups, as they are now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use start_engines_core::call::CallError;
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use start_engines_core::domain::task::Network;
use start_engines_core::domain::task::ports::PortBinding;

use crate::aws::OperatorClients;
use crate::fleet::{Fleet, GroupMember, SeenTask, together};

/// Looks, and remembers machines and task definitions.
#[derive(Debug)]
pub(crate) struct Inventory<'a> {
    clients: &'a OperatorClients,
    machines: HashMap<String, Vec<String>>,
    definitions: HashMap<TaskDefinition, Vec<PortBinding>>,
}

impl<'a> Inventory<'a> {
    pub(crate) fn new(clients: &'a OperatorClients) -> Self {
        Self {
            clients,
            machines: HashMap::new(),
            definitions: HashMap::new(),
        }
    }

    /// These tasks, as far as ECS still knows them.
    pub(crate) async fn tasks(&mut self, cluster: &Cluster, arns: &[TaskArn]) -> Result<Vec<SeenTask>, CallError> {
        let mut tasks = self.clients.describe_tasks(cluster, arns).await?;
        for seen in tasks.iter_mut().filter(|seen| seen.is_ours()) {
            let Network::ContainerInstance { arn, .. } = &seen.task.network else {
                continue;
            };
            if !self.machines.contains_key(arn) {
                let hosts = self.clients.hosts(cluster, arn).await?;
                self.machines.insert(arn.clone(), hosts);
            }
            seen.hosts = self.machines.get(arn).cloned().unwrap_or_default();
            let Some(definition) = seen.task.task_definition.as_ref().filter(|_| seen.ports.is_empty()) else {
                continue;
            };
            if !self.definitions.contains_key(definition) {
                let ports = self.clients.certain_ports(definition).await?;
                self.definitions.insert(definition.clone(), ports);
            }
            seen.ports = self.definitions.get(definition).cloned().unwrap_or_default();
        }
        Ok(tasks)
    }

    /// All that ECS still shows in a cluster.
    pub(crate) async fn list(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        self.clients.list_tasks(cluster).await
    }

    /// The same tasks with all that is in their groups, and in `more` groups.
    pub(crate) async fn fleet(&self, tasks: Vec<SeenTask>, more: &[TargetGroupArn]) -> Result<Fleet, CallError> {
        let ours = tasks.iter().filter(|seen| seen.is_ours());
        let named = ours.flat_map(SeenTask::attachments).map(|attachment| attachment.group);
        let names: BTreeSet<TargetGroupArn> = named.chain(more.iter().cloned()).collect();
        let mut groups: BTreeMap<TargetGroupArn, Vec<GroupMember>> = BTreeMap::new();
        for name in names {
            let members = self.clients.group(&name).await?;
            groups.insert(name, members);
        }
        Ok(together(tasks, &groups))
    }
}
