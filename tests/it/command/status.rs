//! `status`: its output without and with drift.

use serde_json::{Value, json};
use start_engines_fake_aws::{Fault, Health, NetworkMode, TargetGroup, TaskDefinition};

use super::{Ended, Run, answered, with_terminal};
use crate::stage::Stage;

const CLUSTER: [&str; 2] = ["--cluster", "engines"];

async fn status(stage: &Stage, arguments: &[&str]) -> Ended {
    Run::new(&stage.fake, &[&["status"][..], &CLUSTER, arguments].concat())
        .end()
        .await
}

/// The world's clock is not the system's: everything in it began long ago.
async fn drifted(stage: &Stage) -> (String, String) {
    let well = stage.registered_task("e-1").await;
    let lost = stage.registered_task("e-2").await;
    stage.fake.world(|world| {
        let address = world.address(&lost).expect("an address").to_string();
        world.deregister(&stage.group, &address, 8080);
        world.drain(&stage.group);
        let address = world.address(&well).expect("an address").to_string();
        world.set_health(&stage.group, &address, 8080, Health::Healthy);
        world.register(&stage.group, "10.9.9.9", 8080);
    });
    stage.calls();
    (well, lost)
}

#[tokio::test]
async fn an_empty_cluster_is_well() {
    let stage = Stage::new().await;
    let ended = status(&stage, &[]).await.must(0);
    assert_eq!(
        ended.out,
        "Cluster engines: 0 tasks, 0 targets drifted, 0 unknown targets\n"
    );
    let ended = status(&stage, &["--services", "fixtures/services.json"]).await.must(0);
    assert!(ended.out.contains("(no task)"), "{}", ended.out);
}

#[tokio::test]
async fn tasks_that_are_well_are_exit_status_0_and_drift_is_3() {
    let stage = Stage::new().await;
    stage.registered_task("e-0").await;
    let ended = status(&stage, &[]).await.must(0);
    assert!(
        ended.out.contains("RUNNING") && ended.out.contains("auth"),
        "{}",
        ended.out
    );
    let (_, lost) = drifted(&stage).await;
    let ended = status(&stage, &[]).await.must(3);
    for expected in [
        "3 tasks, 1 target drifted, 1 unknown target",
        "MISSING",
        "UNKNOWN",
        "10.9.9.9:8080",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    let json = status(&stage, &["--output", "json"]).await.must(3).json();
    assert_eq!(json["drift"], 1);
    let tasks = json["clusters"][0]["tasks"].as_array().unwrap();
    let missing: Vec<&Value> = tasks
        .iter()
        .filter(|task| task["targets"][0]["drift"] == "target_missing")
        .map(|task| &task["taskArn"])
        .collect();
    assert_eq!(missing, [&json!(lost)]);
    assert_eq!(json["clusters"][0]["otherTargets"][0]["drift"], "target_unknown");
}

#[tokio::test]
async fn it_changes_nothing() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    status(&stage, &[]).await.must(3);
    let reads = [
        "ListTasks",
        "DescribeTasks",
        "DescribeTargetGroups",
        "DescribeTargetHealth",
    ];
    for call in stage.calls() {
        assert!(reads.contains(&call.as_str()), "{call}");
    }
}

#[tokio::test]
async fn a_task_that_failed_to_start_is_shown_with_stopped() {
    let stage = Stage::new().await;
    stage.deliver(&stage.start("e-1", json!({}))).await.result.unwrap();
    stage.fake.world(|world| {
        let task = world.task_arns().last().unwrap().clone();
        world.fail_start(&task, "CannotPullContainerError: no such image", "");
        world.advance_to(&task, "STOPPED");
    });
    let ended = status(&stage, &[]).await.must(0);
    assert!(ended.out.contains("0 tasks"), "{}", ended.out);
    let json = status(&stage, &["--stopped", "--output", "json"]).await.must(0).json();
    let reason = json["clusters"][0]["tasks"][0]["stopReason"].as_str().unwrap();
    assert!(reason.contains("CannotPullContainerError"), "{reason}");
}

