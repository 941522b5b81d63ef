//! What the function needs to do something later: the group of its schedules, and the role that invokes it.

use std::collections::BTreeMap;

use start_engines_core::domain::arn::Scope;

use crate::doctor::policy::{Says, trusts};
use crate::doctor::world::{Account, Ask, Deployment, Verdict};
use crate::doctor::{Finding, Report};

const DEPLOY: &str = "deploy again (pulumi up --refresh)";
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role>
const SCHEDULER: &str = "scheduler.amazonaws.com";
const INVOKE: &str = "lambda:InvokeFunction";

pub(super) fn check(deployment: &Deployment, account: &Account, findings: &mut Vec<Finding>) {
    let Some(function) = deployment.function.get() else {
        return;
    };
    let mut report = Report::new("schedules", deployment.arn.name(), findings);
    let Some(environment) = &function.environment else {
        report.unread("the function's environment");
        return;
    };
    let Some(role) = environment.get("SCHEDULER_ROLE_ARN").filter(|role| !role.is_empty()) else {
        report.warning(
            "the function has no role for schedules: there are no deadlines, and no stop can wait for connections to end",
            "set SCHEDULER_ROLE_ARN and SCHEDULER_GROUP",
        );
        return;
    };
    let absent = "the group of its schedules does not exist: no deadline and no drain can be set";
    // `ACTIVE` or `DELETING` (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetScheduleGroup.html>).
    if let Some(state) = deployment.schedule_group.known(&mut report, absent, DEPLOY)
        && state != "ACTIVE"
    {
        report.failure(format!("the group of its schedules is {state}"), DEPLOY);
    }
    let group = group_arn(deployment, environment);
    if let Some(policy) = deployment.trust.get(role) {
        let absent = format!("{role} does not exist: Scheduler cannot invoke the function");
        match policy
            .known(&mut report, &absent, DEPLOY)
            .map(|policy| trusts(policy, SCHEDULER, &group))
        {
            Some(Says::No) => report.failure(format!("{role} does not trust {SCHEDULER}"), DEPLOY),
            Some(Says::Unclear) => {
                report.not_checked(
                    format!("the trust of {role} has a condition that is not known here"),
                    "",
                );
            }
            Some(Says::Yes) | None => {}
        }
    }
    let dead_letters = environment.get("SCHEDULER_DEAD_LETTER_QUEUE_ARN").map(String::as_str);
    for ask in asks(
        role,
        deployment.arn.as_str(),
        dead_letters.filter(|queue| !queue.is_empty()),
    ) {
        let may = match ask.action {
            INVOKE => "invoke the function".to_owned(),
            _ => format!("send what it cannot deliver to {}", ask.resource),
        };
        let Some(verdict) = account.permits.get(&ask) else {
            continue;
        };
        match verdict.known(&mut report, &format!("{role} does not exist"), DEPLOY) {
            Some(Verdict::Denied) => report.failure(format!("{role} may not {may}"), DEPLOY),
            Some(Verdict::Unclear(keys)) => {
                report.not_checked(format!("whether {role} may {may} depends on {}", keys.join(", ")), "");
            }
            Some(Verdict::Allowed) | None => {}
        }
    }
    report.well("the function can do something later");
}

/// The group of the function's schedules; `default` if it has none of its own.
fn group_arn(deployment: &Deployment, environment: &BTreeMap<String, String>) -> String {
    let group = environment.get("SCHEDULER_GROUP").filter(|group| !group.is_empty());
    let group = group.map_or("default", String::as_str);
    deployment.arn.scope().map_or_else(String::new, |scope| {
        let Scope {
            partition,
            region,
            account,
        } = scope;
        format!("arn:{partition}:scheduler:{region}:{account}:schedule-group/{group}")
    })
}

/// What the role of its schedules does: it invokes the function, and sends what cannot be delivered to the dead-letter queue
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>).
pub(crate) fn asks(role: &str, function: &str, dead_letters: Option<&str>) -> Vec<Ask> {
    let ask = |action, resource: &str| Ask {
        role: role.to_owned(),
        action,
        resource: resource.to_owned(),
        context: Vec::new(),
    };
    let mut asks = vec![ask(INVOKE, function)];
    asks.extend(dead_letters.map(|queue| ask("sqs:SendMessage", queue)));
    asks
}
