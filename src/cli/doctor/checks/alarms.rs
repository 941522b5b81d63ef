//! The alarms: there, with an action, and quiet.

use crate::doctor::world::Deployment;
use crate::doctor::{Finding, Report};

pub(super) fn check(deployment: &Deployment, findings: &mut Vec<Finding>) {
    let mut report = Report::new("alarms", deployment.arn.name(), findings);
    let Some(names) = &deployment.alarm_names else {
        report.not_checked(
            "the command does not know their names",
            "take the variables of the output commandEnvironment anew",
        );
        return;
    };
    if names.is_empty() {
        report.warning("there are none", "set alarms.enabled, and alarms.topicArn");
        return;
    }
    let Some(alarms) = deployment
        .alarms
        .known(&mut report, "there are none", "deploy again (pulumi up)")
    else {
        return;
    };
    let of = |is: fn(&crate::doctor::world::Alarm) -> bool| {
        let names = names.iter().filter(|name| alarms.get(*name).is_some_and(is));
        names.map(String::as_str).collect::<Vec<_>>()
    };
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !alarms.contains_key(*name))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        report.failure(
            some("does not exist", "do not exist", &missing),
            "deploy again (pulumi up --refresh)",
        );
    }
    let mute = of(|alarm| alarm.actions == 0);
    if !mute.is_empty() {
        report.warning(
            format!("{}: nobody is told", some("has no action", "have no action", &mute)),
            "set alarms.topicArn to a topic that somebody has subscribed to",
        );
    }
    let off = of(|alarm| alarm.actions > 0 && !alarm.actions_enabled);
    if !off.is_empty() {
        let repair = format!("aws cloudwatch enable-alarm-actions --alarm-names {}", off.join(" "));
        report.warning(
            format!(
                "{}: nobody is told",
                some("has its actions off", "have their actions off", &off)
            ),
            repair,
        );
    }
    let ringing = of(|alarm| alarm.state == "ALARM");
    if !ringing.is_empty() {
        report.warning(
            some("is in ALARM", "are in ALARM", &ringing),
            "see the runbook (docs/operations.md#runbook)",
        );
    }
    report.well(format!("all {} are there, and somebody is told", names.len()));
}

/// The first of these, and how many more.
fn some(one: &str, many: &str, names: &[&str]) -> String {
    match names {
        [name] => format!("{name} {one}"),
        [first, second] => format!("{first} and {second} {many}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more {many}", rest.len()),
        [] => many.to_owned(),
    }
}
