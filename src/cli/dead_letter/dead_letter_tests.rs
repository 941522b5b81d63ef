use super::*;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";

fn message(body: &Value, attributes: &[(&str, &str)]) -> Message {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Message {
        id: "m-1".into(),
        receipt: Receipt("r-1".into()),
        body: body.to_string(),
        attributes: attributes.iter().map(owned).collect(),
        sent_at: None,
        moved_from: None,
    }
}

fn start() -> Value {
    json!({"id": "e-1", "detail-type": START, "source": "app", "time": "2026-11-20T07:00:00Z",
        "detail": {"service": "auth"}})
}

fn at(hours: i64) -> Timestamp {
    let sent = Timestamp::parse("2026-11-20T07:00:00Z").unwrap();
    Timestamp::from_millis(sent.millis() + hours * 3_600_000)
}

#[test]
fn what_a_rule_could_not_deliver_is_the_event_itself() {
    let attributes = [
        ("ERROR_CODE", "NO_PERMISSIONS"),
        ("ERROR_MESSAGE", "not authorized"),
        (
            "RULE_ARN",
            "arn:aws:events:us-east-1:111122223333:rule/start-engines-requests",
        ),
        ("TARGET_ARN", FUNCTION),
    ];
    let letter = DeadLetter::read(message(&start(), &attributes), None);
    assert_eq!(letter.event, Ok(start()));
    assert_eq!(
        (letter.code.as_str(), letter.reason.as_str()),
        ("NO_PERMISSIONS", "not authorized")
    );
    assert_eq!(letter.function.as_deref(), Some(FUNCTION));
    assert_eq!(letter.about(), "service auth");
}

#[test]
fn what_the_function_failed_on_is_in_lambdas_record() {
    let record = json!({
        "version": "1.0", "timestamp": "2026-11-20T07:03:10.000Z",
        "requestContext": {"requestId": "q", "functionArn": format!("{FUNCTION}:$LATEST"),
            "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": start(),
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "throttled", "errorMessage": "RunTask failed with ThrottlingException: slow"},
    });
    let letter = DeadLetter::read(message(&record, &[]), None);
    assert_eq!(letter.event, Ok(start()));
    assert_eq!(letter.code, "throttled");
    assert_eq!(letter.condition.as_deref(), Some("RetriesExhausted"));
    assert_eq!(letter.function.as_deref(), Some(FUNCTION));
}

#[test]
fn an_array_that_the_function_failed_on_is_one_thing_and_as_old_as_its_oldest_start() {
    let mut stop = start();
    stop["detail-type"] = json!(STOP);
    stop["detail"] = json!({"service": "billing"});
    let mut old = start();
    old["time"] = json!("2026-11-20T05:00:00Z");
    let record = json!({"requestContext": {"functionArn": FUNCTION}, "requestPayload": [start(), stop, old, "odd"],
        "responsePayload": {"errorType": "batch_failed", "errorMessage": "2 of 4 events failed"}});
    let letter = DeadLetter::read(message(&record, &[]), None);
    assert_eq!(letter.event, Ok(record["requestPayload"].clone()));
    assert_eq!(
        (letter.code.as_str(), letter.kind().as_str(), letter.about().as_str()),
        ("batch_failed", "4 events", "service auth and 1 more")
    );
    assert_eq!(letter.tokens(at(0)), Tokens::PerhapsForgotten);
    let alike = json!({"requestContext": {}, "requestPayload": [start(), start()]});
    let letter = DeadLetter::read(message(&alike, &[]), None);
    assert_eq!(
        (letter.kind(), letter.about()),
        ("2 x Start ECS Task".to_owned(), "service auth".to_owned())
    );
    for none in [json!([]), json!([1, "x"])] {
        let record = json!({"requestContext": {}, "requestPayload": none});
        assert!(DeadLetter::read(message(&record, &[]), None).event.is_err());
    }
}

