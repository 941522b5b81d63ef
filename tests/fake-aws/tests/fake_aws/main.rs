//! The fakes' own tests, in plain HTTP: a test of the function is worth as much as they.

mod faults;
mod instances;
mod interfaces;
mod run_task;
mod runtime;
mod targets;
mod tasks;

use serde_json::{Value, json};
use start_engines_fake_aws::wire;
use start_engines_fake_aws::{FakeAws, TaskDefinition};

/// A fake with a cluster `main` and an awsvpc task definition `web`.
async fn fargate() -> FakeAws {
    let fake = FakeAws::start().await;
    fake.world(|w| {
        w.add_cluster("main");
        w.add_task_definition(TaskDefinition::awsvpc("web").container("app", &[8080]));
    });
    fake
}

/// A RunTask input for it.
fn start(token: &str) -> Value {
    json!({
        "cluster": "main",
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "clientToken": token,
        "startedBy": "start-engines/web/0123456789abcdef/8080",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
        "tags": [{"key": "start-engines:port", "value": "8080"}],
    })
}

/// Starts one task and gives its ARN.
async fn one_task(fake: &FakeAws, token: &str) -> String {
    let answer = ecs(fake, "RunTask", &start(token)).await;
    let arn = answer["tasks"][0]["taskArn"].as_str();
    arn.expect("a started task").to_owned()
}

/// The JSON answer of an ECS call that gets one.
async fn ecs(fake: &FakeAws, operation: &str, input: &Value) -> Value {
    let answer = wire::ecs(&fake.endpoint(), operation, input).await;
    answer.expect("an answer").json()
}

/// The answer of an ELBv2 call that gets one.
async fn elb(fake: &FakeAws, operation: &str, fields: &[(&str, &str)]) -> wire::Answer {
    let answer = wire::elb(&fake.endpoint(), operation, fields).await;
    answer.expect("an answer")
}

/// The fields that name a group and one target.
fn target<'a>(group: &'a str, id: &'a str, port: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("TargetGroupArn", group), ("Targets.member.1.Id", id)];
    fields.extend(port.map(|port| ("Targets.member.1.Port", port)));
    fields
}
