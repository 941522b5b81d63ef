//! Everything that the checks look at, as AWS describes it. Only data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use start_engines_core::call::run_task::{CapacityProvider, Launch};
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{FunctionArn, TargetGroupArn, TaskDefinition};
use start_engines_core::domain::definition::Definition;
use start_engines_core::domain::target::TargetGroup;
use start_engines_core::input::problem::Problems;
use start_engines_core::request::start::StartRequest;

use super::fact::Fact;

/// What was read, and what the command was told.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) looker: Looker,
    pub(crate) deployment: Deployment,
    pub(crate) services: Vec<Service>,
    pub(crate) account: Account,
}

/// Whose eyes the command has.
#[derive(Clone, Debug)]
pub(crate) struct Looker {
    /// The account of its credentials.
    pub(crate) account: Fact<String>,
    /// The region that it asks.
    pub(crate) region: String,
}

/// The function and what is around it.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) arn: FunctionArn,
    pub(crate) function: Fact<Function>,
    /// The files of the function's layers.
    pub(crate) files: Fact<Files>,
    /// The catalog that the command has, as JSON.
    pub(crate) local_catalog: Option<Value>,
    /// The function's resource policy; none if it has none.
    pub(crate) policy: Fact<Option<Value>>,
    /// The destination of events that failed; none if there is none.
    pub(crate) on_failure: Fact<Option<String>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) queues: Vec<Queue>,
    /// Of the function, by the ARN of the queue.
    pub(crate) mappings: Fact<Vec<Mapping>>,
    /// The names that the command was told; none if it was told nothing.
    pub(crate) alarm_names: Option<Vec<String>>,
    pub(crate) alarms: Fact<BTreeMap<String, Alarm>>,
    /// The state of the group of schedules.
    pub(crate) schedule_group: Fact<String>,
    /// By role: the policy that says who may assume it.
    pub(crate) trust: BTreeMap<String, Fact<Value>>,
}

/// GetFunction's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Function {
    pub(crate) state: String,
    pub(crate) state_reason: Option<String>,
    pub(crate) last_update: String,
    pub(crate) runtime: String,
    pub(crate) architectures: Vec<String>,
    /// The architecture that the program in the code was built for.
    pub(crate) built_for: Option<String>,
    pub(crate) role: String,
    /// None if Lambda could not decrypt it.
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) layers: Vec<String>,
    pub(crate) reserved_concurrency: Option<i32>,
    pub(crate) log_group: Option<String>,
    pub(crate) subnets: Vec<String>,
    pub(crate) security_groups: Vec<String>,
}

/// The files of the layers that the function reads, by their names in `/opt`.
pub(crate) type Files = BTreeMap<String, String>;

/// One of the two rules.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// `request rule` or `state-change rule`.
    pub(crate) label: &'static str,
    pub(crate) arn: Option<String>,
    /// The queue that it sends to in buffered mode.
    pub(crate) queue_url: Option<String>,
    pub(crate) state: Fact<String>,
    pub(crate) targets: Fact<Vec<RuleTarget>>,
    /// What EventBridge says of a sample of each kind of event.
    pub(crate) matches: Vec<(String, Fact<bool>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleTarget {
    pub(crate) arn: String,
    pub(crate) dead_letters: Option<String>,
    pub(crate) sends: Sends,
}

/// What a rule's target gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sends {
    /// The event as it is.
    #[default]
    Event,
    /// `Input`, or `InputPath` for a part of it.
    Part,
    /// `InputTransformer`: anything.
    Transformed,
}

/// A queue of the deployment.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) label: &'static str,
    pub(crate) url: String,
    pub(crate) is_buffer: bool,
    pub(crate) found: Fact<QueueFacts>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueueFacts {
    pub(crate) arn: String,
    pub(crate) key: Option<String>,
    pub(crate) policy: Option<Value>,
    /// Where messages go that fail at every delivery.
    pub(crate) dead_letters: Option<String>,
}

/// An event source mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) reports_items: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) actions_enabled: bool,
    pub(crate) actions: usize,
    pub(crate) state: String,
}

/// A service of the catalog.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Its start, as the function would do it; or all that is wrong with it.
    pub(crate) start: Result<Box<StartRequest>, Problems>,
    /// What an event that starts it may give besides.
    pub(crate) from_event: FromEvent,
}

