//! For `validate`: describes what the function would do for an event, offline.
//!
//! Must not decide anything: it runs [`start_engines_core::decide`] on an empty journal and describes the result.

use std::fmt::Write;
use std::time::Duration;

use start_engines_core::call::Call;
use start_engines_core::call::run_task::{Launch, RunTask};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::task::{Network, Phase};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::Journal;
use start_engines_core::outcome::Outcome;
use start_engines_core::request::Trigger;
use start_engines_core::request::check::CheckRequest;
use start_engines_core::request::deregister::DeregisterRequest;
use start_engines_core::request::reconcile::{Continuation, ReconcileRequest};
use start_engines_core::request::reconcile_all::ReconcileAllRequest;
use start_engines_core::request::start::{Deadlines, StartRequest};
use start_engines_core::request::stop::{Drain, Selector, StopRequest};
use start_engines_core::request::task_change::TaskChange;

/// Describes what the function would do if it handled the event at once.
#[must_use]
pub fn explain(trigger: &Trigger, config: &Config) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match trigger {
        Trigger::Start(request) => explain_start(request, &mut text),
        Trigger::Stop(request) => explain_stop(request, &mut text),
        Trigger::Reconcile(request) => explain_reconcile(request, &mut text),
        Trigger::ReconcileAll(request) => explain_reconcile_all(request, &mut text),
        Trigger::Deregister(request) => explain_deregister(request, &mut text),
        Trigger::Check(request) => explain_check(request, &mut text),
        Trigger::TaskStateChange(change) => explain_change(change, trigger, config, &mut text),
    };
    text
}

fn explain_start(request: &StartRequest, text: &mut String) -> std::fmt::Result {
    let and = if request.deadlines == Deadlines::default() {
        "nothing else"
    } else {
        "a schedule for each deadline"
    };
    writeln!(text, "Start ECS Task: RunTask, and {and}")?;
    writeln!(text, "  cluster           {}", request.cluster)?;
    writeln!(text, "  taskDefinition    {}", request.task_definition)?;
    writeln!(text, "  count             {}", request.count)?;
    for attachment in &request.attachments {
        let container = attachment
            .container
            .as_ref()
            .map(|name| format!(", container {name}"))
            .unwrap_or_default();
        writeln!(
            text,
            "  target            port {} in {}{container}",
            attachment.port, attachment.group
        )?;
    }
    if request.attachments.is_empty() {
        writeln!(
            text,
            "  target            none: the task is started, but never registered"
        )?;
    }
    writeln!(text, "  startedBy         {}", request.started_by)?;
    for tag in &request.tags {
        writeln!(text, "  tag               {} = {}", tag.key, tag.value)?;
    }
    let deadlines = [
        ("startTimeout", request.deadlines.start_timeout),
        ("maxLifetime", request.deadlines.max_lifetime),
    ];
    for (name, after) in deadlines {
        if let Some(after) = after {
            writeln!(
                text,
                "  {name:<17} {} s, by a one-time schedule for each task",
                after.as_secs()
            )?;
        }
    }
    if let Some(age) = request.max_age {
        writeln!(
            text,
            "  maxAge            {} s: refused when handled later",
            age.as_secs()
        )?;
    }
    writeln!(text, "  RunTask calls of the first delivery, until one finds capacity:")?;
    let calls = (0..request.placements.len()).filter_map(|n| request.call(n, 0, request.count));
    for (n, call) in calls.enumerate() {
        if n == 0 {
            writeln!(text, "    1. {}, clientToken {}", placement(&call), call.client_token)?;
        } else {
            writeln!(text, "    {}. {}", n + 1, placement(&call))?;
        }
    }
    if request.placements.len() > 1 {
        writeln!(
            text,
            "  clientToken       the next number after an answer without enough tasks, the same after an exception"
        )?;
    }
    Ok(())
}

