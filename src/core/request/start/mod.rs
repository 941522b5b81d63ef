//! A valid and allowed start, and the RunTask calls of its attempts.
//!
//! A call is a pure function of the request, the placement, the number of the client token and the number of tasks
//! left to start: two deliveries of one event make the same calls with the same tokens.

pub mod catalog_only;
pub(crate) mod placements;
pub mod resolve;

use std::fmt::Write;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::later::Later;
use crate::call::run_task::{Awsvpc, Launch, Options, PlacementConstraint, PlacementStrategy, RunTask};
use crate::domain::arn::{Cluster, TaskDefinition};
use crate::domain::tags::Tag;
use crate::domain::target::Attachment;
use crate::domain::timestamp::Timestamp;

/// A valid and allowed start, with the values of all sources.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StartRequest {
    /// The identity of the start: its `idempotencyKey`, else the event's `id`.
    pub identity: String,
    /// When the event was sent, by the envelope's `time`.
    pub sent_at: Option<Timestamp>,
    /// When it was requested: `requestedAt`, else the envelope's `time`.
    pub requested_at: Option<Timestamp>,
    /// `maxAgeSeconds`: how long after `requested_at` tasks may be started.
    pub max_age: Option<Duration>,
    /// `service`: the name of the catalog entry.
    pub service: Option<String>,
    /// `correlationId`.
    pub correlation_id: Option<String>,
    /// The cluster in which the tasks are started.
    pub cluster: Cluster,
    /// The task definition that is started.
    pub task_definition: TaskDefinition,
    /// The targets: which container ports are registered with which target groups.
    pub attachments: Vec<Attachment>,
    /// `count`: the number of tasks, 1 to 10.
    pub count: i32,
    /// The placements in the order of attempts: that of the start, then its fallbacks.
    pub placements: Vec<Placement>,
    /// All tags, those of start-engines first.
    pub tags: Vec<Tag>,
    /// `startedBy`: the targets, encoded.
    pub started_by: String,
    /// The RunTask parameters that are passed through unchanged, the same for each placement.
    pub options: Options,
    /// How long a task may take to reach RUNNING, and how long it may live.
    pub deadlines: Deadlines,
    /// How the function is invoked at deadlines; `None` if there can be none.
    pub later: Option<Later>,
}

/// The deadlines of each task of a start; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deadlines {
    /// `startTimeoutSeconds`: the longest time from RunTask to RUNNING.
    pub start_timeout: Option<Duration>,
    /// `maxLifetimeSeconds`: the longest life, counted from RunTask.
    pub max_lifetime: Option<Duration>,
}

/// A placement: where and on what tasks are launched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The network configuration; only for task definitions with network mode `awsvpc`.
    pub network: Option<Awsvpc>,
    /// The launch type or the capacity provider strategy.
    pub launch: Launch,
    /// `platformVersion`.
    pub platform_version: Option<String>,
    /// `placementConstraints`.
    pub constraints: Option<Vec<PlacementConstraint>>,
    /// `placementStrategy`.
    pub strategy: Option<Vec<PlacementStrategy>>,
}

impl StartRequest {
    /// The RunTask call for `count` tasks, in the placement and with the client token of these numbers, both from 0.
    /// `None` if there is no such placement.
    #[must_use]
    pub fn call(&self, placement: usize, token: usize, count: i32) -> Option<RunTask> {
        let placement = self.placements.get(placement)?;
        Some(RunTask {
            cluster: self.cluster.clone(),
            task_definition: self.task_definition.clone(),
            count,
            client_token: client_token(&self.identity, token),
            started_by: self.started_by.clone(),
            tags: self.tags.clone(),
            network: placement.network.clone(),
            launch: placement.launch.clone(),
            platform_version: placement.platform_version.clone(),
            options: Options {
                placement_constraints: placement.constraints.clone(),
                placement_strategy: placement.strategy.clone(),
                ..self.options.clone()
            },
        })
    }

    /// The age of the event, for [`Self::rounds`]; `None` if it has no `time`, or one too far in the future.
    ///
    /// It counts from the event's `time`, not from `requestedAt`: an event that Scheduler delivers late has not used its
    /// tokens yet, and its retries are still to come. A `time` a little ahead of the function's clock counts as now. A
    /// `time` further ahead is ignored: the event would be new at each retry, and never use more than its first token.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let sent_at = self.sent_at?;
        (sent_at.since(now) <= MAX_AHEAD).then(|| now.since(sent_at))
    }

    /// How long ago the start was requested, if that is longer than `maxAgeSeconds`; else `None`. A start without a time
    /// never expires.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<Duration> {
        let age = now.since(self.requested_at?);
        (age > self.max_age?).then_some(age)
    }

    /// How many times an invocation may try all placements for an event of this age: once, and once more each time the
    /// age has doubled, starting at 30 s.
    ///
    /// ECS repeats its answer for a client token, so only a new token makes a new attempt. Lambda retries after one and
    /// two minutes, and each retry gets one more round. The logarithm limits a start that is redriven after a day to a
    /// dozen rounds. An event of unknown age gets the rounds of Lambda's last retry, since any delivery may be the last.
    ///
    /// Two events with the same `idempotencyKey` have different ages. The second one finds the tasks that the first one
    /// started with a later token, at its own retries at the latest.
    #[must_use]
    pub fn rounds(&self, age: Option<Duration>) -> usize {
        age.map_or(LAMBDA_ATTEMPTS, |age| 1 + (1 + age.as_secs() / 30).ilog2() as usize)
    }
}