#[test]
fn what_a_custom_bus_could_not_deliver_is_listed_by_ids_since_its_record_has_no_more() {
    let failed: Vec<Value> = (0..12)
        .map(|n| json!({"eventId": format!("e-{n}"), "timestamp": "2026-11-20T07:00:00Z"}))
        .collect();
    let record = json!({
        "version": "1.0", "busArn": "arn:aws:events:us-east-1:111122223333:event-busv2/engines/0123",
        "subscriberArn": "arn:aws:events:us-east-1:111122223333:subscriber/starts/0123",
        "targetArn": FUNCTION, "errorCode": "ACCESS_DENIED", "errorMessage": "not authorized",
        "exhaustedRetryCondition": "MaximumRetryAttempts", "retryAttempts": 5, "failedMessages": failed,
    });
    let letter = DeadLetter::read(message(&record, &[("ERROR_CODE", "ACCESS_DENIED")]), None);
    assert_eq!(
        (letter.code.as_str(), letter.reason.as_str()),
        ("ACCESS_DENIED", "not authorized")
    );
    assert_eq!(letter.condition.as_deref(), Some("MaximumRetryAttempts"));
    assert_eq!(letter.function.as_deref(), Some(FUNCTION));
    let why = letter.event.clone().unwrap_err();
    assert!(
        why.contains("e-0, e-1") && why.contains("e-9 and 2 more") && why.contains("replay"),
        "{why}"
    );
    assert_eq!(
        (letter.kind().as_str(), letter.tokens(at(48))),
        ("(no event)", Tokens::Kept)
    );
}

#[test]
fn a_function_that_was_killed_leaves_no_error_type() {
    let record = json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": start(),
        "responsePayload": {"errorMessage": "Task timed out after 30.00 seconds"}});
    let letter = DeadLetter::read(message(&record, &[]), None);
    assert_eq!(
        (letter.code.as_str(), letter.reason.contains("timed out")),
        ("unknown", true)
    );
}

fn moved(body: &Value, attributes: &[(&str, &str)]) -> DeadLetter {
    let queue = "arn:aws:sqs:us-east-1:111122223333:start-engines-requests";
    DeadLetter::read(
        Message {
            moved_from: Some(queue.into()),
            ..message(body, attributes)
        },
        None,
    )
}

#[test]
fn what_sqs_has_moved_is_the_event_itself_and_its_reason_is_in_the_log() {
    let letter = moved(&start(), &[]);
    assert_eq!(letter.event, Ok(start()));
    assert_eq!(letter.code, RECEIVED_TOO_OFTEN);
    for part in ["start-engines-requests", "messageId m-1"] {
        assert!(letter.reason.contains(part), "{}", letter.reason);
    }
    assert_eq!(letter.condition.as_deref(), Some("maxReceiveCount"));
    assert_eq!(letter.function, None);
    assert!(moved(&json!("hello"), &[]).event.is_err());
}

#[test]
fn a_reason_in_the_message_goes_before_where_it_was_moved_from() {
    assert_eq!(
        moved(&start(), &[("ERROR_CODE", "NO_PERMISSIONS")]).code,
        "NO_PERMISSIONS"
    );
}

fn of_scheduler(schedule: &str, body: &Value, truncated: &str) -> DeadLetter {
    let arn = format!("arn:aws:scheduler:us-east-1:111122223333:schedule/start-engines/{schedule}");
    let attributes = [
        ("ERROR_CODE", "AWS.Scheduler.AccessDenied"),
        ("SCHEDULE_ARN", arn.as_str()),
        ("SCHEDULED_TIME", "2026-11-20T07:00:00Z"),
        ("EXECUTION_ID", "d32c5kddcf5bb8c3"),
        ("IS_PAYLOAD_TRUNCATED", truncated),
    ];
    DeadLetter::read(message(body, &attributes), FUNCTION.parse().ok().as_ref())
}

#[test]
fn what_a_schedule_of_the_function_could_not_invoke_is_an_event() {
    let letter = of_scheduler("start-engines-stop-1", &start(), "false");
    assert_eq!(letter.event, Ok(start()));
    assert!(of_scheduler("start-engines-stop-1", &start(), "true").event.is_err());
}

