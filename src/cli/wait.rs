//! `--wait`: looks again and again, until what was asked for has happened. The function never does.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::CallError;
use start_engines_core::config::Config;
use start_engines_core::decide::deployment;
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::domain::task::{Phase, Status};
use start_engines_core::request::stop::Selector;

use crate::error::CommandError;
use crate::fleet::{SeenTask, TaskStatus};
use crate::inventory::Inventory;
use crate::terminal::progress::Progress;

/// Between two looks: often at first, when most happens.
const SOON: Duration = Duration::from_millis(500);
const LATER: Duration = Duration::from_secs(3);
const SOON_FOR: Duration = Duration::from_secs(20);

/// The tasks of a start.
#[derive(Debug)]
pub(crate) struct Started {
    /// What their tag `start-engines:event-id` holds.
    pub(crate) identity: String,
    /// How many.
    pub(crate) count: usize,
    /// Where they can be.
    pub(crate) clusters: Vec<Cluster>,
}

/// The tasks of a stop, by cluster.
pub(crate) type Stopping = BTreeMap<Cluster, Vec<TaskArn>>;

/// One wait.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    lookout: Inventory<'a>,
    config: &'a Config,
    timeout: Duration,
    progress: Progress,
    /// What was last told of each task.
    told: BTreeMap<TaskArn, String>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(lookout: Inventory<'a>, config: &'a Config, timeout: Duration) -> Self {
        Self {
            lookout,
            config,
            timeout,
            progress: Progress::begin(),
            told: BTreeMap::new(),
        }
    }

    /// How much of its time is left.
    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.progress.elapsed())
    }

    /// Looks until all tasks of a start are RUNNING and registered, or one of them stops.
    pub(crate) async fn started(&mut self, wanted: &Started) -> (Value, Result<(), CommandError>) {
        let mut others = HashSet::new();
        let mut seen: Vec<TaskStatus> = Vec::new();
        loop {
            match self.look_for_started(wanted, &mut others).await {
                Ok(now) => seen = now,
                Err(error) if error.kind.is_transient() => self.again(&error),
                Err(error) => return (told(&seen), Err(after_sending(error))),
            }
            for status in &seen {
                self.tell(&status.seen.task.arn, state(status));
            }
            let failed: Vec<&TaskStatus> = seen.iter().filter(|status| has_ended(status)).collect();
            let ready = seen.iter().filter(|status| is_ready(status)).count();
            if seen.len() >= wanted.count && failed.len() + ready == seen.len() {
                let end = match failed.len() {
                    0 => Ok(()),
                    number => Err(CommandError::NotWell(format!(
                        "{number} of {} tasks did not start",
                        seen.len()
                    ))),
                };
                return (told(&seen), end);
            }
            let summary = format!("{ready} of {} tasks are RUNNING and registered", wanted.count);
            if let Err(late) = self.pause(&summary).await {
                return (told(&seen), Err(late));
            }
        }
    }

    async fn look_for_started(
        &mut self,
        wanted: &Started,
        others: &mut HashSet<TaskArn>,
    ) -> Result<Vec<TaskStatus>, CallError> {
        let mut mine = Vec::new();
        for cluster in &wanted.clusters {
            let mut arns = self.lookout.list(cluster).await?;
            arns.retain(|arn| !others.contains(arn));
            for seen in self.lookout.tasks(cluster, &arns).await? {
                if seen.is_ours() && seen.marks().event_id.as_ref() == Some(&wanted.identity) {
                    mine.push(seen);
                } else if !self.told.contains_key(&seen.task.arn) {
                    others.insert(seen.task.arn);
                } else {
                    // It was one of them, and StopTask has taken its tags away.
                    mine.push(seen);
                }
            }
        }
        Ok(self.lookout.fleet(mine, &[]).await?.tasks)
    }

    /// The tasks that a stop means, as they are now.
    pub(crate) async fn which(&mut self, selector: &Selector) -> Result<Stopping, CallError> {
        let (clusters, service) = match selector {
            Selector::Task { arn, cluster } => return Ok(BTreeMap::from([(cluster.clone(), vec![arn.clone()])])),
            Selector::Service { name, clusters } => (clusters.as_slice(), Some(name)),
            Selector::Cluster(cluster) => (std::slice::from_ref(cluster), None),
        };
        let mut which = Stopping::new();
        for cluster in clusters {
            let arns = self.lookout.list(cluster).await?;
            let mut tasks = self.lookout.tasks(cluster, &arns).await?;
            // Another deployment's are not stopped, so nobody waits for them.
            tasks.retain(|seen| deployment::is_this_deployments(&seen.task, self.config) && seen.task.is_wanted());
            tasks.retain(|seen| service.is_none() || seen.marks().service.as_ref() == service);
            let arns = tasks.into_iter().map(|seen| seen.task.arn).collect();
            which.insert(cluster.clone(), arns);
        }
        Ok(which)
    }

    /// Looks until all of these are STOPPED.
    pub(crate) async fn stopped(&mut self, mut left: Stopping) -> (Value, Result<(), CommandError>) {
        let all: usize = left.values().map(Vec::len).sum();
        let mut ended: Vec<Value> = Vec::new();
        loop {
            for (cluster, arns) in &mut left {
                let seen = match self.lookout.tasks(cluster, arns).await {
                    Ok(seen) => seen,
                    Err(error) if error.kind.is_transient() => {
                        self.again(&error);
                        continue;
                    }
                    Err(error) => return (Value::from(ended), Err(after_sending(error))),
                };
                let mut still = Vec::new();
                for arn in std::mem::take(arns) {
                    let task = seen.iter().find(|seen| seen.task.arn == arn);
                    self.tell(&arn, stopping(task));
                    match task.map(|seen| seen.task.phase()) {
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
            if let Err(late) = self
                .pause(&format!("{} of {all} tasks have stopped", all - number))
                .await
            {
                return (Value::from(ended), Err(late));
            }
        }
    }

    fn tell(&mut self, task: &TaskArn, state: String) {
        if self.told.get(task) != Some(&state) {
            self.progress.line(&format!("task {}  {state}", task.id()));
            self.told.insert(task.clone(), state);
        }
    }

    fn again(&mut self, error: &CallError) {
        self.progress.line(&format!("{error}; looking again"));
    }

    async fn pause(&mut self, summary: &str) -> Result<(), CommandError> {
        let elapsed = self.progress.elapsed();
        let left = self.left();
        if left.is_zero() {
            let seconds = self.timeout.as_secs();
            let message = format!("after {seconds} s {summary}; the function goes on without this command");
            return Err(CommandError::TimedOut(message));
        }
        self.progress.tick(summary);
        let pause = if elapsed < SOON_FOR { SOON } else { LATER };
        tokio::time::sleep(pause.min(left)).await;
        Ok(())
    }
}

/// The event is on its way: only the looking has failed.
fn after_sending(error: CallError) -> CommandError {
    CommandError::Aws(format!(
        "the event was sent, but looking failed: {}: {error}",
        error.kind.name()
    ))
}

fn has_ended(status: &TaskStatus) -> bool {
    !status.seen.task.is_wanted()
}

fn is_ready(status: &TaskStatus) -> bool {
    status.seen.task.phase() == Phase::Running && status.registered() == status.targets.len()
}

fn state(status: &TaskStatus) -> String {
    let task = &status.seen.task;
    match task.phase() {
        Phase::Stopping | Phase::Stopped => format!("{}: {}", task.last_status, task.stop),
        Phase::Running if !status.targets.is_empty() => {
            let (registered, all) = (status.registered(), status.targets.len());
            format!("RUNNING, {registered} of {all} targets registered")
        }
        Phase::Starting | Phase::Running | Phase::Unknown => task.last_status.to_string(),
    }
}

fn stopping(seen: Option<&SeenTask>) -> String {
    let Some(seen) = seen else {
        return "is gone".to_owned();
    };
    match (&seen.task.last_status, seen.stop_at()) {
        (status, _) if seen.task.phase() == Phase::Stopping => format!("{status}, stopping"),
        (Status::Running, Some(time)) => format!("drains until {time}"),
        (status, _) => status.to_string(),
    }
}

fn told(tasks: &[TaskStatus]) -> Value {
    tasks.iter().map(crate::view::json::task).collect()
}

fn stopped(arn: &TaskArn, seen: Option<&SeenTask>) -> Value {
    json!({
        "taskArn": arn.as_str(),
        "lastStatus": seen.map(|seen| seen.task.last_status.to_string()),
        "stopReason": seen.map(|seen| seen.task.stop.to_string()),
    })
}
