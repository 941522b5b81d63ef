//! A start that is whole and allowed, and the RunTask calls of its ladder.
//!
//! A call is a pure function of the request, the placement, the number of the token and how many tasks are left to
//! start: two deliveries of one event make the same calls with the same tokens.

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

/// A start that is whole and allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StartRequest {
    /// The event's id, or its `idempotencyKey`.
    pub identity: String,
    /// When the event was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was asked for: `requestedAt`, or when the event was sent.
    pub requested_at: Option<Timestamp>,
    /// `maxAgeSeconds`: how long after that it may be started.
    pub max_age: Option<Duration>,
    /// The catalog entry.
    pub service: Option<String>,
    /// The caller's own mark.
    pub correlation_id: Option<String>,
    /// Where.
    pub cluster: Cluster,
    /// What.
    pub task_definition: TaskDefinition,
    /// The targets.
    pub attachments: Vec<Attachment>,
    /// How many tasks, 1 to 10.
    pub count: i32,
    /// As asked, then each fallback.
    pub placements: Vec<Placement>,
    /// All tags, ours first.
    pub tags: Vec<Tag>,
    /// The targets as `startedBy`.
    pub started_by: String,
    /// What is passed on as it came, the same in each placement.
    pub options: Options,
    /// By when it must be RUNNING, and how long it may live.
    pub deadlines: Deadlines,
    /// How deadlines are kept.
    pub later: Option<Later>,
}

/// How long a task may take; `None` for as long as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deadlines {
    /// `startTimeoutSeconds`, from RunTask to RUNNING.
    pub start_timeout: Option<Duration>,
    /// `maxLifetimeSeconds`, from RunTask.
    pub max_lifetime: Option<Duration>,
}

/// Where the tasks are launched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// For `awsvpc` task definitions.
    pub network: Option<Awsvpc>,
    /// Launch type or strategy.
    pub launch: Launch,
    /// `platformVersion`.
    pub platform_version: Option<String>,
    /// `placementConstraints`.
    pub constraints: Option<Vec<PlacementConstraint>>,
    /// `placementStrategy`.
    pub strategy: Option<Vec<PlacementStrategy>>,
}

impl StartRequest {
    /// The call for `count` tasks in this placement, with this token.
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

    /// How old the event is, for [`Self::rounds`]; `None` if it does not tell when it was sent.
    ///
    /// It counts from the event's `time`, not from `requestedAt`: an event that Scheduler delivers late has
    /// fresh tokens, and its retries still to come. One that is a little ahead of the function's clock is new. One
    /// that is further ahead tells nothing: if it were new at each retry, it would have no token but the first.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let sent_at = self.sent_at?;
        (sent_at.since(now) <= AHEAD).then(|| now.since(sent_at))
    }

    /// How long ago it was asked for, if that is longer than `maxAgeSeconds`. What does not tell its time has no age.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<Duration> {
        let age = now.since(self.requested_at?);
        (age > self.max_age?).then_some(age)
    }

    /// How often an invocation may go through all placements when the event is `age` old: once at
    /// first, and once more each time the age has doubled from half a minute on.
    ///
    /// Failures are replayed from ECS's memory of the token, so only new tokens try again. Lambda
    /// retries after one and two minutes: each of them gets a round of its own. The logarithm
    /// keeps a start that is redriven after a day at a dozen rounds. Of an event that does not tell
    /// when it was sent, every delivery may be the last retry.
    ///
    /// Two events with one `idempotencyKey` have ages of their own. The second finds what the first
    /// found with a later token no later than at its own retries.
    #[must_use]
    pub fn rounds(&self, age: Option<Duration>) -> usize {
        age.map_or(LAMBDA_TRIES, |age| 1 + (1 + age.as_secs() / 30).ilog2() as usize)
    }
}

/// How often Lambda tries an asynchronous event.
const LAMBDA_TRIES: usize = 3;
/// How far an event's time may be ahead of the function's clock and still be believed.
const AHEAD: Duration = Duration::from_secs(60);

/// The token of this number: `<identity>#<number>`, hashed where RunTask would not take it as it is
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
    fn a_time_a_little_ahead_is_now_and_one_far_ahead_is_no_time() {
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
        let asked = |ago: i64, max_age: Option<u64>| {
            let request = StartRequest {
                requested_at: Some(Timestamp::from_millis(now.millis() - ago)),
                max_age: max_age.map(Duration::from_secs),
                ..request()
            };
            request.expired(now)
        };
        assert_eq!(asked(60_000, Some(60)), None);
        assert_eq!(asked(60_001, Some(60)), Some(Duration::from_millis(60_001)));
        assert_eq!(asked(-5, Some(60)), None);
        assert_eq!(asked(i64::MAX / 2, None), None);
        let timeless = StartRequest {
            max_age: Some(Duration::from_secs(1)),
            ..request()
        };
        assert_eq!(timeless.expired(now), None);
    }

    proptest! {
        #[test]
        fn tokens_fit_run_task_and_differ_by_rung_and_identity(a in "\\PC{1,256}", b in "\\PC{1,256}", n in 0..40_usize, m in 0..40_usize) {
            let token = client_token(&a, n);
            prop_assert!((1..=64).contains(&token.len()));
            prop_assert!(token.bytes().all(|b| (33..=126).contains(&b)));
            // The last # always ends the identity, and a hash has none.
            if (&a, n) != (&b, m) {
                prop_assert_ne!(token, client_token(&b, m));
            }
        }
    }
}
