//! The tags of a task: targets with container names, for people and for registration.
//!
//! The keys of the first target have no suffix, those of later targets end with `:2`, `:3`...
//! Must not be used to deregister: StopTask deletes the tags ([StopTask]), but not `startedBy`.
//!
//! [StopTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html

use std::borrow::Cow;

use super::target::Attachment;

/// The prefix of all tag keys of start-engines; tags that a start gives cannot have it.
pub const PREFIX: &str = "start-engines:";
/// How many tags a task can have ([RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)).
pub const MAX_TAGS: usize = 50;
/// How many tags a start can have, including those of start-engines: one is reserved for [`STOP_AT`].
pub const MAX_TAGS_OF_A_START: usize = MAX_TAGS - 1;

/// The tag of a task that drains: when its drain ends and it is to be stopped, in RFC 3339. It keeps a late
/// RUNNING event from registering the task again.
pub const STOP_AT: &str = "start-engines:stop-at";

/// The key of the tag with the identity of a start, which every start from a bus has.
pub const EVENT_ID: &str = "start-engines:event-id";

const GROUP: &str = "start-engines:target-group-arn";
const PORT: &str = "start-engines:port";
const CONTAINER: &str = "start-engines:container-name";
const SERVICE: &str = "start-engines:service";
const CORRELATION_ID: &str = "start-engines:correlation-id";
const REQUESTED_AT: &str = "start-engines:requested-at";
const DEPLOYMENT: &str = "start-engines:deployment";
const HEALTH_TIMEOUT: &str = "start-engines:health-timeout";
const ON_UNHEALTHY: &str = "start-engines:on-unhealthy";

/// The value of `onUnhealthy`, and of its tag, with which an unhealthy task is stopped.
pub const STOP: &str = "stop";

/// One tag, of a task or a volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The key, 1 to 128 characters.
    pub key: String,
    /// The value, 0 to 256 characters.
    pub value: String,
}

/// What the tags of a task of start-engines contain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskTags {
    /// The targets, with the names of their containers.
    pub attachments: Vec<Attachment>,
    /// The identity of the start: its `idempotencyKey`, else the event's id.
    pub event_id: Option<String>,
    /// The name of the entry in the service catalog.
    pub service: Option<String>,
    /// The `correlationId` that the start gave.
    pub correlation_id: Option<String>,
    /// When the start was requested, as the event gives it: RunTask compares the tags of calls with one client token,
    /// so the text must be the same at each delivery.
    pub requested_at: Option<String>,
    /// The deployment of start-engines that started the task.
    pub deployment: Option<String>,
    /// `healthTimeoutSeconds`, if the start gave it.
    pub health_timeout_seconds: Option<u32>,
    /// `onUnhealthy`, if the start gave it.
    pub on_unhealthy: Option<String>,
}

/// The value of the tag `start-engines:requested-at`: when the task's start was requested.
#[must_use]
pub fn requested_at(tags: &[Tag]) -> Option<&str> {
    value(tags, REQUESTED_AT)
}

/// The value of the tag `start-engines:deployment`: the deployment that started the task.
#[must_use]
pub fn deployment(tags: &[Tag]) -> Option<&str> {
    value(tags, DEPLOYMENT)
}

/// The value of the tag `start-engines:event-id`: the identity of the start.
#[must_use]
pub fn event_id(tags: &[Tag]) -> Option<&str> {
    value(tags, EVENT_ID)
}

/// The value of the tag `start-engines:service`: the name of the entry in the service catalog.
#[must_use]
pub fn service(tags: &[Tag]) -> Option<&str> {
    value(tags, SERVICE)
}

/// The value of the tag `start-engines:correlation-id`.
#[must_use]
pub fn correlation_id(tags: &[Tag]) -> Option<&str> {
    value(tags, CORRELATION_ID)
}

/// The value of the tag `start-engines:health-timeout`: `healthTimeoutSeconds` of the start, 0 for no check. `None` also
/// for a tag that somebody has changed to something else.
#[must_use]
pub fn health_timeout_seconds(tags: &[Tag]) -> Option<u32> {
    value(tags, HEALTH_TIMEOUT)?.parse().ok()
}

/// Whether the tag `start-engines:on-unhealthy` says that an unhealthy task is stopped.
#[must_use]
pub fn is_stopped_if_unhealthy(tags: &[Tag]) -> bool {
    value(tags, ON_UNHEALTHY) == Some(STOP)
}

fn value<'t>(tags: &'t [Tag], key: &str) -> Option<&'t str> {
    let tag = tags.iter().find(|tag| tag.key == key)?;
    Some(&tag.value)
}

/// Whether a task with these tags can have one more.
///
/// Tags whose keys begin with `aws:` do not count
/// ([tag limits](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions)).
#[must_use]
pub fn has_room(tags: &[Tag]) -> bool {
    tags.iter().filter(|tag| !tag.key.starts_with("aws:")).count() < MAX_TAGS
}

/// Whether a tag can hold the text: letters, spaces, digits and `_.:/=+-@`.
pub(crate) fn allowed(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphabetic() || c.is_numeric() || c == ' ' || is_separator(c) || "_.:/=+-@".contains(c))
}

