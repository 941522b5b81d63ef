//! `--wait`: polls until the tasks have started or stopped. The function never polls.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::CallError;
use start_engines_core::config::Config;
use start_engines_core::decide::deployment;
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::domain::task::{Phase, Status};
use start_engines_core::request::stop::Selector;

use crate::args::Until;
use crate::command_error::CommandError;
use crate::fleet::{TaskSnapshot, TaskStatus};
use crate::inventory::Inventory;
use crate::terminal::progress::Progress;
use crate::terminal::table::{WIDTH, wrap};
use crate::view::health;
use crate::view::status::SETTLE;

/// Time between two polls: [`SOON`] for the first [`SOON_FOR`], when most changes happen, then [`LATER`].
const SOON: Duration = Duration::from_millis(500);
const LATER: Duration = Duration::from_secs(3);
const SOON_FOR: Duration = Duration::from_secs(20);
/// How long a task that ECS does not return may be one that was just started: as long as the function tries a stop of it
/// again (`start_engines_core::decide::stop`).
const NEW: Duration = Duration::from_secs(10);
/// The reason of a target that no load balancer uses. It does not pass by itself.
const NOT_IN_USE: &str = "Target.NotInUse";

/// The tasks of a start.
#[derive(Debug)]
pub(crate) struct Started {
    /// The value of their tag `start-engines:event-id`.
    pub(crate) identity: String,
    /// How many tasks the start asks for.
    pub(crate) count: usize,
    /// The clusters that they may run in.
    pub(crate) clusters: Vec<Cluster>,
    /// What their targets must be.
    pub(crate) until: Until,
}

/// The tasks of a stop, by cluster.
pub(crate) type Stopping = BTreeMap<Cluster, Vec<TaskArn>>;