/// Fields of a start that an event may give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FromEvent {
    All,
    /// `CATALOG_ONLY` is set: those that the entry lists as `overridable`.
    Only(Vec<&'static str>),
}

/// What the services are made of, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// By name.
    pub(crate) clusters: BTreeMap<String, Fact<Cluster>>,
    /// By name.
    pub(crate) providers: BTreeMap<String, Fact<Provider>>,
    /// By the name of the cluster. Only where that matters.
    pub(crate) instances: BTreeMap<String, Fact<Instances>>,
    pub(crate) definitions: BTreeMap<TaskDefinition, Fact<TaskFacts>>,
    pub(crate) groups: BTreeMap<TargetGroupArn, Fact<Group>>,
    /// Targets of a group that are not healthy.
    pub(crate) unhealthy: BTreeMap<TargetGroupArn, Fact<Vec<Unhealthy>>>,
    /// By ARN.
    pub(crate) balancers: BTreeMap<String, Fact<Balancer>>,
    pub(crate) subnets: BTreeMap<String, Fact<Subnet>>,
    pub(crate) security_groups: BTreeMap<String, Fact<SecurityGroup>>,
    /// The default security group of each VPC.
    pub(crate) default_groups: BTreeMap<String, Fact<String>>,
    /// By VPC.
    pub(crate) routes: BTreeMap<String, Fact<Vec<RouteTable>>>,
    /// By VPC.
    pub(crate) endpoints: BTreeMap<String, Fact<Vec<Endpoint>>>,
    pub(crate) permits: BTreeMap<Ask, Fact<Verdict>>,
    /// By image.
    pub(crate) images: BTreeMap<String, Fact<()>>,
    pub(crate) log_groups: BTreeMap<String, Fact<()>>,
    pub(crate) secrets: BTreeMap<String, Fact<()>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cluster {
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) providers: Vec<String>,
    pub(crate) default_strategy: Vec<CapacityProvider>,
    /// `registeredContainerInstancesCount`: those that are ACTIVE or DRAINING.
    pub(crate) registered: i32,
}

impl Cluster {
    /// The strategy that a launch goes by; empty for a launch type, and where RunTask takes launch type EC2 since the cluster
    /// has no default strategy (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>).
    pub(crate) fn strategy<'a>(&'a self, launch: &'a Launch) -> &'a [CapacityProvider] {
        match launch {
            Launch::Strategy(items) => items,
            Launch::ClusterDefault => &self.default_strategy,
            Launch::Type(_) => &[],
        }
    }

    /// Whether a launch takes any container instance of the cluster, whatever capacity provider it is of.
    pub(crate) fn takes_any_instance(&self, launch: &Launch) -> bool {
        match launch {
            // ECS Anywhere has container instances too; Fargate needs nothing in the cluster.
            Launch::Type(kind) => matches!(*kind, "EC2" | "EXTERNAL"),
            Launch::ClusterDefault => self.default_strategy.is_empty(),
            Launch::Strategy(_) => false,
        }
    }
}

/// The capacity providers of a strategy that tasks are placed on. Of several, those with a weight of 0 "can't be used to place
/// tasks" (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html>).
pub(crate) fn placing(strategy: &[CapacityProvider]) -> impl Iterator<Item = &str> {
    let used = strategy.iter().filter(|item| item.weight > 0 || strategy.len() == 1);
    used.map(|item| item.name.as_str())
}

/// Those that AWS provides: every account has them.
pub(crate) fn is_of_fargate(provider: &str) -> bool {
    matches!(provider, "FARGATE" | "FARGATE_SPOT")
}

/// The ACTIVE container instances of a cluster. Only one whose agent is connected takes tasks
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html>).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Instances {
    /// Those whose agent is connected.
    pub(crate) connected: Owners,
    /// The others.
    pub(crate) disconnected: Owners,
}

/// Whose some container instances are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Owners {
    /// Whether there is one.
    pub(crate) any: bool,
    /// The capacity providers that they belong to. One that was not started by a provider's Auto Scaling group has none, and
    /// no provider places a task on it (containers-roadmap#2055).
    pub(crate) providers: BTreeSet<String>,
}

