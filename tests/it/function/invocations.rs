//! The function's binary over Lambda's Runtime API, against the fake of ECS and ELB at the wire.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_fake_aws::function::{Function, FunctionConfig};
use start_engines_fake_aws::runtime_api::{Deadline, RuntimeApi};
use start_engines_fake_aws::{FakeAws, Fault, TargetGroup, TaskDefinition};

use crate::stage::start_event;

const BINARY: &str = env!("CARGO_BIN_EXE_start-engines-lambda");

struct Running {
    fake: FakeAws,
    runtime: RuntimeApi,
    function: Function,
    group: String,
}

async fn run(environment: &[(&str, &str)]) -> Running {
    let fake = FakeAws::start().await;
    let group = fake.world(|world| {
        world.clock = time::OffsetDateTime::now_utc();
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
        world.add_target_group(TargetGroup::ip("auth", 80))
    });
    let runtime = RuntimeApi::start().await;
    let mut config = FunctionConfig::new(BINARY, &fake.endpoint());
    for (name, value) in environment {
        config = config.env(name, value);
    }
    let function = config.spawn(&runtime);
    Running {
        fake,
        runtime,
        function,
        group,
    }
}

impl Running {
    async fn ok(&self, event: &Value) -> Value {
        self.runtime.invoke(event).await.expect("an answer").expect_response()
    }

    async fn refused(&self, event: &Value) -> (String, String) {
        self.runtime.invoke(event).await.expect("an answer").expect_error()
    }

    fn start(&self, id: &str, detail: Value) -> Value {
        let mut event = start_event(id, &self.group, detail);
        // The binary reads the real clock, to which the story's time is years away.
        event["time"] = Value::Null;
        event
    }
}

#[tokio::test]
async fn a_task_lives_through_the_real_binary() {
    let running = run(&[]).await;
    let started = running.ok(&running.start("e1", json!({"correlationId": "c1"}))).await;
    assert_eq!(started["outcome"], "started");
    let task = started["tasks"][0].as_str().expect("a task").to_owned();
    let event = running.fake.world(|world| world.advance_to(&task, "RUNNING"));
    let registered = running.ok(&event).await;
    assert_eq!(
        (&registered["outcome"], &registered["correlationId"]),
        (&json!("registered"), &json!("c1"))
    );
    assert_eq!(running.fake.world(|world| world.registered(&running.group)).len(), 1);
    let event = running.fake.world(|world| {
        world.stop(&task, "UserInitiated", "evening");
        world.event(&task)
    });
    assert_eq!(running.ok(&event).await["outcome"], "deregistered");
    assert_eq!(running.fake.world(|world| world.registered(&running.group)), []);
}

