//! What stays in its queue: no event, refused by Lambda, or the command is interrupted or killed in between.

use serde_json::json;
use start_engines_fake_aws::{Fault, World};

use super::{Queues, stop};
use crate::command::{end, interrupt};

#[tokio::test]
async fn what_holds_no_event_is_listed_and_stays() {
    let queues = Queues::new().await;
    queues.fake.world(|world| {
        world.add_message(
            &queues.rules,
            &json!("\u{1b}[2Jhello"),
            &[("ERROR_MESSAGE", "\u{1b}[31mred")],
        )
    });
    let ended = queues.run(&[]).end().await.must(3);
    assert!(
        ended.out.contains("the body is no event") && !ended.out.contains('\u{1b}'),
        "{}",
        ended.out
    );
    queues.run(&["--all"]).end().await.must(3);
    assert_eq!(queues.left().0.len(), 1);
}

#[tokio::test]
async fn what_lambda_refuses_stays_and_the_others_go() {
    let queues = Queues::new().await;
    let first = queues.undelivered(&stop(1));
    queues.undelivered(&stop(2));
    let large = Fault::error(413, "RequestTooLargeException", "too large");
    queues.fake.world(|world| world.fail_next("lambda:Invoke", large, 1));
    let ended = queues.run(&["--all"]).end().await.must(1);
    assert!(ended.out.contains("1 sent, 1 failed"), "{}", ended.out);
    assert_eq!(queues.left().0, [first]);
    assert_eq!(queues.hidden(), 0);
}

#[tokio::test]
async fn a_denied_or_throttled_lambda_ends_it_with_everything_in_its_place() {
    for fault in [Fault::error(403, "AccessDeniedException", "no"), Fault::Throttle] {
        let queues = Queues::new().await;
        for n in 0..3 {
            queues.undelivered(&stop(n));
        }
        queues.fake.world(|world| world.fail_next("lambda:Invoke", fault, 9));
        queues.run(&["--all"]).end().await.must(1);
        assert_eq!((queues.left().0.len(), queues.hidden()), (3, 0));
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_deleted_is_reported_as_sent_but_not_deleted() {
    let queues = Queues::new().await;
    queues.undelivered(&stop(1));
    queues
        .fake
        .world(|world| world.fail_next("sqs:DeleteMessage", Fault::Html500, 9));
    let ended = queues.run(&["--all"]).end().await.must(1);
    assert!(ended.out.contains("sent, but still in the queue"), "{}", ended.out);
    assert_eq!(
        (queues.left().0.len(), queues.hidden(), queues.invoked().len()),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn killed_between_invoke_and_delete_the_message_is_back_in_two_minutes() {
    let queues = Queues::new().await;
    let ids: Vec<String> = (0..2).map(|n| queues.undelivered(&stop(n))).collect();
    let (sent, mut sendings) = tokio::sync::mpsc::unbounded_channel();
    queues.fake.world(|world| {
        world.fail_next("sqs:DeleteMessage", Fault::Hang, 9);
        world.before(
            "sqs:DeleteMessage",
            Box::new(move |_| sent.send(()).expect("the test listens")),
        );
    });
    let mut child = queues.run(&["--all"]).begin();
    sendings.recv().await.expect("it has sent one");
    child.kill().await.expect("it was running");
    assert_eq!(queues.left().0, ids, "nothing is lost");
    queues.fake.world(|world: &mut World| {
        assert_eq!(world.lose_hung_calls(), 1);
        world.clock += std::time::Duration::from_secs(120);
    });
    assert_eq!(queues.hidden(), 0);
}

#[tokio::test]
async fn interrupted_between_invoke_and_delete_it_finishes_that_one_and_gives_the_rest_back() {
    let queues = Queues::new().await;
    let ids: Vec<String> = (0..3).map(|n| queues.undelivered(&stop(n))).collect();
    let (sent, mut sendings) = tokio::sync::mpsc::unbounded_channel();
    queues.fake.world(|world| {
        // Long enough for the signal: the SDK tries again after its own time limit.
        world.fail_next("sqs:DeleteMessage", Fault::Hang, 1);
        world.before_next("sqs:DeleteMessage", move |_| sent.send(()).expect("the test listens"));
    });
    let child = queues.run(&["--all"]).begin();
    sendings.recv().await.expect("it has sent one");
    interrupt(&child).await;
    let ended = end(child).await.must(130);
    assert!(ended.out.contains("1 sent"), "{}", ended.out);
    assert_eq!(queues.left().0, ids[1..]);
    assert_eq!((queues.hidden(), queues.invoked()), (0, vec![stop(0)]));
}
