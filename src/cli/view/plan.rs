//! The plan of a reconcile as a table and as JSON.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::domain::target::{GroupTarget, Target};
use start_engines_core::outcome::plan::{Change, GroupPlan, Plan};

use super::json::{self, Each};
use crate::terminal::table::{Cell, Column, LONG, Layout, Tone, counted, write_wrapped};

const COLUMNS: [Column; 5] = [
    Column::new("", 1),
    Column::new("GROUP", 8),
    Column::new("TARGET", 12),
    Column::new("TASK", 12),
    Column::new("WHY", 14),
];
const INDENT: usize = 2;

/// Why a target of a stopped task stays registered, and what to do about it.
pub const WITHHELD: &str = "no target is deregistered while the function's settings are not known here: a live task of another cluster may have the target. Give ALLOWED_CLUSTERS, with every cluster in full, and SERVICES_FILE: eval \"$(pulumi stack output commandEnvironment)\" (docs/command.md)";

/// The numbers of a plan's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Targets to register.
    pub register: usize,
    /// Targets to deregister.
    pub deregister: usize,
    /// Targets of no known task.
    pub unknown: usize,
    /// Tasks to stop.
    pub stop: usize,
    /// Targets of stopped tasks that are not deregistered: [`WITHHELD`].
    pub withheld: usize,
}

impl Counts {
    /// Counts the changes of one plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut counts = Self {
            stop: plan.stop.len(),
            ..Self::default()
        };
        for group in &plan.groups {
            counts.register += group.register.len();
            counts.deregister += group.deregister.len();
            counts.unknown += group.unknown.len();
            counts.withheld += group.withheld.len();
        }
        counts
    }

    /// Whether there is something to repair.
    #[must_use]
    pub fn is_drift(self) -> bool {
        self.register + self.deregister + self.stop > 0
    }

    /// The repairs as a text: `2 targets`, `1 task to stop`, or both.
    #[must_use]
    pub fn repairs(self) -> String {
        let targets = counted(self.register + self.deregister, "target");
        let tasks = format!("{} to stop", counted(self.stop, "task"));
        match (self.register + self.deregister, self.stop) {
            (_, 0) => targets,
            (0, _) => tasks,
            _ => format!("{targets}, and {tasks}"),
        }
    }
}

/// All unknown targets of a plan.
#[must_use]
pub fn unknown(plan: &Plan) -> Vec<GroupTarget> {
    let of_group = plan.groups.iter().flat_map(|group| {
        group.unknown.iter().map(|target| GroupTarget {
            group: group.group.clone(),
            target: target.clone(),
        })
    });
    of_group.collect()
}

/// Prints the plan as a table: the numbers, then one line for each change, then the numbers again if it is long.
///
/// # Errors
/// Those of writing.
pub fn write_table(cluster: &Cluster, plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let mut layout = Layout::new(INDENT, &COLUMNS);
    rows(plan).for_each(|cells| layout.fit(&cells));
    let layout = layout.fixed();
    let summary = summary(cluster, plan);
    write_wrapped(out, Tone::Head, &summary)?;
    for failure in &plan.failures {
        write_wrapped(out, Tone::Bad, &format!("{}: {}", failure.category, failure.message))?;
    }
    for group in &plan.unreached {
        write_wrapped(out, Tone::Bad, &format!("{group} was not compared: no time was left"))?;
    }
    let mut lines = 0;
    for cells in rows(plan) {
        writeln!(out, "{}", layout.line(&cells))?;
        lines += 1;
    }
    if lines > LONG {
        write_wrapped(out, Tone::Head, &summary)?;
    }
    Ok(())
}

fn summary(cluster: &Cluster, plan: &Plan) -> String {
    let counts = Counts::of(plan);
    let mut summary = format!(
        "Cluster {}: {} to register, {} to deregister, {} unknown",
        cluster.name(),
        counts.register,
        counts.deregister,
        counts.unknown
    );
    if counts.stop > 0 {
        summary += &format!(", {} to stop", counted(counts.stop, "task"));
    }
    if counts.withheld > 0 {
        summary += &format!(", {} left behind", counts.withheld);
    }
    summary
}

/// One row for each change.
fn rows(plan: &Plan) -> impl Iterator<Item = Vec<Cell>> {
    let stops = plan.stop.iter().map(|overdue| {
        vec![
            Cell::toned("x", Tone::Bad),
            Cell::default(),
            Cell::default(),
            overdue.task.id().into(),
            WHY_STOPPED.into(),
        ]
    });
    stops.chain(plan.groups.iter().flat_map(of_group))
}

fn of_group(group: &GroupPlan) -> impl Iterator<Item = Vec<Cell>> {
    let row = |sign: &str, tone: Tone, target: &Target, task: Option<&TaskArn>, why: &str| {
        vec![
            Cell::toned(sign, tone),
            group.group.name().into(),
            target.to_string().into(),
            task.map(TaskArn::id).unwrap_or_default().into(),
            why.into(),
        ]
    };
    let change = move |sign: &'static str, tone: Tone| {
        move |it: &Change| row(sign, tone, &it.target, it.task.as_ref(), it.why.summary())
    };
    let withheld = group.withheld.iter();
    let unknown = group.unknown.iter();
    let register = group.register.iter().map(change("+", Tone::Good));
    register
        .chain(group.deregister.iter().map(change("-", Tone::Bad)))
        .chain(withheld.map(move |it| row("!", Tone::Busy, &it.target, it.task.as_ref(), WHY_WITHHELD)))
        .chain(unknown.map(move |target| row("?", Tone::Busy, target, None, "of no known task")))
}

const WHY_WITHHELD: &str = "its task has stopped: stays registered";
const WHY_STOPPED: &str = "its drain is over";

/// The plan as the JSON that `docs/command.md` documents, made while it is written.
pub struct Json<'a>(pub &'a Cluster, pub &'a Plan);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(cluster, plan) = self;
        let failures = plan.failures.iter();
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("changes", &Each(|| changes(plan)))?;
        map.serialize_entry("cluster", cluster.as_str())?;
        map.serialize_entry("notSeen", &Each(|| failures.clone().map(json::failure)))?;
        map.serialize_entry("unreached", &Each(|| plan.unreached.iter().map(TargetGroupArn::as_str)))?;
        map.end()
    }
}

fn changes(plan: &Plan) -> impl Iterator<Item = Value> {
    let stops = plan.stop.iter().map(|overdue| {
        json!({
            "action": "stop",
            "targetGroupArn": null,
            "id": null,
            "port": null,
            "taskArn": overdue.task.as_str(),
            "why": format!("{WHY_STOPPED}, since {}", overdue.since.to_rfc3339().unwrap_or_default()),
        })
    });
    stops.chain(plan.groups.iter().flat_map(|group| {
        let change = |action: &'static str| {
            move |it: &Change| change(group, action, &it.target, it.task.as_ref(), Some(it.why.to_string()))
        };
        let register = group.register.iter().map(change("register"));
        register
            .chain(group.deregister.iter().map(change("deregister")))
            .chain(group.withheld.iter().map(change("none")))
            .chain(
                group
                    .unknown
                    .iter()
                    .map(|target| self::change(group, "none", target, None, None)),
            )
    }))
}

fn change(group: &GroupPlan, action: &str, target: &Target, task: Option<&TaskArn>, why: Option<String>) -> Value {
    json!({
        "action": action,
        "targetGroupArn": group.group.as_str(),
        "id": target.id,
        "port": target.port.number(),
        "taskArn": task.map(TaskArn::as_str),
        "why": why,
    })
}
