//! Tasks, targets and their drift, as a table of at most 100 columns and as JSON.
//!
//! Must not decide what is drift: that is the plan of a reconcile that is not carried out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::domain::target::{Target, TargetHealth};
use start_engines_core::domain::task::{Phase, Status as TaskState};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::plan::{Change, GroupPlan, Plan, Why};

use super::health;
use super::json::{self, Each};
use super::plan::{Counts, WITHHELD};
use crate::aws::HealthCheck;
use crate::fleet::{Fleet, GroupMember, TargetStatus, TaskStatus};
use crate::terminal::table::{Cell, Column, LONG, Layout, Tone, WIDTH, age, counted, printable, wrap, write_wrapped};

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
    /// How the health of targets is checked, of target groups with targets that are `initial`.
    pub checks: BTreeMap<TargetGroupArn, HealthCheck>,
    /// What is wrong with targets of tasks, by target group and task.
    drifts: HashMap<(TargetGroupArn, TaskArn), Vec<(Drift, Target)>>,
    /// Tasks whose drain is over, but which were not stopped.
    overdue: HashSet<TaskArn>,
    /// Unknown targets, and targets to deregister of tasks that are not shown.
    others: Vec<(TargetGroupArn, Target, Drift)>,
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
        let new: HashSet<&TaskArn> = fleet
            .tasks
            .iter()
            .filter(|status| is_new(status, now))
            .map(|status| &status.arn)
            .collect();
        let settles = |change: &Change| change.task.as_ref().is_some_and(|task| new.contains(task));
        for group in &mut plan.groups {
            group.register.retain(|change| !settles(change));
            group.deregister.retain(|change| !settles(change));
            group.withheld.retain(|change| !settles(change));
        }
        let is_left = |status: &TaskStatus| status.targets.iter().any(|target| target.member.is_some());
        fleet
            .tasks
            .retain(|status| stopped || status.phase != Phase::Stopped || is_left(status));
        let busy: BTreeSet<&str> = fleet
            .tasks
            .iter()
            .filter_map(|status| status.service.as_deref())
            .collect();
        let idle = services
            .iter()
            .filter(|name| !busy.contains(name.as_str()))
            .cloned()
            .collect();
        Self {
            drifts: drifts(&plan),
            overdue: plan.stop.iter().map(|overdue| overdue.task.clone()).collect(),
            others: others(&plan, &fleet),
            cluster,
            fleet,
            plan,
            idle,
            other_deployments_tasks: 0,
            checks: BTreeMap::new(),
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

    /// The drift of a task's target.
    fn drift(&self, status: &TaskStatus, target: &TargetStatus) -> Option<Drift> {
        let key = (target.attachment.group.clone(), status.arn.clone());
        let member = target.member.as_ref().map(|member| &member.target);
        let found = self.drifts.get(&key)?.iter();
        let mut its = found.filter(|(_, changed)| member.is_none_or(|member| member == changed));
        its.next().map(|(drift, _)| *drift)
    }

    /// What a registered target's reason means, and until when it is expected to be healthy.
    fn words(&self, target: &TargetStatus) -> Option<String> {
        let member = target.member.as_ref().filter(|_| target.is_registered())?;
        let words = health::words(member.reason.as_deref()?);
        Some(match self.healthy_within(target) {
            Some(time) => format!("{words}; healthy within {} s if all pass", time.as_secs()),
            None => words.to_owned(),
        })
    }

    /// How long a target takes from its registration to be healthy, if it is not yet.
    fn healthy_within(&self, target: &TargetStatus) -> Option<Duration> {
        let state = &*target.member.as_ref()?.state;
        let check = self.checks.get(&target.attachment.group)?;
        (state == "initial").then(|| check.time_to_healthy())
    }

    fn other_member(&self, group: &TargetGroupArn, target: &Target) -> Option<&GroupMember> {
        self.fleet.others.get(&(group.clone(), target.clone()))
    }

    fn unknown(&self) -> usize {
        self.plan.groups.iter().map(|group| group.unknown.len()).sum()
    }
}

/// The drift of each target of a task: what is to be deregistered before what is to be registered.
fn drifts(plan: &Plan) -> HashMap<(TargetGroupArn, TaskArn), Vec<(Drift, Target)>> {
    let mut drifts: HashMap<_, Vec<(Drift, Target)>> = HashMap::new();
    for group in &plan.groups {
        let register = group.register.iter().map(|change| (change, Drift::Of(change.why)));
        for (change, drift) in to_deregister(group).chain(register) {
            if let Some(task) = &change.task {
                let of_task = drifts.entry((group.group.clone(), task.clone())).or_default();
                of_task.push((drift, change.target.clone()));
            }
        }
    }
    drifts
}

fn to_deregister(group: &GroupPlan) -> impl Iterator<Item = (&Change, Drift)> {
    let out = group.deregister.iter().map(|change| (change, Drift::Of(change.why)));
    out.chain(group.withheld.iter().map(|change| (change, Drift::PerhapsLeft)))
}