/// One wait, with its timeout and progress lines.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    inventory: Inventory,
    config: &'a Config,
    timeout: Duration,
    progress: Progress,
    /// The state that was last printed for each task.
    last_states: BTreeMap<TaskArn, String>,
    /// The tasks of a stop that ECS has returned.
    seen: HashSet<TaskArn>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(inventory: Inventory, config: &'a Config, timeout: Duration) -> Self {
        Self {
            inventory,
            config,
            timeout,
            progress: Progress::begin(),
            last_states: BTreeMap::new(),
            seen: HashSet::new(),
        }
    }

    /// Time left until the timeout.
    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.progress.elapsed())
    }

    /// Polls until each task of a start is RUNNING and healthy, or registered, or stops, or gets no requests for a
    /// reason that does not pass.
    pub(crate) async fn started(&mut self, wanted: &Started) -> (Value, Result<(), CommandError>) {
        let mut others = HashSet::new();
        let mut unused = Unused::default();
        let mut statuses: Vec<TaskStatus> = Vec::new();
        loop {
            match self.find_started(wanted, &mut others).await {
                Ok(now) => statuses = now,
                Err(error) if error.kind.is_transient() => self.retry_later(&error),
                Err(error) => return (tasks_json(&statuses), Err(after_sending(error))),
            }
            for status in &statuses {
                self.report(&status.arn, state(status, wanted.until));
            }
            let elapsed = self.progress.elapsed();
            unused.see(&statuses, wanted.until, elapsed);
            let failed = statuses.iter().filter(|status| has_ended(status)).count();
            let stuck = unused.for_long(elapsed);
            let ready = statuses.iter().filter(|status| is_ready(status, wanted.until)).count();
            if statuses.len() >= wanted.count && failed + stuck + ready == statuses.len() {
                return (tasks_json(&statuses), ended(statuses.len(), failed, stuck));
            }
            let summary = summary(&statuses, ready, wanted);
            if let Err(timed_out) = self.pause(&summary).await {
                return (tasks_json(&statuses), Err(timed_out));
            }
        }
    }

    async fn find_started(
        &mut self,
        wanted: &Started,
        others: &mut HashSet<TaskArn>,
    ) -> Result<Vec<TaskStatus>, CallError> {
        let mut mine = Vec::new();
        for cluster in &wanted.clusters {
            let mut arns = self.inventory.list(cluster).await?;
            arns.retain(|arn| !others.contains(arn));
            for snapshot in self.inventory.tasks(cluster, &arns).await? {
                if snapshot.is_started_by_start_engines()
                    && snapshot.marks().event_id.as_ref() == Some(&wanted.identity)
                {
                    mine.push(snapshot);
                } else if !self.last_states.contains_key(&snapshot.task.arn) {
                    others.insert(snapshot.task.arn);
                } else {
                    // It was found before; StopTask has deleted its tags since.
                    mine.push(snapshot);
                }
            }
        }
        Ok(self.inventory.fleet(mine).await?.tasks)
    }

    /// The tasks that a stop selects now. The one that a stop names is among them whether it is live or not.
    pub(crate) async fn which(&mut self, selector: &Selector) -> Result<Stopping, CallError> {
        let (clusters, service) = match selector {
            Selector::Task { arn, cluster } => {
                let found = self.inventory.tasks(cluster, std::slice::from_ref(arn)).await?;
                self.seen.extend(found.into_iter().map(|snapshot| snapshot.task.arn));
                return Ok(BTreeMap::from([(cluster.clone(), vec![arn.clone()])]));
            }
            Selector::Service { name, clusters } => (clusters.as_slice(), Some(name)),
            Selector::Cluster(cluster) => (std::slice::from_ref(cluster), None),
        };
        let mut which = Stopping::new();
        for cluster in clusters {
            let arns = self.inventory.list(cluster).await?;
            let mut tasks = self.inventory.tasks(cluster, &arns).await?;
            // A stop leaves tasks of other deployments alone.
            tasks.retain(|snapshot| {
                deployment::is_this_deployments(&snapshot.task, self.config) && snapshot.task.is_live()
            });
            tasks.retain(|snapshot| service.is_none() || snapshot.marks().service.as_ref() == service);
            let arns: Vec<TaskArn> = tasks.into_iter().map(|snapshot| snapshot.task.arn).collect();
            self.seen.extend(arns.iter().cloned());
            which.insert(cluster.clone(), arns);
        }
        Ok(which)
    }

    /// Whether ECS has returned a task of a stop.
    pub(crate) fn has_seen(&self, task: &TaskArn) -> bool {
        self.seen.contains(task)
    }

    /// Polls until all of these tasks are STOPPED. One that ECS has never returned is looked for ten seconds, as it may have
    /// been started just now.
    pub(crate) async fn stopped(&mut self, mut left: Stopping) -> (Value, Result<(), CommandError>) {
        let all: usize = left.values().map(Vec::len).sum();
        let mut ended: Vec<Value> = Vec::new();
        let begin = self.progress.elapsed();
        loop {
            for (cluster, arns) in &mut left {
                let snapshots = match self.inventory.tasks(cluster, arns).await {
                    Ok(snapshots) => snapshots,
                    Err(error) if error.kind.is_transient() => {
                        self.retry_later(&error);
                        continue;
                    }
                    Err(error) => return (Value::from(ended), Err(after_sending(error))),
                };
                let found: HashMap<&TaskArn, &TaskSnapshot> = snapshots
                    .iter()
                    .map(|snapshot| (&snapshot.task.arn, snapshot))
                    .collect();
                let mut still = Vec::new();
                for arn in std::mem::take(arns) {
                    let task = found.get(&arn).copied();
                    if task.is_some() {
                        self.seen.insert(arn.clone());
                    }
                    let was_seen = self.seen.contains(&arn);
                    self.report(&arn, stopping(task, was_seen));
                    let is_new = !was_seen && self.progress.elapsed().saturating_sub(begin) < NEW;
                    match task.map(|snapshot| snapshot.task.phase()) {
                        None if is_new => still.push(arn),
                        None | Some(Phase::Stopped) => ended.push(stopped(&arn, task)),
                        Some(_) => still.push(arn),
                    }
                }
                *arns = still;
            }
            let number: usize = left.values().map(Vec::len).sum();
            if number == 0 {
                return (Value::from(ended), Ok(()));
            }
            if let Err(timed_out) = self
                .pause(&format!("{} of {all} tasks have stopped", all - number))
                .await
            {
                return (Value::from(ended), Err(timed_out));
            }
        }
    }

    fn report(&mut self, task: &TaskArn, state: String) {
        if self.last_states.get(task) != Some(&state) {
            self.progress.line(&format!("task {}  {state}", task.id()));
            self.last_states.insert(task.clone(), state);
        }
    }

    fn retry_later(&mut self, error: &CallError) {
        self.progress.line(&format!("{error}; trying again"));
    }

    async fn pause(&mut self, summary: &str) -> Result<(), CommandError> {
        let elapsed = self.progress.elapsed();
        let left = self.left();
        if left.is_zero() {
            let seconds = self.timeout.as_secs();
            let message = format!("after {seconds} s {summary}; the function continues without this command");
            return Err(CommandError::TimedOut(wrapped(&message)));
        }
        self.progress.tick(summary);
        let pause = if elapsed < SOON_FOR { SOON } else { LATER };
        tokio::time::sleep(pause.min(left)).await;
        Ok(())
    }
}

