//! Starts in other forms than the flat one, and what `CATALOG_ONLY` leaves of them.

use serde_json::{Value, json};

use crate::stage::{BEGIN, Stage};

#[tokio::test]
async fn a_start_in_run_tasks_own_form_makes_the_same_call_as_a_flat_one() {
    let stage = Stage::new().await;
    let network = json!({"subnets": ["subnet-0a1b2c3d4e5f60718"], "securityGroups": ["sg-0a1b2c3d4e5f60718"],
        "assignPublicIp": "ENABLED"});
    let nested = json!({"subnets": null, "networkConfiguration": {"awsvpcConfiguration": network},
        "enableECSManagedTags": true});
    let mut flat = network.clone();
    flat["enableECSManagedTags"] = json!(true);
    let mut calls = Vec::new();
    for detail in [nested, flat] {
        stage.deliver(&stage.start("e1", detail)).await.result.expect("a start");
        calls = stage.fake.calls_to("ecs:RunTask");
    }
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].input, calls[1].input, "the second is the first once more");
    assert_eq!(calls[0].input["networkConfiguration"]["awsvpcConfiguration"], network);
    assert_eq!(calls[0].input["enableECSManagedTags"], true);
    assert_eq!(stage.fake.world(|world| world.task_arns().len()), 1);
}

#[tokio::test]
async fn with_catalog_only_a_start_is_what_its_entry_lets_it_be() {
    let stage = Stage::with(&[("CATALOG_ONLY", "true")]).await;
    let event = |detail: Value| json!({"id": "e1", "detail-type": "Start ECS Task", "source": "app.tests", "time": BEGIN, "detail": detail});
    let wrong = event(json!({"service": "auth", "cluster": "engines", "tags": [], "count": 2}));
    let failure = stage.deliver(&wrong).await.result.expect_err("a refusal");
    assert_eq!(failure.category.name(), "not_allowed");
    assert_eq!(
        failure.message,
        "2 problems: detail.cluster = \"engines\": CATALOG_ONLY is set, and the catalog entry auth does not list it as \
         overridable; detail.tags = an array of 0: CATALOG_ONLY is set, and the catalog entry auth does not list it as overridable"
    );
    let of_no_service = stage
        .deliver(&stage.start("e2", json!({})))
        .await
        .result
        .expect_err("a refusal");
    assert_eq!(of_no_service.category.name(), "not_allowed");
    assert!(
        of_no_service
            .message
            .starts_with("7 problems: detail.service is missing"),
        "{of_no_service}"
    );
    assert_eq!(stage.calls(), [""; 0]);
    stage
        .deliver(&event(json!({"service": "auth", "count": 2, "correlationId": "c"})))
        .await;
    assert_eq!(stage.calls(), ["RunTask"], "this one is let through");
}
