//! One RunTask call, with the API's names.
//!
//! Only data: [`crate::request::start`] validates it, and the adapter (`start_engines_aws`) sends it unchanged. See [RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html).

use crate::domain::arn::{Cluster, SecurityGroupId, SubnetId, TaskArn, TaskDefinition};
use crate::domain::tags::Tag;

/// The maximum number of `subnets` of a task ([AwsVpcConfiguration](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html)).
pub const MAX_SUBNETS: usize = 16;
/// The maximum number of `securityGroups` of a task ([AwsVpcConfiguration](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html)).
pub const MAX_SECURITY_GROUPS: usize = 5;
/// The maximum number of items of `capacityProviderStrategy` ([RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)).
pub const MAX_CAPACITY_PROVIDERS: usize = 20;

/// The parameters of one RunTask call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunTask {
    /// `cluster`.
    pub cluster: Cluster,
    /// `taskDefinition`.
    pub task_definition: TaskDefinition,
    /// `count`, 1 to 10.
    pub count: i32,
    /// `clientToken`, at most 64 characters.
    pub client_token: String,
    /// `startedBy`, in the format of [`crate::domain::started_by`].
    pub started_by: String,
    /// `tags`, at most 50.
    pub tags: Vec<Tag>,
    /// `networkConfiguration.awsvpcConfiguration`; `None` for network modes `bridge` and `host`.
    pub network: Option<Awsvpc>,
    /// `launchType` or `capacityProviderStrategy`.
    pub launch: Launch,
    /// `platformVersion`, of Fargate.
    pub platform_version: Option<String>,
    /// The parameters that are passed through unchanged.
    pub options: Options,
}

/// `awsvpcConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Awsvpc {
    /// `subnets`, 1 to 16.
    pub subnets: Vec<SubnetId>,
    /// `securityGroups`, 0 to 5.
    pub security_groups: Vec<SecurityGroupId>,
    /// `assignPublicIp`: `ENABLED` or `DISABLED`.
    pub assign_public_ip: Option<&'static str>,
}

/// Where tasks are launched; RunTask accepts either a launch type or a strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Launch {
    /// Neither: the cluster's default capacity provider strategy.
    #[default]
    ClusterDefault,
    /// `launchType`: `EC2`, `FARGATE` or `EXTERNAL`.
    Type(&'static str),
    /// `capacityProviderStrategy`, 1 to 20 items.
    Strategy(Vec<CapacityProvider>),
}

/// One item of `capacityProviderStrategy`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CapacityProvider {
    /// `capacityProvider`: a name.
    pub name: String,
    /// `weight`, 0 to 1000.
    pub weight: i32,
    /// `base`, 0 to 100,000.
    pub base: i32,
}

/// The RunTask parameters that a start passes through unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// `overrides`.
    pub overrides: Option<TaskOverride>,
    /// `propagateTags`.
    pub propagate_tags: Option<&'static str>,
    /// `enableECSManagedTags`: ECS's own tags (`aws:ecs:clusterName`), which do not count towards the limit
    /// ([Tag](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html)).
    pub enable_ecs_managed_tags: Option<bool>,
    /// `enableExecuteCommand`.
    pub enable_execute_command: Option<bool>,
    /// `placementConstraints`.
    pub placement_constraints: Option<Vec<PlacementConstraint>>,
    /// `placementStrategy`.
    pub placement_strategy: Option<Vec<PlacementStrategy>>,
    /// `volumeConfigurations`.
    pub volume_configurations: Option<Vec<VolumeConfiguration>>,
    /// `group`.
    pub group: Option<String>,
}

/// `TaskOverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskOverride {
    /// `containerOverrides`.
    pub containers: Vec<ContainerOverride>,
    /// `cpu`.
    pub cpu: Option<String>,
    /// `memory`.
    pub memory: Option<String>,
    /// `taskRoleArn`.
    pub task_role_arn: Option<String>,
    /// `executionRoleArn`.
    pub execution_role_arn: Option<String>,
    /// `ephemeralStorage.sizeInGiB`.
    pub ephemeral_storage_gib: Option<i32>,
    /// `inferenceAcceleratorOverrides`.
    pub inference_accelerators: Option<Vec<InferenceAccelerator>>,
}