#[tokio::test]
async fn each_event_writes_one_log_line_and_one_line_of_metrics() {
    let running = run(&[]).await;
    let started = running.ok(&running.start("e1", json!({}))).await;
    let task = started["tasks"][0].as_str().expect("a task").to_owned();
    let event = running.fake.world(|world| world.advance_to(&task, "RUNNING"));
    running.ok(&event).await;
    running
        .refused(&json!({"detail-type": "Start ECS Task", "source": "x", "id": "e3", "detail": {"port": 0}}))
        .await;
    let ended = running.function.stop().await;
    let (metrics, logs): (Vec<Value>, Vec<Value>) =
        ended.logs().into_iter().partition(|line| line.get("_aws").is_some());
    let handled: Vec<&Value> = logs.iter().filter(|line| line["message"] == "event handled").collect();
    assert_eq!((handled.len(), metrics.len()), (3, 3), "{logs:?}");
    let errors: Vec<&Value> = logs.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "a failure is logged once: {errors:?}");
    assert_eq!(
        handled[1]["calls"],
        json!([
            "DescribeTasks",
            "DescribeTargetGroups",
            "RegisterTargets",
            "DescribeTasks"
        ])
    );
    assert!(handled[1]["lagMillis"].is_i64(), "{}", handled[1]);
    assert!(metrics[1]["RegistrationLag"].is_i64(), "{}", metrics[1]);
    assert_eq!(
        (&handled[2]["level"], &handled[2]["reason"]),
        (&json!("ERROR"), &json!("invalid_event"))
    );
    for line in &metrics {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "StartEngines");
        for metric in directive["Metrics"].as_array().expect("metrics") {
            assert!(line[metric["Name"].as_str().expect("a name")].is_number(), "{line}");
        }
        for name in directive["Dimensions"]
            .as_array()
            .expect("dimensions")
            .iter()
            .flat_map(|set| set.as_array().expect("a set"))
        {
            assert!(line[name.as_str().expect("a name")].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn bad_events_are_errors_and_the_process_lives_on() {
    let running = run(&[("ALLOWED_CLUSTERS", "engines")]).await;
    for bad in [
        json!("text"),
        json!(7),
        json!([]),
        json!({}),
        json!({"detail-type": "x", "source": "y", "detail": 1}),
    ] {
        assert_eq!(running.refused(&bad).await.0, "invalid_event", "{bad}");
    }
    let (category, message) = running
        .refused(&running.start("e1", json!({"port": 0, "cluster": 7})))
        .await;
    assert_eq!(category, "invalid_event");
    assert!(
        message.contains("detail.port = 0") && message.contains("detail.cluster = 7"),
        "{message}"
    );
    assert_eq!(
        running
            .refused(&running.start("e1", json!({"cluster": "other"})))
            .await
            .0,
        "not_allowed"
    );
    let huge = running.start("e1", json!({"tags": [{"key": "k", "value": "v".repeat(1_000_000)}]}));
    assert_eq!(running.refused(&huge).await.0, "invalid_event");
    running
        .runtime
        .invoke_raw(b"{ not json".to_vec())
        .await
        .expect("alive")
        .expect_error();
    assert_eq!(running.fake.calls().len(), 0);
    assert_eq!(running.ok(&running.start("e1", json!({}))).await["outcome"], "started");
}

#[tokio::test]
async fn a_failure_of_aws_is_an_error_with_its_category_and_its_words() {
    let running = run(&[]).await;
    running.fake.world(|world| {
        world.fail_next(
            "ecs:RunTask",
            Fault::error(400, "AccessDeniedException", "not authorized to perform ecs:RunTask"),
            1,
        );
    });
    let (category, message) = running.refused(&running.start("e1", json!({}))).await;
    assert_eq!(category, "access_denied");
    assert_eq!(
        message,
        "RunTask failed with AccessDeniedException: not authorized to perform ecs:RunTask"
    );
}

#[tokio::test]
async fn a_function_killed_between_its_calls_leaves_nothing_that_the_next_does_not_mend() {
    let Running {
        fake,
        runtime,
        function,
        group,
    } = run(&[]).await;
    let event = {
        let mut event = start_event("e1", &group, json!({}));
        event["time"] = Value::Null;
        event
    };
    // RunTask is applied, its answer is never read: the process dies.
    fake.world(|world| world.fail_next("ecs:RunTask", Fault::Hang, 1));
    let invoking = runtime.invoke(&event);
    let killing = async {
        while fake.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        fake.world(|world| assert_eq!(world.land_hung_calls(), 1));
        function.stop().await
    };
    let (died, _) = tokio::join!(invoking, killing);
    assert!(died.is_err(), "{died:?}");
    let _function = FunctionConfig::new(BINARY, &fake.endpoint()).spawn(&runtime);
    let started = runtime.invoke(&event).await.expect("an answer").expect_response();
    assert_eq!(started["tasks"].as_array().expect("tasks").len(), 1);
    assert_eq!(fake.world(|world| world.task_arns().len()), 1);
}

#[tokio::test]
async fn an_invocation_ends_before_its_deadline_when_aws_does_not_answer() {
    let running = run(&[]).await;
    running.runtime.set_deadline(Deadline::In(Duration::from_millis(1500)));
    running
        .fake
        .world(|world| world.fail_next("ecs:RunTask", Fault::Hang, 9));
    let (category, message) = running.refused(&running.start("e1", json!({}))).await;
    assert_eq!(category, "timed_out", "{message}");
}

#[tokio::test]
async fn a_wrong_configuration_goes_along_with_every_event() {
    let running = run(&[("CONTAINER_PORT", "70000"), ("ECS_CLUSTER", "a b")]).await;
    let (category, message) = running.refused(&running.start("e1", json!({}))).await;
    assert_eq!(category, "invalid_configuration");
    assert!(
        message.contains("CONTAINER_PORT") && message.contains("ECS_CLUSTER"),
        "{message}"
    );
    assert_eq!(running.fake.calls().len(), 0);
}

#[tokio::test]
async fn logs_hold_no_payload_and_no_credentials_at_any_level() {
    for level in ["info", "debug"] {
        let running = run(&[("LOG_LEVEL", level)]).await;
        let secret = "hunter2-very-secret";
        let overrides =
            json!({"containerOverrides": [{"name": "auth", "environment": [{"name": "PASSWORD", "value": secret}]}]});
        running.ok(&running.start("e1", json!({"overrides": overrides}))).await;
        let ended = running.function.stop().await;
        assert_eq!(
            ended.logs().iter().any(|line| line["operation"] == "RunTask"),
            level == "debug"
        );
        let reported = format!("{:?} {:?}", ended.stdout, ended.stderr);
        for hidden in [secret, "AKIDEXAMPLE", "not-a-secret", "not-a-token"] {
            assert!(!reported.contains(hidden), "{hidden} at {level}: {reported}");
        }
    }
}

#[tokio::test]
async fn missing_credentials_are_reported_as_such() {
    let fake = FakeAws::start().await;
    let group = fake.world(|world| world.add_target_group(TargetGroup::ip("auth", 80)));
    let runtime = RuntimeApi::start().await;
    let mut config = FunctionConfig::new(BINARY, &fake.endpoint());
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        config = config.env_remove(name);
    }
    let _function = config.spawn(&runtime);
    let answer = runtime
        .invoke(&start_event("e1", &group, json!({})))
        .await
        .expect("an answer");
    let (category, message) = answer.expect_error();
    assert_eq!(category, "credentials", "{message}");
}

#[tokio::test]
async fn files_that_cannot_be_read_are_reported_with_all_else_that_is_wrong() {
    let running = run(&[
        ("SERVICES_FILE", "/nowhere/services.json"),
        ("SETTINGS_FILE", "/nowhere/settings.json"),
        ("CONTAINER_PORT", "0"),
    ])
    .await;
    let (category, message) = running.refused(&running.start("e1", json!({}))).await;
    assert_eq!(category, "invalid_configuration");
    for named in ["SERVICES_FILE", "SETTINGS_FILE", "CONTAINER_PORT"] {
        assert!(message.contains(named), "{message}");
    }
    let ended = running.function.stop().await;
    assert_eq!(ended.metrics()[0]["EventsFailed"], 1);
}

/// What Lambda hands on of an SQS queue: each event the body of one message.
fn batch(events: &[(&str, String)]) -> Value {
    let records = events.iter().map(|(id, body)| {
        json!({
            "messageId": id, "receiptHandle": "handle", "body": body, "md5OfBody": "",
            "attributes": {
                "ApproximateReceiveCount": "2", "SentTimestamp": "1795158000000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1795158000001",
            },
            "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:start-engines",
        })
    });
    json!({"Records": records.collect::<Value>()})
}

#[tokio::test]
async fn of_a_batch_exactly_the_messages_that_failed_come_again_each_with_its_reason_logged() {
    let running = run(&[]).await;
    let messages = [
        ("m1", running.start("e1", json!({})).to_string()),
        ("m2", running.start("e2", json!({"port": 0})).to_string()),
        ("m3", "no JSON".to_owned()),
        ("m4", running.start("e4", json!({})).to_string()),
    ];
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "m2"}, {"itemIdentifier": "m3"}]});
    assert_eq!(running.ok(&batch(&messages)).await, failed);
    assert_eq!(running.fake.world(|world| world.task_arns().len()), 2);
    let logs = running.function.stop().await.logs();
    let reported = |line: &&Value| line["message"] == "event handled";
    let reported: Vec<_> = logs
        .iter()
        .filter(reported)
        .map(|line| (&line["messageId"], &line["receiveCount"], &line["reason"]))
        .collect();
    let (two, none, invalid) = (&json!(2), &Value::Null, &json!("invalid_event"));
    assert_eq!(
        reported,
        [
            (&json!("m1"), two, none),
            (&json!("m2"), two, invalid),
            (&json!("m3"), two, invalid),
            (&json!("m4"), two, none),
        ]
    );
}

