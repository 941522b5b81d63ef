//! Reads the fields of a start that RunTask receives unchanged: overrides, placement, volumes.
//!
//! They have the shapes of [RunTask]; unknown fields in them are problems, because RunTask would refuse or ignore
//! them.
//!
//! [RunTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

use serde_json::Value;

use super::tag::tag;
use crate::call::run_task::{
    ContainerOverride, EbsVolume, InferenceAccelerator, Options, PlacementConstraint, PlacementStrategy, TaskOverride,
    VolumeConfiguration,
};
use crate::domain::tags;
use crate::input::fields::{Fields, text};
use crate::input::problem::Problems;

/// How long `overrides` may be, as JSON.
const MAX_OVERRIDE_CHARACTERS: usize = 8192;
const MAX_TEXT: usize = MAX_OVERRIDE_CHARACTERS;
const MAX_ITEMS: usize = 1000;

pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Options {
    Options {
        overrides: overrides(fields, problems),
        propagate_tags: propagate_tags(fields, problems),
        enable_ecs_managed_tags: fields.flag("enableECSManagedTags", problems),
        enable_execute_command: fields.flag("enableExecuteCommand", problems),
        placement_constraints: fields.list("placementConstraints", 10, problems, |value, path, problems| {
            let mut fields = Fields::of(value, path, problems)?;
            let kind = fields.one_of("type", &["distinctInstance", "memberOf"], problems);
            let expression = fields.text("expression", 2000, problems);
            needs(&mut fields, "type", problems);
            fields.deny_unknown(problems);
            Some(PlacementConstraint {
                kind: kind?,
                expression,
            })
        }),
        placement_strategy: fields.list("placementStrategy", 5, problems, |value, path, problems| {
            let mut fields = Fields::of(value, path, problems)?;
            let kind = fields.one_of("type", &["random", "spread", "binpack"], problems);
            let field = fields.text("field", 255, problems);
            needs(&mut fields, "type", problems);
            fields.deny_unknown(problems);
            Some(PlacementStrategy { kind: kind?, field })
        }),
        // RunTask accepts at most one volume.
        volume_configurations: fields.list("volumeConfigurations", 1, problems, volume),
        group: fields.text("group", 255, problems),
    }
}

/// Each option from the first source that gives it; sources are event, catalog entry and environment.
pub(crate) fn layered(sources: [&Options; 3]) -> Options {
    fn first<T>(sources: [&Options; 3], pick: impl Fn(&Options) -> Option<T>) -> Option<T> {
        sources.into_iter().find_map(pick)
    }
    Options {
        overrides: first(sources, |source| source.overrides.clone()),
        propagate_tags: first(sources, |source| source.propagate_tags),
        enable_ecs_managed_tags: first(sources, |source| source.enable_ecs_managed_tags),
        enable_execute_command: first(sources, |source| source.enable_execute_command),
        volume_configurations: first(sources, |source| source.volume_configurations.clone()),
        group: first(sources, |source| source.group.clone()),
        // Placements have their own.
        placement_constraints: None,
        placement_strategy: None,
    }
}

fn needs(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) {
    if fields.raw(name).is_none() {
        problems.missing(fields.at(name), "RunTask requires it");
    }
}

fn propagate_tags(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<&'static str> {
    fields.read("propagateTags", problems, |value| match value.as_str() {
        Some("TASK_DEFINITION") => Ok("TASK_DEFINITION"),
        Some("NONE") => Ok("NONE"),
        Some("SERVICE") => Err("RunTask refuses SERVICE: the task does not belong to a service".to_owned()),
        _ => Err("must be one of TASK_DEFINITION, NONE".to_owned()),
    })
}

