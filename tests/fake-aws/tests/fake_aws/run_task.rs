//! RunTask: client tokens, capacity, and what it refuses.

use serde_json::{Value, json};
use start_engines_fake_aws::{Failure, RunTaskResult};

use crate::{ecs, fargate, one_task, start};

#[tokio::test]
async fn a_client_token_replays_the_first_answer_with_its_failures() {
    let fake = fargate().await;
    let short = RunTaskResult::Failures(vec![Failure::new("RESOURCE:ENI").detail("none left")]);
    fake.world(|w| w.run_task_results.push_back(short));
    let first = ecs(&fake, "RunTask", &start("a")).await;
    let again = ecs(&fake, "RunTask", &start("a")).await;
    let fresh = ecs(&fake, "RunTask", &start("b")).await;

    assert_eq!(
        first["failures"],
        json!([{"reason": "RESOURCE:ENI", "detail": "none left"}])
    );
    assert_eq!(first, again);
    assert_eq!(fresh["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(fresh, ecs(&fake, "RunTask", &start("b")).await);
    assert_eq!(fake.world(|w| w.task_arns().len()), 1);

    fake.world(|w| w.expire_client_tokens());
    ecs(&fake, "RunTask", &start("b")).await;
    assert_eq!(fake.world(|w| w.task_arns().len()), 2);
}

#[tokio::test]
async fn a_client_token_with_other_parameters_conflicts_and_names_the_tasks() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    let mut other = start("a");
    other["count"] = json!(2);
    let conflict = ecs(&fake, "RunTask", &other).await;
    assert_eq!(conflict["__type"], "ConflictException");
    assert_eq!(conflict["resourceIds"], json!([arn]));
    assert_eq!(fake.world(|w| w.task_arns().len()), 1);
}

#[tokio::test]
async fn a_partial_result_starts_some_and_never_more_than_asked() {
    let fake = fargate().await;
    let partial = RunTaskResult::Partial {
        started: 5,
        failures: vec![Failure::new("RESOURCE:CPU")],
    };
    fake.world(|w| w.run_task_results.push_back(partial));
    let mut input = start("a");
    input["count"] = json!(2);
    let answer = ecs(&fake, "RunTask", &input).await;
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["failures"][0]["reason"], "RESOURCE:CPU");
}

#[tokio::test]
async fn capacity_can_depend_on_the_placement() {
    let fake = fargate().await;
    fake.world(|w| {
        w.run_task_rule(|input| {
            let subnets = &input["networkConfiguration"]["awsvpcConfiguration"]["subnets"];
            (subnets[0] == "subnet-a").then(|| RunTaskResult::Failures(vec![Failure::new("RESOURCE:ENI")]))
        });
    });
    let mut elsewhere = start("b");
    elsewhere["networkConfiguration"]["awsvpcConfiguration"]["subnets"] = json!(["subnet-b"]);
    let here = ecs(&fake, "RunTask", &start("a")).await;
    let elsewhere = ecs(&fake, "RunTask", &elsewhere).await;
    assert_eq!(here["tasks"], json!([]));
    assert_eq!(elsewhere["failures"], json!([]));
}

