//! Tasks, targets and their drift, as a table of at most 100 columns and as JSON.
//!
//! Must not decide what is drift: that is the plan of a reconcile that is not carried out.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn};
use start_engines_core::domain::target::{Target, TargetHealth};
use start_engines_core::domain::task::{Phase, Status as TaskState};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::plan::{Change, GroupPlan, Plan, Why};

use super::json;
use super::plan::{Counts, WITHHELD};
use crate::fleet::{Fleet, GroupMember, TargetStatus, TaskSnapshot, TaskStatus};
use crate::terminal::table::{Cell, Column, Table, Tone, WIDTH, age, counted, printable, wrap};

/// How long after a task began to run or to stop a difference is not drift: its events are still on their way.
pub const SETTLE: Duration = Duration::from_secs(30);

/// What `status` shows of a cluster: its tasks with their targets, and what differs between the two.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The cluster, by name or ARN.
    pub cluster: Cluster,
    /// Its tasks with their targets.
    pub fleet: Fleet,
    /// The plan of a reconcile.
    pub plan: Plan,
    /// Services of the catalog that have no task in this cluster.
    pub idle: Vec<String>,
    /// Number of live tasks of other deployments in this cluster; they are not shown.
    pub other_deployments_tasks: usize,
}

/// What is wrong with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A reconcile registers or deregisters the target.
    Of(Why),
    /// The task is stopping or stopped, and the target is still registered; but a live task of another cluster may own
    /// it, as not all clusters are known here.
    PerhapsLeft,
    /// The target is of no known task.
    Unknown,
}

impl Drift {
    /// The fixed name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(why) => why.name(),
            Self::PerhapsLeft => Why::Left.name(),
            Self::Unknown => "target_unknown",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Of(why) => why.label(),
            Self::PerhapsLeft => "LEFT BEHIND?",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl ClusterStatus {
    /// Combines tasks and plan. Of the stopped tasks, only those that still have a target are kept, or all with `stopped`.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        mut fleet: Fleet,
        mut plan: Plan,
        services: &[String],
        stopped: bool,
        now: Timestamp,
    ) -> Self {
        let settles = |change: &Change| {
            let of = |status: &&TaskStatus| Some(&status.snapshot.task.arn) == change.task.as_ref();
            fleet
                .tasks
                .iter()
                .find(of)
                .is_some_and(|status| is_new(&status.snapshot, now))
        };
        for group in &mut plan.groups {
            group.register.retain(|change| !settles(change));
            group.deregister.retain(|change| !settles(change));
            group.withheld.retain(|change| !settles(change));
        }
        let is_left = |status: &TaskStatus| status.targets.iter().any(|target| target.member.is_some());
        fleet
            .tasks
            .retain(|status| stopped || status.snapshot.task.phase() != Phase::Stopped || is_left(status));
        let busy: BTreeSet<&String> = fleet
            .tasks
            .iter()
            .filter_map(|status| status.service.as_ref())
            .collect();
        let idle = services.iter().filter(|name| !busy.contains(name)).cloned().collect();
        Self {
            cluster,
            fleet,
            plan,
            idle,
            other_deployments_tasks: 0,
        }
    }

    /// Sets the number of live tasks of other deployments.
    #[must_use]
    pub fn with_other_deployments_tasks(self, other_deployments_tasks: usize) -> Self {
        Self {
            other_deployments_tasks,
            ..self
        }
    }

    /// Number of targets to register or deregister, and of tasks to stop.
    #[must_use]
    pub fn drifts(&self) -> usize {
        self.drifted_targets() + self.plan.stop.len()
    }

    fn drifted_targets(&self) -> usize {
        let groups = self.plan.groups.iter();
        let of_group = |group: &GroupPlan| group.register.len() + group.deregister.len() + group.withheld.len();
        groups.map(of_group).sum()
    }

    /// Number of targets that a reconcile does not deregister, for the reason in [`WITHHELD`].
    #[must_use]
    pub fn withheld(&self) -> usize {
        Counts::of(&self.plan).withheld
    }

    /// Whether the task's drain is over, but it was not stopped.
    fn is_overdue(&self, status: &TaskStatus) -> bool {
        self.plan
            .stop
            .iter()
            .any(|overdue| overdue.task == status.snapshot.task.arn)
    }

    fn unknown(&self) -> impl Iterator<Item = (&TargetGroupArn, &Target)> {
        let groups = self.plan.groups.iter();
        groups.flat_map(|group| group.unknown.iter().map(|target| (&group.group, target)))
    }

    /// The drift of a task's target.
    fn drift(&self, status: &TaskStatus, target: &TargetStatus) -> Option<Drift> {
        let group = self
            .plan
            .groups
            .iter()
            .find(|group| group.group == target.attachment.group)?;
        let is_its = |change: &&Change| {
            let member = target.member.as_ref().map(|member| &member.target);
            change.task.as_ref() == Some(&status.snapshot.task.arn)
                && member.is_none_or(|member| *member == change.target)
        };
        let out = group.deregister.iter().find(is_its).map(|change| Drift::Of(change.why));
        let perhaps = group.withheld.iter().find(is_its).map(|_| Drift::PerhapsLeft);
        out.or(perhaps)
            .or_else(|| group.register.iter().find(is_its).map(|change| Drift::Of(change.why)))
    }

