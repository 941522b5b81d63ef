//! The line of metrics of one event, in [CloudWatch's embedded metric format][EMF], so that metrics need no call.
//!
//! [EMF]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use serde_json::{Value, json};

use super::handled::{Handled, Published};
use crate::outcome::{NextCheck, Outcome};
use crate::request::Trigger;

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "StartEngines";

impl Handled {
    /// The metrics line, with the dimension FunctionName, and FunctionName with Reason if there is a reason.
    #[must_use]
    pub fn metrics(&self, function: &str) -> Value {
        let mut values = vec![
            ("Events", "Count", json!(1)),
            ("AwsCalls", "Count", json!(self.calls().len())),
            ("Duration", "Milliseconds", json!(self.duration_millis())),
        ];
        match &self.result {
            Ok(Outcome::Started { tasks, .. }) => values.push(("TasksStarted", "Count", json!(tasks.len()))),
            Ok(Outcome::Registered { targets, check }) => {
                values.push(("TargetsRegistered", "Count", json!(targets.len())));
                if matches!(check, NextCheck::NotScheduled(_)) {
                    values.push(("ChecksNotScheduled", "Count", json!(1)));
                }
                values.extend(
                    self.lag_millis()
                        .map(|lag| ("RegistrationLag", "Milliseconds", json!(lag))),
                );
            }
            Ok(Outcome::Deregistered { targets, .. }) => {
                values.push(("TargetsDeregistered", "Count", json!(targets.len())));
                values.extend(
                    self.lag_millis()
                        .map(|lag| ("DeregistrationLag", "Milliseconds", json!(lag))),
                );
            }
            Ok(Outcome::Continued { .. }) => values.push(("EventsContinued", "Count", json!(1))),
            Ok(Outcome::Stopped { tasks, draining, .. }) => {
                values.push(("TasksStopped", "Count", json!(tasks.len())));
                values.push(("TasksDraining", "Count", json!(draining.len())));
            }
            Ok(Outcome::Checked(_) | Outcome::Reconciled(_) | Outcome::Planned(_) | Outcome::Scheduled { .. }) => {}
            Ok(Outcome::Skipped { .. }) => values.push(("EventsSkipped", "Count", json!(1))),
            Err(failure) => {
                values.push(("EventsFailed", "Count", json!(1)));
                if let Some(unset) = &failure.deadlines {
                    values.push(("DeadlinesNotSet", "Count", json!(unset.deadlines.len())));
                }
                if matches!(self.trigger, Some(Trigger::Start(_))) {
                    values.push(if failure.is_of_request() {
                        ("StartsFailed", "Count", json!(1))
                    } else {
                        ("TasksStarted", "Count", json!(failure.tasks.len()))
                    });
                }
            }
        }
        if let Some(repairs) = self.repairs() {
            values.push(("TargetsRegistered", "Count", json!(repairs.registered.len())));
            values.push(("TargetsDeregistered", "Count", json!(repairs.deregistered.len())));
            values.push(("TargetsUnknown", "Count", json!(repairs.unknown.len())));
            values.push(("TasksStopped", "Count", json!(repairs.stopped.len())));
        }
        if let Some(checked) = self.checked() {
            values.push(("TasksHealthy", "Count", json!(checked.healthy.len())));
            values.push(("TasksUnhealthy", "Count", json!(checked.unhealthy.len())));
            values.push(("TasksStopped", "Count", json!(checked.stopped.len())));
        }
        if self.is_without_ec2() {
            values.push(("StopsWithoutEc2", "Count", json!(1)));
        }
        if self.published != Published::default() {
            values.push(("OutcomeEvents", "Count", json!(self.published.published)));
            values.push(("OutcomeEventsFailed", "Count", json!(self.published.unpublished)));
        }
        if self
            .result
            .as_ref()
            .is_ok_and(|outcome| outcome.failed_start().is_some())
        {
            values.push(("StartsFailed", "Count", json!(1)));
        }
        let failed_start = self.result.as_ref().ok().and_then(Outcome::failed_start);
        let reason = failed_start.map(|stop| stop.failed_start().name()).or(self.reason());
        let mut dimensions = vec![json!(["FunctionName"])];
        if reason.is_some() {
            dimensions.push(json!(["FunctionName", "Reason"]));
        }
        let definitions: Vec<Value> = values
            .iter()
            .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
            .collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": self.ended_at.millis(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": definitions}],
            },
            "FunctionName": function,
        });
        if let Some(reason) = reason {
            line["Reason"] = json!(reason);
        }
        for (name, _, value) in values {
            line[name] = value;
        }
        line
    }
}
