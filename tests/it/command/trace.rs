//! `trace`: the story of one engine, from the function's own log lines, the fake's tasks, targets, queues and schedules.

mod failures;
mod ids;

use std::time::Duration;

use serde_json::{Map, Value, json};
use start_engines_fake_aws::{Fault, Health, World};

use super::{Ended, Run};
use crate::stage::Stage;

const LOG: &str = "/aws/lambda/start-engines";
const ROLE: &str = "arn:aws:iam::111122223333:role/start-engines-later";

/// A stage ten minutes ago, whose function writes its log.
struct Theatre {
    stage: Stage,
    queue: String,
}

impl Theatre {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(environment: &[(&str, &str)]) -> Self {
        let stage = Stage::with(environment).await;
        stage.set_to_now();
        stage.go_back(Duration::from_secs(600));
        let queue = stage.fake.world(|world| {
            world.add_log_group(LOG);
            world.add_queue("failures")
        });
        Self { stage, queue }
    }

    fn pass(&self, seconds: u64) {
        self.stage.pass(Duration::from_secs(seconds));
    }

    /// Handles an event as the function does, with its log line.
    async fn deliver(&self, event: &Value) {
        let handled = self.stage.deliver(event).await;
        self.write(&handled.summary(), handled.result.is_err());
    }

    fn write(&self, summary: &Map<String, Value>, failed: bool) {
        let mut line = json!({"level": if failed { "ERROR" } else { "INFO" }, "message": "event handled"});
        line.as_object_mut().unwrap().extend(summary.clone());
        self.stage.fake.world(|world| world.log(LOG, &line.to_string()));
    }

    /// A start that is requested now.
    fn start(&self, id: &str, detail: Value) -> Value {
        let mut event = self.stage.start(id, detail);
        let now = self.stage.fake.world(|world| world.clock);
        event["time"] = json!(now.format(&time::format_description::well_known::Rfc3339).unwrap());
        event
    }

    /// Starts a task; gives its ARN.
    async fn started(&self, id: &str, detail: Value) -> String {
        self.deliver(&self.start(id, detail)).await;
        self.stage
            .fake
            .world(|world| world.task_arns().last().expect("a task").clone())
    }

    /// Starts a task that is RUNNING 30 s later, registered a second after it, and healthy.
    async fn registered(&self, id: &str, detail: Value) -> String {
        let task = self.started(id, detail.clone()).await;
        self.pass(30);
        let event = self.stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
        self.pass(1);
        self.deliver(&event).await;
        if detail.get("targetGroupArn").is_none() {
            self.set_health(&task, Health::Healthy);
        }
        task
    }

    fn set_health(&self, task: &str, health: Health) {
        self.stage.fake.world(|world| {
            let address = world.address(task).expect("an address").to_string();
            world.set_health(&self.stage.group, &address, 8080, health);
        });
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let all = [&["trace", "--cluster", "engines"], arguments].concat();
        Run::new(&self.stage.fake, &all).env("START_ENGINES_ON_FAILURE_QUEUE_URL", &self.queue)
    }

    async fn trace(&self, arguments: &[&str]) -> Ended {
        self.run(arguments).end().await
    }

    async fn json(&self, id: &str, status: i32) -> Value {
        self.trace(&[id, "--output", "json"]).await.must(status).json()
    }
}

/// The id in a task's ARN.
fn id(task: &str) -> &str {
    task.rsplit('/').next().expect("an id")
}