#[tokio::test]
async fn tasks_on_container_instances_are_found_by_their_own_host_ports_or_those_of_their_definitions() {
    let modes = [
        ("bridge", NetworkMode::Bridge, 32_768),
        ("host", NetworkMode::Host, 8080),
    ];
    for (name, mode, port) in modes {
        let stage = Stage::new().await;
        let group = stage.fake.world(|world| {
            world.add_container_instance("engines", Some("i-0123456789abcdef0"), "10.0.7.7".parse().unwrap());
            world.add_task_definition(TaskDefinition::new(name, mode).container("auth", &[8080]));
            world.add_target_group(TargetGroup::instance("instances", 80))
        });
        let start = json!({"taskDefinition": name, "launchType": "EC2", "subnets": null, "targetGroupArn": group});
        stage.deliver(&stage.start("e-1", start)).await.result.unwrap();
        let event = stage.fake.world(|world| {
            let task = world.task_arns().last().unwrap().clone();
            world.advance_to(&task, "RUNNING")
        });
        stage.deliver(&event).await.result.unwrap();
        // Registered, though its load balancer lets its connections end.
        stage.fake.world(|world| {
            world.set_health(&group, "i-0123456789abcdef0", port, Health::UnhealthyDraining);
        });
        let json = status(&stage, &["--output", "json"]).await.must(0).json();
        let target = &json["clusters"][0]["tasks"][0]["targets"][0];
        assert_eq!(
            (&target["id"], &target["port"]),
            (&json!("i-0123456789abcdef0"), &json!(port))
        );
        assert_eq!((&target["registered"], &target["drift"]), (&json!(true), &Value::Null));
        assert_eq!(target["state"], "unhealthy.draining");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_exit_status_1() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    let denied = || Fault::error(400, "AccessDeniedException", "not authorized to perform: ecs:ListTasks");
    stage.fake.world(|world| world.fail_next("ecs:ListTasks", denied(), 1));
    let ended = status(&stage, &[]).await.must(1);
    assert!(
        ended.err.contains("ListTasks") && ended.err.contains("access_denied"),
        "{}",
        ended.err
    );
    let ended = Run::new(&stage.fake, &["status", "--cluster", "nowhere"])
        .end()
        .await
        .must(1);
    assert!(ended.err.contains("cluster_not_found"), "{}", ended.err);
    let ended = Run::new(&stage.fake, &["status"]).end().await.must(2);
    assert!(ended.err.contains("no cluster is given"), "{}", ended.err);
}

#[tokio::test]
async fn colours_come_only_on_request() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    let plain = status(&stage, &[]).await.must(3).out;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let painted = status(&stage, &["--color", "always"]).await.must(3).out;
    assert!(painted.contains("\u{1b}[31mMISSING\u{1b}[0m"), "{painted}");
    let json = status(&stage, &["--color", "always", "--output", "json"])
        .await
        .must(3)
        .out;
    assert!(!json.contains('\u{1b}'), "{json}");
    let run = Run::new(&stage.fake, &["status", "--cluster", "engines"]);
    let forced = run.env("CLICOLOR_FORCE", "1").end().await.must(3).out;
    assert_eq!(forced, painted);
}

#[tokio::test]
async fn on_a_terminal_colours_come_unless_the_environment_refuses_them() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    for (name, value, is_painted) in [
        ("TERM", "xterm", true),
        ("TERM", "dumb", false),
        ("NO_COLOR", "1", false),
        ("CLICOLOR", "0", false),
    ] {
        let mut command = with_terminal(&stage.fake, "status --cluster engines");
        command.env(name, value);
        let (status, shown) = answered(command, "").await;
        assert_eq!(status, Some(3), "{shown}");
        assert_eq!(
            shown.contains("\u{1b}[31mMISSING\u{1b}[0m"),
            is_painted,
            "{name}={value}: {shown:?}"
        );
        // What ends a colour's sequence.
        let is_coloured = shown.split('\u{1b}').skip(1).any(|part| {
            part.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit())
                .starts_with('m')
        });
        assert_eq!(is_coloured, is_painted, "{name}={value}: {shown:?}");
        // The progress moves the cursor, but not on a terminal that cannot.
        assert_eq!(shown.contains('\u{1b}'), value != "dumb", "{name}={value}: {shown:?}");
    }
}

#[tokio::test]
async fn a_task_whose_time_to_drain_is_over_is_overdue_and_exit_status_3() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    stage
        .fake
        .world(|world| world.tag(&task, "start-engines:stop-at", "2036-01-01T00:00:00Z"));
    let drains = status(&stage, &[]).await.must(0);
    assert!(
        drains.out.contains("drains ") && !drains.out.contains("OVERDUE"),
        "{}",
        drains.out
    );
    stage
        .fake
        .world(|world| world.tag(&task, "start-engines:stop-at", "2020-01-01T00:00:00Z"));
    let ended = status(&stage, &[]).await.must(3);
    assert!(
        ended.out.contains("1 task overdue") && ended.out.contains("OVERDUE"),
        "{}",
        ended.out
    );
    let json = status(&stage, &["--output", "json"]).await.must(3).json();
    assert_eq!(
        (&json["drift"], &json["clusters"][0]["tasks"][0]["overdue"]),
        (&json!(1), &json!(true))
    );
}

#[tokio::test]
async fn a_target_that_is_not_healthy_has_the_reason_in_words_and_when_it_should_be() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    let ended = status(&stage, &[]).await.must(0);
    let words = "the load balancer still registers it; healthy within 150 s if all pass";
    assert!(ended.out.contains(words), "{}", ended.out);
    let json = status(&stage, &["--output", "json"]).await.must(0).json();
    let target = &json["clusters"][0]["tasks"][0]["targets"][0];
    assert_eq!(target["healthyWithinSeconds"], 150);
    stage.fake.world(|world| {
        let address = world.address(&task).expect("an address").to_string();
        world.set_health(&stage.group, &address, 8080, Health::Unhealthy);
    });
    let ended = status(&stage, &[]).await.must(0);
    assert!(
        ended
            .out
            .contains("        health checks cannot connect, or its answer is malformed\n"),
        "{}",
        ended.out
    );
    let json = status(&stage, &["--output", "json"]).await.must(0).json();
    let target = &json["clusters"][0]["tasks"][0]["targets"][0];
    assert_eq!(
        (&target["reason"], &target["healthyWithinSeconds"]),
        (&json!("Target.FailedHealthChecks"), &Value::Null)
    );
    assert_eq!(
        target["meaning"],
        "health checks cannot connect, or its answer is malformed"
    );
}
