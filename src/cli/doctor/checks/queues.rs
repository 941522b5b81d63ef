//! The queues, the on-failure destination, and in buffered mode the event source mappings.

use crate::doctor::world::{Deployment, Queue};
use crate::doctor::{Finding, Report};

const DEPLOY: &str = "deploy again (pulumi up --refresh)";

pub(super) fn check(deployment: &Deployment, findings: &mut Vec<Finding>) {
    for queue in &deployment.queues {
        let mut report = Report::new("queue", queue.label, findings);
        let absent = format!("{} does not exist", queue.url);
        let Some(facts) = queue.found.known(&mut report, &absent, DEPLOY) else {
            continue;
        };
        if queue.is_buffer && facts.dead_letters.is_none() {
            report.warning(
                "has no dead-letter queue: an event that fails at every delivery comes back for days",
                DEPLOY,
            );
        }
        // Its policy is only for the account's own principals, and cannot be changed
        // (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html>).
        if facts.key.as_deref() == Some("alias/aws/sqs") {
            if queue.is_buffer || queue.label == "rule dead-letter queue" {
                report.failure(
                    "is encrypted with alias/aws/sqs, the AWS managed key, with which EventBridge cannot send to it",
                    DEPLOY,
                );
            }
        } else if let Some(key) = &facts.key {
            report.not_checked(
                format!("is encrypted with {key}; whether its policy lets EventBridge use it is not looked at"),
                "the key policy must have the output kmsKeyPolicyStatements",
            );
        }
        report.well("there");
    }
    destination(deployment, findings);
    for queue in deployment.queues.iter().filter(|queue| queue.is_buffer) {
        mapping(deployment, queue, findings);
    }
}

/// Lambda drops an event that fails for good, unless the function has a destination for it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>).
fn destination(deployment: &Deployment, findings: &mut Vec<Finding>) {
    let mut report = Report::new("on-failure destination", deployment.arn.name(), findings);
    let absent = "the function has no settings for asynchronous events: what fails is lost";
    let Some(destination) = deployment.on_failure.known(&mut report, absent, DEPLOY) else {
        return;
    };
    let queue = deployment.queues.iter().find(|queue| queue.label == "on-failure queue");
    let expected = queue
        .and_then(|queue| queue.found.get())
        .map(|facts| facts.arn.as_str());
    match (destination.as_deref(), expected) {
        (None, _) => report.failure("the function has no on-failure destination: what fails is lost", DEPLOY),
        (Some(found), Some(expected)) if found != expected => report.warning(
            format!("what fails goes to {found}, which redrive does not know"),
            "take the variables of the output commandEnvironment anew",
        ),
        (Some(_), _) => {}
    }
    report.well("what fails goes to the on-failure queue");
}

/// [States](https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html) of a mapping. Without
/// `ReportBatchItemFailures` one event that fails brings all of its batch back
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
fn mapping(deployment: &Deployment, queue: &Queue, findings: &mut Vec<Finding>) {
    let Some(facts) = queue.found.get() else {
        return;
    };
    let mut report = Report::new("mapping", queue.label, findings);
    let Some(mappings) = deployment
        .mappings
        .known(&mut report, "the function does not exist", DEPLOY)
    else {
        return;
    };
    let Some(mapping) = mappings.iter().find(|mapping| mapping.source == facts.arn) else {
        report.failure("Lambda does not read the queue: it has no event source mapping", DEPLOY);
        return;
    };
    match mapping.state.as_str() {
        "Enabled" => {}
        "Creating" | "Enabling" | "Updating" => {
            report.warning(
                format!("its event source mapping is {}", mapping.state),
                "run doctor again in a minute",
            );
        }
        state => report.failure(
            format!("its event source mapping is {state}: its events wait"),
            "enable it: aws lambda update-event-source-mapping --enabled --uuid ...",
        ),
    }
    if !mapping.reports_items {
        report.failure(
            "its event source mapping lacks ReportBatchItemFailures: events of a batch are lost",
            DEPLOY,
        );
    }
    report.well("Lambda reads the queue");
}
