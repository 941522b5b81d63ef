//! The Runbook of `docs/operations.md`: every `start-engines` command in it, run as printed on a terminal; and that it
//! has a row for every alarm and every reason.

use std::collections::BTreeSet;

use serde_json::json;
use start_engines_fake_aws::{Health, World};

use super::{FUNCTION, answered, with_terminal};
use crate::stage::Stage;

const PAGE: &str = include_str!("../../../docs/operations.md");
const ALARMS: &str = include_str!("../../../pulumi/component/src/alarms.ts");

fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
    rest.split_once(to).map_or(rest, |(part, _)| part)
}

fn runbook() -> &'static str {
    part(PAGE, "\n## Runbook\n", "\n## ")
}

/// What is between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The first cells of all rows.
fn rows(text: &str) -> BTreeSet<&str> {
    let first = |line: &'static str| line.strip_prefix("| ")?.split(" | ").next();
    let lines: Vec<&'static str> = PAGE.lines().collect();
    let own = lines.into_iter().filter(|line| text.contains(*line));
    own.filter_map(first).flat_map(quoted).collect()
}

#[test]
fn every_alarm_has_a_row() {
    let rows = rows(part(runbook(), "### Alarms", "### Reasons"));
    let named = ALARMS.lines().filter_map(|line| line.trim().strip_prefix("suffix: "));
    let mut alarms = 0;
    for name in named {
        let name = name
            .trim_matches(|c| "\"`,".contains(c))
            // A function of the component, which `alarms.each` names too.
            .replace("unhealthySuffix(group.label)", "unhealthy-<group>");
        let queues: BTreeSet<String> = ["request", "state-change"]
            .into_iter()
            .map(|queue| name.replace("${queue.label}", queue))
            .collect();
        for name in queues {
            assert!(rows.contains(name.as_str()), "no row for {name}");
            alarms += 1;
        }
    }
    assert!(alarms > 13, "{alarms}");
}

#[test]
fn every_reason_has_a_row() {
    let rows = rows(part(runbook(), "### Reasons", "Where events are lost"));
    let table = part(PAGE, "| `errorType` |", "\n\n");
    let of_events: Vec<&str> = table
        .lines()
        .skip(2)
        .flat_map(|line| quoted(line.split(" | ").next().unwrap()))
        .collect();
    let of_starts = part(PAGE, "`failedStart` (", ") and `failedStartReason`");
    let of_starts = quoted(of_starts);
    assert!(
        of_events.len() > 40 && of_starts.len() > 6,
        "{of_events:?} {of_starts:?}"
    );
    for reason in of_events.iter().chain(&of_starts) {
        assert!(rows.contains(reason), "no row for {reason}");
    }
}

/// Everything that a command of the Runbook may need: a task that is well, drift, and a message of each kind.
async fn world() -> (Stage, [String; 3]) {
    let stage = Stage::new().await;
    let well = stage.registered_task("e-1").await;
    let lost = stage.registered_task("e-2").await;
    let queues = stage.fake.world(|world| {
        let [one, two] = [&well, &lost].map(|task| world.address(task).expect("an address").to_string());
        world.set_health(&stage.group, &one, 8080, Health::Healthy);
        world.deregister(&stage.group, &two, 8080);
        world.register(&stage.group, "10.9.9.9", 8080);
        for task in [&well, &lost] {
            world.tag(task, "start-engines:service", "auth");
        }
        ["undelivered", "failures", "requests-dead-letters"].map(|name| world.add_queue(name))
    });
    (stage, queues)
}

/// Adds a message with the reason that the command names; returns the command with the message's id.
fn with_message(world: &mut World, queues: &[String; 3], command: &str) -> String {
    let reason = command.split_once("--reason ").map(|(_, reason)| reason);
    let reason = reason.unwrap_or("throttled");
    let event = json!({"id": "e", "detail-type": "Stop ECS Task", "source": "app.tests", "time": "2026-11-20T07:00:00Z",
            "detail": {"service": "auth"}});
    if reason == "received_too_often" {
        world.move_message(&queues[2], &event, "start-engines-requests");
        return command.to_owned();
    }
    let record = json!({
        "requestPayload": event, "requestContext": {"functionArn": FUNCTION, "condition": "RetriesExhausted"},
        "responsePayload": {"errorType": reason, "errorMessage": "as it was"},
    });
    let id = world.add_message(&queues[1], &record, &[]);
    command.replace("0a1b2c3d", &id[..8])
}

/// What a function would do on AWS while a command waits.
fn answer_waits(stage: &Stage) {
    stage.fake.world(|world| {
        let group = stage.group.clone();
        world.before(
            "ecs:ListTasks",
            Box::new(move |world| {
                for event in world.take_put_events() {
                    if event["detail-type"] != "Start ECS Task" {
                        continue;
                    }
                    let tail = group.split_once(":targetgroup/").expect("an ARN").1;
                    let task = world.run_foreign_task(&json!({
                        "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE",
                        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
                        "startedBy": format!("start-engines/{tail}/8080"),
                        "tags": [{"key": "start-engines:event-id", "value": event["id"]}],
                    }));
                    world.advance_to(&task, "RUNNING");
                    let address = world.address(&task).expect("an address").to_string();
                    world.register(&group, &address, 8080);
                    world.set_health(&group, &address, 8080, Health::Healthy);
                }
            }),
        );
    });
}

#[tokio::test]
async fn every_command_runs_as_printed() {
    let commands: BTreeSet<&str> = quoted(runbook())
        .into_iter()
        .filter(|text| text.starts_with("start-engines ") && text.len() > "start-engines ".len())
        .collect();
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        let (stage, queues) = world().await;
        answer_waits(&stage);
        let line = stage.fake.world(|world| match command.contains(" redrive") {
            true => with_message(world, &queues, command),
            false => command.to_owned(),
        });
        let mut run = with_terminal(&stage.fake, line.trim_start_matches("start-engines "));
        run.env("START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL", &queues[0])
            .env("START_ENGINES_ON_FAILURE_QUEUE_URL", &queues[1])
            .env("START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL", &queues[2])
            .env("ALLOWED_CLUSTERS", "engines")
            .env("SCHEDULER_ROLE_ARN", "arn:aws:iam::111122223333:role/later")
            .env("SERVICES_FILE", "fixtures/services.json");
        // Answers every question with yes.
        let (status, shown) = answered(run, "y\ny\n").await;
        // Exit status 3 is right for messages that are left, for drift, and for a deployment of which only a part is there; no other status but 0 is.
        let is_look = ["status", "redrive", "--dry-run", "doctor"]
            .iter()
            .any(|word| command.contains(word));
        let is_look = is_look && !["--all", "--discard"].iter().any(|word| command.contains(word));
        assert_eq!(status, Some(if is_look { 3 } else { 0 }), "{command}: {shown}");
    }
}
