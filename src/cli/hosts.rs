//! The container instances and task definitions of tasks in network modes `bridge` and `host`: each is read once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::arn::{Cluster, TaskDefinition};
use start_engines_core::domain::definition::Definition;
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use start_engines_core::domain::task::{Network, Task};

use crate::calls::Calls;
use crate::fleet::TaskSnapshot;

/// What was read; none where ECS or EC2 no longer know it.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    container_instances: HashMap<String, Option<ContainerInstance>>,
    instances: HashMap<String, Option<Ec2Instance>>,
    definitions: HashMap<TaskDefinition, Option<Arc<Definition>>>,
}

impl Hosts {
    /// Reads what is not known yet of these tasks' hosts and ports, side by side.
    ///
    /// # Errors
    /// With the first call that fails.
    pub(crate) async fn read<'t>(
        &mut self,
        cluster: &Cluster,
        tasks: impl Iterator<Item = &'t Task> + Clone,
        calls: &Calls,
    ) -> Result<(), CallError> {
        let on_instances = tasks.filter_map(|task| match &task.network {
            Network::ContainerInstance { arn, bindings } => Some((task, arn, bindings.is_empty())),
            Network::Awsvpc(_) | Network::External | Network::Unknown => None,
        });
        let arns: BTreeSet<&String> = on_instances.clone().map(|(_, arn, _)| arn).collect();
        let definitions: BTreeSet<&TaskDefinition> = on_instances
            .filter_map(|(task, _, shows_no_ports)| task.task_definition.as_ref().filter(|_| shows_no_ports))
            .collect();
        let unknown = arns
            .into_iter()
            .filter(|arn| !self.container_instances.contains_key(*arn));
        let reading: FuturesUnordered<_> = unknown.map(|arn| host(cluster, arn, calls)).collect();
        let unknown = definitions
            .into_iter()
            .filter(|definition| !self.definitions.contains_key(*definition));
        let describing: FuturesUnordered<_> = unknown.map(|arn| definition(arn, calls)).collect();
        let (hosts, definitions): (Vec<_>, Vec<_>) = tokio::try_join!(reading.try_collect(), describing.try_collect())?;
        for (arn, container_instance, instance) in hosts {
            if let (Some(found), Some(instance)) = (&container_instance, instance) {
                self.instances.insert(found.ec2_instance.clone(), instance);
            }
            self.container_instances.insert(arn, container_instance);
        }
        self.definitions.extend(definitions);
        Ok(())
    }

    /// The answer to one of the function's calls, if it was read.
    pub(crate) fn answer(&self, call: &Call) -> Option<Answer> {
        match call {
            Call::DescribeContainerInstance {
                arn,
                recall: Recall::Always,
                ..
            } => Some(Answer::ContainerInstance(self.container_instances.get(arn)?.clone())),
            Call::DescribeInstance {
                id,
                recall: Recall::Always,
            } => Some(Answer::Instance(*self.instances.get(id)?)),
            Call::DescribeTaskDefinition { arn } => Some(Answer::Definition(self.definitions.get(arn)?.clone())),
            _ => None,
        }
    }

    /// The task with the ids and ports that its targets can have.
    pub(crate) fn complete(&self, snapshot: &mut TaskSnapshot) {
        match &snapshot.task.network {
            Network::Awsvpc(addresses) => snapshot.hosts = addresses.each().collect(),
            Network::ContainerInstance { arn, bindings } => {
                snapshot.hosts = self.ids(arn);
                snapshot.ports = bindings.clone();
                if bindings.is_empty() {
                    let definition = snapshot.task.task_definition.as_ref();
                    let found = definition.and_then(|definition| self.definitions.get(definition)?.as_ref());
                    snapshot.ports = found.map(|found| found.static_ports()).unwrap_or_default();
                }
            }
            Network::External | Network::Unknown => {}
        }
    }

    /// The EC2 instance id of a container instance, and its private addresses.
    fn ids(&self, arn: &str) -> Vec<String> {
        let Some(Some(found)) = self.container_instances.get(arn) else {
            return Vec::new();
        };
        let instance = self.instances.get(&found.ec2_instance).copied().flatten();
        let mut ids = vec![found.ec2_instance.clone()];
        if let Some(instance) = instance {
            ids.extend(instance.addresses.each());
        }
        ids
    }
}

type Host = (String, Option<ContainerInstance>, Option<Option<Ec2Instance>>);

async fn host(cluster: &Cluster, arn: &str, calls: &Calls) -> Result<Host, CallError> {
    let call = Call::DescribeContainerInstance {
        cluster: cluster.clone(),
        arn: arn.to_owned(),
        recall: Recall::Always,
    };
    let Answer::ContainerInstance(Some(found)) = calls.read(&call).await? else {
        return Ok((arn.to_owned(), None, None));
    };
    let call = Call::DescribeInstance {
        id: found.ec2_instance.clone(),
        recall: Recall::Always,
    };
    let instance = match calls.read(&call).await? {
        Answer::Instance(instance) => Some(instance),
        _ => None,
    };
    Ok((arn.to_owned(), Some(found), instance))
}

async fn definition(
    arn: &TaskDefinition,
    calls: &Calls,
) -> Result<(TaskDefinition, Option<Arc<Definition>>), CallError> {
    let call = Call::DescribeTaskDefinition { arn: arn.clone() };
    match calls.read(&call).await? {
        Answer::Definition(found) => Ok((arn.clone(), found)),
        _ => Ok((arn.clone(), None)),
    }
}