/// Targets to deregister of tasks that are not shown, then unknown targets.
fn others(plan: &Plan, fleet: &Fleet) -> Vec<(TargetGroupArn, Target, Drift)> {
    let shown: HashSet<&TaskArn> = fleet.tasks.iter().map(|status| &status.arn).collect();
    let mut others = Vec::new();
    for group in &plan.groups {
        let left = to_deregister(group)
            .filter(|(change, _)| change.task.as_ref().is_none_or(|task| !shown.contains(task)))
            .map(|(change, drift)| (group.group.clone(), change.target.clone(), drift));
        others.extend(left);
    }
    for group in &plan.groups {
        let unknown = group.unknown.iter();
        others.extend(unknown.map(|target| (group.group.clone(), target.clone(), Drift::Unknown)));
    }
    others
}

fn is_new(status: &TaskStatus, now: Timestamp) -> bool {
    let since = match status.phase {
        Phase::Running => status.started_at,
        Phase::Stopping | Phase::Stopped => status.stopping_at,
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

/// Prints all clusters as a table.
///
/// # Errors
/// Those of writing.
pub fn write_table(clusters: &[ClusterStatus], now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    for (n, status) in clusters.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        write_cluster(status, now, out)?;
    }
    Ok(())
}

fn write_cluster(status: &ClusterStatus, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    let (tasks, targets) = layouts(status, now);
    let heading = heading(status);
    write_wrapped(out, Tone::Head, &heading)?;
    if status.other_deployments_tasks > 0 {
        let others = counted(status.other_deployments_tasks, "task");
        writeln!(out, "{others} of other deployments not shown")?;
    }
    if !status.fleet.tasks.is_empty() || !status.idle.is_empty() {
        writeln!(out, "{}", tasks.head())?;
    }
    let mut lines = status.idle.len() + status.others.len();
    for task in &status.fleet.tasks {
        writeln!(
            out,
            "{}",
            tasks.line(&task_row(task, status.overdue.contains(&task.arn), now))
        )?;
        for target in &task.targets {
            writeln!(out, "{}", targets.line(&target_row(target, status.drift(task, target))))?;
            if let Some(words) = status.words(target) {
                wrap(&words, WIDTH - 2 * INDENT)
                    .iter()
                    .try_for_each(|line| writeln!(out, "{:1$}{line}", "", 2 * INDENT))?;
                lines += 1;
            }
        }
        lines += 1 + task.targets.len();
    }
    for name in &status.idle {
        writeln!(out, "{}", tasks.line(&idle_row(name)))?;
    }
    for (n, other) in status.others.iter().enumerate() {
        if n == 0 {
            writeln!(out, "Other targets:")?;
        }
        writeln!(out, "{}", targets.line(&other_row(status, other)))?;
    }
    for failure in &status.plan.failures {
        write_wrapped(out, Tone::Bad, &format!("{}: {}", failure.category, failure.message))?;
    }
    if lines > LONG {
        write_wrapped(out, Tone::Head, &heading)?;
    }
    Ok(())
}

/// The columns of tasks and of targets, as wide as their widest cells.
fn layouts(status: &ClusterStatus, now: Timestamp) -> (Layout, Layout) {
    let (mut tasks, mut targets) = (Layout::new(0, &TASKS), Layout::new(INDENT, &TARGETS));
    for task in &status.fleet.tasks {
        tasks.fit(&task_row(task, status.overdue.contains(&task.arn), now));
        for target in &task.targets {
            targets.fit(&target_row(target, status.drift(task, target)));
        }
    }
    status.idle.iter().for_each(|name| tasks.fit(&idle_row(name)));
    let others = status.others.iter();
    others.for_each(|other| targets.fit(&other_row(status, other)));
    (tasks.fixed(), targets.fixed())
}

fn heading(status: &ClusterStatus) -> String {
    let mut heading = format!(
        "Cluster {}: {}, {} drifted, {}",
        printable(status.cluster.name()),
        counted(status.fleet.tasks.len(), "task"),
        counted(status.drifted_targets(), "target"),
        counted(status.unknown(), "unknown target")
    );
    if !status.plan.stop.is_empty() {
        heading += &format!(", {} overdue", counted(status.plan.stop.len(), "task"));
    }
    heading
}

fn idle_row(name: &str) -> [Cell; 4] {
    [name.into(), "(no task)".into(), Cell::default(), Cell::default()]
}

fn other_row(status: &ClusterStatus, (group, target, drift): &(TargetGroupArn, Target, Drift)) -> [Cell; 4] {
    let member = status.other_member(group, target);
    [
        group.name().into(),
        target.to_string().into(),
        member.map_or_else(Cell::default, |member| health(member, Tone::Plain)),
        Cell::toned(drift.words(), Tone::Bad),
    ]
}

fn task_row(status: &TaskStatus, is_overdue: bool, now: Timestamp) -> [Cell; 4] {
    let (state, tone) = match (status.phase, &status.stop_at) {
        _ if is_overdue => ("OVERDUE".to_owned(), Tone::Bad),
        (Phase::Running, Some(until)) => (drains(until, now), Tone::Busy),
        (Phase::Running, None) => (status.last_status.to_string(), Tone::Good),
        (Phase::Stopping, _) if status.last_status == TaskState::Running => {
            ("RUNNING, stopping".to_owned(), Tone::Busy)
        }
        (Phase::Stopped, _) if status.failed_to_start => ("STOPPED, never ran".to_owned(), Tone::Bad),
        (Phase::Starting | Phase::Stopping | Phase::Unknown, _) => (status.last_status.to_string(), Tone::Busy),
        (Phase::Stopped, _) => (status.last_status.to_string(), Tone::Plain),
    };
    let since = status.created_at.map(|created| age(now.since(created)));
    [
        status.service.as_deref().unwrap_or("-").into(),
        status.arn.id().into(),
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

fn target_row(target: &TargetStatus, drift: Option<Drift>) -> [Cell; 4] {
    let group = target.attachment.group.name();
    let drift = drift.map_or_else(Cell::default, |drift| Cell::toned(drift.words(), Tone::Bad));
    match &target.member {
        Some(member) => {
            let tone = match (&member.health, &*member.state) {
                (TargetHealth::Registered(_), "healthy") => Tone::Good,
                (TargetHealth::Registered(_), "unhealthy" | "unhealthy.draining") => Tone::Bad,
                _ => Tone::Busy,
            };
            [
                group.into(),
                member.target.to_string().into(),
                health(member, tone),
                drift,
            ]
        }
        None => {
            let port = format!("port {}", target.attachment.port);
            [group.into(), port.into(), "not registered".into(), drift]
        }
    }
}

/// The state, with AWS's reason for it; the reason for `draining` adds nothing.
fn health(member: &GroupMember, tone: Tone) -> Cell {
    match (&member.health, &member.reason) {
        (TargetHealth::Registered(_) | TargetHealth::NotRegistered, Some(reason)) => {
            Cell::toned(format!("{} ({reason})", member.state), tone)
        }
        (TargetHealth::Draining, _) | (_, None) => Cell::toned(&*member.state, tone),
    }
}

/// All clusters as the JSON that `docs/command.md` documents, made while it is written.
pub struct Json<'a>(pub &'a [ClusterStatus]);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(clusters) = self;
        let drifts: usize = clusters.iter().map(ClusterStatus::drifts).sum();
        let withheld: usize = clusters.iter().map(ClusterStatus::withheld).sum();
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("clusters", &Each(|| clusters.iter().map(ClusterJson)))?;
        map.serialize_entry("drift", &drifts)?;
        map.serialize_entry("note", &(withheld > 0).then_some(WITHHELD))?;
        map.end()
    }
}