/// Whether the text is reserved for AWS: it begins with `aws:`, in upper or lower case. The rule is the same for keys
/// and values ([Tag](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html)).
pub(crate) fn reserved(text: &str) -> bool {
    text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

/// Whether `c` is in `\p{Z}`, Unicode's separators, but not the ASCII space.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// The tags, in a fixed order: RunTask compares them when a client token is used again.
#[must_use]
pub fn encode(task_tags: &TaskTags) -> Vec<Tag> {
    let mut tags = Vec::new();
    for (n, attachment) in task_tags.attachments.iter().enumerate() {
        tags.push(Tag {
            key: numbered(GROUP, n).into_owned(),
            value: attachment.group.to_string(),
        });
        tags.push(Tag {
            key: numbered(PORT, n).into_owned(),
            value: attachment.port.to_string(),
        });
        if let Some(container) = &attachment.container {
            tags.push(Tag {
                key: numbered(CONTAINER, n).into_owned(),
                value: container.to_string(),
            });
        }
    }
    let health_timeout = task_tags.health_timeout_seconds.map(|seconds| seconds.to_string());
    let others = [
        (EVENT_ID, &task_tags.event_id),
        (SERVICE, &task_tags.service),
        (CORRELATION_ID, &task_tags.correlation_id),
        (REQUESTED_AT, &task_tags.requested_at),
        (DEPLOYMENT, &task_tags.deployment),
        (HEALTH_TIMEOUT, &health_timeout),
        (ON_UNHEALTHY, &task_tags.on_unhealthy),
    ];
    for (key, value) in others {
        if let Some(value) = value {
            tags.push(Tag {
                key: key.to_owned(),
                value: value.clone(),
            });
        }
    }
    tags
}

/// Reads the tags. Fields are `None` if their tag is absent; the targets end before the first one that is incomplete
/// or invalid.
#[must_use]
pub fn decode(tags: &[Tag]) -> TaskTags {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    TaskTags {
        attachments: attachments(tags),
        event_id: owned(event_id(tags)),
        service: owned(service(tags)),
        correlation_id: owned(correlation_id(tags)),
        requested_at: owned(requested_at(tags)),
        deployment: owned(deployment(tags)),
        health_timeout_seconds: health_timeout_seconds(tags),
        on_unhealthy: owned(value(tags, ON_UNHEALTHY)),
    }
}

/// The targets in the tags, up to the first one that is incomplete or invalid.
#[must_use]
pub fn attachments(tags: &[Tag]) -> Vec<Attachment> {
    let of_target = |n| {
        let group = value(tags, &numbered(GROUP, n))?.parse().ok()?;
        let port = value(tags, &numbered(PORT, n))?.parse().ok()?;
        let container = value(tags, &numbered(CONTAINER, n)).and_then(|name| name.parse().ok());
        Some(Attachment { group, port, container })
    };
    (0..MAX_TAGS).map_while(of_target).collect()
}

fn numbered(key: &str, n: usize) -> Cow<'_, str> {
    if n == 0 {
        key.into()
    } else {
        format!("{key}:{}", n + 1).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attachment(name: &str, port: &str, container: Option<&str>) -> Attachment {
        Attachment {
            group: format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{name}/73e2d6bc24d8a067")
                .parse()
                .unwrap(),
            port: port.parse().unwrap(),
            container: container.map(|name| name.parse().unwrap()),
        }
    }

    #[test]
    fn the_keys_are_a_contract() {
        let task_tags = TaskTags {
            attachments: vec![attachment("a", "80", Some("web")), attachment("b", "90", None)],
            event_id: Some("e1".into()),
            service: Some("auth".into()),
            correlation_id: Some("c1".into()),
            requested_at: Some("2026-11-20T07:00:00Z".into()),
            deployment: Some("start-engines".into()),
            health_timeout_seconds: Some(300),
            on_unhealthy: Some(STOP.into()),
        };
        let keys: Vec<String> = encode(&task_tags).into_iter().map(|tag| tag.key).collect();
        assert_eq!(
            keys,
            [
                "start-engines:target-group-arn",
                "start-engines:port",
                "start-engines:container-name",
                "start-engines:target-group-arn:2",
                "start-engines:port:2",
                "start-engines:event-id",
                "start-engines:service",
                "start-engines:correlation-id",
                "start-engines:requested-at",
                "start-engines:deployment",
                "start-engines:health-timeout",
                "start-engines:on-unhealthy",
            ]
        );
    }

    #[test]
    fn a_text_that_begins_with_aws_in_any_case_is_reserved() {
        for text in ["aws:", "aws:scheduler:nightly", "AWS:x", "Aws:x"] {
            assert!(reserved(text), "{text}");
        }
        for text in ["", "aws", "aw", "awsx:", " aws:", "arn:aws:ecs", "\u{e4}ws:"] {
            assert!(!reserved(text), "{text}");
        }
    }

    #[test]
    fn deleted_tags_give_nothing() {
        assert_eq!(decode(&[]), TaskTags::default());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_in_any_order(
            ports in prop::collection::vec((1..=65535_i64, any::<bool>()), 0..4),
            event_id in prop::option::of("[a-z0-9-]{1,40}"),
            reverse in any::<bool>(),
        ) {
            let attachments = ports
                .iter()
                .map(|(port, named)| attachment("auth", &port.to_string(), named.then_some("web")))
                .collect();
            let task_tags = TaskTags { attachments, event_id, correlation_id: Some("x y".into()), ..TaskTags::default() };
            let mut tags = encode(&task_tags);
            if reverse {
                tags.reverse();
            }
            prop_assert_eq!(decode(&tags), task_tags);
        }

        #[test]
        fn no_tags_make_the_decoder_panic(tags in prop::collection::vec(("\\PC*", "\\PC*"), 0..10)) {
            let tags: Vec<Tag> = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
            let _ = decode(&tags);
        }
    }
}
