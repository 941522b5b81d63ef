//! What fails, and the cause that `trace` names for it.

use std::time::Duration;

use serde_json::json;
use start_engines_fake_aws::{Failure, Fault, Health, RunTaskResult, TargetGroup, World};

use super::{LOG, ROLE, Theatre, id, whats};

#[tokio::test]
async fn a_running_event_that_nobody_handled_is_a_gap() {
    let theatre = Theatre::new().await;
    let task = theatre.started("e-1", json!({})).await;
    theatre.pass(30);
    theatre.stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "not_registered", "nearly ten minutes ago");
    assert_eq!(story["gaps"][0]["gap"], "no_running_event_handled");
    assert_eq!(story["gaps"][0]["taskArn"], json!(task));
    let table = theatre.trace(&[id(&task)]).await.must(3).out;
    let expected = [
        format!("missing: no RUNNING event of task {} was handled", id(&task)),
        "a rule that is off, or may not invoke the function".to_owned(),
        "Next: start-engines reconcile".to_owned(),
    ];
    for expected in expected {
        let table = table.replace('\n', " ");
        assert!(table.contains(&expected), "{expected}: {table}");
    }
}

#[tokio::test]
async fn a_registration_that_failed_has_its_reason() {
    let theatre = Theatre::new().await;
    let task = theatre.started("e-1", json!({})).await;
    theatre.pass(30);
    let event = theatre.stage.fake.world(|world| {
        let denied = Fault::error(
            403,
            "AccessDenied",
            "not authorized to perform: elasticloadbalancing:RegisterTargets",
        );
        world.fail_next("elb:RegisterTargets", denied, 1);
        world.advance_to(&task, "RUNNING")
    });
    theatre.deliver(&event).await;
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "registration_failed");
    assert!(
        story["diagnosis"]["sentence"]
            .as_str()
            .unwrap()
            .contains("RegisterTargets"),
        "{story:#}"
    );
    assert_eq!(
        story["diagnosis"]["next"],
        "start-engines redrive --reason access_denied"
    );
    assert_eq!(story["gaps"], json!([]));
}

#[tokio::test]
async fn a_target_that_fails_its_health_checks_has_elbs_reason_in_words() {
    let theatre = Theatre::new().await;
    theatre.stage.go_back(Duration::from_secs(600));
    let task = theatre.registered("e-1", json!({})).await;
    theatre.set_health(&task, Health::Unhealthy);
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "unhealthy");
    let sentence = story["diagnosis"]["sentence"].as_str().unwrap();
    for expected in [
        "Target.FailedHealthChecks",
        "cannot connect",
        "security groups",
        "on port traffic-port",
    ] {
        assert!(sentence.contains(expected), "{expected}: {sentence}");
    }
    theatre.set_health(&task, Health::Initial);
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(
        story["diagnosis"]["code"], "initial_for_long",
        "450 s are expected as ELB still registers it, and nearly 1,200 have passed"
    );
    theatre.pass(500);
    let task = theatre.registered("e-2", json!({})).await;
    theatre.set_health(&task, Health::Initial);
    let story = theatre.json(id(&task), 0).await;
    assert_eq!(story["diagnosis"]["code"], "health_pending");
    assert!(
        story["diagnosis"]["sentence"]
            .as_str()
            .unwrap()
            .contains("expected within 7m"),
        "{story:#}"
    );
}

#[tokio::test]
async fn a_task_that_its_check_has_stopped_is_exit_status_3() {
    let theatre = Theatre::with(&[("SCHEDULER_ROLE_ARN", ROLE)]).await;
    let fields = json!({"healthTimeoutSeconds": 60, "onUnhealthy": "stop", "startTimeoutSeconds": 0});
    let task = theatre.registered("e-1", fields).await;
    theatre.set_health(&task, Health::Unhealthy);
    theatre.pass(180);
    for event in theatre.stage.fake.world(World::fire_schedules) {
        theatre.deliver(&event).await;
    }
    let sign = theatre.stage.fake.world(|world| world.event(&task));
    theatre.deliver(&sign).await;
    theatre.stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    for forgotten in [false, true] {
        if forgotten {
            theatre.stage.fake.world(|world| world.forget(&task));
        }
        let story = theatre.json(id(&task), 3).await;
        assert_eq!(story["diagnosis"]["code"], "stopped_as_unhealthy", "{story:#}");
        let sentence = story["diagnosis"]["sentence"].as_str().unwrap();
        assert!(sentence.contains("(Target.FailedHealthChecks)"), "{sentence}");
        let next = story["diagnosis"]["next"].as_str().unwrap();
        assert_eq!(next, "start-engines doctor");
    }
}

