//! The function's work for a start and for RUNNING as most write it, whatever the SDK is built of.

use aws_sdk_ecs::types::{AwsVpcConfiguration, LaunchType, NetworkConfiguration, Tag, TaskField};
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub(crate) struct Clients {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) known: OnceCell<()>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) async fn handle(clients: &Clients, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    let detail = &event["detail"];
    if event["detail-type"] == "Start ECS Task" {
        let group = text(&detail["targetGroupArn"]);
        let parts: Vec<&str> = group.rsplit('/').collect();
        let tag = |key: &str, value: String| Tag::builder().key(key).value(value).build();
        let subnets = detail["subnets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| text(one).to_owned());
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(subnets.collect()))
            .build()?;
        let started = clients
            .ecs
            .run_task()
            .cluster(text(&detail["cluster"]))
            .task_definition(text(&detail["taskDefinition"]))
            .launch_type(LaunchType::Fargate)
            .client_token(text(&event["id"]))
            .started_by(format!("start-engines/{}/{}/{}", parts[1], parts[0], detail["port"]))
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .tags(tag("start-engines:target-group", group.to_owned()))
            .tags(tag("start-engines:port", detail["port"].to_string()))
            .send()
            .await?;
        return Ok(json!({"taskArn": started.tasks().first().and_then(|task| task.task_arn())}));
    }
    let parts: Vec<&str> = text(&detail["startedBy"]).split('/').collect();
    let arn: Vec<&str> = text(&detail["taskArn"]).split(':').collect();
    let group = format!(
        "arn:aws:elasticloadbalancing:{}:{}:targetgroup/{}/{}",
        arn[3], arn[4], parts[1], parts[2]
    );
    let described = clients
        .ecs
        .describe_tasks()
        .cluster(text(&detail["clusterArn"]))
        .tasks(text(&detail["taskArn"]))
        .include(TaskField::Tags)
        .send()
        .await?;
    let details = described.tasks()[0].attachments()[0].details();
    let address = details
        .iter()
        .find(|one| one.name() == Some("privateIPv4Address"))
        .and_then(|one| one.value());
    clients
        .known
        .get_or_try_init(|| async {
            let found = clients
                .elb
                .describe_target_groups()
                .target_group_arns(&group)
                .send()
                .await?;
            assert!(!found.target_groups().is_empty());
            Ok::<_, Error>(())
        })
        .await?;
    let target = TargetDescription::builder()
        .set_id(address.map(str::to_owned))
        .port(parts[3].parse()?)
        .build();
    clients
        .elb
        .register_targets()
        .target_group_arn(&group)
        .targets(target)
        .send()
        .await?;
    Ok(json!({"address": address}))
}
