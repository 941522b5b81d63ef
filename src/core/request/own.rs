//! What the events have in common that only start-engines itself sends, by its one-time schedules.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::domain::arn::{Port, TargetGroupArn};
use crate::domain::target::{GroupTarget, Target};
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// The maximum number of targets of a task; `startedBy` has room for fewer.
pub(super) const MAX_TARGETS: usize = 10;

/// What a target's `Id` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// An IP address.
    Addresses,
    /// An IP address, or the id of an EC2 instance.
    Any,
}

/// Records each of these fields that is missing.
pub(super) fn require(fields: &mut Fields<'_>, what: &str, names: &[&'static str], problems: &mut Problems) {
    for name in names {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), format!("every {what} has this field"));
        }
    }
}

/// A time.
pub(super) fn time(value: &Value) -> Result<Timestamp, String> {
    let time = value.as_str().and_then(Timestamp::parse);
    time.ok_or_else(|| "must be a time as in 2026-11-20T07:00:00.000Z".to_owned())
}

/// A target, as [`target_item`] writes it.
pub(super) fn target(value: &Value, path: &str, ids: Ids, problems: &mut Problems) -> Option<GroupTarget> {
    let mut fields = Fields::of(value, path, problems)?;
    let group: Option<TargetGroupArn> = fields.parsed("targetGroupArn", problems);
    let id = fields.read("id", problems, |value| target_id(value, ids));
    let port = fields.read("port", problems, |value| {
        let port = value.as_i64().map(Port::try_from);
        port.and_then(Result::ok).ok_or_else(|| "must be a port".to_owned())
    });
    require(&mut fields, "target", &["targetGroupArn", "id", "port"], problems);
    fields.deny_unknown(problems);
    Some(GroupTarget {
        group: group?,
        target: Target { id: id?, port: port? },
    })
}

fn target_id(value: &Value, ids: Ids) -> Result<String, String> {
    let text = value.as_str().unwrap_or_default();
    let is_address = text.parse::<IpAddr>().is_ok();
    match ids {
        Ids::Addresses if is_address => Ok(text.to_owned()),
        Ids::Any if is_address || text.starts_with("i-") => Ok(text.to_owned()),
        Ids::Addresses => Err("must be an IP address".to_owned()),
        Ids::Any => Err("must be an IP address or the id of an EC2 instance".to_owned()),
    }
}

/// The target in an event.
pub(super) fn target_item(GroupTarget { group, target }: &GroupTarget) -> Value {
    json!({"targetGroupArn": group.as_str(), "id": target.id, "port": target.port.number()})
}
