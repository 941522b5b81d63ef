//! What the function's role may do, as IAM's simulator says.
//!
//! With the context that each call carries: without it, conditions deny what is allowed
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>). What service control policies
//! deny is not certain, resource policies are not asked for.

use std::collections::BTreeMap;

use start_engines_core::domain::arn::{Cluster, Scope};
use start_engines_core::domain::definition::NetworkMode;
use start_engines_core::domain::tags::{EVENT_ID, STOP_AT};
use start_engines_core::report::outcome_events;
use start_engines_core::request::start::StartRequest;

use super::OfService;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Account, Ask, Deployment, Verdict};
use crate::doctor::{Finding, Report};

/// What the roles of tasks are passed to, and that of volumes
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/infrastructure_IAM_role.html>).
const TASKS: &str = "ecs-tasks.amazonaws.com";
const VOLUMES: &str = "ecs.amazonaws.com";
const DEPLOY: &str = "deploy again (pulumi up --refresh)";

/// What lets the function's role make a call: an argument of the component, or what each deployment gives it.
fn repair(ask: &Ask) -> String {
    let is_for = |service: &str| {
        let passed = ask.context.iter().filter(|(key, _)| *key == "iam:PassedToService");
        passed.flat_map(|(_, values)| values).any(|value| value == service)
    };
    let what = match ask.action {
        "iam:PassRole" if is_for(TASKS) => "name it in taskRoles",
        "iam:PassRole" if is_for(VOLUMES) => "name it in infrastructureRoles",
        "ecs:RunTask" => "name its family in taskFamilies, and the cluster in clusters,",
        // On whatever is in the cluster.
        "ecs:DescribeTasks"
        | "ecs:StopTask"
        | "ecs:TagResource"
        | "ecs:ListTasks"
        | "ecs:DescribeContainerInstances" => "name the cluster in clusters",
        "elasticloadbalancing:RegisterTargets" | "elasticloadbalancing:DeregisterTargets" => "name it in targetGroups",
        _ => return DEPLOY.to_owned(),
    };
    format!("{what} of the component, and {DEPLOY}")
}

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let Some(role) = of.role else {
        return;
    };
    let cluster = of.account.clusters.get(of.start.cluster.name());
    let definition = of.account.definitions.get(&of.start.task_definition);
    // Another check says so, and nothing is called before that is repaired.
    if matches!(cluster, Some(Fact::Absent)) || matches!(definition, Some(Fact::Absent)) {
        return;
    }
    let report = of.report("permissions", findings);
    judge(&asks(of.start, of.account, role), of.account, role, report);
}

/// What the function needs whatever it starts.
pub(super) fn check_deployment(deployment: &Deployment, account: &Account, findings: &mut Vec<Finding>) {
    let Some(function) = deployment.function.get() else {
        return;
    };
    let mut report = Report::new("permissions", deployment.arn.name(), findings);
    if function.environment.is_none() {
        report.unread("the function's environment");
    }
    if matches!(deployment.on_failure, Fact::Unread { .. }) {
        report.unread("the on-failure destination");
    }
    for queue in deployment.queues.iter().filter(|queue| queue.is_buffer) {
        if matches!(queue.found, Fact::Unread { .. }) {
            report.unread(format!("the {}", queue.label));
        }
    }
    let asks: Vec<Ask> = asks_of_deployment(deployment)
        .into_iter()
        .filter(|ask| ask.role == function.role)
        .collect();
    // Without a role for schedules, a destination, and whatever else, each of which another check warns of.
    if !asks.is_empty() {
        judge(&asks, account, &function.role, report);
    }
}