fn explain_stop(request: &StopRequest, text: &mut String) -> std::fmt::Result {
    writeln!(text, "Stop ECS Task: DeregisterTargets, then StopTask")?;
    match &request.selector {
        Selector::Task { arn, .. } => writeln!(text, "  task              {arn}")?,
        Selector::Service { name, clusters } => {
            writeln!(text, "  tasks             all of the service {name}, by their tags")?;
            for cluster in clusters {
                writeln!(text, "  searched in       {cluster}")?;
            }
        }
        Selector::Cluster(cluster) => {
            writeln!(
                text,
                "  tasks             all that start-engines has started in {cluster}"
            )?;
        }
    }
    if !request.clusters().is_empty()
        && let Some(time) = request.requested_at.and_then(Timestamp::to_rfc3339)
    {
        writeln!(text, "  of these          only tasks that were requested before {time}")?;
    }
    match request.drain {
        Drain::AsGroups => writeln!(
            text,
            "  drain             the longest deregistration delay of each task's target groups, by a one-time schedule"
        )?,
        Drain::For(Duration::ZERO) => writeln!(text, "  drain             none: StopTask at once")?,
        Drain::For(time) => writeln!(text, "  drain             {} s, by a one-time schedule", time.as_secs())?,
    }
    if let Some(continuation) = &request.continuation {
        let handled_at = continuation.handled_at.to_rfc3339().unwrap_or_default();
        writeln!(
            text,
            "  continuation      {}, of a stop that was handled at {handled_at}",
            continuation.count
        )?;
    }
    writeln!(text, "  reason            {}", request.reason)
}

fn explain_reconcile(request: &ReconcileRequest, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "Reconcile ECS Targets: ListTasks and DescribeTasks, DescribeTargetHealth per target group; RegisterTargets of the missing targets of RUNNING tasks, DeregisterTargets of the targets of stopped tasks; unknown targets stay"
    )?;
    writeln!(text, "  cluster           {}", request.cluster)?;
    for other in &request.others {
        writeln!(text, "  owners also in    {other}")?;
    }
    for group in &request.groups {
        writeln!(text, "  target group      {group}")?;
    }
    writeln!(text, "  target groups     and all that tasks of the cluster name")?;
    match &request.continuation {
        Some(Continuation { after, count }) => {
            let after = after.as_ref().map_or("the beginning", TargetGroupArn::as_str);
            writeln!(text, "  continuation      {count}, from {after}")
        }
        None => Ok(()),
    }
}

fn explain_reconcile_all(request: &ReconcileAllRequest, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "Reconcile ECS Targets: a one-time schedule for each cluster, which reconciles it"
    )?;
    for cluster in &request.clusters {
        writeln!(text, "  cluster           {cluster}")?;
    }
    Ok(())
}

fn explain_deregister(request: &DeregisterRequest, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "Deregister ECS Targets: a late stop goes on. DescribeTargetHealth, DescribeNetworkInterfaces, ListTasks and DescribeTasks; DeregisterTargets only if no newer task has the address"
    )?;
    writeln!(text, "  task              {}", request.task.arn)?;
    for target in &request.targets {
        writeln!(text, "  target            {} in {}", target.target, target.group)?;
    }
    writeln!(text, "  continuation      {}", request.count)
}

fn explain_check(request: &CheckRequest, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "Check ECS Targets: DescribeTasks, and DescribeTargetHealth of the targets of the tasks that still run; StopTask of those that are unhealthy, if their start has said so (onUnhealthy); CreateSchedule, for one more check of those that ELB still checks"
    )?;
    let which = if request.is_second { "the second, " } else { "" };
    let planned_at = request.planned_at.to_rfc3339().unwrap_or_default();
    writeln!(text, "  check             {which}planned at {planned_at}")?;
    for task in &request.tasks {
        writeln!(text, "  task              {} in {}", task.arn, task.cluster)?;
        for target in &task.targets {
            writeln!(text, "  target            {} in {}", target.target, target.group)?;
        }
    }
    Ok(())
}

