//! What others hand the function in the place of events, names that others have for our fields, and what RunTask refuses of
//! capacity and network.

use serde_json::{Value, json};

use super::{Bad, bad, detail};
use crate::stage::AUTH;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Bad> {
    [no_events(), launches(), names()].into_iter().flatten()
}

/// What others hand the function, or a queue of it.
fn no_events() -> Vec<Bad> {
    vec![
        bad(
            json!({"Records": [{"eventSource": "aws:s3", "s3": {}}]}),
            &["1 problem: event.Records[0].eventSource = \"aws:s3\": is a record of S3"],
        ),
        bad(
            json!({"Records": [{"eventSource": "aws:dynamodb"}, {"eventSource": "aws:kinesis"}]}),
            &[
                "event.Records[0].eventSource = \"aws:dynamodb\"",
                "event.Records[1].eventSource = \"aws:kinesis\"",
            ],
        ),
        bad(
            json!({"Records": []}),
            &["event.Records = an array of 0: has no records"],
        ),
        bad(
            json!({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:x", "Message": "{}"}),
            &[
                "1 problem: event.TopicArn = \"arn:aws:sns:us-east-1:111122223333:x\": is an SNS notification",
                "raw message delivery",
            ],
        ),
        bad(
            json!({"Source": "app.tests", "DetailType": "Start ECS Task", "Detail": "{}"}),
            &[
                "1 problem: event.DetailType = a text of 14 characters: is a field of a PutEvents entry",
                "put-events",
            ],
        ),
    ]
}

/// Capacity and network.
fn launches() -> Vec<Bad> {
    let strategy = |items: Value| json!({"launchType": null, "capacityProviderStrategy": items});
    let (spot, fargate) = ("FARGATE_SPOT", "FARGATE");
    let nested = |awsvpc: Value| json!({"subnets": null, "networkConfiguration": {"awsvpcConfiguration": awsvpc}});
    vec![
        detail(
            strategy(json!([{"capacityProvider": spot}, {"capacityProvider": fargate, "weight": 0}])),
            &["1 problem: detail.capacityProviderStrategy = an array of 2: at least one of several capacity providers"],
        ),
        detail(
            strategy(
                json!([{"capacityProvider": spot, "base": 1, "weight": 1}, {"capacityProvider": fargate, "base": 2}]),
            ),
            &["1 problem: detail.capacityProviderStrategy = an array of 2: only one capacity provider can have a base"],
        ),
        detail(
            json!({"fallbacks": [{"capacityProviderStrategy": [{"capacityProvider": spot}, {"capacityProvider": fargate}]}]}),
            &["1 problem: detail.fallbacks[0].capacityProviderStrategy = an array of 2: at least one of several"],
        ),
        detail(
            json!({"fallbacks": [{"launchType": "FARGATE_SPOT"}]}),
            &[
                "1 problem: detail.fallbacks[0].launchType = \"FARGATE_SPOT\"",
                "capacityProviderStrategy",
            ],
        ),
        detail(
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}}}),
            &[
                "1 problem: detail.networkConfiguration = an object of 1 fields: give either networkConfiguration or subnets, securityGroups and assignPublicIp",
            ],
        ),
        detail(
            nested(json!({"subnets": ["vpc-1"], "AssignPublicIp": "ENABLED"})),
            &[
                "2 problems: detail.networkConfiguration.awsvpcConfiguration.subnets[0] = \"vpc-1\"",
                "detail.networkConfiguration.awsvpcConfiguration.AssignPublicIp",
                "did you mean `assignPublicIp`?",
            ],
        ),
        detail(
            nested(json!({"Subnets": ["subnet-0a1b2c3d4e5f60718"]})),
            &[
                "1 problem: detail.networkConfiguration.awsvpcConfiguration.Subnets",
                "did you mean `subnets`?",
            ],
        ),
        detail(
            nested(json!({})),
            &["1 problem: detail.subnets is missing: Fargate needs"],
        ),
        detail(
            json!({"fallbacks": [{"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": []}}}]}),
            &[
                "detail.fallbacks[0].networkConfiguration.awsvpcConfiguration.securityGroups",
                "a fallback can give only subnets here",
            ],
        ),
    ]
}

/// Names that others have for our fields.
fn names() -> Vec<Bad> {
    vec![
        detail(
            json!({"cluster": null, "taskDefinition": null, "port": null, "task_definition": "auth", "CLUSTER": "engines", "containerPort": 80}),
            &[
                "3 problems: ",
                "detail.task_definition = a text of 4 characters: is not a field of this object: did you mean `taskDefinition`?",
                "detail.CLUSTER",
                "detail.containerPort",
                "did you mean `port`?",
            ],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "loadBalancers": [{}]}),
            &[
                "1 problem: detail.loadBalancers = an array of 1: is not a field of this object: did you mean `targets`?",
            ],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "targets": [{"TargetGroupArn": AUTH, "Port": 80}]}),
            &[
                "2 problems: ",
                "detail.targets[0].TargetGroupArn",
                "did you mean `targetGroupArn`?",
                "detail.targets[0].Port",
            ],
        ),
        detail(
            json!({"tags": [{"Key": "team", "Value": "a"}]}),
            &[
                "2 problems: detail.tags[0].Key",
                "did you mean `key`?",
                "detail.tags[0].Value",
            ],
        ),
        detail(
            json!({"overrides": {"ContainerOverrides": [{"Name": "auth"}]}}),
            &[
                "1 problem: detail.overrides.ContainerOverrides = an array of 1",
                "did you mean `containerOverrides`?",
            ],
        ),
        detail(
            json!({"referenceId": "x", "environment": [], "cpu": "256", "taskRoleArn": "r"}),
            &[
                "detail.referenceId = a text of 1 characters: is not a field of this object: only ECS uses it",
                "detail.environment = an array of 0: is not a field of this object: give it in overrides.containerOverrides",
                "detail.cpu",
                "give it in overrides",
                "detail.taskRoleArn",
            ],
        ),
    ]
}
