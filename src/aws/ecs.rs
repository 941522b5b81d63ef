//! ECS: describes and lists tasks, container instances and task definitions; stops and tags tasks.

use aws_sdk_ecs::operation::describe_container_instances::DescribeContainerInstancesInput;
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionInput;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksInput;
use aws_sdk_ecs::operation::list_tasks::ListTasksInput;
use aws_sdk_ecs::operation::stop_task::StopTaskInput;
use aws_sdk_ecs::operation::tag_resource::TagResourceInput;
use aws_sdk_ecs::types as sdk;
use aws_sdk_ecs::types::{DesiredStatus, TaskField};
use start_engines_core::call::{CallError, Desired, ErrorKind, TaskPage};
use start_engines_core::domain::arn::{Cluster, TaskArn, TaskDefinition};
use start_engines_core::domain::definition::{Definition, PortMapping};
use start_engines_core::domain::instance::ContainerInstance;
use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::task::ports::{PortBinding, RawBinding};
use start_engines_core::domain::task::{Addresses, ContainerExit, Network, StopReason, Task};
use start_engines_core::domain::timestamp::Timestamp;

use crate::client::Client;
use crate::error::call_error;

/// Tasks with their tags. Leaves out tasks that ECS reports as MISSING; any other failure is an error, since a task that
/// is left out counts as gone.
pub(crate) async fn describe_tasks(
    client: &Client,
    cluster: &Cluster,
    tasks: &[TaskArn],
) -> Result<Vec<Task>, CallError> {
    const OPERATION: &str = "DescribeTasks";
    let request = DescribeTasksInput::builder()
        .cluster(cluster.as_str())
        .set_tasks(Some(tasks.iter().map(ToString::to_string).collect()))
        .include(TaskField::Tags)
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    no_failure_but_missing(OPERATION, answer.failures())?;
    let read = |task| read_task(task, cluster).ok_or_else(|| unreadable(OPERATION));
    answer.tasks().iter().map(read).collect()
}

/// Parses the ARNs of tasks. An invalid one is an error: a task that is left out would count as gone, or as not
/// started.
///
/// # Errors
/// With the first ARN that is invalid.
pub fn task_arns<'a>(operation: &'static str, texts: impl Iterator<Item = &'a str>) -> Result<Vec<TaskArn>, CallError> {
    texts
        .map(|text| text.parse().map_err(|_| unreadable(operation)))
        .collect()
}

/// The error of an answer with a task that has no valid ARN.
#[must_use]
pub fn unreadable(operation: &'static str) -> CallError {
    let message = "a task without a valid taskArn".to_owned();
    CallError {
        operation,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message,
    }
}

/// One page of the tasks of a cluster, or of one of its container instances.
pub(crate) async fn list_tasks(
    client: &Client,
    cluster: &Cluster,
    desired: Desired,
    container_instance: Option<&str>,
    page: Option<&str>,
) -> Result<TaskPage, CallError> {
    let request = ListTasksInput::builder()
        .cluster(cluster.as_str())
        .set_container_instance(container_instance.map(str::to_owned))
        .desired_status(match desired {
            Desired::Running => DesiredStatus::Running,
            Desired::Stopped => DesiredStatus::Stopped,
        })
        .set_next_token(page.map(str::to_owned))
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error("ListTasks", &error))?;
    task_page(answer.task_arns(), answer.next_token())
}

/// One page of the tasks with this `startedBy` and `desiredStatus` RUNNING: ECS allows no other filter with it.
pub(crate) async fn list_tasks_started_by(
    client: &Client,
    cluster: &Cluster,
    started_by: &str,
    page: Option<&str>,
) -> Result<TaskPage, CallError> {
    let request = ListTasksInput::builder()
        .cluster(cluster.as_str())
        .started_by(started_by)
        .set_next_token(page.map(str::to_owned))
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error("ListTasks", &error))?;
    task_page(answer.task_arns(), answer.next_token())
}

fn task_page(arns: &[String], next: Option<&str>) -> Result<TaskPage, CallError> {
    Ok(TaskPage {
        tasks: task_arns("ListTasks", arns.iter().map(String::as_str))?,
        next: next.filter(|token| !token.is_empty()).map(str::to_owned),
    })
}

