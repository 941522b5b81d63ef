//! The same for the dead-letter queues of buffered mode, which hold the events alone.

use serde_json::{Value, json};
use start_engines_fake_aws::{Fault, World};

use super::{Queues, start, stop};
use crate::command::{Run, end, interrupt};

impl Queues {
    /// In buffered mode.
    fn run_buffered(&self, arguments: &[&str]) -> Run {
        self.run(arguments)
            .env("START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL", &self.requests)
            .env("START_ENGINES_STATE_CHANGE_DEAD_LETTER_QUEUE_URL", &self.changes)
    }

    /// A request that the function failed on at every delivery from its queue.
    fn moved(&self, event: &Value) -> String {
        self.fake
            .world(|world| world.move_message(&self.requests, event, "start-engines-requests"))
    }

    /// The same of a state change.
    fn moved_change(&self, event: &Value) -> String {
        self.fake
            .world(|world| world.move_message(&self.changes, event, "start-engines-state-changes"))
    }

    /// What is left in the queues of buffered mode.
    fn left_buffered(&self) -> (Vec<String>, Vec<String>) {
        self.fake
            .world(|world| (world.messages(&self.requests), world.messages(&self.changes)))
    }
}

/// A task state change.
fn change() -> Value {
    json!({"version": "0", "id": "change", "detail-type": "ECS Task State Change", "source": "aws.ecs",
        "time": "2026-11-20T07:00:00Z", "detail": {
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef",
            "lastStatus": "RUNNING"}})
}

#[tokio::test]
async fn a_list_shows_the_queue_and_the_message_id_that_the_log_has() {
    let queues = Queues::new().await;
    let (one, two) = (queues.moved(&stop(1)), queues.moved_change(&change()));
    let ended = queues.run_buffered(&["--output", "json"]).end().await.must(3);
    let all = ended.json();
    let field = |n: usize, name: &str| all["messages"][n][name].as_str().unwrap_or_default().to_owned();
    for (n, queue, source, id) in [
        (0, "request-dead-letter-queue", "start-engines-requests", &one),
        (1, "state-change-dead-letter-queue", "start-engines-state-changes", &two),
    ] {
        assert_eq!((field(n, "queue").as_str(), &field(n, "id")), (queue, id));
        assert_eq!(field(n, "code"), "received_too_often");
        assert_eq!(field(n, "condition"), "maxReceiveCount");
        let reason = field(n, "reason");
        assert!(
            reason.contains(source) && reason.contains(&format!("messageId {id}")),
            "{reason}"
        );
    }
    let ended = queues.run_buffered(&[]).end().await.must(3);
    for expected in [
        "received_too_often:",
        "service service-1",
        "task 0123456789abcdef",
        "2 messages",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    let is_narrow = ended.out.lines().all(|line| line.chars().count() <= 100);
    assert!(is_narrow, "{}", ended.out);
    assert_eq!(queues.hidden(), 0, "others may have them again");
    assert_eq!(queues.left_buffered(), (vec![one], vec![two]));
    queues.run(&[]).end().await.must(0);
}

#[tokio::test]
async fn all_are_sent_to_the_function_and_then_deleted() {
    let queues = Queues::new().await;
    queues.undelivered(&stop(0));
    queues.moved(&stop(1));
    queues.moved_change(&change());
    let ended = queues
        .run_buffered(&["--all", "--reason", "received_too_often"])
        .end()
        .await
        .must(0);
    assert!(ended.out.contains("2 sent"), "{}", ended.out);
    assert_eq!(queues.invoked(), [stop(1), change()]);
    assert_eq!((queues.left_buffered(), queues.left().0.len()), ((vec![], vec![]), 1));
    let mut order = queues.fake.operations();
    order.retain(|name| name == "lambda:Invoke" || name == "sqs:DeleteMessage");
    let each = ["lambda:Invoke", "sqs:DeleteMessage"];
    assert_eq!(order, [each, each].concat());
}

#[tokio::test]
async fn a_message_does_not_name_its_function_and_nothing_is_sent_without_it() {
    let queues = Queues::new().await;
    queues.moved(&stop(1));
    let unnamed = queues.run_buffered(&["--all"]).env("START_ENGINES_FUNCTION", "");
    let ended = unnamed.end().await.must(2);
    assert!(ended.err.contains("--function is missing"), "{}", ended.err);
    assert_eq!((queues.left_buffered().0.len(), queues.hidden()), (1, 0));
}

#[tokio::test]
async fn an_old_start_stays_too() {
    let queues = Queues::new().await;
    queues.moved(&start("2026-11-20T07:00:00Z"));
    queues.run_buffered(&["--all"]).end().await.must(3);
    assert_eq!((queues.left_buffered().0.len(), queues.invoked()), (1, vec![]));
    queues.run_buffered(&["--all", "--old-starts"]).end().await.must(0);
    assert_eq!(queues.invoked().len(), 1);
}

#[tokio::test]
async fn killed_or_interrupted_between_invoke_and_delete_nothing_is_lost() {
    for is_killed in [true, false] {
        let queues = Queues::new().await;
        let ids: Vec<String> = (0..3).map(|n| queues.moved(&stop(n))).collect();
        let (sent, mut sendings) = tokio::sync::mpsc::unbounded_channel();
        queues.fake.world(|world| {
            // Long enough for the signal: the SDK tries again after its own time limit.
            world.fail_next("sqs:DeleteMessage", Fault::Hang, 1);
            world.before_next("sqs:DeleteMessage", move |_| sent.send(()).expect("the test listens"));
        });
        let mut child = queues.run_buffered(&["--all"]).begin();
        sendings.recv().await.expect("it has sent one");
        if is_killed {
            child.kill().await.expect("it was running");
            assert_eq!(queues.left_buffered().0, ids);
            queues.fake.world(|world: &mut World| {
                assert_eq!(world.lose_hung_calls(), 1);
                world.clock += std::time::Duration::from_secs(120);
            });
        } else {
            interrupt(&child).await;
            end(child).await.must(130);
            assert_eq!(queues.left_buffered().0, ids[1..]);
        }
        assert_eq!((queues.hidden(), queues.invoked()), (0, vec![stop(0)]));
    }
}