fn judge(asks: &[Ask], account: &Account, role: &str, mut report: Report<'_>) {
    if asks.is_empty() {
        report.unread("what its calls are about");
    }
    let mut denied: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for ask in asks {
        let Some(fact) = account.permits.get(ask) else {
            continue;
        };
        match fact.known(&mut report, &format!("the role {role} does not exist"), DEPLOY) {
            Some(Verdict::Allowed) | None => {}
            Some(Verdict::Denied) => denied.entry((ask.action, repair(ask))).or_default().push(&ask.resource),
            Some(Verdict::Unclear(keys)) => report.not_checked(
                format!(
                    "whether the function may call {} depends on {}, which is not known here",
                    ask.action,
                    keys.join(", ")
                ),
                "",
            ),
        }
    }
    for ((action, repair), resources) in denied {
        report.failure(
            format!("the function's role may not call {action} on {}", resources.join(", ")),
            repair,
        );
    }
    report.well("the function's role may make the calls that were asked for");
}

/// What the function and the role of its schedules must be allowed, whatever the services are.
pub(crate) fn asks_of_deployment(deployment: &Deployment) -> Vec<Ask> {
    let Some(function) = deployment.function.get() else {
        return Vec::new();
    };
    let variable = |name: &str| {
        function
            .environment
            .as_ref()?
            .get(name)
            .filter(|value| !value.is_empty())
    };
    let Some(scope) = deployment.arn.scope() else {
        return Vec::new();
    };
    let ask = |action, resource: &str, context| Ask {
        role: function.role.clone(),
        action,
        resource: resource.to_owned(),
        context,
    };
    let mut asks = Vec::new();
    if let Some(bus) = variable("OUTCOME_EVENT_BUS") {
        asks.push(ask("events:PutEvents", &bus_arn(bus, &scope), outcome_context()));
    }
    if let Some(group) = &function.log_group {
        let Scope {
            partition,
            region,
            account,
        } = &scope;
        let stream = format!("arn:{partition}:logs:{region}:{account}:log-group:{group}:log-stream:any");
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            asks.push(ask(action, &stream, Vec::new()));
        }
    }
    // The function's role sends what has failed
    // (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>), and polls the queues
    // (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>).
    let destination = deployment.on_failure.get().and_then(Option::as_deref);
    if let Some(queue) = destination.filter(|arn| arn.contains(":sqs:")) {
        asks.push(ask("sqs:SendMessage", queue, Vec::new()));
    }
    let buffers = deployment.queues.iter().filter(|queue| queue.is_buffer);
    for queue in buffers.filter_map(|queue| queue.found.get()) {
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
            asks.push(ask(action, &queue.arn, Vec::new()));
        }
    }
    let Some(later) = variable("SCHEDULER_ROLE_ARN") else {
        return asks;
    };
    let group = variable("SCHEDULER_GROUP").map_or("default", String::as_str);
    let Scope {
        partition,
        region,
        account,
    } = &scope;
    // The names of the function's own schedules begin with this: `src/core/decide/schedules.rs`.
    let schedule = format!("arn:{partition}:scheduler:{region}:{account}:schedule/{group}/start-engines-0");
    asks.extend([
        ask("scheduler:CreateSchedule", &schedule, Vec::new()),
        ask(
            "iam:PassRole",
            later,
            vec![("iam:PassedToService", vec!["scheduler.amazonaws.com".to_owned()])],
        ),
    ]);
    let dead_letters = variable("SCHEDULER_DEAD_LETTER_QUEUE_ARN").map(String::as_str);
    asks.extend(super::later::asks(later, deployment.arn.as_str(), dead_letters));
    asks
}

/// `arn:PARTITION:events:REGION:ACCOUNT:event-bus/NAME`
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>).
fn bus_arn(bus: &str, scope: &Scope) -> String {
    if bus.starts_with("arn:") {
        return bus.to_owned();
    }
    let Scope {
        partition,
        region,
        account,
    } = scope;
    format!("arn:{partition}:events:{region}:{account}:event-bus/{bus}")
}

/// That of the first kind of outcome event: every version of the function sends it, and the deployed one may be older than this
/// command.
fn outcome_context() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("events:source", vec![outcome_events::SOURCE.to_owned()]),
        (
            "events:detail-type",
            vec![outcome_events::Kind::Started.detail_type().to_owned()],
        ),
    ]
}

