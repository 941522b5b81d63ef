//! ECS: clusters, capacity providers and task definitions.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types as sdk;
use start_engines_aws::ecs::read_definition;
use start_engines_aws::error::call_error;
use start_engines_core::call::run_task::CapacityProvider;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::TaskDefinition;

use super::{Reads, unreadable};
use crate::doctor::world::{Cluster, Container, Instances, Owners, Provider, TaskFacts};

impl Reads {
    /// Those of these clusters that there are, at most 100, by name
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html>).
    pub(crate) async fn clusters(&self, names: &[String]) -> Result<BTreeMap<String, Cluster>, CallError> {
        let call = self.ecs.describe_clusters().set_clusters(Some(names.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|error| call_error("DescribeClusters", &error))?;
        let cluster = |found: &sdk::Cluster| {
            let strategy = found.default_capacity_provider_strategy().iter();
            let cluster = Cluster {
                arn: found.cluster_arn()?.to_owned(),
                status: found.status().unwrap_or_default().to_owned(),
                providers: found.capacity_providers().to_vec(),
                default_strategy: strategy.map(strategy_item).collect(),
                registered: found.registered_container_instances_count(),
            };
            Some((found.cluster_name()?.to_owned(), cluster))
        };
        Ok(answer.clusters().iter().filter_map(cluster).collect())
    }

    /// Those of these capacity providers that there are.
    pub(crate) async fn providers(&self, names: &[String]) -> Result<BTreeMap<String, Provider>, CallError> {
        let call = self
            .ecs
            .describe_capacity_providers()
            .set_capacity_providers(Some(names.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|error| call_error("DescribeCapacityProviders", &error))?;
        let provider = |found: &sdk::CapacityProvider| {
            let scaling = found.auto_scaling_group_provider().and_then(|it| it.managed_scaling());
            let is_on = scaling.and_then(|it| it.status()) == Some(&sdk::ManagedScalingStatus::Enabled);
            let provider = Provider {
                status: found
                    .status()
                    .map(|status| status.as_str().to_owned())
                    .unwrap_or_default(),
                scales: is_on || found.managed_instances_provider().is_some(),
            };
            Some((found.name()?.to_owned(), provider))
        };
        Ok(answer.capacity_providers().iter().filter_map(provider).collect())
    }

    /// One page of a cluster's ACTIVE container instances, and the token of the next one
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListContainerInstances.html>: 100 on a page).
    pub(crate) async fn container_instances(
        &self,
        cluster: &str,
        page: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), CallError> {
        let call = self.ecs.list_container_instances().cluster(cluster);
        let call = call.status(sdk::ContainerInstanceStatus::Active);
        let answer = call.set_next_token(page.map(str::to_owned)).send().await;
        let answer = answer.map_err(|error| call_error("ListContainerInstances", &error))?;
        let next = answer.next_token().map(str::to_owned);
        Ok((answer.container_instance_arns().to_vec(), next))
    }

    /// Whose these container instances are, at most 100.
    pub(crate) async fn instances(&self, cluster: &str, arns: Vec<String>) -> Result<Instances, CallError> {
        let call = self.ecs.describe_container_instances().cluster(cluster);
        let answer = call.set_container_instances(Some(arns)).send().await;
        let answer = answer.map_err(|error| call_error("DescribeContainerInstances", &error))?;
        let of = |is_connected: bool| {
            let these = answer.container_instances().iter();
            let these: Vec<_> = these.filter(|it| it.agent_connected() == is_connected).collect();
            let owners = these.iter().filter_map(|it| it.capacity_provider_name());
            Owners {
                any: !these.is_empty(),
                providers: owners.map(str::to_owned).collect(),
            }
        };
        Ok(Instances {
            connected: of(true),
            disconnected: of(false),
        })
    }

    /// A task definition. ECS has no error code for one that does not exist: it answers ClientException, "Unable to
    /// describe task definition." (terraform-provider-aws#29749).
    pub(crate) async fn task_definition(&self, name: &TaskDefinition) -> Result<Option<TaskFacts>, CallError> {
        const OPERATION: &str = "DescribeTaskDefinition";
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(name.as_str())
            .send()
            .await;
        let answer = match answer.map_err(|error| call_error(OPERATION, &error)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::ClientException => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = answer
            .task_definition()
            .ok_or_else(|| unreadable(OPERATION, format!("an answer without {name}")))?;
        let home = found.task_definition_arn().and_then(|arn| arn.split(':').nth(3));
        Ok(Some(TaskFacts {
            arn: found.task_definition_arn().unwrap_or_default().to_owned(),
            status: found
                .status()
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default(),
            ports: read_definition(found),
            compatibilities: found
                .compatibilities()
                .iter()
                .map(|it| it.as_str().to_owned())
                .collect(),
            task_role: found.task_role_arn().map(str::to_owned),
            execution_role: found.execution_role_arn().map(str::to_owned),
            containers: found
                .container_definitions()
                .iter()
                .map(|it| container(it, home.unwrap_or_default()))
                .collect(),
        }))
    }
}

fn strategy_item(item: &sdk::CapacityProviderStrategyItem) -> CapacityProvider {
    CapacityProvider {
        name: item.capacity_provider().to_owned(),
        weight: item.weight(),
        base: item.base(),
    }
}

fn container(found: &sdk::ContainerDefinition, home: &str) -> Container {
    let logs = found
        .log_configuration()
        .filter(|it| *it.log_driver() == sdk::LogDriver::Awslogs);
    let option = |name: &str| {
        logs.and_then(sdk::LogConfiguration::options)
            .and_then(|all: &HashMap<String, String>| all.get(name))
    };
    let of_logs = found.log_configuration().map(sdk::LogConfiguration::secret_options);
    let secrets = found.secrets().iter().chain(of_logs.unwrap_or_default());
    let registry = found.repository_credentials();
    Container {
        name: found.name().unwrap_or_default().to_owned(),
        image: found.image().unwrap_or_default().to_owned(),
        // One of another region is not looked for
        // (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>).
        log_group: option("awslogs-group")
            .filter(|_| option("awslogs-region").is_none_or(|region| region == home))
            .cloned(),
        creates_log_group: option("awslogs-create-group").is_some_and(|value| value == "true"),
        secrets: secrets
            .map(|secret| secret.value_from())
            .chain(registry.map(sdk::RepositoryCredentials::credentials_parameter))
            .map(str::to_owned)
            .collect(),
    }
}