/// Polling failed after the event was sent.
fn after_sending(error: CallError) -> CommandError {
    CommandError::Aws(wrapped(&format!(
        "the event was sent, but reading the tasks failed: {}: {error}",
        error.kind.name()
    )))
}

/// In as many lines as it needs.
fn wrapped(message: &str) -> String {
    wrap(message, WIDTH).join("\n")
}

fn has_ended(status: &TaskStatus) -> bool {
    !status.is_live()
}

fn is_ready(status: &TaskStatus, until: Until) -> bool {
    let ready = match until {
        Until::Healthy => status.healthy(),
        Until::Registered => status.registered(),
    };
    status.phase == Phase::Running && ready == status.targets.len()
}

/// Whether it runs, and has a registered target that no load balancer uses.
fn is_unused(status: &TaskStatus) -> bool {
    let mut members = status.targets.iter().filter_map(|target| target.member.as_ref());
    let is_running = status.phase == Phase::Running && !has_ended(status);
    is_running && members.any(|member| &*member.state == "unused" && member.reason.as_deref() == Some(NOT_IN_USE))
}

/// The tasks with a target that no load balancer uses, each with the time of the wait at which that was seen first.
#[derive(Debug, Default)]
struct Unused(BTreeMap<TaskArn, Duration>);

impl Unused {
    /// Takes in the tasks at a time of the wait. A wait for the registration alone has no such tasks.
    fn see(&mut self, statuses: &[TaskStatus], until: Until, elapsed: Duration) {
        let is_waited_for = until == Until::Healthy;
        let unused = statuses.iter().filter(|status| is_waited_for && is_unused(status));
        let since = unused.map(|status| {
            let since = self.0.get(&status.arn).copied().unwrap_or(elapsed);
            (status.arn.clone(), since)
        });
        self.0 = since.collect();
    }

    /// How many of them are so for longer than a change takes to be seen.
    fn for_long(&self, elapsed: Duration) -> usize {
        let sinces = self.0.values();
        sinces.filter(|since| elapsed.saturating_sub(**since) > SETTLE).count()
    }
}

/// How a start ends of whose tasks so many did not start or stopped again, or get no requests.
fn ended(all: usize, failed: usize, stuck: usize) -> Result<(), CommandError> {
    let mut wrong = Vec::new();
    if failed > 0 {
        wrong.push(format!("{failed} of {all} tasks did not start, or stopped again"));
    }
    if stuck > 0 {
        wrong.push(format!(
            "{stuck} of {all} tasks get no requests: {} ({NOT_IN_USE}): {}",
            health::words(NOT_IN_USE),
            health::advice(NOT_IN_USE)
        ));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(CommandError::NotWell(wrapped(&wrong.join("; "))))
    }
}

/// How many tasks are ready, and what the others wait for.
fn summary(statuses: &[TaskStatus], ready: usize, wanted: &Started) -> String {
    let what = match wanted.until {
        Until::Healthy => "healthy",
        Until::Registered => "registered",
    };
    let all = wanted.count;
    let waits = match statuses
        .iter()
        .find(|status| !has_ended(status) && !is_ready(status, wanted.until))
    {
        _ if statuses.len() < all => "the function to start them".to_owned(),
        Some(status) if status.phase != Phase::Running => format!("RUNNING, from {}", status.last_status),
        Some(status) if status.registered() < status.targets.len() => "the registration".to_owned(),
        Some(status) => match first_unhealthy(status) {
            Some(state) => format!("healthy, from {state}"),
            None => "the rest".to_owned(),
        },
        None => "the rest".to_owned(),
    };
    format!("{ready} of {all} tasks are RUNNING and {what}, waiting for {waits}")
}

/// The state of the first target that is not healthy, with the reason in words.
fn first_unhealthy(status: &TaskStatus) -> Option<String> {
    let target = status.targets.iter().find(|target| !target.is_healthy())?;
    let member = target.member.as_ref()?;
    Some(match &member.reason {
        Some(reason) => format!("{} ({})", member.state, health::words(reason)),
        None => member.state.to_string(),
    })
}