#[tokio::test]
async fn run_task_refuses_what_the_api_reference_refuses() {
    let fake = fargate().await;
    let awsvpc = |name: &str, value: Value| json!({"awsvpcConfiguration": {"subnets": ["subnet-a"], name: value}});
    let cases = [
        ("count", json!(0), "InvalidParameterException"),
        ("count", json!(11), "InvalidParameterException"),
        ("count", json!("1"), "SerializationException"),
        ("cluster", json!("nowhere"), "ClusterNotFoundException"),
        ("taskDefinition", json!("nothing"), "ClientException"),
        ("clientToken", json!("with space"), "InvalidParameterException"),
        ("clientToken", json!("x".repeat(65)), "InvalidParameterException"),
        ("startedBy", json!("arn:aws:x"), "InvalidParameterException"),
        ("startedBy", json!("x".repeat(129)), "InvalidParameterException"),
        (
            "tags",
            json!([{"key": "aws:x", "value": ""}]),
            "InvalidParameterException",
        ),
        ("tags", json!([{"key": "a#", "value": ""}]), "InvalidParameterException"),
        (
            "tags",
            json!([{"key": "a", "value": "x".repeat(257)}]),
            "InvalidParameterException",
        ),
        ("tags", json!([{"key": "a"}, {"key": "a"}]), "InvalidParameterException"),
        (
            "tags",
            (0..51).map(|n| json!({"key": n.to_string()})).collect(),
            "InvalidParameterException",
        ),
        ("propagateTags", json!("SERVICE"), "InvalidParameterException"),
        (
            "capacityProviderStrategy",
            json!([{"capacityProvider": "FARGATE"}]),
            "InvalidParameterException",
        ),
        ("networkConfiguration", json!({}), "InvalidParameterException"),
        (
            "networkConfiguration",
            awsvpc("subnets", vec!["subnet-a"; 17].into()),
            "InvalidParameterException",
        ),
        (
            "networkConfiguration",
            awsvpc("securityGroups", vec!["sg-a"; 6].into()),
            "InvalidParameterException",
        ),
        (
            "overrides",
            json!({"taskRoleArn": "x".repeat(8192)}),
            "InvalidParameterException",
        ),
        (
            "overrides",
            json!({"containerOverrides": [{"name": "other"}]}),
            "InvalidParameterException",
        ),
        ("referenceId", json!("x"), "SerializationException"),
        ("subnets", json!(["subnet-a"]), "SerializationException"),
    ];
    for (name, value, code) in cases {
        let mut input = start("a");
        input[name] = value;
        let answer = ecs(&fake, "RunTask", &input).await;
        assert_eq!(answer["__type"], code, "{input}");
    }
    assert_eq!(fake.world(|w| w.task_arns()), Vec::<String>::new());
    assert!(
        fake.calls()
            .iter()
            .all(|call| !call.applied && call.outcome.ends_with("Exception"))
    );
    one_task(&fake, "a").await;
}

#[tokio::test]
async fn an_error_leaves_no_trace_under_its_client_token() {
    let fake = fargate().await;
    let blocked = RunTaskResult::Error("BlockedException".to_owned(), "blocked".to_owned());
    fake.world(|w| w.run_task_results.push_back(blocked));
    let refused = ecs(&fake, "RunTask", &start("a")).await;
    assert_eq!(refused["__type"], "BlockedException");
    one_task(&fake, "a").await;
}

#[tokio::test]
async fn a_capacity_provider_shows_in_the_task() {
    let fake = fargate().await;
    let mut spot = start("a");
    spot.as_object_mut().map(|input| input.remove("launchType"));
    spot["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let task = &ecs(&fake, "RunTask", &spot).await["tasks"][0];
    assert_eq!(task["capacityProviderName"], "FARGATE_SPOT");
    assert_eq!(task["launchType"], "FARGATE");
    spot["capacityProviderStrategy"][0]["capacityProvider"] = json!("mine");
    spot["clientToken"] = json!("b");
    let refused = ecs(&fake, "RunTask", &spot).await;
    assert_eq!(refused["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn a_conflict_over_an_answer_without_tasks_names_none() {
    let fake = fargate().await;
    let short = RunTaskResult::Failures(vec![Failure::new("LOCATION")]);
    fake.world(|w| w.run_task_results.push_back(short));
    ecs(&fake, "RunTask", &start("a")).await;
    let mut other = start("a");
    other["count"] = json!(2);
    let conflict = ecs(&fake, "RunTask", &other).await;
    assert_eq!(
        (&conflict["__type"], &conflict["resourceIds"]),
        (&json!("ConflictException"), &json!([]))
    );
}

#[tokio::test]
async fn what_a_launch_type_does_not_take_is_refused_and_leaves_the_token_free() {
    let fake = fargate().await;
    let mut on_instances = start("a");
    on_instances["launchType"] = json!("EC2");
    let refused = ecs(&fake, "RunTask", &on_instances).await;
    assert_eq!(
        (&refused["__type"], &refused["message"]),
        (
            &json!("InvalidParameterException"),
            &json!("No Container Instances were found in your cluster.")
        )
    );
    for (launch_type, name, value) in [
        (
            "EC2",
            "networkConfiguration",
            json!({"awsvpcConfiguration": {"subnets": ["subnet-a"], "assignPublicIp": "ENABLED"}}),
        ),
        ("EC2", "platformVersion", json!("1.4.0")),
        ("FARGATE", "placementConstraints", json!([{"type": "distinctInstance"}])),
        ("FARGATE", "placementStrategy", json!([{"type": "random"}])),
    ] {
        let mut input = start("a");
        input["launchType"] = json!(launch_type);
        input[name] = value;
        let refused = ecs(&fake, "RunTask", &input).await;
        assert_eq!(refused["__type"], "InvalidParameterException", "{input}");
    }
    one_task(&fake, "a").await;
}
