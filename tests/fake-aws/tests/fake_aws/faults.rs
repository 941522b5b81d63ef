//! Faults, hooks, signatures, and the record of calls.

use serde_json::{Value, json};
use start_engines_fake_aws::wire;
use start_engines_fake_aws::{FakeAws, Fault, TargetGroup};

use crate::{ecs, elb, fargate, one_task, target};

#[tokio::test]
async fn faults_lose_calls_or_answers_as_instructed() {
    let fake = fargate().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    let one = target(&group, "10.0.1.10", None);
    fake.world(|w| {
        w.fail_next("elb:RegisterTargets", Fault::Reset, 1);
        w.fail_next("elb:*", Fault::Throttle, 1);
        w.fail_next("elb:RegisterTargets", Fault::ApplyThenReset, 1);
        w.fail_next("ecs:*", Fault::Throttle, 1);
        w.fail_after("ecs:DescribeTasks", 1, Fault::Html500, 1);
        w.fail_next("ecs:ListTasks", Fault::Garbage, 1);
        w.fail_next("ecs:StopTask", Fault::error(500, "ServerException", "oh"), 1);
    });
    assert!(wire::elb(&fake.endpoint(), "RegisterTargets", &one).await.is_none());
    let throttled = elb(&fake, "RegisterTargets", &one).await;
    assert_eq!((throttled.status, throttled.text("Code")), (400, Some("Throttling")));
    assert_eq!(fake.world(|w| w.registered(&group)), vec![]);
    assert!(wire::elb(&fake.endpoint(), "RegisterTargets", &one).await.is_none());
    assert_eq!(fake.world(|w| w.registered(&group).len()), 1);

    let ask = json!({"cluster": "main", "tasks": ["a"]});
    assert_eq!(ecs(&fake, "DescribeTasks", &ask).await["__type"], "ThrottlingException");
    assert_eq!(
        ecs(&fake, "DescribeTasks", &ask).await["failures"][0]["reason"],
        "MISSING"
    );
    let page = wire::ecs(&fake.endpoint(), "DescribeTasks", &ask)
        .await
        .expect("a page");
    assert!(page.status == 500 && page.body.starts_with("<html>"));
    let garbage = wire::ecs(&fake.endpoint(), "ListTasks", &json!({"cluster": "main"})).await;
    assert!(serde_json::from_str::<Value>(&garbage.expect("a body").body).is_err());
    let error = wire::ecs(&fake.endpoint(), "StopTask", &json!({"task": "a"})).await;
    assert_eq!(error.expect("an answer").status, 500);

    let calls = fake.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.outcome.as_str(), call.applied)).collect();
    let expected = [
        ("reset", false),
        ("Throttling", false),
        ("reset", true),
        ("ThrottlingException", false),
        ("ok", true),
        ("html500", false),
        ("garbage", false),
        ("ServerException", false),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_hung_call_lands_when_instructed() {
    let fake = FakeAws::start().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    let one = target(&group, "10.0.1.10", None);
    fake.world(|w| w.fail_next("elb:RegisterTargets", Fault::Hang, 1));
    let endpoint = fake.endpoint();
    let arrived = async {
        while fake.calls().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = wire::elb(&endpoint, "RegisterTargets", &one) => panic!("answered: {answer:?}"),
        () = arrived => {}
    }
    assert_eq!(fake.world(|w| w.registered(&group)), vec![]);
    assert_eq!(fake.world(|w| w.land_hung_calls()), 1);
    assert_eq!(fake.world(|w| w.registered(&group).len()), 1);
    let outcomes: Vec<String> = fake.calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["hang", "ok"]);
}

#[tokio::test]
async fn hooks_change_the_world_between_two_calls() {
    let fake = fargate().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    let arn = one_task(&fake, "a").await;
    let stopped = arn.clone();
    fake.world(|w| {
        w.advance_to(&arn, "RUNNING");
        w.before_next("elb:RegisterTargets", move |w| w.stop(&stopped, "SpotInterruption", ""));
    });
    let ask = json!({"cluster": "main", "tasks": [arn]});
    let desired = async || {
        let answer = ecs(&fake, "DescribeTasks", &ask).await;
        answer["tasks"][0]["desiredStatus"].as_str().map(str::to_owned)
    };
    assert_eq!(desired().await.as_deref(), Some("RUNNING"));
    elb(&fake, "RegisterTargets", &target(&group, "10.0.1.10", None)).await;
    assert_eq!(desired().await.as_deref(), Some("STOPPED"));
    assert_eq!(
        fake.operations()[1..],
        ["ecs:DescribeTasks", "elb:RegisterTargets", "ecs:DescribeTasks"]
    );
}

#[tokio::test]
async fn a_call_needs_a_signature_for_its_own_service() {
    let fake = fargate().await;
    let address = fake.endpoint().replace("http://", "");
    let target = "AmazonEC2ContainerServiceV20141113.ListTasks".to_owned();
    let mut headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", target),
        ("x-amz-date", "20260101T000000Z".to_owned()),
    ];
    let body = br#"{"cluster":"main"}"#;
    let answer = wire::send(&address, "POST", "/", &headers, body)
        .await
        .expect("an answer");
    assert_eq!(
        (answer.status, answer.json()["__type"].as_str()),
        (403, Some("MissingAuthenticationTokenException"))
    );
    headers.push(("authorization", wire::authorization("elasticloadbalancing")));
    let answer = wire::send(&address, "POST", "/", &headers, body)
        .await
        .expect("an answer");
    assert_eq!(
        (answer.status, answer.json()["__type"].as_str()),
        (403, Some("InvalidSignatureException"))
    );
    let answer = ecs(&fake, "DeleteCluster", &json!({})).await;
    assert_eq!(answer["__type"], "UnknownOperationException");
    let outcomes: Vec<String> = fake.calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes.last().map(String::as_str), Some("UnknownOperationException"));
    assert_eq!(outcomes.len(), 3);
}

#[tokio::test]
async fn the_greatest_number_of_calls_that_were_under_way_at_once_is_known() {
    let fake = fargate().await;
    let input = json!({"cluster": "main"});
    ecs(&fake, "ListTasks", &input).await;
    fake.set_latency(std::time::Duration::from_millis(1));
    ecs(&fake, "ListTasks", &input).await;
    assert_eq!(fake.most_at_once(), 1);
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    fake.world(|w| {
        w.fail_next("ecs:ListTasks", Fault::Hang, 2);
        w.before(
            "ecs:ListTasks",
            Box::new(move |_| {
                let _ = sender.send(());
            }),
        );
    });
    let answered = async {
        arrived.recv().await.expect("one that hangs");
        arrived.recv().await.expect("another one");
        ecs(&fake, "ListTasks", &input).await;
    };
    let endpoint = fake.endpoint();
    tokio::select! {
        _ = wire::ecs(&endpoint, "ListTasks", &input) => panic!("it hangs"),
        _ = wire::ecs(&endpoint, "ListTasks", &input) => panic!("it hangs"),
        () = answered => {}
    }
    assert_eq!(fake.most_at_once(), 3);
}
