//! `redrive`: nothing is lost, whatever happens in between.

mod buffered;
mod failures;

use serde_json::{Value, json};
use start_engines_fake_aws::{FakeAws, World};

use super::{FUNCTION, Run};

struct Queues {
    fake: FakeAws,
    rules: String,
    failures: String,
    /// Of buffered mode: the dead-letter queues of requests and of state changes.
    requests: String,
    changes: String,
}

impl Queues {
    async fn new() -> Self {
        let fake = FakeAws::start().await;
        let [rules, failures, requests, changes] = fake.world(|world| {
            let names = [
                "undelivered",
                "failures",
                "requests-dead-letters",
                "state-changes-dead-letters",
            ];
            names.map(|name| world.add_queue(name))
        });
        Self {
            fake,
            rules,
            failures,
            requests,
            changes,
        }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::new(&self.fake, &[&["redrive"], arguments].concat())
            .env("START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL", &self.rules)
            .env("START_ENGINES_ON_FAILURE_QUEUE_URL", &self.failures)
    }

    /// An event that the rule could not deliver.
    fn undelivered(&self, event: &Value) -> String {
        let attributes = [
            ("ERROR_CODE", "NO_PERMISSIONS"),
            ("ERROR_MESSAGE", "not authorized"),
            ("TARGET_ARN", FUNCTION),
        ];
        self.fake
            .world(|world| world.add_message(&self.rules, event, &attributes))
    }

    /// An event that the function failed on.
    fn failed(&self, event: &Value, category: &str, message: &str) -> String {
        let record = json!({
            "version": "1.0", "requestPayload": event,
            "requestContext": {"functionArn": format!("{FUNCTION}:$LATEST"), "condition": "RetriesExhausted"},
            "responsePayload": {"errorType": category, "errorMessage": message},
        });
        self.fake.world(|world| world.add_message(&self.failures, &record, &[]))
    }

    fn left(&self) -> (Vec<String>, Vec<String>) {
        self.fake
            .world(|world| (world.messages(&self.rules), world.messages(&self.failures)))
    }

    fn hidden(&self) -> usize {
        let queues = [&self.rules, &self.failures, &self.requests, &self.changes];
        self.fake
            .world(|world| queues.map(|url| world.hidden_messages(url)).iter().sum())
    }

    /// The events that the function was invoked with.
    fn invoked(&self) -> Vec<Value> {
        self.fake
            .world(|world| world.invocations().iter().map(|(_, event)| event.clone()).collect())
    }
}

/// A stop, which can be sent again at any time.
fn stop(n: usize) -> Value {
    json!({"version": "0", "id": format!("e-{n}"), "detail-type": "Stop ECS Task", "source": "app.tests",
        "time": "2026-11-20T07:00:00Z", "detail": {"service": format!("service-{n}")}})
}

/// A start that was sent at `time`.
fn start(time: &str) -> Value {
    json!({"version": "0", "id": "start", "detail-type": "Start ECS Task", "source": "app.tests",
        "time": time, "detail": {"service": "auth"}})
}

#[tokio::test]
async fn the_old_names_of_options_and_variables_still_work() {
    let queues = Queues::new().await;
    queues.undelivered(&stop(1));
    queues.failed(&stop(2), "throttled", "slow");
    let by_variables = Run::new(&queues.fake, &["redrive"])
        .env("START_ENGINES_RULE_QUEUE_URL", &queues.rules)
        .env("START_ENGINES_FAILURE_QUEUE_URL", &queues.failures);
    let options = [
        "redrive",
        "--rule-queue-url",
        &queues.rules,
        "--failure-queue-url",
        &queues.failures,
    ];
    for run in [by_variables, Run::new(&queues.fake, &options)] {
        let ended = run.end().await.must(3);
        assert!(ended.out.contains("2 messages"), "{}", ended.out);
    }
}