/// A container instance, also a deregistered one for as long as ECS returns it; `None` if ECS does not know it or its EC2
/// instance id.
pub(crate) async fn describe_container_instance(
    client: &Client,
    cluster: &Cluster,
    arn: &str,
) -> Result<Option<ContainerInstance>, CallError> {
    const OPERATION: &str = "DescribeContainerInstances";
    let request = DescribeContainerInstancesInput::builder()
        .cluster(cluster.as_str())
        .container_instances(arn)
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    no_failure_but_missing(OPERATION, answer.failures())?;
    Ok(answer.container_instances().first().and_then(|found| {
        Some(ContainerInstance {
            ec2_instance: found.ec2_instance_id()?.to_owned(),
            is_registered: !matches!(found.status(), Some("INACTIVE" | "DEREGISTERING")),
        })
    }))
}

/// A task definition, also an inactive one; `None` if it was deleted.
///
/// ECS has no error code for that: it answers ClientException, "Unable to describe task definition."
/// (terraform-provider-aws#29749). The ARN comes from ECS itself, so nothing else of the request can be wrong.
/// A task definition that tasks still use is not deleted
/// ([DeleteTaskDefinitions](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html)).
pub(crate) async fn describe_task_definition(
    client: &Client,
    arn: &TaskDefinition,
) -> Result<Option<Definition>, CallError> {
    const OPERATION: &str = "DescribeTaskDefinition";
    let request = DescribeTaskDefinitionInput::builder()
        .task_definition(arn.as_str())
        .build();
    let answer = match client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))
    {
        Ok(answer) => answer,
        Err(error) if error.kind == ErrorKind::ClientException => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = answer.task_definition().ok_or_else(|| CallError {
        operation: OPERATION,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message: format!("the answer does not contain {arn}"),
    })?;
    Ok(Some(read_definition(found)))
}

/// Translates the SDK's task definition.
#[must_use]
pub fn read_definition(found: &sdk::TaskDefinition) -> Definition {
    Definition {
        network_mode: found.network_mode().map(sdk::NetworkMode::as_str).into(),
        mappings: found.container_definitions().iter().flat_map(mappings).collect(),
    }
}

fn mappings(container: &sdk::ContainerDefinition) -> impl Iterator<Item = PortMapping> {
    let name = container.name().unwrap_or_default();
    container.port_mappings().iter().filter_map(move |mapping| {
        let raw = RawBinding {
            container_port: mapping.container_port().map(i64::from),
            container_range: mapping.container_port_range(),
            host_port: mapping.host_port().map(i64::from),
            host_range: None,
            protocol: mapping.protocol().map(sdk::TransportProtocol::as_str),
            bind_ip: None,
        };
        PortMapping::read(name, raw)
    })
}

/// Fails on any `failures` entry but MISSING, since what is left out counts as gone.
///
/// # Errors
/// With the first such failure.
pub fn no_failure_but_missing(operation: &'static str, failures: &[sdk::Failure]) -> Result<(), CallError> {
    let Some(failure) = failures.iter().find(|failure| failure.reason() != Some("MISSING")) else {
        return Ok(());
    };
    let reason = failure.reason().unwrap_or("no reason");
    Err(CallError {
        operation,
        kind: ErrorKind::Unknown,
        code: None,
        conflicting_tasks: Vec::new(),
        message: format!("{}: {reason}", failure.arn().unwrap_or("one of the requested ARNs")),
    })
}

/// Calls StopTask. Stopping a task again is not an error.
pub(crate) async fn stop_task(
    client: &Client,
    cluster: &Cluster,
    task: &TaskArn,
    reason: &str,
) -> Result<(), CallError> {
    let request = StopTaskInput::builder()
        .cluster(cluster.as_str())
        .task(task.as_str())
        .reason(reason)
        .build();
    client
        .send(request)
        .await
        .map(|_| ())
        .map_err(|error| call_error("StopTask", &error))
}

/// Calls TagResource with one tag.
pub(crate) async fn tag_task(client: &Client, task: &TaskArn, tag: &Tag) -> Result<(), CallError> {
    let tag = sdk::Tag::builder().key(&tag.key).value(&tag.value).build();
    let request = TagResourceInput::builder()
        .resource_arn(task.as_str())
        .tags(tag)
        .build();
    client
        .send(request)
        .await
        .map(|_| ())
        .map_err(|error| call_error("TagResource", &error))
}

