//! A start that is whole and allowed, and the RunTask call of each rung of its ladder.
//!
//! A call is a pure function of the request, the rung and how many tasks are left to start: two
//! deliveries of one event make the same calls with the same tokens.

use std::fmt::Write;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::arn::{Cluster, TaskDefinition};
use crate::later::Later;
use crate::run_task::{Awsvpc, Launch, Options, RunTask};
use crate::tags::Tag;
use crate::target::Attachment;
use crate::timestamp::Timestamp;

/// A start that is whole and allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StartRequest {
    /// The event's id, or its `idempotencyKey`.
    pub identity: String,
    /// When the event was sent.
    pub sent_at: Option<Timestamp>,
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
    /// What is passed on as it came.
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
}

impl StartRequest {
    /// The call of rung `rung`, for the `count` tasks that are left to start.
    #[must_use]
    pub fn rung(&self, rung: usize, count: i32) -> Option<RunTask> {
        let placement = self.placements.get(rung.checked_rem(self.placements.len())?)?;
        Some(RunTask {
            cluster: self.cluster.clone(),
            task_definition: self.task_definition.clone(),
            count,
            client_token: client_token(&self.identity, rung),
            started_by: self.started_by.clone(),
            tags: self.tags.clone(),
            network: placement.network.clone(),
            launch: placement.launch.clone(),
            platform_version: placement.platform_version.clone(),
            options: self.options.clone(),
        })
    }

    /// How many rungs an invocation may climb when the event is `age` old: every placement once at
    /// first, and once more each time the age has doubled from half a minute on.
    ///
    /// Failures are replayed from ECS's memory of the token, so only new rungs try again. Lambda
    /// retries after one and two minutes: each of them gets a round of its own. The logarithm
    /// keeps a start that is redriven after a day at a dozen rounds. Of an event that does not tell
    /// when it was sent, every delivery may be the last retry.
    ///
    /// Two events with one `idempotencyKey` have ages of their own. The second finds what the first
    /// found at a later rung no later than at its own retries.
    #[must_use]
    pub fn rungs(&self, age: Option<Duration>) -> usize {
        let rounds = age.map_or(LAMBDA_TRIES, |age| 1 + (1 + age.as_secs() / 30).ilog2() as usize);
        rounds * self.placements.len()
    }
}

/// How often Lambda tries an asynchronous event.
const LAMBDA_TRIES: usize = 3;

/// The token of rung `rung`: `<identity>#<rung>`, hashed where RunTask would not take it as it is
/// (at most 64 characters, ASCII 33 to 126).
fn client_token(identity: &str, rung: usize) -> String {
    let token = format!("{identity}#{rung}");
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

    #[test]
    fn each_lambda_retry_gets_a_round_of_its_own() {
        let request = StartRequest {
            identity: "x".into(),
            sent_at: None,
            service: None,
            correlation_id: None,
            cluster: "c".parse().unwrap(),
            task_definition: "t".parse().unwrap(),
            attachments: vec![],
            count: 1,
            placements: vec![
                Placement {
                    network: None,
                    launch: Launch::ClusterDefault,
                    platform_version: None
                };
                2
            ],
            tags: vec![],
            started_by: String::new(),
            options: Options::default(),
            deadlines: Deadlines::default(),
            later: None,
        };
        let rungs = |seconds| request.rungs(Some(Duration::from_secs(seconds)));
        assert_eq!([rungs(0), rungs(1), rungs(61), rungs(182)], [2, 2, 4, 6]);
        assert_eq!(rungs(86_400), 24);
        assert!(rungs(u64::MAX) < 200);
        assert_eq!(request.rungs(None), 6);
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
