//! What a task is made of: its images in ECR, its log groups, its secrets.

use super::OfService;
use super::routes::is_ecr;
use crate::doctor::Finding;
use crate::doctor::world::TaskFacts;

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let definition = of.account.definitions.get(&of.start.task_definition);
    let Some(definition) = definition.and_then(|definition| definition.get()) else {
        return;
    };
    images(of, definition, findings);
    logs(of, definition, findings);
    secrets(of, definition, findings);
}

fn images(of: &OfService<'_>, definition: &TaskFacts, findings: &mut Vec<Finding>) {
    let mut report = of.report("image", findings);
    for container in &definition.containers {
        let image = &container.image;
        match of.account.images.get(image) {
            Some(fact) => {
                let absent = format!(
                    "{image} is not in ECR: the container {} cannot be pulled",
                    container.name
                );
                let repair = "push it, or register a task definition with an image that is there";
                let _ = fact.known(&mut report, &absent, repair);
            }
            None if is_ecr(image) => {
                report.not_checked(
                    format!("{image} is in another account or region, which is not looked at"),
                    "",
                );
            }
            None => report.not_checked(format!("{image} is in another registry, which is not looked at"), ""),
        }
    }
    report.well("all images are in ECR");
}

/// A task whose log group does not exist does not start, unless it creates it
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>).
fn logs(of: &OfService<'_>, definition: &TaskFacts, findings: &mut Vec<Finding>) {
    let mut report = of.report("log group", findings);
    let mut count = 0;
    for container in definition
        .containers
        .iter()
        .filter(|container| !container.creates_log_group)
    {
        let Some(name) = &container.log_group else {
            continue;
        };
        count += 1;
        if let Some(fact) = of.account.log_groups.get(name) {
            let absent = format!(
                "the log group {name} does not exist: the container {} does not start",
                container.name
            );
            let _ = fact.known(
                &mut report,
                &absent,
                &format!("aws logs create-log-group --log-group-name {name}"),
            );
        }
    }
    report.well(if count == 0 {
        "none of this region must be there before"
    } else {
        "all log groups are there"
    });
}

fn secrets(of: &OfService<'_>, definition: &TaskFacts, findings: &mut Vec<Finding>) {
    if definition
        .containers
        .iter()
        .all(|container| container.secrets.is_empty())
    {
        return;
    }
    let mut report = of.report("secrets", findings);
    for container in &definition.containers {
        for secret in &container.secrets {
            match of.account.secrets.get(secret) {
                Some(fact) => {
                    let absent = format!(
                        "the secret {secret} does not exist: the container {} does not start",
                        container.name
                    );
                    let _ = fact.known(
                        &mut report,
                        &absent,
                        "create it, or register a task definition without it",
                    );
                }
                None if is_secret(secret) => report.not_checked(
                    format!("{secret} is of another account or region, which is not looked at"),
                    "",
                ),
                None => report.not_checked(
                    format!("{secret} is a parameter of Systems Manager, which is not looked at"),
                    "",
                ),
            }
        }
    }
    report.well("all secrets are there");
}

/// Whether it is one of Secrets Manager; a parameter of Systems Manager may be named without an ARN
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>).
pub(crate) fn is_secret(value_from: &str) -> bool {
    value_from.split(':').nth(2) == Some("secretsmanager")
}