/// Translates the SDK's task; `None` if it has no valid ARN.
#[must_use]
pub fn read_task(task: &sdk::Task, cluster: &Cluster) -> Option<Task> {
    Some(Task {
        arn: task.task_arn()?.parse().ok()?,
        cluster: task
            .cluster_arn()
            .and_then(|arn| arn.parse().ok())
            .unwrap_or_else(|| cluster.clone()),
        version: u64::try_from(task.version()).unwrap_or(0),
        last_status: task.last_status().unwrap_or_default().into(),
        desired_status: task.desired_status().unwrap_or_default().into(),
        started_by: task.started_by().map(str::to_owned),
        task_definition: task.task_definition_arn().and_then(|arn| arn.parse().ok()),
        network: network(task),
        interface: detail(task, "networkInterfaceId").and_then(|id| id.parse().ok()),
        containers: task
            .containers()
            .iter()
            .filter_map(|container| container.name().map(str::to_owned))
            .collect(),
        tags: task.tags().iter().filter_map(read_tag).collect(),
        created_at: task
            .created_at()
            .and_then(|time| time.to_millis().ok())
            .map(Timestamp::from_millis),
        started_at: task
            .started_at()
            .and_then(|time| time.to_millis().ok())
            .map(Timestamp::from_millis),
        stopped_at: task
            .stopped_at()
            .and_then(|time| time.to_millis().ok())
            .map(Timestamp::from_millis),
        stop: StopReason {
            code: task.stop_code().map(|code| code.as_str().to_owned()),
            reason: task.stopped_reason().map(str::to_owned),
            containers: task.containers().iter().filter_map(container_exit).collect(),
        },
    })
}

fn read_tag(tag: &sdk::Tag) -> Option<Tag> {
    Some(Tag {
        key: tag.key()?.to_owned(),
        value: tag.value().unwrap_or_default().to_owned(),
    })
}

fn container_exit(container: &sdk::Container) -> Option<ContainerExit> {
    let exit = ContainerExit {
        name: container.name()?.to_owned(),
        exit_code: container.exit_code().map(i64::from),
        reason: container.reason().map(str::to_owned),
    };
    (exit.exit_code.is_some() || exit.reason.is_some()).then_some(exit)
}

/// The attachment that is a network interface.
fn interface(task: &sdk::Task) -> Option<&sdk::Attachment> {
    task.attachments()
        .iter()
        .find(|attachment| matches!(attachment.r#type(), Some("ElasticNetworkInterface" | "eni")))
}

/// A detail of the network interface.
fn detail<'t>(task: &'t sdk::Task, name: &str) -> Option<&'t str> {
    let details = interface(task)?.details();
    details
        .iter()
        .find(|detail| detail.name() == Some(name))
        .and_then(sdk::KeyValuePair::value)
}

fn network(task: &sdk::Task) -> Network {
    let in_containers = || task.containers().iter().flat_map(sdk::Container::network_interfaces);
    if interface(task).is_none() && in_containers().next().is_none() {
        return match (task.launch_type(), task.container_instance_arn()) {
            (Some(sdk::LaunchType::External), _) => Network::External,
            (_, Some(arn)) => Network::ContainerInstance {
                arn: arn.to_owned(),
                bindings: task.containers().iter().flat_map(bindings).collect(),
            },
            (_, None) => Network::Unknown,
        };
    }
    let attached = detail(task, "privateIPv4Address").and_then(|text| text.parse().ok());
    Network::Awsvpc(Addresses {
        ipv4: attached.or_else(|| in_containers().find_map(|found| found.private_ipv4_address()?.parse().ok())),
        ipv6: in_containers().find_map(|found| found.ipv6_address()?.parse().ok()),
        complete: in_containers().next().is_some(),
    })
}

fn bindings(container: &sdk::Container) -> impl Iterator<Item = PortBinding> {
    let name = container.name().unwrap_or_default();
    container.network_bindings().iter().filter_map(move |binding| {
        let raw = RawBinding {
            container_port: binding.container_port().map(i64::from),
            container_range: binding.container_port_range(),
            host_port: binding.host_port().map(i64::from),
            host_range: binding.host_port_range(),
            protocol: binding.protocol().map(sdk::TransportProtocol::as_str),
            bind_ip: binding.bind_ip(),
        };
        PortBinding::read(name, raw)
    })
}