fn whats(story: &Value) -> Vec<&str> {
    let moments = story["moments"].as_array().expect("moments");
    moments
        .iter()
        .map(|moment| moment["what"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn an_engine_that_serves_has_its_steps_in_order_and_exit_status_0() {
    let theatre = Theatre::new().await;
    let task = theatre
        .registered("e-1", json!({"correlationId": "c-1", "service": "auth"}))
        .await;
    let story = theatre.json(id(&task), 0).await;
    assert_eq!(
        whats(&story),
        [
            "requested",
            "run_task",
            "created",
            "start_handled",
            "started",
            "registered",
            "health"
        ]
    );
    assert_eq!(story["diagnosis"]["code"], "serving");
    assert_eq!((&story["gaps"], &story["kind"]), (&json!([]), &json!("task")));
    let attempt = story["moments"][1]["detail"].as_str().unwrap();
    assert_eq!(attempt, "FARGATE in subnet-0a1b2c3d4e5f60718: 1 of 1 started");
    assert_eq!(story["moments"][4]["afterMillis"], 30_000);
    let table = theatre.trace(&[&task]).await.must(0).out;
    let places = [
        "requested",
        "RunTask",
        "RUNNING",
        "registered",
        "healthy",
        "Diagnosis: it serves",
    ];
    let places = places.map(|word| table.find(word).unwrap_or_else(|| panic!("no {word}: {table}")));
    assert!(places.is_sorted(), "{table}");
    assert!(table.contains("+30.0s") && table.contains('█'), "{table}");
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[tokio::test]
async fn it_changes_nothing_and_hides_no_message() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    let record = json!({
        "requestPayload": {"id": "x", "detail-type": "ECS Task State Change", "detail": {"taskArn": task}},
        "requestContext": {"condition": "RetriesExhausted"},
        "responsePayload": {"errorType": "throttled", "errorMessage": "Rate exceeded"},
    });
    theatre
        .stage
        .fake
        .world(|world| world.add_message(&theatre.queue, &record, &[]));
    theatre.stage.calls();
    let story = theatre.json(id(&task), 0).await;
    assert!(whats(&story).contains(&"dead_letter"), "{story:#}");
    assert_eq!(
        theatre.stage.fake.world(|world| world.hidden_messages(&theatre.queue)),
        0
    );
    for call in theatre.stage.calls() {
        let is_read = ["Describe", "List", "Get", "Filter", "Receive"];
        assert!(is_read.iter().any(|verb| call.starts_with(verb)), "{call}");
    }
    // A redrive beside it gets the message, and its receipt is good.
    let redrive =
        Run::new(&theatre.stage.fake, &["redrive", "--all"]).env("START_ENGINES_ON_FAILURE_QUEUE_URL", &theatre.queue);
    redrive.end().await.must(0);
}

#[tokio::test]
async fn a_long_log_is_read_to_its_end_over_empty_pages() {
    let theatre = Theatre::new().await;
    let task = theatre.started("e-1", json!({})).await;
    theatre.stage.fake.world(|world| {
        for n in 0..50 {
            world.log(
                LOG,
                &json!({"message": "event handled", "outcome": "skipped", "eventId": n.to_string()}).to_string(),
            );
        }
        world.set_log_page(3);
    });
    theatre.pass(30);
    let event = theatre.stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    theatre.deliver(&event).await;
    theatre.set_health(&task, Health::Healthy);
    let story = theatre.json(id(&task), 0).await;
    assert!(whats(&story).contains(&"registered"), "{story:#}");
    let pages = theatre.stage.fake.calls_to("logs:FilterLogEvents");
    let patterns = [format!("\"{}\"", id(&task)), "\"e-1\"".to_owned()];
    for pattern in patterns {
        let own = pages.iter().filter(|call| call.input["filterPattern"] == *pattern);
        assert_eq!(own.count(), 18, "{pattern}");
    }
}

/// What is planned, as the story tells it.
fn planned(story: &Value) -> Vec<&str> {
    let moments = story["moments"].as_array().expect("moments").iter();
    let planned = moments.filter(|moment| moment["what"] == "planned");
    planned
        .map(|moment| moment["detail"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn what_is_scheduled_is_told_of_but_for_what_will_do_nothing() {
    let theatre = Theatre::with(&[("SCHEDULER_ROLE_ARN", ROLE), ("SCHEDULER_GROUP", "engines")]).await;
    theatre.stage.fake.world(|world| world.add_schedule_group("engines"));
    let fields = json!({"maxLifetimeSeconds": 7200, "startTimeoutSeconds": 1800, "healthTimeoutSeconds": 3600});
    let task = theatre.registered("e-1", fields.clone()).await;
    // Not long ago: it is still PROVISIONING.
    theatre.pass(480);
    let started = theatre.started("e-2", fields).await;
    let story = async |task: &str| {
        let run = theatre.run(&[id(task), "--output", "json"]);
        let run = run.env("SCHEDULER_ROLE_ARN", ROLE).env("SCHEDULER_GROUP", "engines");
        run.end().await.must(0).json()
    };
    let deadline = format!("start-engines-timeout-{}", id(&task));
    let is_there = |world: &mut World| world.schedules("engines").contains_key(&deadline);
    assert!(theatre.stage.fake.world(is_there), "it stays, and does nothing");
    assert_eq!(
        planned(&story(&task).await),
        ["a look at its targets' health", "a stop, at the end of its life"]
    );
    assert_eq!(
        planned(&story(&started).await),
        ["a stop, unless it is RUNNING by then", "a stop, at the end of its life"]
    );
}

#[tokio::test]
async fn a_second_look_is_planned_after_one_that_decided_nothing() {
    let theatre = Theatre::with(&[("SCHEDULER_ROLE_ARN", ROLE)]).await;
    theatre.pass(380);
    let fields = json!({"healthTimeoutSeconds": 60, "startTimeoutSeconds": 0});
    let task = theatre.registered("e-1", fields).await;
    theatre.set_health(&task, Health::Initial);
    theatre.pass(180);
    for event in theatre.stage.fake.world(World::fire_schedules) {
        theatre.deliver(&event).await;
    }
    let run = theatre
        .run(&[id(&task), "--output", "json"])
        .env("SCHEDULER_ROLE_ARN", ROLE);
    let story = run.end().await.must(0).json();
    assert_eq!(planned(&story), ["a second look at its targets' health"]);
    assert!(whats(&story).contains(&"undecided"), "{story:#}");
}

#[tokio::test]
async fn a_check_that_tasks_share_is_told_from_the_log() {
    let theatre = Theatre::with(&[("SCHEDULER_ROLE_ARN", ROLE)]).await;
    let fields = json!({"startTimeoutSeconds": 0, "healthTimeoutSeconds": 3600, "count": 2});
    theatre.started("e-1", fields).await;
    let running = theatre.stage.fake.world(|world| {
        let tasks = world.task_arns();
        let events = tasks.iter().map(|task| world.advance_to(task, "RUNNING"));
        events.collect::<Vec<_>>()
    });
    for handled in theatre.stage.deliver_batch(&running).await {
        theatre.write(&handled.summary(), handled.result.is_err());
    }
    let names = theatre.stage.fake.world(|world| world.schedules("default").len());
    assert_eq!(names, 1, "one schedule for both");
    let run = theatre
        .run(&["e-1", "--output", "json"])
        .env("SCHEDULER_ROLE_ARN", ROLE);
    let story = run.end().await.must(0).json();
    assert_eq!(planned(&story), ["a look at its targets' health, says the log"; 2]);
}

#[tokio::test]
async fn what_log_level_hides_and_what_cannot_be_read_is_said_and_proves_nothing() {
    let theatre = Theatre::new().await;
    let task = theatre.started("e-1", json!({})).await;
    theatre.pass(30);
    theatre.stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    theatre.pass(60);
    let hidden = theatre.run(&[id(&task)]).env("LOG_LEVEL", "warn").end().await.must(3);
    assert!(hidden.out.contains("LOG_LEVEL hides"), "{}", hidden.out);
    assert!(!hidden.out.contains("missing:"), "{}", hidden.out);
    let denied = Fault::error(
        400,
        "AccessDeniedException",
        "not authorized to perform: logs:FilterLogEvents",
    );
    theatre
        .stage
        .fake
        .world(|world| world.fail_next("logs:FilterLogEvents", denied, 1));
    let unread = theatre.trace(&[id(&task)]).await.must(3);
    assert!(unread.out.contains("logs:FilterLogEvents"), "{}", unread.out);
    assert!(!unread.out.contains("missing:"), "{}", unread.out);
    let other = theatre
        .trace(&[id(&task), "--log-group", "/aws/lambda/other"])
        .await
        .must(3);
    assert!(
        other.out.contains("the log group /aws/lambda/other was not read"),
        "{}",
        other.out
    );
    for (call, code) in [
        ("ecs:DescribeTasks", "AccessDeniedException"),
        ("elb:DescribeTargetHealth", "AccessDenied"),
    ] {
        let denied = Fault::error(400, code, "not authorized");
        theatre.stage.fake.world(|world| world.fail_next(call, denied, 1));
        let ended = theatre.trace(&[id(&task)]).await.must(1);
        assert!(ended.err.contains("access_denied"), "{}", ended.err);
    }
}

#[tokio::test]
async fn credentials_of_another_account_are_told_at_once_and_nothing_else_is_asked() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    theatre.stage.calls();
    let elsewhere = json!({"Account": "444455556666"});
    theatre
        .stage
        .fake
        .world(|world| world.describe("caller", "caller", elsewhere));
    let ended = theatre.trace(&[id(&task)]).await.must(1);
    let cause = "your credentials are of the account 444455556666, and start-engines is in 111122223333";
    assert!(ended.err.starts_with(cause) && ended.out.is_empty(), "{ended:?}");
    assert!(ended.err.contains("use credentials of 111122223333"), "{ended:?}");
    assert_eq!(theatre.stage.calls(), ["GetCallerIdentity"]);
    let own = json!({"Account": "111122223333"});
    theatre
        .stage
        .fake
        .world(|world| world.describe("caller", "caller", own));
    let elsewhere = theatre.run(&[id(&task)]).env("AWS_REGION", "eu-west-1");
    let ended = elsewhere.end().await.must(1);
    assert!(ended.err.starts_with("your region is eu-west-1"), "{ended:?}");
    // Whose they are is not known: no reason to stop.
    let denied = Fault::error(403, "AccessDenied", "not authorized");
    theatre
        .stage
        .fake
        .world(|world| world.fail_next("sts:GetCallerIdentity", denied, 1));
    theatre.trace(&[id(&task)]).await.must(0);
    let unknown = theatre.run(&[id(&task)]).env("START_ENGINES_FUNCTION", "");
    unknown.end().await.must(0);
}

#[tokio::test]
async fn mermaid_is_for_trace_alone() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    let chart = theatre.trace(&[id(&task), "--output", "mermaid"]).await.must(0).out;
    assert!(
        chart.starts_with("gantt\n") && chart.contains("section task"),
        "{chart}"
    );
    let status = Run::new(&theatre.stage.fake, &["status", "--output", "mermaid"])
        .end()
        .await
        .must(2);
    assert!(status.err.contains("only trace has a timeline"), "{}", status.err);
}
