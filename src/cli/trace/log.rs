//! The function's log lines, and the moments that they tell of.
//!
//! The fields are those of `start_engines_core::report::log_line`. Lines of other programs, and of other versions with
//! other fields, are no error: what is missing is not told.

use serde_json::{Map, Value};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::Skip;
use start_engines_core::request::envelope::{CHECK, DEREGISTER, RECONCILE, START, STOP, TASK_STATE_CHANGE};

use super::{Moment, What};

/// One log line of the function about one event.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When it was written: at the end of the work on the event.
    pub at: Timestamp,
    fields: Map<String, Value>,
}

impl LogLine {
    /// Reads a line; `None` if it is not the function's line about an event.
    #[must_use]
    pub fn read(at: Timestamp, message: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(message.trim()).ok()?;
        let line = Self { at, fields };
        (line.text("outcome").is_some() && line.text("message") == Some("event handled")).then_some(line)
    }

    /// A field that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    fn texts(&self, name: &str) -> Vec<&str> {
        let items = self.fields.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name)?.as_i64()
    }

    fn is(&self, detail_type: &str) -> bool {
        self.text("detailType") == Some(detail_type)
    }

    /// Whether it is about a start.
    #[must_use]
    pub fn is_start(&self) -> bool {
        self.is(START)
    }

    /// Whether it is about a state change.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.is(TASK_STATE_CHANGE)
    }

    /// Whether the event failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.text("outcome") == Some("failed")
    }

    /// Whether a retry can help, if the event failed.
    #[must_use]
    pub fn retry_can_help(&self) -> bool {
        self.fields.get("retryCanHelp") == Some(&Value::Bool(true))
    }

    /// The tasks that it names.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskArn> {
        let named = self.texts("tasks").into_iter().chain(self.text("task"));
        let others = ["draining", "stoppedWithoutDrain", "tasksStopped", "deadlinesNotSet"];
        let others = others.into_iter().flat_map(|name| self.texts(name));
        // Some fields have a text after the ARN.
        let first = |text: &str| text.split(' ').next().and_then(|arn| arn.parse().ok());
        let mut tasks: Vec<TaskArn> = named.chain(others).filter_map(first).collect();
        tasks.sort();
        tasks.dedup();
        tasks
    }

    /// Whether it concerns a task.
    #[must_use]
    pub fn names(&self, task: &TaskArn) -> bool {
        self.tasks().iter().any(|named| named.id() == task.id())
    }

    /// Whether it is about a state change of this task with a sign of a stop, or about what follows from one.
    #[must_use]
    pub fn is_stop_of(&self, task: &TaskArn) -> bool {
        let is_sign = self.is_change() && self.text("desiredStatus") == Some("STOPPED");
        (is_sign || self.is(DEREGISTER)) && self.names(task)
    }

    /// Whether a sign of a stop was handled to its end: none of its task's targets is registered any more, or they are other
    /// tasks'.
    #[must_use]
    pub fn has_deregistered(&self) -> bool {
        let nothing_left = [Skip::NotRegistered, Skip::NeverHadAnAddress].map(Skip::name);
        match self.text("outcome") {
            Some("deregistered") => true,
            Some("skipped") => self.text("reason").is_some_and(|reason| nothing_left.contains(&reason)),
            Some(_) | None => false,
        }
    }

    /// Whether it is about the RUNNING event of this task, with no sign of a stop.
    #[must_use]
    pub fn is_running_of(&self, task: &TaskArn) -> bool {
        let is_running = self.text("lastStatus") == Some("RUNNING") && self.text("desiredStatus") == Some("RUNNING");
        self.is_change() && is_running && self.names(task)
    }

    /// Whether the event was left to another one of the same batch.
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        self.text("reason") == Some(Skip::Superseded.name())
    }

    /// Whether the event ended with targets registered.
    #[must_use]
    pub fn has_registered(&self) -> bool {
        self.text("outcome") == Some("registered")
    }

    /// Whether it is about a check that found this task unhealthy.
    #[must_use]
    pub fn has_found_unhealthy(&self, task: &TaskArn) -> bool {
        self.is(CHECK) && self.lists("unhealthy", task)
    }

    /// Whether it is about a check that called StopTask for this task.
    #[must_use]
    pub fn has_stopped_as_unhealthy(&self, task: &TaskArn) -> bool {
        self.is(CHECK) && self.lists("tasksStopped", task)
    }

    fn lists(&self, field: &str, task: &TaskArn) -> bool {
        self.texts(field).contains(&task.as_str())
    }

    /// The targets that a check found not healthy, each with its state and ELB's reason. Those of one task: of several, the
    /// line does not say whose they are.
    #[must_use]
    pub fn targets_not_healthy(&self) -> Vec<String> {
        let targets = self.texts("targetsNotHealthy").into_iter();
        let is_one = self.tasks().len() == 1;
        targets.filter(|_| is_one).map(str::to_owned).collect()
    }

    /// When what it is about was requested; if it does not say so, when it was written.
    #[must_use]
    pub fn requested_at(&self) -> Timestamp {
        self.text("requestedAt").and_then(Timestamp::parse).unwrap_or(self.at)
    }

    /// Whether it is about a failed delivery of this message of a queue, in buffered mode.
    #[must_use]
    pub fn has_failed_on(&self, message: &str) -> bool {
        self.has_failed() && self.text("messageId") == Some(message)
    }

    /// Whether the event came as a message of a queue, in buffered mode.
    #[must_use]
    pub fn is_of_queue(&self) -> bool {
        self.text("messageId").is_some()
    }

    /// When the targets that it says are registered are checked.
    #[must_use]
    pub fn check_at(&self) -> Option<Timestamp> {
        Timestamp::parse(self.text("healthCheckAt")?)
    }

    /// Milliseconds from the change to the last registration or deregistration.
    #[must_use]
    pub fn lag_millis(&self) -> Option<i64> {
        self.number("lagMillis")
    }

    /// The reason and the error of a failure, in one text.
    #[must_use]
    pub fn failure(&self) -> String {
        let reason = self.text("reason").unwrap_or("unknown");
        match self.text("error") {
            Some(error) => format!("{reason}: {error}"),
            None => reason.to_owned(),
        }
    }

    /// The moments that it tells of.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        match self.text("detailType") {
            Some(START) => self.of_start(),
            Some(STOP) => self.of_stop(),
            Some(TASK_STATE_CHANGE | DEREGISTER) => self.of_change(),
            Some(CHECK) => self.of_check(),
            Some(RECONCILE) => self.for_each_task(What::Reconciled, "it was stopped, since its drain was over"),
            _ => Vec::new(),
        }
    }

    fn moment(&self, what: What, detail: impl Into<String>, task: Option<TaskArn>) -> Moment {
        Moment {
            at: self.at,
            what,
            detail: detail.into(),
            task,
        }
    }

    fn for_each_task(&self, what: What, detail: &str) -> Vec<Moment> {
        let tasks = self.tasks().into_iter();
        tasks.map(|task| self.moment(what, detail, Some(task))).collect()
    }

    fn requested(&self, what: What, detail: String) -> Option<Moment> {
        let at = Timestamp::parse(self.text("requestedAt")?)?;
        Some(Moment {
            at,
            what,
            detail,
            task: None,
        })
    }

    fn of_start(&self) -> Vec<Moment> {
        let about = match (self.text("service"), self.text("taskDefinition")) {
            (Some(service), _) => format!("service {service}"),
            (None, Some(definition)) => format!("task definition {}", last_part(definition)),
            (None, None) => String::new(),
        };
        let event = self.text("eventId").map(|id| format!("event {id}"));
        let asked = [Some(about).filter(|about| !about.is_empty()), event];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        let mut moments: Vec<Moment> = self.requested(What::Requested, asked.join(", ")).into_iter().collect();
        let attempts = self.fields.get("attempts").and_then(Value::as_array);
        moments.extend(attempts.into_iter().flatten().map(|attempt| self.of_attempt(attempt)));
        let tasks = self.texts("tasks").len();
        if self.has_failed() {
            moments.push(self.moment(What::StartFailed, self.failure(), None));
        } else if tasks > 0 {
            let conflict = match self.fields.get("clientTokenConflict") {
                Some(_) => ", some by an earlier delivery",
                None => "",
            };
            let detail = format!("{tasks} {}{conflict}", if tasks == 1 { "task" } else { "tasks" });
            moments.push(self.moment(What::StartHandled, detail, None));
        }
        moments
    }

    /// One RunTask call, with its placement and ECS's reasons.
    fn of_attempt(&self, attempt: &Value) -> Moment {
        let text = |name: &str| attempt[name].as_str();
        let number = |name: &str| attempt[name].as_i64().unwrap_or_default();
        let reasons = attempt["reasons"].as_array().into_iter().flatten();
        let reasons: Vec<&str> = reasons.filter_map(Value::as_str).collect();
        let mut detail = text("placement").unwrap_or("somewhere").to_owned();
        detail += &match text("error") {
            Some(error) => format!(": {error}"),
            None => format!(": {} of {} started", number("started"), number("count")),
        };
        if !reasons.is_empty() {
            detail += &format!(": {}", reasons.join(", "));
        }
        Moment {
            at: text("at").and_then(Timestamp::parse).unwrap_or(self.at),
            what: What::RunTask,
            detail,
            task: None,
        }
    }

    fn of_stop(&self) -> Vec<Moment> {
        let asked = self
            .text("service")
            .map_or_else(String::new, |service| format!("of service {service}"));
        let mut moments: Vec<Moment> = self.requested(What::StopRequested, asked).into_iter().collect();
        if self.has_failed() {
            moments.push(self.moment(What::StopFailed, self.failure(), None));
            return moments;
        }
        let draining = self.texts("draining");
        for task in self.tasks() {
            let is_draining = draining.iter().any(|arn| arn.starts_with(task.as_str()));
            let detail = match (is_draining, self.text("reason")) {
                (true, _) => "its targets were deregistered, its connections end",
                (false, Some(reason)) => reason,
                (false, None) => "StopTask was called",
            };
            moments.push(self.moment(What::StopHandled, detail, Some(task)));
        }
        moments
    }

    /// What was found of each task at the time of its check.
    fn of_check(&self) -> Vec<Moment> {
        let found = |field: &str, what: What, detail: &str| -> Vec<Moment> {
            let tasks = self.texts(field).into_iter().filter_map(|arn| arn.parse().ok());
            tasks.map(|task| self.moment(what, detail, Some(task))).collect()
        };
        let targets = self.targets_not_healthy().join(", ");
        let mut moments = found("healthy", What::Healthy, "all targets are healthy");
        moments.extend(found("unhealthy", What::Unhealthy, &targets));
        moments.extend(found("undecided", What::Undecided, &targets));
        moments.extend(found(
            "tasksStopped",
            What::StopHandled,
            "StopTask was called, since it is unhealthy (onUnhealthy)",
        ));
        moments
    }

    fn of_change(&self) -> Vec<Moment> {
        let Some(task) = self.tasks().into_iter().next() else {
            return Vec::new();
        };
        let is_stop = self.is_stop_of(&task);
        let targets = self.texts("targets");
        let mut detail = targets.join(", ");
        if let Some(lag) = self.lag_millis() {
            detail += &format!(", {}.{} s after the change", lag / 1000, lag % 1000 / 100);
        }
        let what = match self.text("outcome") {
            Some("registered") => What::Registered,
            Some("deregistered") => {
                let others = self.texts("targetsOwnedByOthers");
                if !others.is_empty() {
                    detail += &format!(" (another task has {} now)", others.join(", "));
                }
                What::Deregistered
            }
            Some("continued") => {
                detail = format!(
                    "{}, at {}",
                    self.text("reason").unwrap_or_default(),
                    self.text("continuesAt").unwrap_or("a later time")
                );
                What::Continued
            }
            Some("failed") => {
                detail = self.failure();
                if is_stop {
                    What::NotDeregistered
                } else {
                    What::NotRegistered
                }
            }
            // Nothing was left to do.
            Some("skipped") if is_stop => {
                detail = format!("nothing to do: {}", self.text("reason").unwrap_or_default());
                What::Deregistered
            }
            _ => return Vec::new(),
        };
        let detail = detail.trim_start_matches([',', ' ']).to_owned();
        vec![self.moment(what, detail, Some(task))]
    }
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