fn overrides(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<TaskOverride> {
    let value = fields.read("overrides", problems, |value| {
        let length = value.to_string().chars().count();
        if length <= MAX_OVERRIDE_CHARACTERS {
            Ok(value)
        } else {
            Err(format!(
                "must have at most {MAX_OVERRIDE_CHARACTERS} characters of JSON, not {length}"
            ))
        }
    })?;
    let mut fields = Fields::of(value, &fields.at("overrides"), problems)?;
    let storage = fields.raw("ephemeralStorage").and_then(|value| {
        let mut storage = Fields::of(value, &fields.at("ephemeralStorage"), problems)?;
        let size = storage.number("sizeInGiB", 21..=200, problems);
        needs(&mut storage, "sizeInGiB", problems);
        storage.deny_unknown(problems);
        size
    });
    let task = TaskOverride {
        containers: fields
            .list("containerOverrides", MAX_ITEMS, problems, container)
            .unwrap_or_default(),
        cpu: fields.text("cpu", 32, problems),
        memory: fields.text("memory", 32, problems),
        task_role_arn: fields.text("taskRoleArn", 2048, problems),
        execution_role_arn: fields.text("executionRoleArn", 2048, problems),
        ephemeral_storage_gib: storage,
        inference_accelerators: fields.list("inferenceAcceleratorOverrides", MAX_ITEMS, problems, accelerator),
    };
    fields.deny_unknown(problems);
    Some(task)
}

fn container(value: &Value, path: &str, problems: &mut Problems) -> Option<ContainerOverride> {
    let mut fields = Fields::of(value, path, problems)?;
    let name = fields.text("name", 255, problems);
    needs(&mut fields, "name", problems);
    let container = ContainerOverride {
        name,
        command: fields.list("command", MAX_ITEMS, problems, any_text),
        environment: fields
            .list("environment", MAX_ITEMS, problems, pair)
            .unwrap_or_default(),
        environment_files: fields
            .list("environmentFiles", 10, problems, |value, path, problems| {
                let mut fields = Fields::of(value, path, problems)?;
                let file = fields.text("value", 2048, problems);
                let kind = fields.one_of("type", &["s3"], problems);
                needs(&mut fields, "value", problems);
                needs(&mut fields, "type", problems);
                fields.deny_unknown(problems);
                Some((file?, kind?))
            })
            .unwrap_or_default(),
        resource_requirements: fields
            .list("resourceRequirements", 10, problems, |value, path, problems| {
                let mut fields = Fields::of(value, path, problems)?;
                let kind = fields.one_of("type", &["GPU", "InferenceAccelerator", "NeuronDevice"], problems);
                let amount = fields.text("value", 255, problems);
                needs(&mut fields, "type", problems);
                needs(&mut fields, "value", problems);
                fields.deny_unknown(problems);
                Some((kind?, amount?))
            })
            .unwrap_or_default(),
        cpu: fields.number("cpu", 0..=1_000_000, problems),
        memory: fields.number("memory", 1..=100_000_000, problems),
        memory_reservation: fields.number("memoryReservation", 1..=100_000_000, problems),
    };
    fields.deny_unknown(problems);
    Some(container)
}

fn accelerator(value: &Value, path: &str, problems: &mut Problems) -> Option<InferenceAccelerator> {
    let mut fields = Fields::of(value, path, problems)?;
    let accelerator = InferenceAccelerator {
        device_name: fields.text("deviceName", 255, problems),
        device_type: fields.text("deviceType", 255, problems),
    };
    fields.deny_unknown(problems);
    Some(accelerator)
}

fn any_text(value: &Value, path: &str, problems: &mut Problems) -> Option<String> {
    match value.as_str() {
        Some(text) => Some(text.to_owned()),
        None => {
            problems.invalid(path, value, "must be a text");
            None
        }
    }
}

/// An item of `environment`: name and value.
fn pair(value: &Value, path: &str, problems: &mut Problems) -> Option<(String, String)> {
    let mut fields = Fields::of(value, path, problems)?;
    let name = fields.read("name", problems, |value| text(value, MAX_TEXT));
    needs(&mut fields, "name", problems);
    let content = fields.read("value", problems, |value| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "must be a text".to_owned())
    });
    needs(&mut fields, "value", problems);
    fields.deny_unknown(problems);
    Some((name?, content?))
}

fn volume(value: &Value, path: &str, problems: &mut Problems) -> Option<VolumeConfiguration> {
    let mut fields = Fields::of(value, path, problems)?;
    let name = fields.text("name", 255, problems);
    needs(&mut fields, "name", problems);
    let ebs = fields
        .raw("managedEBSVolume")
        .map(|value| ebs_volume(value, &fields.at("managedEBSVolume"), problems));
    fields.deny_unknown(problems);
    Some(VolumeConfiguration {
        name: name?,
        ebs: ebs.flatten(),
    })
}

fn ebs_volume(value: &Value, path: &str, problems: &mut Problems) -> Option<EbsVolume> {
    let mut fields = Fields::of(value, path, problems)?;
    let role_arn = fields.text("roleArn", 2048, problems);
    needs(&mut fields, "roleArn", problems);
    let delete_on_termination = fields.raw("terminationPolicy").and_then(|value| {
        let mut policy = Fields::of(value, &fields.at("terminationPolicy"), problems)?;
        let delete = policy.flag("deleteOnTermination", problems);
        needs(&mut policy, "deleteOnTermination", problems);
        policy.deny_unknown(problems);
        delete
    });
    let specification = fields.list("tagSpecifications", 1, problems, |value, path, problems| {
        let mut fields = Fields::of(value, path, problems)?;
        fields.one_of("resourceType", &["volume"], problems);
        needs(&mut fields, "resourceType", problems);
        let tags = fields.list("tags", tags::MAX_TAGS, problems, tag).unwrap_or_default();
        let propagate = propagate_tags(&mut fields, problems);
        fields.deny_unknown(problems);
        Some((tags, propagate))
    });
    let (tags, propagate_tags) = specification
        .and_then(|list| list.into_iter().next())
        .unwrap_or_default();
    let volume = EbsVolume {
        role_arn: role_arn.unwrap_or_default(),
        encrypted: fields.flag("encrypted", problems),
        kms_key_id: fields.text("kmsKeyId", 2048, problems),
        volume_type: fields.text("volumeType", 32, problems),
        size_gib: fields.number("sizeInGiB", 1..=65_536, problems),
        snapshot_id: fields.text("snapshotId", 255, problems),
        initialization_rate: fields.number("volumeInitializationRate", 100..=300, problems),
        iops: fields.number("iops", 1..=256_000, problems),
        throughput: fields.number("throughput", 1..=2_000, problems),
        filesystem_type: fields.one_of("filesystemType", &["ext3", "ext4", "xfs", "ntfs"], problems),
        delete_on_termination,
        tags,
        propagate_tags,
    };
    fields.deny_unknown(problems);
    Some(volume)
}
