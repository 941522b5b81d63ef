//! Envelopes and starts.

use serde_json::{Value, json};

use super::{Bad, bad, detail, envelope, not_allowed, state_change};
use crate::stage::{AUTH, start_event};

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Bad> {
    [envelopes(), targets(), places(), tasks(), tags(), outside_the_lists()]
        .into_iter()
        .flatten()
}

const OTHER_REGION: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

fn envelopes() -> Vec<Bad> {
    vec![
        bad(
            json!("text"),
            &["event = a text of 4 characters: must be a JSON object"],
        ),
        bad(json!([1, 2]), &["event = an array of 2: must be a JSON object"]),
        bad(json!(null), &["event = null: must be a JSON object"]),
        bad(
            json!({}),
            &[
                "event.detail-type is missing",
                "event.source is missing",
                "detail is missing",
            ],
        ),
        envelope(
            "detail-type",
            json!(7),
            &["event.detail-type = 7: must be \"Start ECS Task\""],
        ),
        envelope(
            "detail-type",
            json!("start ecs task"),
            &["event.detail-type = \"start ecs task\""],
        ),
        envelope("source", json!(null), &["event.source is missing"]),
        envelope(
            "id",
            json!(null),
            &["id is missing: give an id or detail.idempotencyKey"],
        ),
        envelope(
            "id",
            json!({"a": 1}),
            &["event.id = an object of 1 fields: must be a text"],
        ),
        envelope(
            "id",
            json!("a\u{0}b"),
            &["id = \"a\\0b\": must be a text of 1 to 256 letters"],
        ),
        envelope(
            "time",
            json!("yesterday"),
            &["event.time = \"yesterday\": must be a time"],
        ),
        envelope(
            "detail",
            json!("text"),
            &["detail = a text of 4 characters: must be a JSON object"],
        ),
        envelope("detail", json!(null), &["detail is missing: must be a JSON object"]),
        state_change(
            json!({}),
            &["detail.taskArn is missing", "detail.lastStatus is missing"],
        ),
        state_change(
            json!({"taskArn": 5, "lastStatus": "RUNNING"}),
            &["detail.taskArn = 5: must be a text"],
        ),
        state_change(
            json!({"taskArn": "arn:aws:ecs:us-east-1:111122223333:task/x", "lastStatus": "RUNNING"}),
            &["detail.clusterArn is missing: must be a cluster ARN, since taskArn does not contain the cluster"],
        ),
        bad(
            json!({"id": "e1", "detail-type": "ECS Task State Change", "source": "app.forger", "detail":
                {"taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/x", "lastStatus": "RUNNING"}}),
            &["event.source = \"app.forger\": only aws.ecs sends this detail-type"],
        ),
    ]
}

fn targets() -> Vec<Bad> {
    let three = json!([0, 1, 2].map(|n| json!({
        "targetGroupArn": format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{}/73e2d6bc24d8a06{n}", "n".repeat(32)),
        "port": 8080,
    })));
    let twice = json!([{"targetGroupArn": AUTH, "port": 80}, {"targetGroupArn": AUTH, "port": 80}]);
    vec![
        detail(
            json!({"port": 0}),
            &["detail.port = 0: must be a whole number from 1 to 65535"],
        ),
        detail(
            json!({"port": 65_536}),
            &["detail.port = 65536: must be a whole number from 1 to 65535"],
        ),
        detail(
            json!({"port": "abc"}),
            &["detail.port = \"abc\": must be a whole number"],
        ),
        detail(json!({"port": 80.5}), &["detail.port = 80.5: must be a whole number"]),
        detail(
            json!({"port": null}),
            &["detail.port is missing: a start needs targetGroupArn and port"],
        ),
        detail(json!({"targetGroupArn": null}), &["detail.targetGroupArn is missing"]),
        detail(
            json!({"targetGroupArn": "auth"}),
            &["detail.targetGroupArn = \"auth\": must be a target group ARN"],
        ),
        detail(
            json!({"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/auth/1"}),
            &["detail.targetGroupArn", "must be a target group ARN"],
        ),
        detail(
            json!({"targets": []}),
            &["detail.targets = an array of 0: give either targets or targetGroupArn"],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "targets": {}}),
            &["detail.targets = an object of 0 fields: must be an array"],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "targets": [{"port": 80}, {"targetGroupArn": AUTH}]}),
            &[
                "detail.targets[0].targetGroupArn is missing",
                "detail.targets[1].port is missing",
            ],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "targets": twice}),
            &["detail.targets[1].targetGroupArn", "given twice"],
        ),
        detail(
            json!({"targetGroupArn": null, "port": null, "targets": three}),
            &["detail.targets", "characters of startedBy, which has 128"],
        ),
        detail(
            json!({"containerName": "a b"}),
            &["detail.containerName = \"a b\": must be a container name"],
        ),
        detail(
            json!({"targetGroupArn": OTHER_REGION}),
            &[
                "detail.targetGroupArn",
                "eu-west-1",
                "must be in account 111122223333 and region us-east-1",
            ],
        ),
        detail(
            json!({"targetGroupArn": OTHER_REGION, "cluster": "arn:aws:ecs:ap-south-1:111122223333:cluster/engines"}),
            &["detail.targetGroupArn", "detail.cluster", "ap-south-1"],
        ),
        detail(
            json!({"launchType": "EXTERNAL"}),
            &["detail.launchType = \"EXTERNAL\": ECS Anywhere tasks have no address"],
        ),
    ]
}

