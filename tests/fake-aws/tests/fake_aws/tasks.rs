//! Tasks' lives, their events, and the calls on tasks that exist.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use start_engines_fake_aws::wire;
use start_engines_fake_aws::{FakeAws, NetworkMode, TaskDefinition};

use crate::{ecs, fargate, one_task};

#[tokio::test]
async fn a_task_lives_through_six_versions_and_its_events_never_carry_tags() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    let history = fake.world(|w| {
        w.advance_to(&arn, "RUNNING");
        w.stop(&arn, "EssentialContainerExited", "Essential container in task exited");
        w.advance_to(&arn, "STOPPED");
        w.history(&arn)
    });
    let seen: Vec<_> = history
        .iter()
        .map(|event| {
            let detail = &event["detail"];
            let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
            (detail["version"].as_u64(), text("lastStatus"), text("desiredStatus"))
        })
        .collect();
    let expected = [
        (1, "PROVISIONING", "RUNNING"),
        (2, "PENDING", "RUNNING"),
        (3, "RUNNING", "RUNNING"),
        (4, "RUNNING", "STOPPED"),
        (5, "DEPROVISIONING", "STOPPED"),
        (6, "STOPPED", "STOPPED"),
    ];
    let expected = expected.map(|(version, last, desired)| (Some(version), last.to_owned(), desired.to_owned()));
    assert_eq!(seen, expected);
    assert!(history.iter().all(|event| event["detail"].get("tags").is_none()));

    let details = |event: &Value| event["detail"]["attachments"][0]["details"].as_array().map(Vec::len);
    assert_eq!(details(&history[0]), Some(1), "PRECREATED has only a subnet");
    assert_eq!(details(&history[5]), Some(5), "DELETED keeps its details");
    assert_eq!(history[2]["detail"]["attachments"][0]["type"], "eni");
    assert_eq!(history[2]["time"], "2026-01-01T00:00:00Z");
    assert_eq!(history[2]["detail"]["createdAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(history[5]["detail"]["stopCode"], "EssentialContainerExited");
}

#[tokio::test]
async fn a_freed_address_is_given_again_at_once() {
    let fake = fargate().await;
    let first = one_task(&fake, "a").await;
    let second = one_task(&fake, "b").await;
    let third = one_task(&fake, "c").await;
    fake.world(|w| {
        w.advance_to(&first, "RUNNING");
        w.advance_to(&second, "PENDING");
        assert_ne!(w.address(&first), w.address(&second));
        w.stop(&first, "UserInitiated", "");
        w.advance_to(&first, "STOPPED");
        w.advance_to(&third, "PENDING");
        assert_eq!(w.address(&third), w.address(&first));
    });
}

#[tokio::test]
async fn a_failed_start_says_why() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    let event = fake.world(|w| {
        w.advance_to(&arn, "PENDING");
        w.fail_start(&arn, "Task failed to start", "CannotPullContainerError: no such image");
        assert_eq!(
            w.event(&arn)["detail"]["containers"][0]["reason"],
            "CannotPullContainerError: no such image"
        );
        w.advance_to(&arn, "STOPPED")
    });
    assert_eq!(event["detail"]["stopCode"], "TaskFailedToStart");
    assert_eq!(event["detail"]["version"], 5);
    assert!(event["detail"].get("startedAt").is_none());
    assert!(event["detail"]["containers"][0].get("exitCode").is_none());
}

#[tokio::test]
async fn describe_tasks_lags_as_instructed_and_shows_tags_only_when_asked() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    fake.world(|w| w.advance_to(&arn, "RUNNING"));
    let ask = json!({"cluster": "main", "tasks": [arn], "include": ["TAGS"]});
    let version = async || ecs(&fake, "DescribeTasks", &ask).await["tasks"][0]["version"].as_u64();

    assert_eq!(version().await, Some(3));
    fake.world(|w| w.pin_described(&arn, 1));
    assert_eq!(version().await, Some(1));
    fake.world(|w| w.describe_lag(&arn, 1));
    assert_eq!(version().await, Some(2));
    fake.world(|w| w.pin_described(&arn, 0));
    let missing = ecs(&fake, "DescribeTasks", &ask).await;
    assert_eq!(missing["failures"], json!([{"arn": arn, "reason": "MISSING"}]));

    fake.world(|w| w.unpin_described(&arn));
    let tags = |answer: Value| answer["tasks"][0]["tags"].clone();
    let with = tags(ecs(&fake, "DescribeTasks", &ask).await);
    let without = tags(ecs(&fake, "DescribeTasks", &json!({"cluster": "main", "tasks": [arn]})).await);
    assert_eq!(with, json!([{"key": "start-engines:port", "value": "8080"}]));
    assert_eq!(without, json!([]));
}