struct ClusterJson<'a>(&'a ClusterStatus);

impl Serialize for ClusterJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(status) = self;
        let failures = || status.plan.failures.iter().map(json::failure);
        let others = || status.others.iter().map(|other| other_json(status, other));
        let tasks = || status.fleet.tasks.iter().map(|task| task_json(status, task));
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("cluster", status.cluster.as_str())?;
        map.serialize_entry("failures", &Each(failures))?;
        map.serialize_entry("otherTargets", &Each(others))?;
        map.serialize_entry("servicesWithoutTasks", &status.idle)?;
        map.serialize_entry("tasks", &Each(tasks))?;
        map.serialize_entry("tasksOfOtherDeployments", &status.other_deployments_tasks)?;
        map.end()
    }
}

fn task_json(status: &ClusterStatus, task: &TaskStatus) -> Value {
    let mut task_json = json::task(task);
    task_json["overdue"] = json!(status.overdue.contains(&task.arn));
    let drifts = task
        .targets
        .iter()
        .map(|target| status.drift(task, target).map(Drift::name));
    let within = task.targets.iter().map(|target| status.healthy_within(target));
    let targets = task_json["targets"].as_array_mut().into_iter().flatten();
    for ((target, drift), within) in targets.zip(drifts).zip(within) {
        target["drift"] = json!(drift);
        target["healthyWithinSeconds"] = json!(within.map(|time| time.as_secs()));
    }
    task_json
}

fn other_json(status: &ClusterStatus, (group, target, drift): &(TargetGroupArn, Target, Drift)) -> Value {
    let member = status.other_member(group, target);
    json!({
        "targetGroupArn": group.as_str(),
        "id": target.id,
        "port": target.port.number(),
        "state": member.map(|member| &*member.state),
        "reason": member.and_then(|member| member.reason.as_deref()),
        "drift": drift.name(),
    })
}

#[cfg(test)]
mod status_tests;
