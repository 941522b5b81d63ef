//! What ELB finds of registered targets, and the function's checks of it: in time, late, twice, or never.
//!
//! A check may stop a task only if its start has asked for it, ELB has called one of its targets unhealthy, and the check
//! comes about when it was to be made (10). What it calls healthy, ELB has called healthy.

use std::collections::BTreeSet;

use serde_json::Value;
use start_engines_core::domain::arn::{TargetGroupArn, TaskArn};
use start_engines_core::domain::target::{Target, TargetHealth};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::Checked;
use start_engines_fake_aws::Health;

use crate::calls::as_promised;
use crate::delivery::{About, Delivery, time_at};
use crate::promises::{self, Broken};
use crate::simulation::{HOUR, MINUTE, Mutant, SECOND, Simulation, Step};

/// The detail-type of the event of a check.
pub(crate) const CHECK: &str = "Check ECS Targets";
/// How late a check counts as late: 10 minutes, and an invocation.
const MAX_LATE: i64 = 11 * MINUTE;
/// How long after a task's registration a check may stop it: its timeout to a full minute, the time until a second check to a
/// full minute, both with a minute of Scheduler's and as late as may be.
const MAX_TO_STOP: i64 = 2 * (5 * MINUTE + MINUTE + MINUTE + MAX_LATE) + MINUTE;

/// What checks have been shown so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    healthy: BTreeSet<promises::Target>,
    unhealthy: BTreeSet<promises::Target>,
}

/// Whether the function checks what it registers. Other mutants are found out without it.
pub(crate) fn are_made(mutant: Mutant) -> bool {
    matches!(
        mutant,
        Mutant::None | Mutant::InitialLooksUnhealthy | Mutant::ChecksAreAlwaysInTime
    )
}

/// What the starts of a service say of unhealthy tasks.
pub(crate) fn on_unhealthy(mutant: Mutant, service: usize) -> Option<&'static str> {
    match service % 3 {
        _ if !are_made(mutant) => None,
        0 => Some("stop"),
        1 => Some("report"),
        _ => None,
    }
}

/// What the check that a schedule sends is about.
fn about(event: &Value) -> About {
    let time = event["detail"]["plannedAt"].as_str().and_then(Timestamp::parse);
    let tasks = event["detail"]["tasks"].as_array().expect("a list").iter();
    let registered = tasks.map(|task| {
        let at = task["registeredAt"].as_str().and_then(Timestamp::parse);
        let arn = task["taskArn"].as_str().expect("an ARN").to_owned();
        (arn, at.expect("a time").millis())
    });
    About::Check {
        planned_at: time.expect("a time").millis(),
        registered: registered.collect(),
    }
}

impl Simulation {
    /// A schedule sends a check.
    pub(crate) fn send_check(&mut self, event: Value) {
        let about = about(&event);
        if self.mutant == Mutant::ChecksAreAlwaysInTime {
            let late = self.rng.i64(HOUR..=3 * HOUR);
            self.deliver_after(late, Delivery::new(event, about, self.now));
        } else {
            self.send(event, about);
        }
    }

    /// ELB begins to check new targets: most are healthy soon, some never.
    pub(crate) fn are_checked(&mut self, group: &TargetGroupArn, targets: &[Target]) {
        if !are_made(self.mutant) {
            return;
        }
        for target in targets {
            let (health, after) = match self.rng.usize(..100) {
                0..=9 => (Health::Unhealthy, self.rng.i64(MINUTE..=4 * MINUTE)),
                10..=14 => (Health::Healthy, self.rng.i64(5 * MINUTE..=12 * MINUTE)),
                15..=17 => continue,
                _ => (Health::Healthy, self.rng.i64(10 * SECOND..=3 * MINUTE)),
            };
            self.after(after, Step::Health(as_promised(group, target), health));
        }
    }

    /// ELB has made up its mind.
    pub(crate) fn has_health(&mut self, (group, id, port): &promises::Target, health: Health) {
        if self.world.health(group, id, *port) == Some(Health::Initial) {
            self.world.set_health(group, id, *port, health);
        }
    }

    /// A check is shown what ELB says.
    pub(crate) fn is_shown(
        &mut self,
        about: &About,
        group: &TargetGroupArn,
        targets: &[Target],
        health: &mut [TargetHealth],
    ) {
        if !matches!(about, About::Check { .. }) {
            return;
        }
        for (target, health) in targets.iter().zip(health) {
            match health.state() {
                "healthy" => drop(self.seen.healthy.insert(as_promised(group, target))),
                "unhealthy" => drop(self.seen.unhealthy.insert(as_promised(group, target))),
                "initial" if self.mutant == Mutant::InitialLooksUnhealthy => {
                    *health = TargetHealth::registered("unhealthy");
                }
                _ => {}
            }
        }
    }

    /// A check is about to stop a task.
    pub(crate) fn check_stops(&mut self, task: &TaskArn, registered_at: i64) -> Result<(), Broken> {
        self.statistics.count("tasks stopped by a check");
        let tags = self.world.tags(task.as_str());
        let says_so = |(key, value): &(String, String)| key == "start-engines:on-unhealthy" && value == "stop";
        // StopTask deletes the tags: somebody else may have been sooner.
        if !tags.is_empty() && !tags.iter().any(says_so) {
            return Err(Broken(format!(
                "10. a check stops {task}, whose start has not asked for it"
            )));
        }
        let targets = &self.promises.life(task.as_str()).targets;
        if !targets.iter().any(|target| self.seen.unhealthy.contains(target)) {
            return Err(Broken(format!("10. a check stops {task}, which was never unhealthy")));
        }
        if self.now - registered_at > MAX_TO_STOP {
            return Err(Broken(format!("10. a check of long ago stops {task}")));
        }
        Ok(())
    }

    /// A check has come to its end.
    pub(crate) fn is_checked(&mut self, checked: &Checked, planned_at: i64) -> Result<(), Broken> {
        self.statistics.count("checks");
        if self.now - planned_at > MAX_LATE {
            self.statistics.count("checks that came late");
        }
        for (what, tasks) in [
            ("tasks found healthy", &checked.healthy),
            ("tasks found unhealthy", &checked.unhealthy),
            ("tasks to be checked once more", &checked.undecided),
        ] {
            for _ in tasks {
                self.statistics.count(what);
            }
        }
        for found in &checked.healthy {
            for (target, _) in &found.targets {
                if !self.seen.healthy.contains(&as_promised(&target.group, &target.target)) {
                    return Err(Broken(format!("10. {target} is called healthy, and never was")));
                }
            }
        }
        Ok(())
    }

    /// For a mutant: every check looks as if it had come in time.
    pub(crate) fn mutate_check(&self, event: &mut Value) {
        if self.mutant == Mutant::ChecksAreAlwaysInTime {
            event["detail"]["plannedAt"] = Value::from(time_at(self.now));
        }
    }
}
