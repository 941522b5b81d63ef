//! The RunTask calls of a start, for its log line: where each was tried, and what ECS answered.
//!
//! Must not contain payloads, as [`super::log_line`].

use serde_json::{Map, Value, json};

use crate::call::run_task::{CapacityProvider, Launch, RunTask};
use crate::call::{Answer, Call};
use crate::journal::{Entry, Journal};

/// How many calls a log line names: a start of ten tasks can make more where each call starts one.
const MAX_ATTEMPTS: usize = 20;
/// How many characters of a reason are named.
const MAX_CHARACTERS: usize = 300;
/// How many different reasons of one answer are named: a large cluster has one for each container instance.
const MAX_REASONS: usize = 3;

/// The calls, in order; the last [`MAX_ATTEMPTS`] of more.
pub(super) fn attempts(journal: &Journal) -> Vec<Value> {
    let all: Vec<Value> = journal.entries.iter().filter_map(attempt).collect();
    let left_out = all.len().saturating_sub(MAX_ATTEMPTS);
    all.into_iter().skip(left_out).collect()
}

fn attempt(entry: &Entry) -> Option<Value> {
    let Call::RunTask(call) = &entry.call else {
        return None;
    };
    let mut attempt = Map::new();
    attempt.insert("at".to_owned(), json!(entry.answered_at.to_rfc3339()));
    attempt.insert("placement".to_owned(), json!(placement(call)));
    attempt.insert("count".to_owned(), json!(call.count));
    match &entry.answer {
        Ok(Answer::Started(started)) => {
            attempt.insert("started".to_owned(), json!(started.tasks.len()));
            let mut reasons: Vec<String> = Vec::new();
            for failure in &started.failures {
                let reason = shorten(&failure.to_string());
                if reasons.len() < MAX_REASONS && !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            if !reasons.is_empty() {
                attempt.insert("reasons".to_owned(), json!(reasons));
            }
        }
        // Tasks of an earlier delivery, or of another request with the same client token.
        Err(error) if !error.conflicting_tasks.is_empty() => {
            attempt.insert("started".to_owned(), json!(error.conflicting_tasks.len()));
        }
        Err(error) => {
            attempt.insert("error".to_owned(), json!(error.kind.name()));
            attempt.insert("reasons".to_owned(), json!([shorten(&error.message)]));
        }
        Ok(_) => return None,
    }
    Some(Value::Object(attempt))
}

fn shorten(reason: &str) -> String {
    reason.chars().take(MAX_CHARACTERS).collect()
}

/// Where a call was tried: launch type or capacity providers, and subnets.
fn placement(call: &RunTask) -> String {
    let launch = match &call.launch {
        Launch::ClusterDefault => "the cluster's default".to_owned(),
        Launch::Type(name) => (*name).to_owned(),
        Launch::Strategy(items) => {
            let names: Vec<&str> = items.iter().map(|item: &CapacityProvider| item.name.as_str()).collect();
            names.join("+")
        }
    };
    match &call.network {
        Some(network) => {
            let subnets: Vec<&str> = network.subnets.iter().map(|subnet| subnet.as_str()).collect();
            format!("{launch} in {}", subnets.join(","))
        }
        None => launch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::run_task::{Awsvpc, Options, StartFailure, Started};
    use crate::call::{CallError, ErrorKind};
    use crate::domain::timestamp::Timestamp;

    fn call(launch: Launch, subnets: &[&str]) -> Call {
        Call::RunTask(Box::new(RunTask {
            cluster: "engines".parse().unwrap(),
            task_definition: "auth".parse().unwrap(),
            count: 2,
            client_token: "t".to_owned(),
            started_by: "start-engines/-".to_owned(),
            tags: Vec::new(),
            network: (!subnets.is_empty()).then(|| Awsvpc {
                subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
                security_groups: Vec::new(),
                assign_public_ip: None,
            }),
            launch,
            platform_version: None,
            options: Options::default(),
        }))
    }

    fn entry(call: Call, answer: Result<Answer, CallError>) -> Entry {
        let at = Timestamp::parse("2026-11-20T07:00:00.250Z").unwrap();
        Entry {
            call,
            asked_at: at,
            answered_at: at,
            calls: 1,
            answer,
        }
    }

    fn journal(entries: Vec<Entry>) -> Journal {
        let mut journal = Journal::new(Timestamp::from_millis(0));
        journal.entries = entries;
        journal
    }

    fn without_room(reasons: &[&str]) -> Result<Answer, CallError> {
        Ok(Answer::Started(Started {
            tasks: Vec::new(),
            failures: reasons
                .iter()
                .map(|reason| StartFailure {
                    reason: (*reason).to_owned(),
                    detail: None,
                })
                .collect(),
        }))
    }

    #[test]
    fn each_call_has_its_placement_and_ecs_reasons_each_once() {
        let strategy = Launch::Strategy(vec![CapacityProvider {
            name: "FARGATE_SPOT".to_owned(),
            weight: 1,
            base: 0,
        }]);
        let many = [
            "RESOURCE:CPU",
            "RESOURCE:CPU",
            "AGENT",
            "RESOURCE:MEMORY",
            "RESOURCE:ENI",
        ];
        let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/1".parse().unwrap();
        let started = Started {
            tasks: vec![task],
            failures: Vec::new(),
        };
        let refused = CallError {
            operation: "RunTask",
            kind: ErrorKind::AccessDenied,
            code: None,
            conflicting_tasks: Vec::new(),
            message: "not authorized to perform: ecs:RunTask".to_owned(),
        };
        let journal = journal(vec![
            entry(call(Launch::Type("EC2"), &[]), without_room(&many)),
            entry(
                call(strategy, &["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5a60718"]),
                Ok(Answer::Started(started)),
            ),
            entry(call(Launch::ClusterDefault, &[]), Err(refused)),
        ]);
        assert_eq!(
            attempts(&journal),
            [
                json!({"at": "2026-11-20T07:00:00.250Z", "placement": "EC2", "count": 2, "started": 0,
                    "reasons": ["RESOURCE:CPU", "AGENT", "RESOURCE:MEMORY"]}),
                json!({"at": "2026-11-20T07:00:00.250Z", "count": 2, "started": 1,
                    "placement": "FARGATE_SPOT in subnet-0a1b2c3d4e5f60718,subnet-0b1c2d3e4f5a60718"}),
                json!({"at": "2026-11-20T07:00:00.250Z", "placement": "the cluster's default", "count": 2,
                    "error": "access_denied", "reasons": ["not authorized to perform: ecs:RunTask"]}),
            ]
        );
    }

    #[test]
    fn of_very_many_calls_the_last_ones_are_named() {
        let calls = (0..50).map(|_| entry(call(Launch::Type("EC2"), &[]), without_room(&["AGENT"])));
        assert_eq!(attempts(&journal(calls.collect())).len(), MAX_ATTEMPTS);
    }
}