#[tokio::test]
async fn empty_queues_are_exit_status_0() {
    let queues = Queues::new().await;
    let ended = queues.run(&[]).end().await.must(0);
    assert_eq!(ended.out, "the queues are empty\n");
}

#[tokio::test]
async fn an_array_that_failed_is_listed_as_one_and_sent_again_as_one() {
    let queues = Queues::new().await;
    let array = json!([stop(1), stop(2)]);
    queues.failed(
        &array,
        "batch_failed",
        "2 of 2 events failed, and all of them are delivered again: e-1: ...",
    );
    let ended = queues.run(&[]).end().await.must(3);
    for expected in [
        "2 x Stop ECS Task",
        "service service-1 and 1 more",
        "batch_failed: 2 of 2 events failed",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    queues.run(&["--all", "--reason", "batch_failed"]).end().await.must(0);
    assert_eq!((queues.invoked(), queues.left().1.len()), (vec![array], 0));
}

#[tokio::test]
async fn an_old_start_in_an_array_keeps_all_of_it_in_the_queue() {
    let queues = Queues::new().await;
    let array = json!([stop(1), start("2020-01-01T00:00:00Z")]);
    queues.failed(&array, "throttled", "slow");
    let ended = queues.run(&["--all"]).end().await.must(3);
    assert!(ended.out.contains("--old-starts"), "{}", ended.out);
    assert_eq!((queues.invoked().len(), queues.left().1.len()), (0, 1));
    queues.run(&["--all", "--old-starts"]).end().await.must(0);
    assert_eq!(queues.invoked(), [array]);
}

#[tokio::test]
async fn the_record_of_a_custom_bus_is_listed_with_its_reason_and_stays_since_it_holds_no_event() {
    let queues = Queues::new().await;
    let record = json!({
        "version": "1.0", "busArn": "arn:aws:events:us-east-1:111122223333:event-busv2/engines/0123",
        "targetArn": FUNCTION, "errorCode": "ACCESS_DENIED", "errorMessage": "not authorized",
        "exhaustedRetryCondition": "MaximumRetryAttempts", "retryAttempts": 5,
        "failedMessages": [{"eventId": "e-1"}],
    });
    queues
        .fake
        .world(|world| world.add_message(&queues.rules, &record, &[]));
    let ended = queues.run(&[]).end().await.must(3);
    assert!(
        ended.out.contains("ACCESS_DENIED: not authorized") && ended.out.contains("ids of its events only (e-1)"),
        "{}",
        ended.out
    );
    let ended = queues.run(&["--all"]).end().await.must(3);
    assert!(ended.out.contains("it holds no event"), "{}", ended.out);
    assert_eq!((queues.invoked().len(), queues.left().0.len()), (0, 1));
}

#[tokio::test]
async fn a_list_shows_each_reason_and_releases_everything() {
    let queues = Queues::new().await;
    queues.undelivered(&stop(1));
    queues.failed(
        &stop(2),
        "access_denied",
        "StopTask failed with AccessDeniedException: not authorized",
    );
    let ended = queues.run(&[]).end().await.must(3);
    for expected in [
        "NO_PERMISSIONS: not authorized",
        "access_denied: StopTask failed",
        "service service-1",
        "2 messages",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    assert!(
        ended.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        ended.out
    );
    assert_eq!(queues.hidden(), 0, "others may have them again");
    assert_eq!((queues.left().0.len(), queues.left().1.len()), (1, 1));
    assert!(queues.invoked().is_empty());
}

#[tokio::test]
async fn all_are_sent_as_they_were_and_deleted_after_lambda_has_them() {
    let queues = Queues::new().await;
    queues.undelivered(&stop(1));
    queues.failed(&stop(2), "throttled", "slow");
    let ended = queues.run(&["--all"]).end().await.must(0);
    assert!(ended.out.contains("2 sent"), "{}", ended.out);
    assert_eq!(queues.invoked(), [stop(1), stop(2)]);
    assert_eq!(queues.left(), (vec![], vec![]));
    let mut order = queues.fake.operations();
    order.retain(|name| name == "lambda:Invoke" || name == "sqs:DeleteMessage");
    assert_eq!(
        order,
        [
            "lambda:Invoke",
            "sqs:DeleteMessage",
            "lambda:Invoke",
            "sqs:DeleteMessage"
        ]
    );
    assert!(
        queues
            .fake
            .calls_to("lambda:Invoke")
            .iter()
            .all(|call| call.input["InvocationType"] == "Event")
    );
}

#[tokio::test]
async fn those_that_are_named_are_sent_and_the_others_stay() {
    let queues = Queues::new().await;
    let ids: Vec<String> = (0..3).map(|n| queues.undelivered(&stop(n))).collect();
    let ended = queues.run(&["--send", &ids[1][..8]]).end().await.must(0);
    assert!(ended.out.contains("1 sent"), "{}", ended.out);
    assert_eq!(queues.invoked(), [stop(1)]);
    assert_eq!(queues.left().0, [ids[0].clone(), ids[2].clone()]);
    assert_eq!(queues.hidden(), 0);
    let ended = queues.run(&["--send", "nobody"]).end().await.must(2);
    assert!(
        ended.err.contains("no message of the 2 received has the id nobody"),
        "{}",
        ended.err
    );
    assert_eq!(queues.hidden(), 0);
}

#[tokio::test]
async fn one_reason_can_be_chosen() {
    let queues = Queues::new().await;
    queues.failed(&stop(1), "access_denied", "no");
    let other = queues.failed(&stop(2), "invalid_event", "detail.count = 0");
    queues.run(&["--all", "--reason", "access_denied"]).end().await.must(0);
    assert_eq!(queues.invoked(), [stop(1)]);
    assert_eq!(queues.left().1, [other]);
    assert_eq!(queues.hidden(), 0);
}

#[tokio::test]
async fn what_is_discarded_is_deleted_and_never_sent() {
    let queues = Queues::new().await;
    let id = queues.failed(&stop(1), "invalid_event", "detail.count = 0");
    let ended = queues.run(&["--discard", &id]).end().await.must(2);
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    assert_eq!(queues.left().1.len(), 1);
    let ended = queues.run(&["--discard", &id, "--yes"]).end().await.must(0);
    assert!(ended.out.contains("1 discarded"), "{}", ended.out);
    assert_eq!(queues.left().1, Vec::<String>::new());
    assert!(queues.invoked().is_empty());
}

#[tokio::test]
async fn a_long_queue_is_sent_page_after_page() {
    let queues = Queues::new().await;
    for n in 0..57 {
        queues.undelivered(&stop(n));
    }
    let ended = queues.run(&["--limit", "25", "--output", "json"]).end().await.must(3);
    assert_eq!(ended.json()["messages"].as_array().unwrap().len(), 25);
    assert_eq!(queues.hidden(), 0);
    let ended = queues
        .run(&["--all", "--limit", "25", "--output", "json"])
        .end()
        .await
        .must(0);
    assert_eq!(ended.json()["messages"].as_array().unwrap().len(), 57);
    let expected: Vec<Value> = (0..57).map(stop).collect();
    assert_eq!(queues.invoked(), expected);
    assert!(queues.left().0.is_empty());
}

#[tokio::test]
async fn an_old_start_stays_until_somebody_says_that_it_may_start_twice() {
    let queues = Queues::new().await;
    queues.undelivered(&start("2026-11-20T07:00:00Z"));
    let ended = queues.run(&[]).end().await.must(3);
    assert!(ended.out.contains("start its tasks a second time"), "{}", ended.out);
    queues.run(&["--all"]).end().await.must(3);
    assert!(queues.invoked().is_empty());
    assert_eq!((queues.left().0.len(), queues.hidden()), (1, 0));
    queues.run(&["--all", "--old-starts"]).end().await.must(0);
    assert_eq!(queues.invoked().len(), 1);
}

/// A run without `--function`.
fn without_function(queues: &Queues, arguments: &[&str]) -> Run {
    queues.run(arguments).env("START_ENGINES_FUNCTION", "")
}

#[tokio::test]
async fn without_a_function_it_lists_and_discards_but_sends_nothing() {
    let queues = Queues::new().await;
    let id = queues.undelivered(&stop(1));
    queues.failed(&stop(2), "throttled", "slow");
    for arguments in [&["--all"][..], &["--send", &id]] {
        let ended = without_function(&queues, arguments).end().await.must(2);
        for named in ["--function", "START_ENGINES_FUNCTION", "Nothing was sent"] {
            assert!(ended.err.contains(named), "{}", ended.err);
        }
    }
    assert_eq!(queues.fake.operations(), [""; 0], "nothing is received");
    without_function(&queues, &[]).end().await.must(3);
    without_function(&queues, &["--discard", &id, "--yes"])
        .end()
        .await
        .must(0);
    assert!(queues.invoked().is_empty());
    assert_eq!((queues.left().0.len(), queues.left().1.len()), (0, 1));
}

#[tokio::test]
async fn what_is_of_another_function_stays_unless_it_is_named_and_goes_to_the_given_function_only() {
    let queues = Queues::new().await;
    let attributes = [
        ("ERROR_CODE", "NO_PERMISSIONS"),
        ("TARGET_ARN", "arn:aws:lambda:us-east-1:111122223333:function:foreign"),
    ];
    let add = |world: &mut World| world.add_message(&queues.rules, &stop(1), &attributes);
    let id = queues.fake.world(add);
    queues.undelivered(&stop(2));
    let ended = queues.run(&["--all"]).end().await.must(3);
    assert!(
        ended.out.contains("1 sent, 1 left") && ended.out.contains("of another function"),
        "{}",
        ended.out
    );
    assert!(
        ended.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        ended.out
    );
    assert_eq!(queues.invoked(), [stop(2)]);
    assert_eq!((queues.left().0.clone(), queues.hidden()), (vec![id.clone()], 0));
    queues.run(&["--send", &id]).end().await.must(0);
    let invoked = queues.fake.world(|world| world.invocations().to_vec());
    assert!(
        invoked.iter().all(|(function, _)| function.contains("start-engines")),
        "{invoked:?}"
    );
    assert_eq!(invoked.len(), 2);
}

#[tokio::test]
async fn each_request_has_an_age_and_a_state_change_has_none() {
    let queues = Queues::new().await;
    let event = |kind: &str, detail: Value| json!({"version": "0", "id": kind, "detail-type": kind, "source": "app.tests", "time": "2026-11-20T07:00:00Z", "detail": detail});
    let kinds = [
        "Start ECS Task",
        "Stop ECS Task",
        "Reconcile ECS Targets",
        "ECS Task State Change",
    ];
    for kind in kinds {
        queues.undelivered(&event(
            kind,
            json!({"cluster": "engines", "requestedAt": "2026-11-20T06:30:00Z"}),
        ));
    }
    let json = queues.run(&["--output", "json"]).end().await.must(3).json();
    for (message, kind) in json["messages"].as_array().unwrap().iter().zip(kinds) {
        assert_eq!(message["event"]["detail-type"], kind);
        if kind == "ECS Task State Change" {
            assert_eq!((&message["requestedAt"], &message["age"]), (&Value::Null, &Value::Null));
        } else {
            assert_eq!(message["requestedAt"], "2026-11-20T06:30:00.000Z");
            assert!(message["age"].as_u64().unwrap() > 0, "the system's clock is later");
        }
    }
    let ended = queues.run(&["--color", "always"]).end().await.must(3);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[0].contains("AGE"), "{}", ended.out);
    for kind in &kinds[..3] {
        let row = lines.iter().find(|line| line.contains(kind)).unwrap();
        assert!(row.contains("\u{1b}[31m"), "an old request is marked: {row}");
    }
    let plain = queues.run(&[]).end().await.must(3).out;
    assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
}