fn places() -> Vec<Bad> {
    let of_account = |name: &str| format!("arn:aws:ecs:us-east-1:999999999999:{name}");
    vec![
        detail(
            json!({"targetGroupArn": AUTH.replace("111122223333", "999999999999")}),
            &["detail.targetGroupArn", "must be in account 111122223333"],
        ),
        detail(
            json!({"targetGroupArn": AUTH.replace("arn:aws:", "arn:aws-cn:")}),
            &["detail.targetGroupArn", "must be in account"],
        ),
        detail(
            json!({"cluster": of_account("cluster/engines")}),
            &["detail.cluster", "must be in account 111122223333"],
        ),
        detail(
            json!({"taskDefinition": of_account("task-definition/auth:1")}),
            &["detail.taskDefinition", "must be in account"],
        ),
        detail(
            json!({"fallbacks": [{"launchType": "EXTERNAL"}]}),
            &["detail.fallbacks[0].launchType = \"EXTERNAL\""],
        ),
        detail(
            json!({"launchType": "EC2", "subnets": [], "fallbacks": [{"launchType": "FARGATE"}]}),
            &["detail.fallbacks[0].subnets is missing: Fargate needs"],
        ),
        detail(
            json!({"launchType": "EC2", "assignPublicIp": "ENABLED", "platformVersion": "1.4.0"}),
            &[
                "detail.assignPublicIp = \"ENABLED\": only Fargate supports ENABLED",
                "detail.platformVersion = \"1.4.0\": only Fargate has platform versions",
            ],
        ),
        detail(
            json!({"launchType": "EXTERNAL", "targets": [], "targetGroupArn": null, "port": null, "assignPublicIp": "ENABLED"}),
            &["detail.assignPublicIp = \"ENABLED\": only Fargate supports ENABLED"],
        ),
        detail(
            json!({"placementStrategy": [{"type": "spread", "field": "instanceId"}, {"type": "random"}],
                "placementConstraints": [{"type": "distinctInstance"}]}),
            &[
                "detail.placementStrategy = \"spread instanceId, random\": Fargate does not support it",
                "detail.placementConstraints = \"distinctInstance\": Fargate does not support it",
            ],
        ),
        detail(
            json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
                "placementConstraints": [{"type": "distinctInstance"}]}),
            &["detail.placementConstraints = \"distinctInstance\": Fargate does not support it"],
        ),
        detail(
            json!({"service": "worker", "targetGroupArn": null}),
            &["detail.targetGroupArn is missing"],
        ),
        detail(
            json!({"cluster": null, "clusterName": "engines"}),
            &[
                "1 problem: detail.clusterName = a text of 7 characters: is not a field of this object: did you mean `cluster`?",
            ],
        ),
        detail(
            json!({"launchType": "EC2", "volumeConfigurations": [{"name": "a", "managedEBSVolume": {"roleArn": "r",
                "tagSpecifications": [{"resourceType": "volume", "tags": [{"key": "aws:x", "value": 5}]}]}}]}),
            &["tagSpecifications[0].tags[0].key = \"aws:x\"", "tags[0].value = 5"],
        ),
    ]
}