impl Owners {
    pub(crate) fn add(&mut self, others: Self) {
        self.any |= others.any;
        self.providers.extend(others.providers);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Provider {
    pub(crate) status: String,
    /// Whether ECS brings up container instances when tasks need them: managed scaling, or Managed Instances.
    pub(crate) scales: bool,
}

/// A task definition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskFacts {
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) ports: Definition,
    pub(crate) compatibilities: Vec<String>,
    pub(crate) task_role: Option<String>,
    pub(crate) execution_role: Option<String>,
    pub(crate) containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) log_group: Option<String>,
    pub(crate) creates_log_group: bool,
    pub(crate) secrets: Vec<String>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) facts: TargetGroup,
    pub(crate) balancers: Vec<String>,
    pub(crate) check: HealthCheck,
    /// `preserve_client_ip.enabled`, where the group has it.
    pub(crate) keeps_client_addresses: Fact<bool>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HealthCheck {
    pub(crate) enabled: bool,
    pub(crate) protocol: String,
    /// `traffic-port`, or a number.
    pub(crate) port: String,
    pub(crate) path: Option<String>,
    pub(crate) matcher: Option<String>,
    pub(crate) interval: i32,
    pub(crate) timeout: i32,
    pub(crate) threshold: i32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unhealthy {
    pub(crate) id: String,
    pub(crate) port: Option<i32>,
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) description: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Balancer {
    pub(crate) name: String,
    /// `application`, `network` or `gateway`.
    pub(crate) kind: String,
    pub(crate) state: String,
    /// Zone and subnet.
    pub(crate) zones: Vec<(String, String)>,
    pub(crate) security_groups: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Subnet {
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) cidrs: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SecurityGroup {
    pub(crate) ingress: Vec<Permission>,
    pub(crate) egress: Vec<Permission>,
}

/// One `IpPermission`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Permission {
    /// `tcp`, `udp`, `6`, `17`, or `-1` for all.
    pub(crate) protocol: String,
    pub(crate) from: Option<i32>,
    pub(crate) to: Option<i32>,
    pub(crate) cidrs: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) prefix_lists: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RouteTable {
    pub(crate) is_main: bool,
    pub(crate) subnets: Vec<String>,
    pub(crate) routes: Vec<Route>,
    pub(crate) id: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Route {
    /// `0.0.0.0/0`, `::/0`, another block, or a prefix list.
    pub(crate) destination: String,
    /// `igw-...`, `nat-...`, `vpce-...`, `local`.
    pub(crate) target: String,
    pub(crate) state: String,
}

/// A VPC endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Endpoint {
    /// `com.amazonaws.us-east-1.ecr.api`.
    pub(crate) service: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) route_tables: Vec<String>,
    pub(crate) private_dns: bool,
    /// Its DNS names, with private DNS also those that it answers to in its VPC: `*.dkr.ecr.us-east-1.amazonaws.com`.
    pub(crate) names: Vec<String>,
}

/// A question to IAM: may this role do this, with this context?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ask {
    pub(crate) role: String,
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// Context keys, each with its values.
    pub(crate) context: Vec<(&'static str, Vec<String>)>,
}

/// IAM's answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Allowed,
    Denied,
    /// Denied, while keys of the context were missing.
    Unclear(Vec<String>),
}

impl Deployment {
    /// The function's own configuration: its environment with the files of its layers.
    pub(crate) fn config(&self) -> Option<Result<Config, Problems>> {
        let environment = self.function.get()?.environment.as_ref()?;
        let file = |variable: &str| {
            let path = environment.get(variable).filter(|path| !path.is_empty())?;
            Some(self.files.get()?.get(path.strip_prefix("/opt/")?).cloned())
        };
        // A file that is named and was not read: the configuration would be another one.
        let (settings, catalog) = (file("SETTINGS_FILE"), file("SERVICES_FILE"));
        for (variable, found) in [("SETTINGS_FILE", &settings), ("SERVICES_FILE", &catalog)] {
            let is_named = environment.get(variable).is_some_and(|path| !path.is_empty());
            if is_named && found.as_ref().is_none_or(Option::is_none) {
                return None;
            }
        }
        let get = |name: &str| match name {
            // Lambda sets it, for the function alone.
            "AWS_LAMBDA_FUNCTION_NAME" => Some(self.arn.name().to_owned()),
            _ => environment.get(name).cloned(),
        };
        Some(Config::read(
            get,
            settings.flatten().as_deref(),
            catalog.flatten().as_deref(),
        ))
    }
}
