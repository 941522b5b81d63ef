//! ECS RunTask: the domain's call, field by field, as the SDK's input.

use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskInput};
use aws_sdk_ecs::types as sdk;
use start_engines_core::call::run_task::{
    Awsvpc, CapacityProvider, ContainerOverride, EbsVolume, InferenceAccelerator, Launch, RunTask, StartFailure,
    Started, TaskOverride, VolumeConfiguration,
};
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::tags::Tag;

use crate::client::Client;
use crate::ecs::task_arns;
use crate::error::call_error;

const OPERATION: &str = "RunTask";

/// Calls RunTask.
pub(crate) async fn run_task(client: &Client, call: &RunTask) -> Result<Started, CallError> {
    let (launch_type, strategy) = match &call.launch {
        Launch::ClusterDefault => (None, None),
        Launch::Type(launch_type) => (Some(sdk::LaunchType::from(*launch_type)), None),
        Launch::Strategy(items) => (None, Some(strategy(items)?)),
    };
    let options = &call.options;
    let request = RunTaskInput::builder()
        .cluster(call.cluster.as_str())
        .task_definition(call.task_definition.as_str())
        .count(call.count)
        .client_token(&call.client_token)
        .started_by(&call.started_by)
        .set_tags(Some(tags(&call.tags)))
        .set_network_configuration(call.network.as_ref().map(network).transpose()?)
        .set_launch_type(launch_type)
        .set_capacity_provider_strategy(strategy)
        .set_platform_version(call.platform_version.clone())
        .set_overrides(options.overrides.as_ref().map(overrides).transpose()?)
        .set_propagate_tags(options.propagate_tags.map(sdk::PropagateTags::from))
        .set_enable_ecs_managed_tags(options.enable_ecs_managed_tags)
        .set_enable_execute_command(options.enable_execute_command)
        .set_placement_constraints(options.placement_constraints.as_ref().map(|items| {
            let constraint = sdk::PlacementConstraint::builder();
            items
                .iter()
                .map(|item| {
                    constraint
                        .clone()
                        .r#type(item.kind.into())
                        .set_expression(item.expression.clone())
                        .build()
                })
                .collect()
        }))
        .set_placement_strategy(options.placement_strategy.as_ref().map(|items| {
            let strategy = sdk::PlacementStrategy::builder();
            items
                .iter()
                .map(|item| {
                    strategy
                        .clone()
                        .r#type(item.kind.into())
                        .set_field(item.field.clone())
                        .build()
                })
                .collect()
        }))
        .set_volume_configurations(
            options
                .volume_configurations
                .as_ref()
                .map(|items| items.iter().map(volume).collect())
                .transpose()?,
        )
        .set_group(options.group.clone())
        .build();
    let answer = client.send(request).await.map_err(|error| run_task_error(&error))?;
    Ok(Started {
        tasks: task_arns(
            OPERATION,
            answer.tasks().iter().map(|task| task.task_arn().unwrap_or_default()),
        )?,
        failures: answer
            .failures()
            .iter()
            .map(|failure| StartFailure {
                reason: failure.reason().unwrap_or_default().to_owned(),
                detail: failure.detail().map(str::to_owned),
            })
            .collect(),
    })
}

fn run_task_error(error: &SdkError<RunTaskError>) -> CallError {
    let mut call_error = call_error(OPERATION, error);
    if let Some(RunTaskError::ConflictException(conflict)) = error.as_service_error() {
        match task_arns(OPERATION, conflict.resource_ids().iter().map(String::as_str)) {
            Ok(tasks) => call_error.conflicting_tasks = tasks,
            Err(unreadable) => return unreadable,
        }
    }
    call_error
}

/// A required field is missing, which a checked request never lacks.
fn incomplete(error: &impl std::fmt::Display) -> CallError {
    CallError {
        operation: OPERATION,
        kind: ErrorKind::InvalidParameter,
        code: None,
        conflicting_tasks: Vec::new(),
        message: error.to_string(),
    }
}

fn tags(tags: &[Tag]) -> Vec<sdk::Tag> {
    tags.iter()
        .map(|tag| sdk::Tag::builder().key(&tag.key).value(&tag.value).build())
        .collect()
}

fn strategy(items: &[CapacityProvider]) -> Result<Vec<sdk::CapacityProviderStrategyItem>, CallError> {
    let item = |item: &CapacityProvider| {
        let builder = sdk::CapacityProviderStrategyItem::builder().capacity_provider(&item.name);
        builder
            .weight(item.weight)
            .base(item.base)
            .build()
            .map_err(|error| incomplete(&error))
    };
    items.iter().map(item).collect()
}