#[tokio::test]
async fn describe_tasks_refuses_other_clusters_and_more_than_a_hundred() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    for input in [
        json!({"cluster": "main", "tasks": []}),
        json!({"cluster": "main", "tasks": vec!["a"; 101]}),
        json!({"cluster": "main", "tasks": ["arn:aws:ecs:us-east-1:111122223333:task/other/a"]}),
    ] {
        let answer = ecs(&fake, "DescribeTasks", &input).await;
        assert_eq!(answer["__type"], "InvalidParameterException", "{input}");
    }
    let answer = ecs(&fake, "DescribeTasks", &json!({"tasks": [arn]})).await;
    assert_eq!(
        answer["__type"], "ClusterNotFoundException",
        "there is no cluster `default`"
    );
}

#[tokio::test]
async fn stop_task_deletes_the_tags_and_is_harmless_twice() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    fake.world(|w| w.advance_to(&arn, "RUNNING"));
    let stop = json!({"cluster": "main", "task": arn, "reason": "enough"});
    let answer = ecs(&fake, "StopTask", &stop).await;
    ecs(&fake, "StopTask", &stop).await;
    assert_eq!(answer["task"]["desiredStatus"], "STOPPED");
    let ask = json!({"cluster": "main", "tasks": [arn], "include": ["TAGS"]});
    let task = &ecs(&fake, "DescribeTasks", &ask).await["tasks"][0];
    assert_eq!(task["tags"], json!([]));
    assert_eq!(task["version"], 4);
    assert_eq!(task["stoppedReason"], "enough");
    assert_eq!(task["startedBy"], "start-engines/web/0123456789abcdef/8080");

    fake.world(|w| {
        w.advance_to(&arn, "STOPPED");
        w.forget(&arn);
    });
    let answer = ecs(&fake, "StopTask", &stop).await;
    assert_eq!(answer["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn list_tasks_pages_and_keeps_to_its_filters() {
    let fake = fargate().await;
    let mut arns = Vec::new();
    for token in ["a", "b", "c"] {
        arns.push(one_task(&fake, token).await);
    }
    fake.world(|w| {
        w.list_tasks_page = 2;
        w.stop(&arns[1], "UserInitiated", "");
    });
    let stopping = ecs(
        &fake,
        "ListTasks",
        &json!({"cluster": "main", "desiredStatus": "STOPPED"}),
    )
    .await;
    assert_eq!(stopping["taskArns"], json!([arns[1]]));
    fake.world(|w| w.list_tasks_page = 1);
    let mut listed = Vec::new();
    let mut ask = json!({"cluster": "main"});
    loop {
        let page = ecs(&fake, "ListTasks", &ask).await;
        listed.extend(page["taskArns"].as_array().cloned().unwrap_or_default());
        match page.get("nextToken") {
            Some(token) => ask["nextToken"] = token.clone(),
            None => break,
        }
    }
    let mut expected = vec![arns[0].clone(), arns[2].clone()];
    expected.sort();
    assert_eq!(json!(listed), json!(expected));
    let both = json!({"cluster": "main", "startedBy": "x", "family": "web"});
    assert_eq!(
        ecs(&fake, "ListTasks", &both).await["__type"],
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn bridge_tasks_share_an_instance_and_reuse_its_host_ports() {
    let fake = FakeAws::start().await;
    let instance = fake.world(|w| {
        w.add_cluster("main");
        let bridge = TaskDefinition::new("web", NetworkMode::Bridge);
        w.add_task_definition(bridge.container("app", &[8080]));
        w.add_container_instance("main", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 0, 9))
    });
    let input = |token: &str| json!({"cluster": "main", "taskDefinition": "web:1", "clientToken": token});
    for token in ["a", "b"] {
        ecs(&fake, "RunTask", &input(token)).await;
    }
    let arns = fake.world(|w| w.task_arns());
    let event = fake.world(|w| {
        assert_eq!(w.host_port(&arns[0], 8080), None, "its container has not been started");
        let running = w.advance_to(&arns[0], "RUNNING");
        w.advance_to(&arns[1], "RUNNING");
        assert_eq!(w.host_port(&arns[0], 8080), Some(32_768));
        assert_eq!(w.host_port(&arns[1], 8080), Some(32_769));
        running
    });
    assert_eq!(event["detail"]["version"], 2);
    assert_eq!(
        event["detail"]["containers"][0]["networkBindings"][0]["bindIp"],
        "0.0.0.0"
    );
    fake.world(|w| {
        w.stop(&arns[0], "UserInitiated", "");
        w.advance_to(&arns[0], "STOPPED");
    });
    ecs(&fake, "RunTask", &input("c")).await;
    let newest = fake.world(|w| w.task_arns()[2].clone());
    fake.world(|w| w.advance_to(&newest, "RUNNING"));
    assert_eq!(fake.world(|w| w.host_port(&newest, 8080)), Some(32_768));
    let ask = json!({"cluster": "main", "containerInstances": [instance]});
    let described = ecs(&fake, "DescribeContainerInstances", &ask).await;
    assert_eq!(
        described["containerInstances"][0]["ec2InstanceId"],
        "i-0123456789abcdef0"
    );
}

#[tokio::test]
async fn a_host_task_shows_no_port_anywhere_keeps_it_from_others_and_its_definition_reports_it() {
    let fake = FakeAws::start().await;
    let definition = fake.world(|w| {
        w.add_cluster("main");
        w.add_container_instance("main", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 0, 9));
        w.add_task_definition(TaskDefinition::new("web", NetworkMode::Host).container("app", &[8080]))
    });
    let input = |token: &str| json!({"cluster": "main", "taskDefinition": "web:1", "clientToken": token});
    ecs(&fake, "RunTask", &input("a")).await;
    let arn = fake.world(|w| w.task_arns()[0].clone());
    let event = fake.world(|w| w.advance_to(&arn, "RUNNING"));
    assert_eq!(event["detail"]["containers"][0]["networkBindings"], json!([]));
    let ask = json!({"cluster": "main", "tasks": [arn]});
    let shown = ecs(&fake, "DescribeTasks", &ask).await;
    assert_eq!(shown["tasks"][0]["containers"][0]["networkBindings"], json!([]));
    let refused = ecs(&fake, "RunTask", &input("b")).await;
    assert_eq!(refused["failures"][0]["reason"], "RESOURCE:PORTS");
    let ask = json!({"taskDefinition": definition});
    let reported = &ecs(&fake, "DescribeTaskDefinition", &ask).await["taskDefinition"];
    assert_eq!(reported["networkMode"], "host");
    let mapping = json!({"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"});
    assert_eq!(reported["containerDefinitions"][0]["portMappings"], json!([mapping]));
    fake.world(|w| w.delete_task_definition(&definition));
    let answer = wire::ecs(&fake.endpoint(), "DescribeTaskDefinition", &ask).await;
    let answer = answer.expect("an answer");
    assert!(
        answer.status == 400 && answer.body.contains("ClientException"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_dual_stack_task_has_an_ipv6_address_in_its_containers_only() {
    let fake = fargate().await;
    fake.world(|w| w.dual_stack = true);
    let arn = one_task(&fake, "a").await;
    let event = fake.world(|w| w.advance_to(&arn, "RUNNING"));
    let detail = &event["detail"];
    let interface = &detail["containers"][0]["networkInterfaces"][0];
    assert_eq!(interface["ipv6Address"], "2001:db8:0:1::1:a");
    assert_eq!(interface["attachmentId"], detail["attachments"][0]["id"]);
    assert!(!detail["attachments"].to_string().contains("2001"));
}

#[tokio::test]
async fn the_clock_stands_still_until_it_is_set() {
    let fake = fargate().await;
    let arn = one_task(&fake, "a").await;
    let event = fake.world(|w| {
        w.clock += time::Duration::milliseconds(61_500);
        w.advance_to(&arn, "RUNNING")
    });
    assert_eq!(event["time"], "2026-01-01T00:01:01Z");
    assert_eq!(event["detail"]["startedAt"], "2026-01-01T00:01:01.500Z");
    assert_eq!(event["detail"]["createdAt"], "2026-01-01T00:00:00.000Z");
    let ask = json!({"cluster": "main", "tasks": [arn]});
    let task = &ecs(&fake, "DescribeTasks", &ask).await["tasks"][0];
    assert_eq!(task["startedAt"], 1_767_225_661.5);
}
