//! The two rules: enabled, matching, with the right target, and allowed to send to it.

use crate::doctor::policy::{Says, allows};
use crate::doctor::world::{Deployment, Rule, RuleTarget, Sends};
use crate::doctor::{Finding, Report};

const DEPLOY: &str = "deploy again (pulumi up --refresh)";
/// The service that rules act as
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html>).
const EVENTS: &str = "events.amazonaws.com";

pub(super) fn check(deployment: &Deployment, findings: &mut Vec<Finding>) {
    for rule in &deployment.rules {
        let mut report = Report::new("rule", rule.label, findings);
        let Some(arn) = &rule.arn else {
            report.not_checked(
                "the command does not know it",
                "take the variables of the output commandEnvironment anew",
            );
            continue;
        };
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let absent = format!("{name} does not exist: events are lost");
        let Some(state) = rule.state.known(&mut report, &absent, DEPLOY) else {
            continue;
        };
        // `ENABLED`, or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`
        // (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html>).
        if !state.starts_with("ENABLED") {
            report.failure(
                format!("{name} is {state}: its events are lost"),
                format!(
                    "aws events enable-rule --name {name}{}; then start-engines reconcile",
                    bus(arn)
                ),
            );
        }
        report.well(format!("{name} is {state}"));
        pattern(rule, name, findings);
        target(deployment, rule, arn, findings);
    }
}

/// The option that names a bus which is not the default one: `rule/BUS/NAME`.
fn bus(arn: &str) -> String {
    let path = arn.split_once(":rule/").map_or("", |(_, path)| path);
    path.split_once('/')
        .map_or_else(String::new, |(bus, _)| format!(" --event-bus-name {bus}"))
}

fn pattern(rule: &Rule, name: &str, findings: &mut Vec<Finding>) {
    let mut report = Report::new("pattern", rule.label, findings);
    let absent = format!("{name} has no pattern");
    if rule.matches.is_empty() {
        report.not_checked("there was no event to try it with, or no pattern", "");
    }
    for (sample, matches) in &rule.matches {
        if matches.known(&mut report, &absent, DEPLOY) == Some(&false) {
            report.failure(format!("{name} does not let through {sample}"), DEPLOY);
        }
    }
    report.well(format!("lets through {} kinds of events", rule.matches.len()));
}

fn target(deployment: &Deployment, rule: &Rule, arn: &str, findings: &mut Vec<Finding>) {
    let mut report = Report::new("target", rule.label, findings);
    let Some(targets) = rule.targets.known(&mut report, "the rule does not exist", DEPLOY) else {
        return;
    };
    let queue = deployment
        .queues
        .iter()
        .find(|queue| Some(&queue.url) == rule.queue_url.as_ref());
    let function = deployment.arn.as_str();
    let to_function = targets.iter().find(|target| is_function(&target.arn, function));
    // Of a queue that cannot be read it is not known whether the rule sends to it.
    if let Some(queue) = queue
        && queue
            .found
            .known(&mut report, "the queue does not exist", DEPLOY)
            .is_none()
    {
        return;
    }
    let queue_facts = queue.and_then(|queue| queue.found.get());
    let to_queue = queue_facts.and_then(|facts| targets.iter().find(|target| target.arn == facts.arn));
    let target = match (to_queue, to_function) {
        (Some(target), _) | (None, Some(target)) => target,
        (None, None) => {
            let others: Vec<&str> = targets.iter().map(|target| target.arn.as_str()).collect();
            let others = if others.is_empty() {
                "nothing".to_owned()
            } else {
                others.join(", ")
            };
            report.failure(
                format!("sends to {others}, and not to {}", deployment.arn.name()),
                DEPLOY,
            );
            return;
        }
    };
    match target.sends {
        Sends::Event => {}
        Sends::Part => report.failure(
            format!(
                "sends to {} something else than the event (Input, or InputPath)",
                target.arn
            ),
            DEPLOY,
        ),
        Sends::Transformed => report.not_checked(
            format!("sends to {} what an InputTransformer makes of the event", target.arn),
            "",
        ),
    }
    dead_letters(deployment, (arn, target), &mut report);
    report.well(format!("sends to {}", target.arn));
    let mut report = Report::new("permission", rule.label, findings);
    let says = match (to_queue, queue_facts) {
        (Some(_), Some(facts)) => facts
            .policy
            .as_ref()
            .map_or(Says::No, |policy| allows(policy, EVENTS, "sqs:SendMessage", arn)),
        // The policy of a version or an alias is its own.
        _ if target.arn != function => {
            report.not_checked(
                format!("{} is a version or an alias, whose policy is not looked at", target.arn),
                "",
            );
            return;
        }
        _ => {
            let absent = "the function does not exist";
            let Some(policy) = deployment.policy.known(&mut report, absent, DEPLOY) else {
                return;
            };
            policy
                .as_ref()
                .map_or(Says::No, |policy| allows(policy, EVENTS, "lambda:InvokeFunction", arn))
        }
    };
    match says {
        Says::Yes => {}
        Says::No => report.failure(
            format!(
                "the policy of {} does not let the rule send to it: its events are lost",
                target.arn
            ),
            DEPLOY,
        ),
        Says::Unclear => report.not_checked(
            format!("the policy of {} has a condition that is not known here", target.arn),
            "",
        ),
    }
    report.well("the rule may send to its target");
}

fn dead_letters(deployment: &Deployment, (rule, target): (&str, &RuleTarget), report: &mut Report<'_>) {
    let queues = deployment
        .queues
        .iter()
        .map(|queue| queue.found.get().map(|facts| facts.arn.as_str()));
    // Only if all are known: one that could not be read may be it.
    let known: Vec<&str> = queues.collect::<Option<Vec<&str>>>().unwrap_or_default();
    match target.dead_letters.as_deref() {
        None => report.warning("has no dead-letter queue: what cannot be delivered is lost", DEPLOY),
        Some(queue) if !known.is_empty() && !known.contains(&queue) => report.warning(
            format!("what cannot be delivered goes to {queue}, which redrive does not know"),
            "take the variables of the output commandEnvironment anew",
        ),
        Some(queue) => {
            let facts = deployment.queues.iter().filter_map(|it| it.found.get());
            let Some(facts) = facts.into_iter().find(|facts| facts.arn == queue) else {
                return;
            };
            // EventBridge needs a policy of the queue for it
            // (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>).
            let policy = facts.policy.as_ref();
            match policy.map_or(Says::No, |policy| allows(policy, EVENTS, "sqs:SendMessage", rule)) {
                Says::Yes => {}
                Says::No => report.failure(
                    format!("the policy of {queue} does not let the rule send there: what cannot be delivered is lost"),
                    DEPLOY,
                ),
                Says::Unclear => {
                    report.not_checked(
                        format!("the policy of {queue} has a condition that is not known here"),
                        "",
                    );
                }
            }
        }
    }
}

/// With or without a version or an alias.
fn is_function(target: &str, function: &str) -> bool {
    let unqualified = |arn: &str| arn.split(':').take(7).map(str::to_owned).collect::<Vec<_>>();
    unqualified(target) == unqualified(function)
}