#[tokio::test]
async fn a_target_group_that_no_listener_uses_is_named() {
    let theatre = Theatre::new().await;
    let group = theatre
        .stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("idle", 80).unattached()));
    let task = theatre.registered("e-1", json!({"targetGroupArn": group})).await;
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "target_not_in_use");
    assert!(
        story["diagnosis"]["sentence"]
            .as_str()
            .unwrap()
            .contains("a listener has a rule"),
        "{story:#}"
    );
}

#[tokio::test]
async fn each_kind_of_failed_start_has_its_code_and_ecs_words() {
    for (reason, code) in [
        ("CannotPullContainerError: no such image", "image_pull_failed"),
        ("RESOURCE:MEMORY", "capacity_unavailable"),
        ("EMPTY CAPACITY PROVIDER", "capacity_unavailable"),
        (
            "ResourceInitializationError: unable to pull secrets",
            "resource_initialization_failed",
        ),
        ("Task failed to start", "task_failed_to_start"),
    ] {
        let theatre = Theatre::new().await;
        let task = theatre.started("e-1", json!({})).await;
        theatre.pass(20);
        let event = theatre.stage.fake.world(|world| {
            world.fail_start(&task, reason, "");
            world.advance_to(&task, "STOPPED")
        });
        theatre.deliver(&event).await;
        let story = theatre.json(id(&task), 3).await;
        assert_eq!(story["diagnosis"]["code"], code, "{story:#}");
        assert!(
            story["diagnosis"]["sentence"].as_str().unwrap().contains(reason),
            "{story:#}"
        );
        assert!(whats(&story).contains(&"stopped"), "{story:#}");
    }
}