#[tokio::test]
async fn a_misconfigured_function_fails_each_message_of_a_batch() {
    let running = run(&[("TASK_WAIT_TIMEOUT", "soon")]).await;
    let messages = [
        ("m1", running.start("e1", json!({})).to_string()),
        ("m2", "no JSON".to_owned()),
    ];
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]});
    assert_eq!(running.ok(&batch(&messages)).await, failed);
}

#[tokio::test]
async fn records_of_other_services_are_an_error_of_the_invocation_that_says_what_came() {
    let running = run(&[]).await;
    let start = running.start("e1", json!({})).to_string();
    let mut mixed = batch(&[("m1", start.clone()), ("m2", start.clone())]);
    mixed["Records"][1]["eventSource"] = json!("aws:s3");
    let mut nameless = batch(&[("", start.clone())]);
    nameless["Records"][0]["eventSource"] = json!("aws:sqs");
    let mut unknown = batch(&[("m1", start)]);
    unknown["Records"][0]
        .as_object_mut()
        .expect("a record")
        .remove("eventSource");
    for (records, reported) in [
        (
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]}),
            "aws:sns",
        ),
        (json!({"Records": [{"eventSource": "aws:s3", "s3": {}}]}), "aws:s3"),
        (
            json!({"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}}]}),
            "aws:dynamodb",
        ),
        (
            json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]}),
            "aws:kinesis",
        ),
        (mixed, "event.Records[1].eventSource = \"aws:s3\""),
        (nameless, "event.Records[0].messageId is missing"),
        (unknown, "has no eventSource"),
        (batch(&[]), "has no records"),
    ] {
        let (category, message) = running.refused(&records).await;
        assert_eq!(category, "invalid_event", "{records}");
        assert!(message.contains(reported), "{message}");
    }
    assert_eq!(running.fake.calls().len(), 0);
    let logs = running.function.stop().await.logs();
    let failed = logs
        .iter()
        .filter(|line| line["reason"] == "invalid_event" && line["level"] == "ERROR");
    assert_eq!(failed.count(), 8, "each is logged");
}