fn placement(call: &RunTask) -> String {
    let launch = match &call.launch {
        Launch::ClusterDefault => "the cluster's default capacity".to_owned(),
        Launch::Type(launch_type) => format!("launch type {launch_type}"),
        Launch::Strategy(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{} (weight {})", item.name, item.weight))
                .collect();
            format!("capacity providers {}", items.join(", "))
        }
    };
    let mut parts = vec![launch];
    if let Some(network) = &call.network {
        parts.extend(network.subnets.iter().map(ToString::to_string));
        parts.extend(network.security_groups.iter().map(ToString::to_string));
        parts.extend(network.assign_public_ip.map(|setting| format!("public IP {setting}")));
    }
    parts.extend(
        call.platform_version
            .iter()
            .map(|version| format!("platform version {version}")),
    );
    let constraints = call.options.placement_constraints.iter().flatten();
    parts.extend(constraints.map(|constraint| format!("placement constraint {constraint}")));
    let strategy = call.options.placement_strategy.iter().flatten();
    parts.extend(strategy.map(|strategy| format!("placement strategy {strategy}")));
    parts.join(", ")
}

fn explain_change(change: &TaskChange, trigger: &Trigger, config: &Config, text: &mut String) -> std::fmt::Result {
    let task = &change.task;
    writeln!(text, "ECS Task State Change: {}", task.arn)?;
    writeln!(
        text,
        "  lastStatus {}, desiredStatus {}, version {}",
        task.last_status, task.desired_status, task.version
    )?;
    let now = change.happened_at.unwrap_or(Timestamp::from_millis(0));
    match decide(trigger, config, &Journal::new(now)) {
        Step::End(Ok(Outcome::Skipped { reason, .. })) => writeln!(text, "  nothing to do: {}", reason.name()),
        Step::End(Ok(outcome)) => writeln!(text, "  no call: {}", outcome.name()),
        Step::End(Err(failure)) => writeln!(text, "  an error, {}: {failure}", failure.category),
        Step::Ask(first) => {
            let on_instance = matches!(task.network, Network::ContainerInstance { .. });
            let calls = match task.phase() {
                Phase::Running if on_instance => {
                    "DescribeTasks for tags and a stop that overtook the event; DescribeTaskDefinition if the task has no host port yet, as in network mode host; DescribeContainerInstances for the EC2 instance id, DescribeInstances for its address if a target group has target type ip; RegisterTargets of the host port per target group; DescribeTasks again, and DeregisterTargets if the task is stopping by then"
                }
                _ if on_instance => {
                    "DeregisterTargets of the host port (from DescribeTaskDefinition if the event has none), only after DescribeTargetHealth, ListTasks and DescribeTasks show that no newer task on the container instance owns it"
                }
                Phase::Running => {
                    "DescribeTasks for tags and a stop that overtook the event; RegisterTargets per target group; DescribeTasks again, and DeregisterTargets if the task is stopping by then. When handled late, DescribeNetworkInterfaces as well, to see that the task has not stopped"
                }
                Phase::Stopping if !task.never_ran() => "DeregisterTargets per target group, from the event alone",
                Phase::Starting | Phase::Stopping | Phase::Stopped | Phase::Unknown => {
                    "DescribeTargetHealth; DeregisterTargets of what is still registered"
                }
            };
            writeln!(text, "  handled when new: {calls}")?;
            if task.phase() != Phase::Running && !on_instance {
                writeln!(
                    text,
                    "  handled late: DeregisterTargets only after DescribeTargetHealth and DescribeNetworkInterfaces, and where another interface has the address ListTasks and DescribeTasks, show that no newer task owns it"
                )?;
            }
            let operations: Vec<&str> = first.iter().map(Call::operation).collect();
            writeln!(text, "  first call: {}", operations.join(", "))?;
            for call in &first {
                if let Call::DeregisterTargets { group, targets, .. } | Call::DescribeTargetHealth { group, targets } =
                    call
                {
                    for target in targets {
                        writeln!(text, "  target {target} in {group}")?;
                    }
                }
            }
            Ok(())
        }
    }
}
