//! Bad input: each is an error that names field, value and rule, and no AWS call is made.

mod reconciles;
mod shapes;
mod starts;
mod stops;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::ports::Aws;
use start_engines_handler::Handler;

use crate::stage::{AUTH, BEGIN, TestClock, config, invocation, start_event};

/// Counts the calls that must not be made.
#[derive(Default)]
struct NoAws(AtomicUsize);

impl Aws for &NoAws {
    async fn perform(&self, _: &Call, _: Duration) -> Result<Answer, CallError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Answer::Done)
    }
}

struct Bad {
    event: Value,
    category: &'static str,
    /// What the error must say: field, value and rule.
    says: Vec<&'static str>,
}

fn bad(event: Value, says: &[&'static str]) -> Bad {
    Bad {
        event,
        category: "invalid_event",
        says: says.to_vec(),
    }
}

/// A start whose detail has these fields over a sound one's.
fn detail(fields: Value, says: &[&'static str]) -> Bad {
    bad(start_event("e1", AUTH, fields), says)
}

fn not_allowed(fields: Value, says: &[&'static str]) -> Bad {
    Bad {
        category: "not_allowed",
        ..detail(fields, says)
    }
}

/// A sound start with one field of the envelope replaced, or removed if null.
fn envelope(name: &str, value: Value, says: &[&'static str]) -> Bad {
    let mut event = start_event("e1", AUTH, json!({}));
    let fields = event.as_object_mut().unwrap();
    fields.remove(name);
    if !value.is_null() {
        fields.insert(name.to_owned(), value);
    }
    bad(event, says)
}

fn state_change(detail: Value, says: &[&'static str]) -> Bad {
    bad(
        json!({"id": "e1", "detail-type": "ECS Task State Change", "source": "aws.ecs", "time": BEGIN, "detail": detail}),
        says,
    )
}

#[tokio::test]
async fn every_bad_event_is_refused_with_field_value_and_rule_and_no_call() {
    let cases: Vec<Bad> = starts::all()
        .chain(shapes::all())
        .chain(stops::all())
        .chain(reconciles::all())
        .collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    let environment = [
        ("ALLOWED_CLUSTERS", "engines"),
        ("ALLOWED_TASK_FAMILIES", "auth"),
        ("ALLOWED_TARGET_GROUPS", "auth,nnnn*"),
        ("ALLOWED_SOURCES", "app.tests"),
    ];
    let aws = NoAws::default();
    let clock = TestClock::at(BEGIN);
    let handler = Handler::new(
        config(&environment, Some(include_str!("../../../../fixtures/services.json"))),
        &aws,
        clock.clone(),
    );
    for (n, case) in cases.iter().enumerate() {
        let handled = handler
            .handle(case.event.clone(), &invocation(&clock, Duration::from_secs(60)))
            .await;
        let failure = handled.result.as_ref().expect_err(case.says[0]);
        assert_eq!(failure.category.name(), case.category, "#{n}: {failure}");
        for part in &case.says {
            assert!(failure.message.contains(part), "#{n}: {failure}\ndoes not say: {part}");
        }
        assert!(!failure.transient && failure.message.len() < 10_000, "#{n}");
        // A refused event is counted as one, and can be logged.
        assert_eq!(handled.summary()["reason"], case.category);
        assert_eq!(handled.metrics("f")["EventsFailed"], 1);
    }
    assert_eq!(aws.0.load(Ordering::SeqCst), 0, "no AWS call for any of them");
}

#[tokio::test]
async fn secrets_in_overrides_never_reach_an_error() {
    let aws = NoAws::default();
    let clock = TestClock::at(BEGIN);
    let handler = Handler::new(config(&[], None), &aws, clock.clone());
    let secret = "hunter2";
    for overrides in [
        json!({"containerOverrides": [{"name": "auth", "environment": [{"name": "PASSWORD", "value": [secret]}]}]}),
        json!({"containerOverrides": [{"name": "auth", "environment": [{"Name": "PASSWORD", "Value": secret}]}]}),
        json!({"containerOverrides": [{"name": "auth", "environment": [format!("PASSWORD={secret}")]}]}),
        json!({"containerOverrides": [{"name": "auth", "environment": {"PASSWORD": secret}}]}),
        json!({"containerOverrides": [{"name": "auth", "command": secret}]}),
        json!({"environment": [{"name": "PASSWORD", "value": secret}]}),
        json!({"cpu": [secret], "memory": {"x": secret}, "PASSWORD": secret}),
        json!(format!("PASSWORD={secret}")),
    ] {
        let event = start_event("e1", AUTH, json!({"overrides": overrides}));
        let handled = handler
            .handle(event, &invocation(&clock, Duration::from_secs(60)))
            .await;
        let reported = format!(
            "{} {:?}",
            handled.result.as_ref().expect_err("a refusal"),
            handled.summary()
        );
        assert!(!reported.contains(secret), "{reported}");
    }
}