fn network(network: &Awsvpc) -> Result<sdk::NetworkConfiguration, CallError> {
    let awsvpc = sdk::AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.iter().map(ToString::to_string).collect()))
        .set_security_groups(Some(network.security_groups.iter().map(ToString::to_string).collect()))
        .set_assign_public_ip(network.assign_public_ip.map(sdk::AssignPublicIp::from))
        .build()
        .map_err(|error| incomplete(&error))?;
    Ok(sdk::NetworkConfiguration::builder()
        .awsvpc_configuration(awsvpc)
        .build())
}

fn overrides(task: &TaskOverride) -> Result<sdk::TaskOverride, CallError> {
    let containers: Result<Vec<_>, _> = task.containers.iter().map(container).collect();
    let storage = task
        .ephemeral_storage_gib
        .map(|size| sdk::EphemeralStorage::builder().size_in_gib(size).build());
    let builder = sdk::TaskOverride::builder()
        .set_container_overrides(Some(containers?))
        .set_cpu(task.cpu.clone())
        .set_memory(task.memory.clone())
        .set_task_role_arn(task.task_role_arn.clone())
        .set_execution_role_arn(task.execution_role_arn.clone())
        .set_ephemeral_storage(storage);
    Ok(inference_accelerators(builder, task).build())
}

#[expect(
    deprecated,
    reason = "AWS offers no new accelerators, but RunTask still accepts the field"
)]
fn inference_accelerators(
    builder: sdk::builders::TaskOverrideBuilder,
    task: &TaskOverride,
) -> sdk::builders::TaskOverrideBuilder {
    let accelerators = task.inference_accelerators.as_ref().map(|items| {
        let one = |item: &InferenceAccelerator| {
            sdk::InferenceAcceleratorOverride::builder()
                .set_device_name(item.device_name.clone())
                .set_device_type(item.device_type.clone())
                .build()
        };
        items.iter().map(one).collect()
    });
    builder.set_inference_accelerator_overrides(accelerators)
}

fn container(container: &ContainerOverride) -> Result<sdk::ContainerOverride, CallError> {
    let mut builder = sdk::ContainerOverride::builder()
        .set_name(container.name.clone())
        .set_command(container.command.clone())
        .set_cpu(container.cpu)
        .set_memory(container.memory)
        .set_memory_reservation(container.memory_reservation);
    for (name, value) in &container.environment {
        builder = builder.environment(sdk::KeyValuePair::builder().name(name).value(value).build());
    }
    for (value, kind) in &container.environment_files {
        let file = sdk::EnvironmentFile::builder()
            .value(value)
            .r#type((*kind).into())
            .build();
        builder = builder.environment_files(file.map_err(|error| incomplete(&error))?);
    }
    for (kind, value) in &container.resource_requirements {
        let requirement = sdk::ResourceRequirement::builder()
            .r#type((*kind).into())
            .value(value)
            .build();
        builder = builder.resource_requirements(requirement.map_err(|error| incomplete(&error))?);
    }
    Ok(builder.build())
}

fn volume(volume: &VolumeConfiguration) -> Result<sdk::TaskVolumeConfiguration, CallError> {
    sdk::TaskVolumeConfiguration::builder()
        .name(&volume.name)
        .set_managed_ebs_volume(volume.ebs.as_ref().map(ebs_volume).transpose()?)
        .build()
        .map_err(|error| incomplete(&error))
}

fn ebs_volume(volume: &EbsVolume) -> Result<sdk::TaskManagedEbsVolumeConfiguration, CallError> {
    let termination = volume.delete_on_termination.map(|delete| {
        sdk::TaskManagedEbsVolumeTerminationPolicy::builder()
            .delete_on_termination(delete)
            .build()
    });
    let specification = (!volume.tags.is_empty() || volume.propagate_tags.is_some()).then(|| {
        sdk::EbsTagSpecification::builder()
            .resource_type(sdk::EbsResourceType::Volume)
            .set_tags(Some(tags(&volume.tags)))
            .set_propagate_tags(volume.propagate_tags.map(sdk::PropagateTags::from))
            .build()
    });
    sdk::TaskManagedEbsVolumeConfiguration::builder()
        .role_arn(&volume.role_arn)
        .set_encrypted(volume.encrypted)
        .set_kms_key_id(volume.kms_key_id.clone())
        .set_volume_type(volume.volume_type.clone())
        .set_size_in_gib(volume.size_gib)
        .set_snapshot_id(volume.snapshot_id.clone())
        .set_volume_initialization_rate(volume.initialization_rate)
        .set_iops(volume.iops)
        .set_throughput(volume.throughput)
        .set_filesystem_type(volume.filesystem_type.map(sdk::TaskFilesystemType::from))
        .set_termination_policy(termination.transpose().map_err(|error| incomplete(&error))?)
        .set_tag_specifications(
            specification
                .transpose()
                .map_err(|error| incomplete(&error))?
                .map(|one| vec![one]),
        )
        .build()
        .map_err(|error| incomplete(&error))
}
