//! The plan of a reconcile as a table and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};
use start_engines_core::domain::arn::Cluster;
use start_engines_core::domain::target::GroupTarget;
use start_engines_core::outcome::plan::{Change, Plan};

use crate::terminal::table::{Cell, Column, Table, Tone, WIDTH, counted, wrap};

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

/// The plan as a table: one line for each change.
#[must_use]
pub fn table(cluster: &Cluster, plan: &Plan) -> String {
    let mut table = Table::new(INDENT, &COLUMNS);
    for overdue in &plan.stop {
        table.row(vec![
            Cell::toned("x", Tone::Bad),
            Cell::default(),
            Cell::default(),
            overdue.task.id().into(),
            WHY_STOPPED.into(),
        ]);
    }
    for group in &plan.groups {
        let name = group.group.name();
        let mut change = |sign: &str, tone: Tone, change: &Change| {
            let task = change.task.as_ref().map(|task| task.id()).unwrap_or_default();
            table.row(vec![
                Cell::toned(sign, tone),
                name.into(),
                change.target.to_string().into(),
                task.into(),
                change.why.summary().into(),
            ]);
        };
        group.register.iter().for_each(|it| change("+", Tone::Good, it));
        group.deregister.iter().for_each(|it| change("-", Tone::Bad, it));
        for withheld in &group.withheld {
            table.row(vec![
                Cell::toned("!", Tone::Busy),
                name.into(),
                withheld.target.to_string().into(),
                withheld.task.as_ref().map(|task| task.id()).unwrap_or_default().into(),
                "its task has stopped: stays registered".into(),
            ]);
        }
        for target in &group.unknown {
            table.row(vec![
                Cell::toned("?", Tone::Busy),
                name.into(),
                target.to_string().into(),
                Cell::default(),
                "of no known task".into(),
            ]);
        }
    }
    let counts = Counts::of(plan);
    let mut summary = format!(
        "Cluster {}: {} to register, {} to deregister, {} unknown",
        cluster.name(),
        counts.register,
        counts.deregister,
        counts.unknown
    );
    if counts.stop > 0 {
        let _ = write!(summary, ", {} to stop", counted(counts.stop, "task"));
    }
    if counts.withheld > 0 {
        let _ = write!(summary, ", {} left behind", counts.withheld);
    }
    let mut text = String::new();
    let mut lines = |tone: Tone, long: &str| {
        for line in wrap(long, WIDTH) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", tone.paint(&line));
        }
    };
    lines(Tone::Head, &summary);
    for failure in &plan.failures {
        lines(Tone::Bad, &format!("{}: {}", failure.category, failure.message));
    }
    for group in &plan.unreached {
        lines(Tone::Bad, &format!("{group} was not compared: no time was left"));
    }
    for line in table.lines() {
        let _ = writeln!(text, "{line}");
    }
    text
}

const WHY_STOPPED: &str = "its drain is over";

/// The plan as the JSON that `docs/command.md` documents.
#[must_use]
pub fn json(cluster: &Cluster, plan: &Plan) -> Value {
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
    let mut changes: Vec<Value> = stops.collect();
    for group in &plan.groups {
        let arn = group.group.as_str();
        let mut put = |action: &str, target: &start_engines_core::domain::target::Target, change: Option<&Change>| {
            changes.push(json!({
                "action": action,
                "targetGroupArn": arn,
                "id": target.id,
                "port": target.port.number(),
                "taskArn": change.and_then(|change| change.task.as_ref()).map(|task| task.as_str()),
                "why": change.map(|change| change.why.to_string()),
            }));
        };
        group
            .register
            .iter()
            .for_each(|it| put("register", &it.target, Some(it)));
        group
            .deregister
            .iter()
            .for_each(|it| put("deregister", &it.target, Some(it)));
        group.withheld.iter().for_each(|it| put("none", &it.target, Some(it)));
        group.unknown.iter().for_each(|target| put("none", target, None));
    }
    json!({
        "cluster": cluster.as_str(),
        "changes": changes,
        "notSeen": plan.failures.iter().map(|failure| json!({"category": failure.category.name(), "message": failure.message})).collect::<Value>(),
        "unreached": plan.unreached.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
    })
}