    /// Unknown targets, and targets to deregister of tasks that ECS does not list any more.
    fn others(&self) -> impl Iterator<Item = (&TargetGroupArn, &Target, Drift)> {
        let shown: BTreeSet<&str> = self
            .fleet
            .tasks
            .iter()
            .map(|status| status.snapshot.task.arn.as_str())
            .collect();
        let left = self.plan.groups.iter().flat_map(move |group| {
            let shown = shown.clone();
            let is_shown =
                move |change: &Change| change.task.as_ref().is_none_or(|task| !shown.contains(task.as_str()));
            let out = group.deregister.iter().map(|change| (change, Drift::Of(change.why)));
            let perhaps = group.withheld.iter().map(|change| (change, Drift::PerhapsLeft));
            out.chain(perhaps)
                .filter(move |(change, _)| is_shown(change))
                .map(|(change, drift)| (&group.group, &change.target, drift))
        });
        left.chain(self.unknown().map(|(group, target)| (group, target, Drift::Unknown)))
    }

    fn other_member(&self, group: &TargetGroupArn, target: &Target) -> Option<&GroupMember> {
        let mut others = self.fleet.others.iter();
        let found = others.find(|(of, member)| of == group && member.target == *target);
        found.map(|(_, member)| member)
    }
}

fn is_new(snapshot: &TaskSnapshot, now: Timestamp) -> bool {
    let since = match snapshot.task.phase() {
        Phase::Running => snapshot.task.started_at,
        Phase::Stopping | Phase::Stopped => snapshot.stopping_at.or(snapshot.task.stopped_at),
        Phase::Starting | Phase::Unknown => None,
    };
    since.is_some_and(|since| now.since(since) < SETTLE)
}

const TASKS: [Column; 4] = [
    Column::new("SERVICE", 12),
    Column::new("TASK", 32),
    Column::new("STATE", 12),
    Column::new("AGE", 6).right(),
];
const TARGETS: [Column; 4] = [
    Column::new("GROUP", 8),
    Column::new("TARGET", 12),
    Column::new("HEALTH", 9),
    Column::new("DRIFT", 11),
];
const INDENT: usize = 4;