#[test]
fn what_a_schedule_could_not_send_to_the_bus_becomes_its_event() {
    let detail = json!({"service": "auth", "idempotencyKey": "se/day/<aws.scheduler.scheduled-time>"});
    let event = of_scheduler("day-start", &detail, "false").event.unwrap();
    assert_eq!(event["detail-type"], START);
    assert_eq!(event["detail"]["idempotencyKey"], "se/day/2026-11-20T07:00:00Z");
    assert_eq!(event["source"], "start-engines.schedules.start-engines");
    assert_eq!(
        (event["account"].as_str(), event["region"].as_str()),
        (Some("111122223333"), Some("us-east-1"))
    );
    let event = of_scheduler("day-stop", &detail, "false").event.unwrap();
    assert_eq!(event["detail-type"], STOP);
    for name in ["reconcile", "reconcile-2", "reconcile-11"] {
        let event = of_scheduler(name, &json!({"cluster": "engines"}), "false")
            .event
            .unwrap();
        assert_eq!(event["detail-type"], "Reconcile ECS Targets", "{name}");
    }
    assert!(of_scheduler("backup", &detail, "false").event.is_err());
}

#[test]
fn a_request_is_as_old_as_what_was_asked_for_and_nothing_else_has_an_age() {
    let read = |kind: &str, detail: &Value| {
        let event =
            json!({"id": "e", "detail-type": kind, "source": "app", "time": "2026-11-20T07:00:00Z", "detail": detail});
        DeadLetter::read(message(&event, &[]), None)
            .requested_at()
            .and_then(Timestamp::to_rfc3339)
    };
    let noon = |hour: u8| Some(format!("2026-11-20T{hour:02}:00:00.000Z"));
    for kind in [START, STOP, RECONCILE] {
        assert_eq!(read(kind, &json!({})), noon(7));
        assert_eq!(read(kind, &json!({"requestedAt": "2026-11-20T05:00:00Z"})), noon(5));
        assert_eq!(read(kind, &json!({"requestedAt": "2026-11-20T09:00:00Z"})), noon(7));
        assert_eq!(read(kind, &json!({"requestedAt": "soon"})), noon(7));
    }
    assert_eq!(
        read("ECS Task State Change", &json!({"requestedAt": "2026-11-20T05:00:00Z"})),
        None
    );
    assert_eq!(
        DeadLetter::read(message(&json!("hello"), &[]), None).requested_at(),
        None
    );
}

#[test]
fn a_message_is_anothers_if_it_names_another_function_whatever_version_it_names() {
    let own: FunctionArn = FUNCTION.parse().unwrap();
    for (named, is_for_another_function) in [
        (Some(FUNCTION.to_owned()), false),
        (Some(format!("{FUNCTION}:live")), false),
        (Some(format!("{FUNCTION}-2")), true),
        (Some(FUNCTION.replace("us-east-1", "us-west-2")), true),
        (None, false),
    ] {
        let letter = DeadLetter {
            function: named.clone(),
            ..DeadLetter::read(message(&start(), &[]), None)
        };
        assert_eq!(
            letter.is_for_another_function(&own),
            is_for_another_function,
            "{named:?}"
        );
    }
}

#[test]
fn anything_else_in_a_queue_is_listed_and_not_sent() {
    for body in [
        json!("hello"),
        json!({"a": 1}),
        json!({"requestContext": {}, "requestPayload": 1}),
    ] {
        let letter = DeadLetter::read(message(&body, &[]), None);
        assert!(letter.event.is_err(), "{body}");
        assert_eq!(letter.tokens(at(1000)), Tokens::Kept);
    }
}

#[test]
fn a_start_is_safe_to_send_again_for_an_hour_for_sure_and_never_after_a_day() {
    let letter = DeadLetter::read(message(&start(), &[]), None);
    assert_eq!(letter.tokens(at(0)), Tokens::Kept);
    assert_eq!(letter.tokens(at(1)), Tokens::PerhapsForgotten);
    assert_eq!(letter.tokens(at(24)), Tokens::Forgotten);
    let mut event = start();
    event["detail-type"] = json!("ECS Task State Change");
    assert_eq!(
        DeadLetter::read(message(&event, &[]), None).tokens(at(48)),
        Tokens::Kept
    );
}
