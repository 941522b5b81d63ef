//! The Runtime API, from both of its sides.

use serde_json::json;
use start_engines_fake_aws::runtime_api::{InvocationResult, RuntimeApi};
use start_engines_fake_aws::wire;

#[tokio::test]
async fn the_runtime_api_hands_out_events_and_takes_one_answer_each() {
    let runtime = RuntimeApi::start().await;
    let address = runtime.address();
    let prefix = "/2018-06-01/runtime";
    let post = async |path: String, body: &str| {
        let answer = wire::send(&address, "POST", &path, &[], body.as_bytes()).await;
        answer.expect("an answer").status
    };
    let function = async {
        let mut statuses = Vec::new();
        for (kind, body) in [
            ("response", r#"{"done":true}"#),
            ("error", r#"{"errorType":"throttled","errorMessage":"again"}"#),
        ] {
            let next = wire::send(&address, "GET", &format!("{prefix}/invocation/next"), &[], b"").await;
            let next = next.expect("an event");
            assert!(next.head.contains("lambda-runtime-deadline-ms: "));
            assert_eq!(next.json(), json!({"n": statuses.len()}));
            let id = next
                .head
                .split("aws-request-id: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let path = format!("{prefix}/invocation/{}/{kind}", id.expect("an id"));
            statuses.push(post(path.clone(), body).await);
            assert_eq!(post(path, body).await, 400, "a second answer is refused");
        }
        post(
            format!("{prefix}/init/error"),
            r#"{"errorType":"a","errorMessage":"b"}"#,
        )
        .await;
        statuses
    };
    let invoker = async {
        let first = runtime.invoke(&json!({"n": 0})).await.expect("an answer");
        let second = runtime.invoke(&json!({"n": 1})).await.expect("an answer");
        (first, second)
    };
    let (statuses, (first, second)) = tokio::join!(function, invoker);
    assert_eq!(statuses, [202, 202]);
    assert_eq!(first, InvocationResult::Response(json!({"done": true})));
    assert_eq!(second.expect_error(), ("throttled".to_owned(), "again".to_owned()));
    assert_eq!(runtime.init_error().await, ("a".to_owned(), "b".to_owned()));
}