fn tasks() -> Vec<Bad> {
    let strings = |n: usize, prefix: &str| {
        json!(
            (0..n)
                .map(|n| format!("{prefix}0a1b2c3d4e5f{n:05}"))
                .collect::<Vec<_>>()
        )
    };
    let overrides = json!({"containerOverrides": [{"name": "auth", "command": ["x".repeat(9000)]}]});
    vec![
        detail(
            json!({"requestedAt": "2026-11-20T07:00:00", "maxAgeSeconds": -1}),
            &[
                "detail.requestedAt = \"2026-11-20T07:00:00\": must be a time with an offset (RFC 3339)",
                "detail.maxAgeSeconds = -1: must be a whole number from 0 to 86400",
            ],
        ),
        detail(
            json!({"cluster": null}),
            &["detail.cluster is missing: give it here, in the catalog entry or as ECS_CLUSTER"],
        ),
        detail(json!({"cluster": 5}), &["detail.cluster = 5: must be a text"]),
        detail(
            json!({"cluster": "a/b"}),
            &["detail.cluster = \"a/b\": must be a cluster name"],
        ),
        detail(json!({"taskDefinition": null}), &["detail.taskDefinition is missing"]),
        detail(
            json!({"taskDefinition": "auth:0"}),
            &["detail.taskDefinition = \"auth:0\": must be a task definition"],
        ),
        detail(
            json!({"count": 0}),
            &["detail.count = 0: must be a whole number from 1 to 10"],
        ),
        detail(
            json!({"count": 11}),
            &["detail.count = 11: must be a whole number from 1 to 10"],
        ),
        detail(json!({"count": "3"}), &["detail.count = \"3\""]),
        detail(
            json!({"launchType": "SERVERLESS"}),
            &["detail.launchType = \"SERVERLESS\": must be one of EC2, FARGATE, EXTERNAL"],
        ),
        detail(
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}),
            &["detail.launchType = \"FARGATE\": give either launchType or capacityProviderStrategy"],
        ),
        detail(
            json!({"launchType": null, "capacityProviderStrategy": []}),
            &["detail.capacityProviderStrategy[0] is missing: must have 1 to 20 items"],
        ),
        detail(
            json!({"launchType": null, "capacityProviderStrategy": [{"weight": 1001}]}),
            &["[0].capacityProvider is missing", "[0].weight = 1001"],
        ),
        detail(
            json!({"subnets": strings(17, "subnet-")}),
            &["detail.subnets = an array of 17: must have at most 16 items"],
        ),
        detail(
            json!({"subnets": ["vpc-1"]}),
            &["detail.subnets[0] = \"vpc-1\": must be a subnet id"],
        ),
        detail(
            json!({"subnets": null}),
            &["detail.subnets is missing: Fargate needs 1 to 16 subnets"],
        ),
        detail(
            json!({"subnets": [], "launchType": "EC2", "securityGroups": ["sg-0a1b2c3d4e5f60718"]}),
            &["detail.subnets is missing: securityGroups require subnets"],
        ),
        detail(
            json!({"securityGroups": strings(6, "sg-")}),
            &["detail.securityGroups = an array of 6: must have at most 5 items"],
        ),
        detail(
            json!({"assignPublicIp": true}),
            &["detail.assignPublicIp = true: must be one of ENABLED, DISABLED"],
        ),
        detail(
            json!({"fallbacks": [{}]}),
            &[
                "detail.fallbacks[0]",
                "a fallback needs subnets, launchType or capacityProviderStrategy",
            ],
        ),
        detail(
            json!({"fallbacks": [{"subnets": []}, {"region": "x"}]}),
            &[
                "detail.fallbacks[0].subnets[0] is missing",
                "detail.fallbacks[1].region",
            ],
        ),
        detail(
            json!({"overrides": overrides}),
            &["detail.overrides = an object of 1 fields: must have at most 8192 characters"],
        ),
        detail(
            json!({"overrides": {"containerOverrides": [{"name": "a", "environment": [{"name": "A", "value": 5}]}]}}),
            &["environment[0].value = a number: must be a text"],
        ),
        detail(
            json!({"overrides": {"containers": []}}),
            &["detail.overrides.containers = an array of 0: is not a field"],
        ),
        detail(
            json!({"propagateTags": "SERVICE"}),
            &["detail.propagateTags = \"SERVICE\": RunTask refuses SERVICE"],
        ),
        detail(
            json!({"enableExecuteCommand": "yes"}),
            &["detail.enableExecuteCommand = \"yes\": must be true or false"],
        ),
        detail(
            json!({"placementStrategy": [{"field": "x"}]}),
            &["detail.placementStrategy[0].type is missing"],
        ),
        detail(
            json!({"volumeConfigurations": [{"name": "a"}, {"name": "b"}]}),
            &["detail.volumeConfigurations = an array of 2: must have at most 1"],
        ),
        detail(
            json!({"idempotencyKey": ""}),
            &["detail.idempotencyKey = \"\": must be a text of 1 to 256"],
        ),
        detail(
            json!({"correlationId": "<script>"}),
            &["detail.correlationId = \"<script>\": must be a text of 1 to 256 letters"],
        ),
        detail(
            json!({"service": "billing"}),
            &["detail.service = \"billing\": must be a service of the catalog: auth"],
        ),
        detail(
            json!({"startTimeoutSeconds": 5}),
            &["detail.startTimeoutSeconds = 5: without SCHEDULER_ROLE_ARN there are no deadlines"],
        ),
        detail(
            json!({"startTimeoutSeconds": 86_401, "maxLifetimeSeconds": -1}),
            &[
                "detail.startTimeoutSeconds = 86401: must be a whole number from 0 to 86400",
                "detail.maxLifetimeSeconds = -1",
            ],
        ),
        detail(
            json!({"targetGroupARN": AUTH, "securityGroup": "sg-1"}),
            &["detail.targetGroupARN", "detail.securityGroup", "is not a field"],
        ),
        detail(
            json!({"cluster": "\u{202e}snigne\u{1b}[2J"}),
            &["detail.cluster = \"\\u{202e}snigne\\u{1b}[2J\""],
        ),
        detail(
            json!({"cluster": "a".repeat(1_000_000)}),
            &["detail.cluster", "(1000000 characters)"],
        ),
    ]
}