fn state(status: &TaskStatus, until: Until) -> String {
    match status.phase {
        Phase::Stopping | Phase::Stopped => {
            let why = status.stop.as_deref().unwrap_or_default();
            format!("{}: {why}", status.last_status)
        }
        Phase::Running if !status.targets.is_empty() => {
            let (registered, all) = (status.registered(), status.targets.len());
            if until == Until::Registered || registered < all {
                return format!("RUNNING, {registered} of {all} targets registered");
            }
            let healthy = status.healthy();
            let rest = first_unhealthy(status).map_or_else(String::new, |state| format!(": {state}"));
            format!("RUNNING and registered, {healthy} of {all} targets healthy{rest}")
        }
        Phase::Starting | Phase::Running | Phase::Unknown => status.last_status.to_string(),
    }
}

fn stopping(snapshot: Option<&TaskSnapshot>, was_seen: bool) -> String {
    let Some(snapshot) = snapshot else {
        let words = if was_seen { "not found any more" } else { "not found" };
        return words.to_owned();
    };
    match (&snapshot.task.last_status, snapshot.stop_at()) {
        (status, _) if snapshot.task.phase() == Phase::Stopping => format!("{status}, stopping"),
        (Status::Running, Some(time)) => format!("drains until {time}"),
        (status, _) => status.to_string(),
    }
}

fn tasks_json(tasks: &[TaskStatus]) -> Value {
    tasks.iter().map(crate::view::json::task).collect()
}

fn stopped(arn: &TaskArn, snapshot: Option<&TaskSnapshot>) -> Value {
    json!({
        "taskArn": arn.as_str(),
        "lastStatus": snapshot.map(|snapshot| snapshot.task.last_status.to_string()),
        "stopReason": snapshot.map(|snapshot| snapshot.task.stop.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use start_engines_core::domain::target::{Attachment, Target, TargetHealth};

    use super::*;
    use crate::fleet::{GroupMember, TargetStatus};

    fn running(state: &str, reason: Option<&str>) -> TaskStatus {
        let group = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
        let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/9c70423078253913200a3450779974e8";
        let member = GroupMember {
            target: Target {
                id: "10.0.1.11".to_owned(),
                port: "8080".parse().unwrap(),
            },
            health: TargetHealth::of(state, reason, None),
            state: state.into(),
            reason: reason.map(Into::into),
        };
        TaskStatus {
            arn: task.parse().unwrap(),
            cluster: "engines".parse().unwrap(),
            phase: Phase::Running,
            last_status: "RUNNING".into(),
            desired_status: "RUNNING".into(),
            failed_to_start: false,
            created_at: None,
            started_at: None,
            stopping_at: None,
            stop_at: None,
            stop: None,
            definition: None,
            service: None,
            event_id: None,
            correlation_id: None,
            targets: vec![TargetStatus {
                attachment: Attachment {
                    group: group.parse().unwrap(),
                    port: "8080".parse().unwrap(),
                    container: None,
                },
                member: Some(member),
            }],
        }
    }

    #[test]
    fn a_target_that_nothing_uses_is_not_waited_for_to_the_end() {
        let idle = [running("unused", Some(NOT_IN_USE))];
        let at = Duration::from_secs;
        let mut unused = Unused::default();
        unused.see(&idle, Until::Healthy, at(10));
        unused.see(&idle, Until::Healthy, at(40));
        assert_eq!((unused.for_long(at(40)), unused.for_long(at(41))), (0, 1));
        unused.see(&[running("initial", None)], Until::Healthy, at(42));
        unused.see(&idle, Until::Healthy, at(43));
        assert_eq!(unused.for_long(at(60)), 0, "it was used in between");
        let mut registered = Unused::default();
        registered.see(&idle, Until::Registered, at(10));
        assert_eq!(registered.for_long(at(100)), 0);
        let gone = [running("unused", Some("Target.NotRegistered"))];
        unused.see(&gone, Until::Healthy, at(70));
        assert_eq!(unused.for_long(at(200)), 0);
    }

    #[test]
    fn a_wait_ends_with_every_reason_why_it_is_not_well() {
        assert!(ended(2, 0, 0).is_ok());
        let error = ended(3, 1, 2).unwrap_err();
        assert_eq!(error.status(), 3);
        let text = error.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let text = text.replace('\n', " ");
        for expected in [
            "1 of 3 tasks did not start, or stopped again; 2 of 3 tasks get no requests",
            "a listener has a rule",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