/// How many times Lambda invokes a function for an asynchronous event that fails.
const LAMBDA_ATTEMPTS: usize = 3;
/// How far an event's `time` may be ahead of the function's clock.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// The client token of this number: `<identity>#<number>`, or its SHA-256 if RunTask would not accept it
/// (at most 64 characters, ASCII 33 to 126).
fn client_token(identity: &str, number: usize) -> String {
    let token = format!("{identity}#{number}");
    if token.len() <= 64 && token.bytes().all(|b| (33..=126).contains(&b)) {
        return token;
    }
    let mut hashed = String::with_capacity(64);
    for byte in Sha256::digest(token.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hashed, "{byte:02x}");
    }
    hashed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_identities_stay_readable_in_the_token() {
        assert_eq!(
            client_token("6a7e8feb-b491-4cf7-a9f1-bf3703467718", 3),
            "6a7e8feb-b491-4cf7-a9f1-bf3703467718#3"
        );
    }

    fn request() -> StartRequest {
        StartRequest {
            identity: "x".into(),
            sent_at: None,
            requested_at: None,
            max_age: None,
            service: None,
            correlation_id: None,
            cluster: "c".parse().unwrap(),
            task_definition: "t".parse().unwrap(),
            attachments: vec![],
            count: 1,
            placements: vec![],
            tags: vec![],
            started_by: String::new(),
            options: Options::default(),
            deadlines: Deadlines::default(),
            later: None,
        }
    }

    #[test]
    fn each_lambda_retry_gets_a_round_of_its_own() {
        let rounds = |seconds| request().rounds(Some(Duration::from_secs(seconds)));
        assert_eq!([rounds(0), rounds(1), rounds(61), rounds(182)], [1, 1, 2, 3]);
        assert_eq!(rounds(86_400), 12);
        assert!(rounds(u64::MAX) < 100);
        assert_eq!(request().rounds(None), 3);
    }

    #[test]
    fn a_time_a_little_ahead_is_now_and_one_far_ahead_is_ignored() {
        let now = Timestamp::from_millis(1_795_158_000_000);
        let age = |ahead: i64| {
            let sent_at = Some(Timestamp::from_millis(now.millis() + ahead));
            StartRequest { sent_at, ..request() }.age(now)
        };
        assert_eq!(age(-61_000), Some(Duration::from_secs(61)));
        assert_eq!(age(1), Some(Duration::ZERO));
        assert_eq!(age(60_000), Some(Duration::ZERO));
        assert_eq!(age(60_001), None);
        assert_eq!(request().age(now), None);
    }

    #[test]
    fn a_start_expires_after_its_age_and_never_without_one() {
        let now = Timestamp::from_millis(1_795_158_000_000);
        let expired = |ago: i64, max_age: Option<u64>| {
            let request = StartRequest {
                requested_at: Some(Timestamp::from_millis(now.millis() - ago)),
                max_age: max_age.map(Duration::from_secs),
                ..request()
            };
            request.expired(now)
        };
        assert_eq!(expired(60_000, Some(60)), None);
        assert_eq!(expired(60_001, Some(60)), Some(Duration::from_millis(60_001)));
        assert_eq!(expired(-5, Some(60)), None);
        assert_eq!(expired(i64::MAX / 2, None), None);
        let timeless = StartRequest {
            max_age: Some(Duration::from_secs(1)),
            ..request()
        };
        assert_eq!(timeless.expired(now), None);
    }

    proptest! {
        #[test]
        fn tokens_fit_run_task_and_differ_by_number_and_identity(a in "\\PC{1,256}", b in "\\PC{1,256}", n in 0..40_usize, m in 0..40_usize) {
            let token = client_token(&a, n);
            prop_assert!((1..=64).contains(&token.len()));
            prop_assert!(token.bytes().all(|b| (33..=126).contains(&b)));
            // The last # always follows the identity, and a hash has no #.
            if (&a, n) != (&b, m) {
                prop_assert_ne!(token, client_token(&b, m));
            }
        }
    }
}