fn tags() -> Vec<Bad> {
    let many: Vec<Value> = (0..50).map(|n| json!({"key": format!("k{n}"), "value": ""})).collect();
    let tag = |key: &str, value: &str| json!({"tags": [{"key": key, "value": value}]});
    vec![
        detail(
            json!({"tags": {"team": "identity"}}),
            &["detail.tags = an object of 1 fields: must be an array"],
        ),
        detail(
            json!({"tags": [{"value": "x"}]}),
            &["detail.tags[0].key is missing: each tag needs a key"],
        ),
        detail(
            tag("aws:x", "y"),
            &["detail.tags[0].key = \"aws:x\": must not begin with aws:"],
        ),
        detail(
            tag("AWS:x", "Aws:y"),
            &[
                "2 problems: detail.tags[0].key = \"AWS:x\"",
                "detail.tags[0].value = \"Aws:y\": must not begin with aws:",
            ],
        ),
        detail(
            json!({"idempotencyKey": "aws:nightly", "correlationId": "Aws:x"}),
            &[
                "2 problems: detail.idempotencyKey = \"aws:nightly\"",
                "detail.correlationId = \"Aws:x\"",
                "it becomes a tag",
            ],
        ),
        envelope(
            "id",
            json!("aws:x"),
            &["1 problem: id = \"aws:x\": must not begin with aws:"],
        ),
        detail(
            tag("start-engines:port", "1"),
            &["detail.tags[0].key", "must not begin with start-engines:"],
        ),
        detail(
            tag(&"k".repeat(129), "y"),
            &["detail.tags[0].key", "(129 characters)", "1 to 128"],
        ),
        detail(
            tag("k", &"v".repeat(257)),
            &["detail.tags[0].value", "(257 characters)", "at most 256"],
        ),
        detail(tag("k", "a;b"), &["detail.tags[0].value = \"a;b\""]),
        detail(
            json!({"tags": many}),
            &["detail.tags = \"54 tags\": a start can have at most 49 tags, including those of start-engines"],
        ),
        detail(
            json!({"tags": [{"key": "a"}, {"key": "a"}]}),
            &["detail.tags = \"a\": the same key is given twice"],
        ),
    ]
}

fn outside_the_lists() -> Vec<Bad> {
    let mut forged = start_event("e1", AUTH, json!({}));
    forged["source"] = json!("app.stranger");
    vec![
        not_allowed(
            json!({"cluster": "production"}),
            &["detail.cluster = \"production\": is not in ALLOWED_CLUSTERS"],
        ),
        not_allowed(
            json!({"taskDefinition": "root-shell:1"}),
            &["detail.taskDefinition = \"root-shell:1\": is not in ALLOWED_TASK_FAMILIES"],
        ),
        not_allowed(
            json!({"targetGroupArn": AUTH.replace("/auth/", "/payments/")}),
            &["detail.targetGroupArn", "payments", "is not in ALLOWED_TARGET_GROUPS"],
        ),
        Bad {
            event: forged,
            category: "not_allowed",
            says: vec!["event.source = \"app.stranger\": is not in ALLOWED_SOURCES"],
        },
        // One that is also wrong otherwise is invalid first of all.
        detail(
            json!({"cluster": "production", "port": 0}),
            &["detail.cluster", "ALLOWED_CLUSTERS", "detail.port = 0"],
        ),
    ]
}
