//! Answers without a world: a test says what AWS shows, and this is what the calls bring then.

use std::sync::Arc;
use std::time::Duration;

use start_engines_core::call::run_task::{RunTask, Started};
use start_engines_core::call::{Answer, Call, Desired, TaskPage};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::definition::{Definition, PortMapping};
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::target::{Target, TargetGroup, TargetHealth};
use start_engines_core::domain::task::Task;
use start_engines_core::domain::task::ports::RawBinding;

/// The one EC2 instance.
pub const EC2_INSTANCE: &str = "i-0123456789abcdef0";

/// What AWS shows.
pub trait Canned {
    /// What comes of a start.
    fn started(&self, call: &RunTask) -> Started;

    /// Those of the tasks asked for that ECS knows.
    fn tasks(&self, asked: &[TaskArn]) -> Vec<Task>;

    /// The tasks of a cluster with this desired status, from the page of this token on.
    fn listed(&self, desired: Desired, page: Option<&str>) -> TaskPage;

    /// Those with a certain `startedBy`.
    fn listed_started_by(&self, page: Option<&str>) -> TaskPage;

    /// Any target group.
    fn group(&self) -> TargetGroup;

    /// The health of the target that a call names as its nth.
    fn health(&self, nth: usize) -> TargetHealth;

    /// All targets of any group.
    fn targets(&self) -> Vec<(Target, TargetHealth)>;

    /// Any task definition; `None` if it was deleted.
    fn definition(&self) -> Option<Definition>;

    /// Any container instance; `None` if ECS does not know it.
    fn container_instance(&self) -> Option<ContainerInstance>;

    /// Any EC2 instance; `None` if EC2 does not know it.
    fn instance(&self) -> Option<Ec2Instance>;

    /// The network interfaces that EC2 shows; none, unless a test says so.
    fn interfaces(&self, _query: &InterfaceQuery) -> Vec<Arc<NetworkInterface>> {
        Vec::new()
    }

    /// The deregistration delay of any group.
    fn deregistration_delay(&self) -> Duration;

    /// The answer to a call.
    fn answer(&self, call: &Call) -> Answer {
        match call {
            Call::RunTask(call) => Answer::Started(self.started(call)),
            Call::DescribeTasks { tasks, .. } => Answer::tasks(self.tasks(tasks)),
            Call::ListTasks { desired, page, .. } => Answer::task_page(self.listed(*desired, page.as_deref())),
            Call::ListTasksStartedBy { page, .. } => Answer::task_page(self.listed_started_by(page.as_deref())),
            Call::DescribeTargetGroup { .. } => Answer::TargetGroup(self.group()),
            Call::DescribeTargetHealth { targets, .. } => {
                Answer::Health((0..targets.len()).map(|nth| self.health(nth)).collect())
            }
            Call::DescribeTargets { .. } => Answer::Targets(self.targets()),
            Call::DescribeTaskDefinition { .. } => Answer::Definition(self.definition().map(Arc::new)),
            Call::DescribeContainerInstance { .. } => Answer::ContainerInstance(self.container_instance()),
            Call::DescribeInstance { .. } => Answer::Instance(self.instance()),
            Call::DescribeNetworkInterfaces(query) => Answer::Interfaces(self.interfaces(query)),
            Call::DescribeDeregistrationDelay { .. } => Answer::DeregistrationDelay(self.deregistration_delay()),
            Call::RegisterTargets { .. }
            | Call::DeregisterTargets { .. }
            | Call::StopTask { .. }
            | Call::TagTask { .. }
            | Call::CreateSchedule(_)
            | Call::ShareSchedule(_) => Answer::Done,
            Call::PutEvents(_) => Answer::FailedEntries(Vec::new()),
        }
    }
}

/// In its group, and well.
#[must_use]
pub fn healthy() -> TargetHealth {
    TargetHealth::registered("healthy")
}

/// A task definition with this network mode and a container `auth`, which maps these ports: container's and host's.
#[must_use]
pub fn definition(network_mode: Option<&str>, ports: &[(i64, Option<i64>)]) -> Definition {
    let mapping = |&(container_port, host_port): &(i64, Option<i64>)| {
        let raw = RawBinding {
            container_port: Some(container_port),
            host_port,
            ..RawBinding::default()
        };
        PortMapping::read("auth", raw)
    };
    Definition {
        network_mode: network_mode.into(),
        mappings: ports.iter().filter_map(mapping).collect(),
    }
}
