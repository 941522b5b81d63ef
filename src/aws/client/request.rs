//! The operations that are used, each with the types that its crate has for it.

use aws_smithy_runtime_api::client::result::CreateUnhandledError;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;

/// The input of an operation, and what belongs to it.
pub trait Request: std::fmt::Debug + Send + Sync + Sized + 'static {
    /// The operation's serializer, parser, and classifiers of errors.
    type Operation: RuntimePlugin + Default + 'static;
    /// What the operation answers.
    type Output: std::fmt::Debug + Send + Sync + 'static;
    /// Its errors.
    type Error: std::error::Error + CreateUnhandledError + Send + Sync + 'static;
    /// Its name in AWS's API.
    const NAME: &'static str;
}

macro_rules! requests {
    ($($sdk:ident { $($module:ident: $operation:ident, $input:ident, $output:ident, $error:ident;)+ })+) => {
        $($(impl Request for $sdk::operation::$module::$input {
            type Operation = $sdk::operation::$module::$operation;
            type Output = $sdk::operation::$module::$output;
            type Error = $sdk::operation::$module::$error;
            const NAME: &'static str = stringify!($operation);
        })+)+
    };
}

requests! {
    aws_sdk_ecs {
        describe_container_instances: DescribeContainerInstances, DescribeContainerInstancesInput,
            DescribeContainerInstancesOutput, DescribeContainerInstancesError;
        describe_task_definition: DescribeTaskDefinition, DescribeTaskDefinitionInput,
            DescribeTaskDefinitionOutput, DescribeTaskDefinitionError;
        describe_tasks: DescribeTasks, DescribeTasksInput, DescribeTasksOutput, DescribeTasksError;
        list_tasks: ListTasks, ListTasksInput, ListTasksOutput, ListTasksError;
        run_task: RunTask, RunTaskInput, RunTaskOutput, RunTaskError;
        stop_task: StopTask, StopTaskInput, StopTaskOutput, StopTaskError;
        tag_resource: TagResource, TagResourceInput, TagResourceOutput, TagResourceError;
    }
    aws_sdk_elasticloadbalancingv2 {
        deregister_targets: DeregisterTargets, DeregisterTargetsInput, DeregisterTargetsOutput, DeregisterTargetsError;
        describe_target_group_attributes: DescribeTargetGroupAttributes, DescribeTargetGroupAttributesInput,
            DescribeTargetGroupAttributesOutput, DescribeTargetGroupAttributesError;
        describe_target_groups: DescribeTargetGroups, DescribeTargetGroupsInput,
            DescribeTargetGroupsOutput, DescribeTargetGroupsError;
        describe_target_health: DescribeTargetHealth, DescribeTargetHealthInput,
            DescribeTargetHealthOutput, DescribeTargetHealthError;
        register_targets: RegisterTargets, RegisterTargetsInput, RegisterTargetsOutput, RegisterTargetsError;
    }
    aws_sdk_eventbridge {
        put_events: PutEvents, PutEventsInput, PutEventsOutput, PutEventsError;
    }
    aws_sdk_scheduler {
        create_schedule: CreateSchedule, CreateScheduleInput, CreateScheduleOutput, CreateScheduleError;
    }
}