#[tokio::test]
async fn a_notification_of_sns_in_a_queue_fails_alone_and_says_what_it_is() {
    let running = run(&[]).await;
    let start = running.start("e1", json!({})).to_string();
    let notification = json!({"Type": "Notification", "MessageId": "n", "Message": start,
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:engines"});
    let messages = [("m1", start), ("m2", notification.to_string())];
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "m2"}]});
    assert_eq!(running.ok(&batch(&messages)).await, failed);
    assert_eq!(running.fake.world(|world| world.task_arns().len()), 1);
    let reported = running.function.log_where(|line| line["messageId"] == "m2").await;
    let error = reported["error"].as_str().expect("an error");
    assert!(
        error.contains("is an SNS notification") && error.contains("raw message delivery"),
        "{error}"
    );
}

#[tokio::test]
async fn an_array_of_events_is_handled_and_fails_as_one_that_names_what_failed() {
    let running = run(&[]).await;
    let start = |n: usize, detail: Value| running.start(&format!("e{n}"), detail);
    let sound = json!([start(1, json!({})), start(2, json!({}))]);
    assert_eq!(running.ok(&sound).await, json!({"events": 2}));
    assert_eq!(running.fake.world(|world| world.task_arns().len()), 2);
    // It comes again as a whole, and starts nothing twice.
    running.ok(&sound).await;
    assert_eq!(running.fake.world(|world| world.task_arns().len()), 2);

    let wrong = json!([start(3, json!({})), start(4, json!({"port": 0})), "no event"]);
    let (category, message) = running.refused(&wrong).await;
    assert_eq!(category, "invalid_event");
    for part in [
        "2 of 3 events failed, and all of them are delivered again",
        "e4: invalid_event: 1 problem: detail.port = 0",
        "an event without id: invalid_event: 1 problem: event = a text of 8 characters",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(
        running.fake.world(|world| world.task_arns().len()),
        3,
        "the sound one is done"
    );
    running.fake.world(|world| {
        let denied = Fault::error(400, "AccessDeniedException", "not authorized");
        world.fail_next("ecs:RunTask", denied, 1);
    });
    let several = json!([start(5, json!({})), start(6, json!({"port": 0}))]);
    let (category, message) = running.refused(&several).await;
    assert_eq!(category, "batch_failed");
    assert!(
        message.contains("e5: access_denied: ") && message.contains("e6: invalid_event: "),
        "{message}"
    );
    assert_eq!(running.refused(&json!([])).await.0, "invalid_event");

    let logs = running.function.stop().await.logs();
    let handled = logs.iter().filter(|line| line["message"] == "event handled");
    assert_eq!(handled.count(), 10, "one line for each event");
}

#[tokio::test]
async fn a_misconfigured_function_fails_an_array_by_its_reason() {
    let running = run(&[("CATALOG_ONLY", "perhaps")]).await;
    let events = json!([running.start("e1", json!({})), "no event"]);
    let (category, message) = running.refused(&events).await;
    assert_eq!(category, "invalid_configuration");
    assert!(
        message.contains("CATALOG_ONLY = \"perhaps\": must be true or false"),
        "{message}"
    );
}

#[tokio::test]
async fn an_envelope_with_nulls_and_a_time_with_an_offset_is_read() {
    let running = run(&[]).await;
    let odd = json!({"version": null, "id": "e1", "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": null,
        "time": "2016-12-06T17:41:06+01:00", "region": null, "resources": null, "replay-name": null, "detail": {
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/0123456789abcdef0123456789abcdef", "version": "5",
            "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/engines", "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED", "stopCode": "TerminationNotice", "containers": null, "attachments": null,
            "startedBy": "start-engines/auth/73e2d6bc24d8a067/8080", "stoppedReason": null}});
    let reported = running.ok(&odd).await;
    assert_eq!(
        (&reported["version"], &reported["outcome"], &reported["failedStart"]),
        (&json!(5), &json!("skipped"), &json!("spot_interruption"))
    );
}
