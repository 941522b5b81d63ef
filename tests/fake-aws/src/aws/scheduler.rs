//! EventBridge Scheduler: one-time schedules, fired when a test asks what is due.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::arns;
use super::service::ApiError;
use super::world::World;

/// The group that every account has.
const DEFAULT_GROUP: &str = "default";

/// A schedule that has not fired yet.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// When it fires.
    pub at: OffsetDateTime,
    /// `Target`, as it was given.
    pub target: Value,
}

/// Groups and their schedules.
#[derive(Debug)]
pub(super) struct Schedules {
    groups: BTreeMap<String, BTreeMap<String, Schedule>>,
    fired: usize,
}

impl Default for Schedules {
    fn default() -> Self {
        Self {
            groups: BTreeMap::from([(DEFAULT_GROUP.to_owned(), BTreeMap::new())]),
            fired: 0,
        }
    }
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", why)
}

impl World {
    /// Adds a schedule group.
    pub fn add_schedule_group(&mut self, name: &str) {
        self.schedules.groups.entry(name.to_owned()).or_default();
    }

    /// What a group holds, by name.
    pub fn schedules(&self, group: &str) -> &BTreeMap<String, Schedule> {
        self.schedules
            .groups
            .get(group)
            .expect("a schedule group of this world")
    }

    /// Fires every schedule that is due, which deletes it; gives what each invokes its target with.
    pub fn fire_schedules(&mut self) -> Vec<Value> {
        let now = self.clock;
        let mut inputs = Vec::new();
        for group in self.schedules.groups.values_mut() {
            let due: Vec<String> = group
                .iter()
                .filter(|(_, one)| one.at <= now)
                .map(|(name, _)| name.clone())
                .collect();
            for schedule in due.iter().filter_map(|name| group.remove(name)) {
                self.schedules.fired += 1;
                let execution = arns::uuid(&format!("execution {}", self.schedules.fired));
                let input = schedule.target["Input"].as_str().expect("checked when it was made");
                let input = input.replace("<aws.scheduler.execution-id>", &execution);
                inputs.push(serde_json::from_str(&input).expect("checked when it was made"));
            }
        }
        inputs
    }

    pub(super) fn get_schedule_group(&self, input: &Value) -> Result<Value, ApiError> {
        let name = input["Name"].as_str().unwrap_or_default();
        if !self.schedules.groups.contains_key(name) {
            let message = format!("Schedule group {name} does not exist.");
            return Err(ApiError::new("ResourceNotFoundException", message).with_status(404));
        }
        Ok(json!({"Arn": self.arn("scheduler", &format!("schedule-group/{name}")), "Name": name, "State": "ACTIVE"}))
    }

    pub(super) fn create_schedule(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = input["Name"].as_str().unwrap_or_default();
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(sound) {
            return Err(invalid(format!("Name is not valid: {name:?}")));
        }
        let at = at(input["ScheduleExpression"].as_str().unwrap_or_default())?;
        if at <= self.clock {
            return Err(invalid("Invalid Schedule Expression: the time is in the past."));
        }
        if input["ScheduleExpressionTimezone"]
            .as_str()
            .is_some_and(|zone| zone != "UTC")
        {
            return Err(invalid("this fake knows UTC only"));
        }
        if input["ActionAfterCompletion"] != "DELETE" {
            return Err(invalid("this fake keeps no schedule that has fired"));
        }
        check_target(&input["Target"])?;
        let group = input["GroupName"].as_str().unwrap_or(DEFAULT_GROUP).to_owned();
        let arn = self.arn("scheduler", &format!("schedule/{group}/{name}"));
        let Some(schedules) = self.schedules.groups.get_mut(&group) else {
            let message = format!("Schedule group {group} does not exist.");
            return Err(ApiError::new("ResourceNotFoundException", message).with_status(404));
        };
        if schedules.contains_key(name) {
            let message = format!("Schedule {name} already exists.");
            return Err(ApiError::new("ConflictException", message).with_status(409));
        }
        let target = input["Target"].clone();
        schedules.insert(name.to_owned(), Schedule { at, target });
        Ok(json!({"ScheduleArn": arn}))
    }
}

impl World {
    pub(super) fn get_schedule(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = input["Name"].as_str().unwrap_or_default();
        let group = input["GroupName"].as_str().unwrap_or(DEFAULT_GROUP);
        let missing = |what: String| ApiError::new("ResourceNotFoundException", what).with_status(404);
        let schedules = self.schedules.groups.get(group);
        let schedules = schedules.ok_or_else(|| missing(format!("Schedule group {group} does not exist.")))?;
        let schedule = schedules.get(name);
        let schedule = schedule.ok_or_else(|| missing(format!("Schedule {name} does not exist.")))?;
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let time = schedule.at.format(form).expect("a time");
        Ok(json!({
            "Arn": self.arn("scheduler", &format!("schedule/{group}/{name}")),
            "Name": name,
            "GroupName": group,
            "State": "ENABLED",
            "ScheduleExpression": format!("at({time})"),
            "ScheduleExpressionTimezone": "UTC",
            "ActionAfterCompletion": "DELETE",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": schedule.target,
        }))
    }
}

fn at(expression: &str) -> Result<OffsetDateTime, ApiError> {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    expression
        .strip_prefix("at(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|text| PrimitiveDateTime::parse(text, form).ok())
        .map(PrimitiveDateTime::assume_utc)
        .ok_or_else(|| {
            invalid(format!(
                "Invalid Schedule Expression {expression}: this fake knows at() only."
            ))
        })
}

fn check_target(target: &Value) -> Result<(), ApiError> {
    let text = |name: &str| target[name].as_str().unwrap_or_default();
    if !text("Arn").starts_with("arn:aws:lambda:") {
        return Err(invalid("this fake knows Lambda targets only"));
    }
    if !text("RoleArn").starts_with("arn:aws:iam::") {
        return Err(invalid("The RoleArn is not valid."));
    }
    if serde_json::from_str::<Value>(text("Input")).is_err() {
        return Err(invalid("Input must be JSON for a Lambda target."));
    }
    Ok(())
}