/// `InferenceAcceleratorOverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InferenceAccelerator {
    /// `deviceName`.
    pub device_name: Option<String>,
    /// `deviceType`.
    pub device_type: Option<String>,
}

/// `ContainerOverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerOverride {
    /// `name`.
    pub name: Option<String>,
    /// `command`.
    pub command: Option<Vec<String>>,
    /// `environment`, name and value.
    pub environment: Vec<(String, String)>,
    /// `environmentFiles`, value and type.
    pub environment_files: Vec<(String, &'static str)>,
    /// `resourceRequirements`, type and value.
    pub resource_requirements: Vec<(&'static str, String)>,
    /// `cpu`.
    pub cpu: Option<i32>,
    /// `memory`, MiB.
    pub memory: Option<i32>,
    /// `memoryReservation`, MiB.
    pub memory_reservation: Option<i32>,
}

/// `PlacementConstraint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlacementConstraint {
    /// `distinctInstance` or `memberOf`.
    pub kind: &'static str,
    /// `expression`.
    pub expression: Option<String>,
}

/// `PlacementStrategy`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlacementStrategy {
    /// `random`, `spread` or `binpack`.
    pub kind: &'static str,
    /// `field`.
    pub field: Option<String>,
}

impl std::fmt::Display for PlacementConstraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        described(f, self.kind, self.expression.as_deref())
    }
}

impl std::fmt::Display for PlacementStrategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        described(f, self.kind, self.field.as_deref())
    }
}

fn described(f: &mut std::fmt::Formatter<'_>, kind: &str, of: Option<&str>) -> std::fmt::Result {
    match of {
        Some(of) => write!(f, "{kind} {of}"),
        None => f.write_str(kind),
    }
}

/// `TaskVolumeConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VolumeConfiguration {
    /// `name`.
    pub name: String,
    /// `managedEBSVolume`.
    pub ebs: Option<EbsVolume>,
}

/// `TaskManagedEBSVolumeConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EbsVolume {
    /// `roleArn`.
    pub role_arn: String,
    /// `encrypted`.
    pub encrypted: Option<bool>,
    /// `kmsKeyId`.
    pub kms_key_id: Option<String>,
    /// `volumeType`.
    pub volume_type: Option<String>,
    /// `sizeInGiB`.
    pub size_gib: Option<i32>,
    /// `snapshotId`.
    pub snapshot_id: Option<String>,
    /// `volumeInitializationRate`, MiB/s.
    pub initialization_rate: Option<i32>,
    /// `iops`.
    pub iops: Option<i32>,
    /// `throughput`, MiB/s.
    pub throughput: Option<i32>,
    /// `filesystemType`.
    pub filesystem_type: Option<&'static str>,
    /// `terminationPolicy.deleteOnTermination`.
    pub delete_on_termination: Option<bool>,
    /// `tagSpecifications[].tags`, of the volume.
    pub tags: Vec<Tag>,
    /// `tagSpecifications[].propagateTags`.
    pub propagate_tags: Option<&'static str>,
}

/// A successful answer of RunTask, in which some or all tasks can still be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Started {
    /// `tasks`: the tasks that were started.
    pub tasks: Vec<TaskArn>,
    /// `failures`: why other tasks were not started.
    pub failures: Vec<StartFailure>,
}

/// One entry of RunTask's `failures`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StartFailure {
    /// `reason`: a code, or for Fargate a sentence.
    pub reason: String,
    /// `detail`, a text for people.
    pub detail: Option<String>,
}

impl StartFailure {
    /// Whether the same start can succeed later or with another placement.
    ///
    /// The reasons are those of [API failure reasons]. For Fargate, the reason is a sentence instead of a code. An
    /// unknown reason counts as a shortage of capacity: ECS only accepts another attempt with a new client token, and
    /// the number of attempts is small.
    ///
    /// [API failure reasons]: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    #[must_use]
    pub fn is_capacity(&self) -> bool {
        !matches!(self.reason.as_str(), "ATTRIBUTE" | "LOCATION" | "MISSING" | "INACTIVE")
    }
}

impl std::fmt::Display for StartFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
