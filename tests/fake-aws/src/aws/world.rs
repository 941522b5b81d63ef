//! The state that all services share, and the way of one call through it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use super::addresses::AddressPool;
use super::definitions::{Cluster, TaskDefinition};
use super::described::Described;
use super::eventbridge::Buses;
#[cfg(feature = "wire")]
use super::faults::Script;
use super::instances::ContainerInstance;
use super::interfaces::Interface;
use super::logs::Logs;
use super::queues::Queues;
use super::run_task::{PriorStart, RunTaskResult, RunTaskRule};
use super::scheduler::Schedules;
use super::service::{ApiError, Service};
use super::shapes;
use super::target_groups::TargetGroup;
use super::tasks::Task;

/// One call as it came, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `ecs`, `ec2`, `elb`, `events`, `scheduler`, `sqs`, `logs`, `lambda`, or `unknown`.
    pub service: String,
    /// The operation, such as `RunTask`; for `unknown`, the method and path.
    pub operation: String,
    /// The input with the services' own field names, `clientToken` included.
    pub input: Value,
    /// `ok`, an error code, or `reset`, `hang`, `garbage`, `html500`.
    pub outcome: String,
    /// Whether the call took effect (a lost answer does not undo it).
    pub applied: bool,
}

impl Call {
    /// `"ecs:RunTask"`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

/// One AWS account in one region. Fields are public where a test may simply set them.
pub struct World {
    /// Where everything is. Signatures must be scoped to it.
    pub region: String,
    /// Whose everything is.
    pub account: String,
    /// Now. It stands still until a test sets it.
    pub clock: OffsetDateTime,
    /// ListTasks' greatest page, 100 in AWS.
    pub list_tasks_page: usize,
    /// DescribeNetworkInterfaces' greatest page, 1,000 in AWS.
    pub interfaces_page: usize,
    /// How far behind DescribeNetworkInterfaces is.
    pub ec2_lag: Duration,
    /// How many targets a RegisterTargets or DeregisterTargets call may carry.
    pub targets_per_call: usize,
    /// Whether the subnets are dual-stack, so that new ENIs get an IPv6 address too.
    pub dual_stack: bool,
    /// Whether events and versions of tasks that are past are kept. Without them a world of many tasks stays small.
    pub keeps_history: bool,
    /// What the next RunTask calls that are no replays answer; empty: success.
    pub run_task_results: VecDeque<RunTaskResult>,
    /// The ids of the next tasks; empty: the fake makes them.
    pub task_ids: VecDeque<String>,
    /// Every call so far.
    pub calls: Vec<Call>,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) definitions: BTreeMap<String, TaskDefinition>,
    pub(super) instances: BTreeMap<String, ContainerInstance>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// Of each task, with the place of each among all.
    pub(super) events: BTreeMap<String, Vec<(usize, Value)>>,
    pub(super) events_recorded: usize,
    pub(super) tasks_started: usize,
    pub(super) client_tokens: BTreeMap<(String, String), PriorStart>,
    pub(super) run_task_rule: Option<RunTaskRule>,
    pub(super) list_tokens: BTreeMap<String, (Value, String)>,
    pub(super) unlisted: BTreeSet<String>,
    pub(super) addresses: AddressPool,
    /// By address.
    pub(super) interfaces: BTreeMap<Ipv4Addr, Vec<Interface>>,
    pub(super) interface_addresses: BTreeMap<String, Ipv4Addr>,
    pub(super) target_groups: BTreeMap<String, TargetGroup>,
    pub(super) schedules: Schedules,
    pub(super) buses: Buses,
    pub(super) queues: Queues,
    pub(super) logs: Logs,
    pub(super) invocations: Vec<(String, Value)>,
    pub(super) described: Described,
    #[cfg(feature = "wire")]
    pub(super) script: Script,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("tasks", &self.tasks)
            .field("target_groups", &self.target_groups)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty account. [`super::FakeAws`] puts one behind a server; it can be spoken to
    /// directly as well, with [`World::carry_out`].
    pub fn new() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "111122223333".to_owned(),
            clock: OffsetDateTime::from_unix_timestamp(1_767_225_600).expect("2026-01-01"),
            list_tasks_page: 100,
            interfaces_page: 1000,
            ec2_lag: Duration::ZERO,
            targets_per_call: 200,
            dual_stack: false,
            keeps_history: true,
            run_task_results: VecDeque::new(),
            task_ids: VecDeque::new(),
            calls: Vec::new(),
            clusters: BTreeMap::new(),
            definitions: BTreeMap::new(),
            instances: BTreeMap::new(),
            tasks: BTreeMap::new(),
            events: BTreeMap::new(),
            events_recorded: 0,
            tasks_started: 0,
            client_tokens: BTreeMap::new(),
            run_task_rule: None,
            list_tokens: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            addresses: AddressPool::default(),
            interfaces: BTreeMap::new(),
            interface_addresses: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            schedules: Schedules::default(),
            buses: Buses::default(),
            queues: Queues::default(),
            logs: Logs::default(),
            invocations: Vec::new(),
            described: Described::default(),
            #[cfg(feature = "wire")]
            script: Script::default(),
        }
    }

    /// Checks one call's input and carries it out, as if it had come by HTTP; without
    /// record, hooks and faults.
    pub fn carry_out(&mut self, service: Service, operation: &str, input: &Value) -> Result<Value, ApiError> {
        shapes::check(service, operation, input)?;
        self.apply(service, operation, input)
    }

    /// Carries out one checked call.
    pub(super) fn apply(&mut self, service: Service, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match (service, operation) {
            (Service::Ecs, "RunTask") => self.run_task(input),
            (Service::Ecs, "DescribeTasks") => self.describe_tasks(input),
            (Service::Ecs, "ListTasks") => self.list_tasks(input),
            (Service::Ecs, "StopTask") => self.stop_task(input),
            (Service::Ecs, "DescribeContainerInstances") => self.describe_container_instances(input),
            (Service::Ecs, "ListContainerInstances") => self.list_container_instances(input),
            (Service::Ecs, "DescribeTaskDefinition") => self.describe_task_definition(input),
            (Service::Ec2, "DescribeInstances") => self.describe_instances(input),
            (Service::Ec2, "DescribeNetworkInterfaces") => self.describe_network_interfaces(input),
            (Service::Ecs, "TagResource") => self.tag_resource(input),
            (Service::Events, "PutEvents") => self.put_events(input),
            (Service::Scheduler, "CreateSchedule") => self.create_schedule(input),
            (Service::Scheduler, "GetSchedule") => self.get_schedule(input),
            (Service::Logs, "FilterLogEvents") => self.filter_log_events(input),
            (Service::Sqs, "ReceiveMessage") => self.receive_message(input),
            (Service::Sqs, "DeleteMessage") => self.delete_message(input),
            (Service::Sqs, "ChangeMessageVisibility") => self.change_message_visibility(input),
            (Service::Lambda, "Invoke") => self.invoke(input),
            (Service::Elb, "DescribeTargetGroupAttributes") => self.describe_target_group_attributes(input),
            (Service::Elb, "RegisterTargets") => self.register_targets(input),
            (Service::Elb, "DeregisterTargets") => self.deregister_targets(input),
            (Service::Elb, "DescribeTargetHealth") => self.describe_target_health(input),
            (Service::Elb, "DescribeTargetGroups") => self.describe_target_groups(input),
            (Service::Lambda, "GetFunction") => self.of_function("function", input),
            (Service::Lambda, "GetPolicy") => self.of_function("policy", input),
            (Service::Lambda, "GetFunctionEventInvokeConfig") => self.of_function("invoke config", input),
            (Service::Lambda, "ListEventSourceMappings") => self.list_event_source_mappings(input),
            (Service::Lambda, "GetLayerVersion") => self.get_layer_version(input),
            #[cfg(feature = "wire")]
            (Service::Lambda, "Download") => self.download(input),
            (Service::Events, "DescribeRule") => self.describe_rule(input),
            (Service::Events, "ListTargetsByRule") => self.list_targets_by_rule(input),
            (Service::Events, "TestEventPattern") => self.test_event_pattern(input),
            (Service::Scheduler, "GetScheduleGroup") => self.get_schedule_group(input),
            (Service::Sqs, "GetQueueAttributes") => self.get_queue_attributes(input),
            (Service::CloudWatch, "DescribeAlarms") => self.describe_alarms(input),
            (Service::Iam, "GetRole") => self.get_role(input),
            (Service::Iam, "SimulatePrincipalPolicy") => self.simulate_principal_policy(input),
            (Service::Ecs, "DescribeClusters") => self.describe_clusters(input),
            (Service::Ecs, "DescribeCapacityProviders") => self.describe_capacity_providers(input),
            (Service::Elb, "DescribeLoadBalancers") => self.describe_load_balancers(input),
            (Service::Ec2, "DescribeSubnets") => self.filtered("subnet", "subnetSet", input),
            (Service::Ec2, "DescribeSecurityGroups") => self.filtered("security group", "securityGroupInfo", input),
            (Service::Ec2, "DescribeRouteTables") => self.filtered("route table", "routeTableSet", input),
            (Service::Ec2, "DescribeVpcEndpoints") => self.filtered("vpc endpoint", "vpcEndpointSet", input),
            (Service::Ecr, "DescribeImages") => self.describe_images(input),
            (Service::Logs, "DescribeLogGroups") => self.describe_log_groups(input),
            (Service::Secrets, "DescribeSecret") => self.describe_secret(input),
            (Service::Ecr, "DescribePullThroughCacheRules") => self.describe_pull_through_cache_rules(),
            (Service::Sts, "GetCallerIdentity") => Ok(self.caller_identity()),
            _ => unreachable!("{operation} has a shape but no implementation"),
        }
    }

    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}