#[tokio::test]
async fn a_start_without_room_shows_each_attempt_by_its_events_id() {
    let theatre = Theatre::new().await;
    theatre.stage.fake.world(|world| {
        for _ in 0..8 {
            let failure = Failure::new("RESOURCE:CPU");
            world.run_task_results.push_back(RunTaskResult::Failures(vec![failure]));
        }
    });
    let fallback = json!({"fallbacks": [{"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}]});
    theatre.deliver(&theatre.start("e-1", fallback)).await;
    let story = theatre.json("e-1", 3).await;
    assert_eq!(
        (&story["kind"], &story["diagnosis"]["code"]),
        (&json!("event"), &json!("start_failed"))
    );
    let attempts: Vec<&str> = story["moments"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|moment| moment["what"] == "run_task")
        .map(|moment| moment["detail"].as_str().unwrap())
        .collect();
    for (placement, n) in [("FARGATE in", 0), ("FARGATE_SPOT in", 1)] {
        assert!(
            attempts[n].starts_with(placement) && attempts[n].contains("0 of 1 started: RESOURCE:CPU"),
            "{attempts:?}"
        );
    }
}

#[tokio::test]
async fn a_start_that_was_given_up_names_its_message() {
    let theatre = Theatre::new().await;
    let start = theatre.start("e-1", json!({}));
    let attributes = [("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "not authorized")];
    let message = theatre
        .stage
        .fake
        .world(|world| world.add_message(&theatre.queue, &start, &attributes));
    let story = theatre.json("e-1", 3).await;
    assert_eq!(story["diagnosis"]["code"], "start_given_up");
    assert!(
        story["diagnosis"]["sentence"]
            .as_str()
            .unwrap()
            .contains("NO_PERMISSIONS: not authorized"),
        "{story:#}"
    );
    assert_eq!(
        story["diagnosis"]["next"],
        json!(format!("start-engines redrive --send {}", &message[..8]))
    );
}

#[tokio::test]
async fn a_services_start_that_sqs_has_moved_is_given_up_by_its_dead_letter() {
    let theatre = Theatre::new().await;
    theatre.registered("e-0", json!({"service": "auth"})).await;
    theatre.pass(60);
    let start = theatre.start("e-1", json!({"service": "auth"}));
    let queue = theatre.stage.fake.world(|world| {
        let failure = || RunTaskResult::Failures(vec![Failure::new("RESOURCE:CPU")]);
        world.run_task_results.extend((0..24).map(|_| failure()));
        world.add_queue("requests")
    });
    let message = theatre
        .stage
        .fake
        .world(|world| world.move_message(&queue, &start, "start-engines-requests"));
    for _ in 0..3 {
        theatre.pass(60);
        let handled = theatre.stage.deliver(&start).await;
        let mut summary = handled.summary();
        summary.insert("messageId".to_owned(), json!(message));
        theatre.write(&summary, handled.result.is_err());
    }
    let run = |id: &str| {
        let run = theatre.run(&[id, "--output", "json"]);
        run.env("START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL", &queue)
    };
    for id in ["auth", "e-1"] {
        let story = run(id).end().await.must(3).json();
        assert_eq!(story["diagnosis"]["code"], "start_given_up", "{id}: {story:#}");
        let next = format!("start-engines redrive --send {}", &message[..8]);
        assert_eq!(story["diagnosis"]["next"], next);
        assert_eq!(whats(&story).last(), Some(&"dead_letter"), "{story:#}");
    }
    // The letter of an earlier start.
    theatre.pass(60);
    theatre.stage.fake.world(|world| world.run_task_results.clear());
    theatre.registered("e-2", json!({"service": "auth"})).await;
    let story = run("auth").end().await.must(0).json();
    assert_eq!(story["diagnosis"]["code"], "serving", "{story:#}");
}

#[tokio::test]
async fn a_start_that_lambda_gave_up_after_a_later_one_was_handled_is_not_the_services_newest() {
    let theatre = Theatre::new().await;
    let failing = theatre.start("e-1", json!({"service": "auth"}));
    theatre.stage.fake.world(|world| {
        let failure = || RunTaskResult::Failures(vec![Failure::new("RESOURCE:CPU")]);
        world.run_task_results.extend((0..4).map(|_| failure()));
    });
    theatre.deliver(&failing).await;
    theatre.pass(60);
    theatre.stage.fake.world(|world| world.run_task_results.clear());
    let task = theatre.registered("e-2", json!({"service": "auth"})).await;
    theatre.pass(60);
    theatre.stage.fake.world(|world| {
        let failure = || RunTaskResult::Failures(vec![Failure::new("RESOURCE:CPU")]);
        world.run_task_results.extend((0..4).map(|_| failure()));
    });
    theatre.deliver(&failing).await;
    let record = json!({
        "requestPayload": failing,
        "requestContext": {"condition": "RetriesExhausted"},
        "responsePayload": {"errorType": "capacity_unavailable", "errorMessage": "RESOURCE:CPU"},
    });
    theatre
        .stage
        .fake
        .world(|world| world.add_message(&theatre.queue, &record, &[]));
    let story = theatre.json("auth", 0).await;
    assert_eq!(story["diagnosis"]["code"], "serving", "{story:#}");
    assert_eq!(story["tasks"][0]["taskArn"], json!(task));
    assert_eq!(theatre.json("e-1", 3).await["diagnosis"]["code"], "start_given_up");
}

#[tokio::test]
async fn of_more_tasks_than_are_told_of_the_diagnosis_says_so() {
    let theatre = Theatre::new().await;
    // Not long ago: they are still PROVISIONING.
    theatre.pass(480);
    for event in ["e-1", "e-2", "e-3"] {
        theatre
            .started(event, json!({"count": 10, "correlationId": "c-1"}))
            .await;
    }
    let story = theatre.json("c-1", 0).await;
    let sentence = story["diagnosis"]["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("only 20 of 30 tasks were looked at: "),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_stop_that_nobody_handled_leaves_its_target_and_a_late_one_is_late() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    theatre.pass(10);
    let sign = theatre.stage.fake.world(|world| {
        world.stop(&task, "EssentialContainerExited", "Essential container in task exited");
        world.event(&task)
    });
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "left_behind");
    assert_eq!(story["gaps"][0]["gap"], "no_stop_event_handled");
    theatre.pass(120);
    theatre.deliver(&sign).await;
    let story = theatre.json(id(&task), 3).await;
    assert_eq!(story["diagnosis"]["code"], "stop_handled_late", "{story:#}");
    assert_eq!(story["gaps"], json!([]));
}

#[tokio::test]
async fn a_task_that_ecs_forgot_is_told_from_the_log() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    let sign = theatre.stage.fake.world(|world| {
        world.stop(&task, "UserInitiated", "Task stopped by user");
        world.event(&task)
    });
    theatre.deliver(&sign).await;
    theatre.stage.fake.world(|world| {
        world.advance_to(&task, "STOPPED");
        world.forget(&task);
    });
    let story = theatre.json(id(&task), 0).await;
    assert_eq!(story["diagnosis"]["code"], "stopped");
    assert_eq!(story["gaps"][0]["gap"], "task_gone");
    assert!(whats(&story).contains(&"deregistered"), "{story:#}");
}

#[tokio::test]
async fn lines_of_other_programs_are_left_out() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    theatre.stage.fake.world(|world| {
        world.log(LOG, &format!("START RequestId: {}", id(&task)));
        world.log(
            LOG,
            &json!({"outcome": "registered", "tasks": [task], "secret": "payload"}).to_string(),
        );
    });
    let table = theatre.trace(&[id(&task)]).await.must(0).out;
    assert!(!table.contains("payload") && !table.contains("RequestId"), "{table}");
}