/// What the function calls for a service, from its start to its stop.
pub(crate) fn asks(start: &StartRequest, account: &Account, role: &str) -> Vec<Ask> {
    let cluster = account
        .clusters
        .get(start.cluster.name())
        .and_then(|cluster| cluster.get());
    let (Some(cluster), Some(definition)) = (
        cluster,
        account.definitions.get(&start.task_definition).and_then(|it| it.get()),
    ) else {
        return Vec::new();
    };
    let Some(scope) = cluster.arn.parse().ok().and_then(|arn: Cluster| arn.scope()) else {
        return Vec::new();
    };
    let in_cluster = || vec![("ecs:cluster", vec![cluster.arn.clone()])];
    let ask = |action, resource: &str, context| Ask {
        role: role.to_owned(),
        action,
        resource: resource.to_owned(),
        context,
    };
    // Any task or container instance of the cluster: its ARN has the cluster's name and an id of 32 digits.
    let task = arn_in(&scope, "task", start.cluster.name());
    let instance = arn_in(&scope, "container-instance", start.cluster.name());
    let mut asks = vec![
        ask("ecs:RunTask", &definition.arn, in_cluster()),
        ask(
            "ecs:TagResource",
            &task,
            vec![
                // One that each start has: with all, services with tags of their own would be a question each.
                ("aws:TagKeys", vec![EVENT_ID.to_owned()]),
                ("ecs:CreateAction", vec!["RunTask".to_owned()]),
                ("ecs:cluster", vec![cluster.arn.clone()]),
            ],
        ),
        // Of a task that drains.
        ask(
            "ecs:TagResource",
            &task,
            vec![
                ("aws:TagKeys", vec![STOP_AT.to_owned()]),
                ("ecs:cluster", vec![cluster.arn.clone()]),
            ],
        ),
        ask("ecs:DescribeTasks", &task, in_cluster()),
        ask("ecs:StopTask", &task, in_cluster()),
        ask("ecs:ListTasks", "*", in_cluster()),
        ask("ecs:DescribeTaskDefinition", "*", Vec::new()),
    ];
    let options = start.options.overrides.as_ref();
    let task_role = options
        .and_then(|it| it.task_role_arn.as_ref())
        .or(definition.task_role.as_ref());
    let execution_role = options
        .and_then(|it| it.execution_role_arn.as_ref())
        .or(definition.execution_role.as_ref());
    for passed in [task_role, execution_role].into_iter().flatten() {
        let service = vec![("iam:PassedToService", vec![TASKS.to_owned()])];
        asks.push(ask("iam:PassRole", passed, service));
    }
    let volumes = start.options.volume_configurations.iter().flatten();
    for volume in volumes.filter_map(|volume| volume.ebs.as_ref()) {
        let service = vec![("iam:PassedToService", vec![VOLUMES.to_owned()])];
        asks.push(ask("iam:PassRole", &volume.role_arn, service));
    }
    if definition.ports.network_mode != NetworkMode::Awsvpc && !start.attachments.is_empty() {
        asks.push(ask("ecs:DescribeContainerInstances", &instance, in_cluster()));
        asks.push(ask("ec2:DescribeInstances", "*", Vec::new()));
    }
    for attachment in &start.attachments {
        for action in [
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:DeregisterTargets",
        ] {
            asks.push(ask(action, attachment.group.as_str(), Vec::new()));
        }
    }
    if !start.attachments.is_empty() {
        // For how long a stop has to wait.
        asks.push(ask(
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "*",
            Vec::new(),
        ));
        asks.push(ask("elasticloadbalancing:DescribeTargetGroups", "*", Vec::new()));
        asks.push(ask("elasticloadbalancing:DescribeTargetHealth", "*", Vec::new()));
        asks.push(ask("ec2:DescribeNetworkInterfaces", "*", Vec::new()));
    }
    asks
}

fn arn_in(scope: &Scope, kind: &str, cluster: &str) -> String {
    let Scope {
        partition,
        region,
        account,
    } = scope;
    format!(
        "arn:{partition}:ecs:{region}:{account}:{kind}/{cluster}/{}",
        "0".repeat(32)
    )
}