/// All clusters as a table.
#[must_use]
pub fn table(clusters: &[ClusterStatus], now: Timestamp) -> String {
    let mut text = String::new();
    for (n, status) in clusters.iter().enumerate() {
        if n > 0 {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = cluster(status, now, &mut text);
    }
    text
}

fn cluster(status: &ClusterStatus, now: Timestamp, text: &mut String) -> std::fmt::Result {
    let (mut tasks, mut targets) = (Table::new(0, &TASKS), Table::new(INDENT, &TARGETS));
    for task in &status.fleet.tasks {
        tasks.row(task_row(task, status.is_overdue(task), now));
        for target in &task.targets {
            targets.row(target_row(target, status.drift(task, target)));
        }
    }
    for name in &status.idle {
        tasks.row(vec![name.into(), "(no task)".into(), Cell::default(), Cell::default()]);
    }
    for (group, target, drift) in status.others() {
        let member = status.other_member(group, target);
        targets.row(vec![
            group.name().into(),
            target.to_string().into(),
            member.map_or_else(Cell::default, |member| health(member, Tone::Plain)),
            Cell::toned(drift.words(), Tone::Bad),
        ]);
    }
    let mut heading = format!(
        "Cluster {}: {}, {} drifted, {}",
        printable(status.cluster.name()),
        counted(status.fleet.tasks.len(), "task"),
        counted(status.drifted_targets(), "target"),
        counted(status.unknown().count(), "unknown target")
    );
    if !status.plan.stop.is_empty() {
        let _ = write!(heading, ", {} overdue", counted(status.plan.stop.len(), "task"));
    }
    for line in wrap(&heading, WIDTH) {
        writeln!(text, "{}", Tone::Head.paint(&line))?;
    }
    if status.other_deployments_tasks > 0 {
        let others = counted(status.other_deployments_tasks, "task");
        writeln!(text, "{others} of other deployments not shown")?;
    }
    if !tasks.is_empty() {
        writeln!(text, "{}", tasks.head())?;
    }
    let mut lines = targets.lines().into_iter();
    let rows = tasks.lines();
    for (n, row) in rows.iter().enumerate() {
        writeln!(text, "{row}")?;
        let number = status.fleet.tasks.get(n).map_or(0, |task| task.targets.len());
        for line in lines.by_ref().take(number) {
            writeln!(text, "{line}")?;
        }
    }
    for (n, line) in lines.enumerate() {
        if n == 0 {
            writeln!(text, "Other targets:")?;
        }
        writeln!(text, "{line}")?;
    }
    for failure in &status.plan.failures {
        for line in wrap(&format!("{}: {}", failure.category, failure.message), WIDTH) {
            writeln!(text, "{}", Tone::Bad.paint(&line))?;
        }
    }
    Ok(())
}

fn task_row(status: &TaskStatus, is_overdue: bool, now: Timestamp) -> Vec<Cell> {
    let snapshot = &status.snapshot;
    let task = &snapshot.task;
    let (state, tone) = match (task.phase(), snapshot.stop_at()) {
        _ if is_overdue => ("OVERDUE".to_owned(), Tone::Bad),
        (Phase::Running, Some(until)) => (drains(until, now), Tone::Busy),
        (Phase::Running, None) => (task.last_status.to_string(), Tone::Good),
        (Phase::Stopping, _) if task.last_status == TaskState::Running => ("RUNNING, stopping".to_owned(), Tone::Busy),
        (Phase::Stopped, _) if task.failed_to_start() => ("STOPPED, never ran".to_owned(), Tone::Bad),
        (Phase::Starting | Phase::Stopping | Phase::Unknown, _) => (task.last_status.to_string(), Tone::Busy),
        (Phase::Stopped, _) => (task.last_status.to_string(), Tone::Plain),
    };
    let since = snapshot.created_at.map(|created| age(now.since(created)));
    vec![
        status.service.as_deref().unwrap_or("-").into(),
        task.arn.id().into(),
        Cell::toned(state, tone),
        since.unwrap_or_default().into(),
    ]
}

fn drains(until: &str, now: Timestamp) -> String {
    match Timestamp::parse(until).map(|until| until.since(now)) {
        Some(left) => format!("drains {}", age(left)),
        None => "drains".to_owned(),
    }
}

fn target_row(target: &TargetStatus, drift: Option<Drift>) -> Vec<Cell> {
    let group = target.attachment.group.name();
    let drift = drift.map_or_else(Cell::default, |drift| Cell::toned(drift.words(), Tone::Bad));
    match &target.member {
        Some(member) => {
            let tone = match (&member.health, member.state.as_str()) {
                (TargetHealth::Registered(_), "healthy") => Tone::Good,
                (TargetHealth::Registered(_), "unhealthy" | "unhealthy.draining") => Tone::Bad,
                _ => Tone::Busy,
            };
            vec![
                group.into(),
                member.target.to_string().into(),
                health(member, tone),
                drift,
            ]
        }
        None => {
            let port = format!("port {}", target.attachment.port);
            vec![group.into(), port.into(), "not registered".into(), drift]
        }
    }
}

/// The state, with AWS's reason for it; the reason for `draining` adds nothing.
fn health(member: &GroupMember, tone: Tone) -> Cell {
    match (&member.health, &member.reason) {
        (TargetHealth::Registered(_) | TargetHealth::NotRegistered, Some(reason)) => {
            Cell::toned(format!("{} ({reason})", member.state), tone)
        }
        (TargetHealth::Draining, _) | (_, None) => Cell::toned(&member.state, tone),
    }
}

/// All clusters as the JSON that `docs/command.md` documents.
#[must_use]
pub fn json(clusters: &[ClusterStatus]) -> Value {
    let all: Value = clusters.iter().map(of_cluster).collect();
    let drifts: usize = clusters.iter().map(ClusterStatus::drifts).sum();
    let withheld: usize = clusters.iter().map(ClusterStatus::withheld).sum();
    json!({"clusters": all, "drift": drifts, "note": (withheld > 0).then_some(WITHHELD)})
}

fn of_cluster(status: &ClusterStatus) -> Value {
    let tasks = status.fleet.tasks.iter().map(|task| {
        let mut task_json = json::task(task);
        task_json["overdue"] = json!(status.is_overdue(task));
        let drifts = task
            .targets
            .iter()
            .map(|target| status.drift(task, target).map(Drift::name));
        for (target, drift) in task_json["targets"].as_array_mut().into_iter().flatten().zip(drifts) {
            target["drift"] = json!(drift);
        }
        task_json
    });
    let others = status.others().map(|(group, target, drift)| {
        let member = status.other_member(group, target);
        json!({
            "targetGroupArn": group.as_str(),
            "id": target.id,
            "port": target.port.number(),
            "state": member.map(|member| &member.state),
            "reason": member.and_then(|member| member.reason.as_ref()),
            "drift": drift.name(),
        })
    });
    let failures = status.plan.failures.iter();
    json!({
        "cluster": status.cluster.as_str(),
        "tasks": tasks.collect::<Value>(),
        "otherTargets": others.collect::<Value>(),
        "servicesWithoutTasks": status.idle,
        "tasksOfOtherDeployments": status.other_deployments_tasks,
        "failures": failures.map(|failure| json!({"category": failure.category.name(), "message": failure.message})).collect::<Value>(),
    })
}

#[cfg(test)]
mod status_tests;
