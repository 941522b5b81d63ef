//! Whose a task is that has our form of `startedBy`: this deployment's, or another one's in the same account.
//!
//! The one home of the rule, for events, stops, reconciles and the command. A task tells it by its tag
//! `start-engines:deployment`, if it has one and this deployment knows its own name. Without that (events
//! carry no tags, [StopTask] deletes them, tasks that others start have none), its targets tell: if none of their
//! groups is allowed here, it is another deployment's. One without targets is ours only if its family is in
//! `ALLOWED_TASK_FAMILIES`. A list that is not set allows all.
//!
//! Must not call AWS, nor say what follows.
//!
//! [StopTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html

use crate::config::Config;
use crate::domain::started_by::{self, DecodeError};
use crate::domain::tags;
use crate::domain::target::Attachment;
use crate::domain::task::Task;

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// This deployment's.
    FleetTask,
    /// Another deployment's of start-engines: nothing is done to it.
    AnotherDeployments,
    /// Nobody's of start-engines: its `startedBy` is not of our form.
    Foreign,
}

/// As far as this snapshot of the task tells.
#[must_use]
pub fn whose(task: &Task, config: &Config) -> Whose {
    let text = task.started_by.as_deref().unwrap_or_default();
    let attachments = match started_by::decode(text, &task.arn.scope()) {
        Ok(attachments) => attachments,
        Err(DecodeError::Foreign) => return Whose::Foreign,
        // Whatever its targets were meant to be, nobody can tell.
        Err(DecodeError::Malformed) => Vec::new(),
    };
    let tagged = tags::decode(&task.tags).deployment;
    let is_ours = match (tagged, &config.deployment) {
        (Some(tagged), Some(own)) => tagged == own.as_str(),
        (Some(_) | None, _) if attachments.is_empty() => family_is_allowed(task, config),
        (Some(_) | None, _) => attachments.iter().any(|attachment| is_allowed(attachment, config)),
    };
    if is_ours {
        Whose::FleetTask
    } else {
        Whose::AnotherDeployments
    }
}

/// Whether it is this deployment's.
#[must_use]
pub fn is_ours(task: &Task, config: &Config) -> bool {
    whose(task, config) == Whose::FleetTask
}

/// Those of a task's targets that this deployment may touch. On the way down the others are not tried: a
/// target is in no group that was not allowed when its task ran.
#[must_use]
pub fn allowed(attachments: &[Attachment], config: &Config) -> Vec<Attachment> {
    let allowed = attachments.iter().filter(|attachment| is_allowed(attachment, config));
    allowed.cloned().collect()
}

/// Whether tasks of this family may be registered. Of a task that does not tell its family, only if all may.
#[must_use]
pub fn family_is_allowed(task: &Task, config: &Config) -> bool {
    let families = &config.allowed.task_families;
    let definition = task.task_definition.as_ref();
    families.allows_all() || definition.is_some_and(|definition| families.allows_family(definition))
}

/// Whether a look shows that others have started the task, with a `startedBy` like ours: `start-engines:event-id` is
/// on every task that start-engines starts.
#[must_use]
pub fn is_adopted(snapshot: &Task) -> bool {
    tags::decode(&snapshot.tags).event_id.is_none()
}

fn is_allowed(attachment: &Attachment, config: &Config) -> bool {
    config.allowed.target_groups.allows_target_group(&attachment.group)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::tags::{Tag, TaskTags};
    use crate::domain::task::from_event;

    const AUTH: &str = "start-engines/auth/73e2d6bc24d8a067/8080";
    const BOTH: &str = "start-engines/auth/73e2d6bc24d8a067/8080/api/0a1b2c3d4e5f6071/9090";
    const NONE: &str = "start-engines/-";

    fn task(started_by: &str, deployment: Option<&str>) -> Task {
        let detail = json!({
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef",
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "startedBy": started_by,
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7",
        });
        let tags: Vec<Tag> = tags::encode(&TaskTags {
            deployment: deployment.map(str::to_owned),
            ..TaskTags::default()
        });
        Task {
            tags,
            ..from_event(&detail).unwrap()
        }
    }

    fn config(variables: &[(&str, &str)]) -> Config {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::read(get, None).unwrap()
    }

    #[test]
    fn a_task_is_ours_by_its_tag_else_by_its_groups_else_by_its_family() {
        let ours = ("DEPLOYMENT", "one");
        let auth = ("ALLOWED_TARGET_GROUPS", "auth");
        let other = ("ALLOWED_TARGET_GROUPS", "other");
        let family = ("ALLOWED_TASK_FAMILIES", "auth");
        let other_family = ("ALLOWED_TASK_FAMILIES", "other");
        for (started_by, tagged, variables, expected) in [
            // The tag goes before all else.
            (AUTH, Some("one"), &[ours, other][..], Whose::FleetTask),
            (AUTH, Some("two"), &[ours, auth], Whose::AnotherDeployments),
            (NONE, Some("one"), &[ours, other_family], Whose::FleetTask),
            (NONE, Some("two"), &[ours, family], Whose::AnotherDeployments),
            ("start-engines/?", Some("two"), &[ours], Whose::AnotherDeployments),
            // Nobody knows our own name: the tag says nothing.
            (AUTH, Some("two"), &[auth], Whose::FleetTask),
            (AUTH, Some("two"), &[other], Whose::AnotherDeployments),
            (AUTH, Some("two"), &[], Whose::FleetTask),
            // No tag.
            (AUTH, None, &[ours, auth], Whose::FleetTask),
            (AUTH, None, &[ours, other], Whose::AnotherDeployments),
            (AUTH, None, &[ours], Whose::FleetTask),
            (BOTH, None, &[ours, auth], Whose::FleetTask),
            (AUTH, None, &[ours, auth, other_family], Whose::FleetTask),
            (NONE, None, &[ours, family], Whose::FleetTask),
            (NONE, None, &[ours, other_family], Whose::AnotherDeployments),
            (NONE, None, &[ours], Whose::FleetTask),
            (
                "start-engines/?",
                None,
                &[ours, other_family],
                Whose::AnotherDeployments,
            ),
            ("start-engines/?", None, &[ours], Whose::FleetTask),
            ("ecs-svc/1", Some("one"), &[ours], Whose::Foreign),
        ] {
            let task = task(started_by, tagged);
            assert_eq!(
                whose(&task, &config(variables)),
                expected,
                "{started_by} {tagged:?} {variables:?}"
            );
        }
    }

    #[test]
    fn a_task_that_does_not_tell_its_family_has_one_that_is_allowed_only_if_all_are() {
        let silent = Task {
            task_definition: None,
            ..task(NONE, None)
        };
        assert!(is_ours(&silent, &config(&[])));
        assert!(!is_ours(&silent, &config(&[("ALLOWED_TASK_FAMILIES", "auth")])));
    }

    #[test]
    fn on_the_way_down_only_groups_that_are_allowed_are_touched() {
        let task = task(BOTH, None);
        let all = started_by::decode(BOTH, &task.arn.scope()).unwrap();
        let kept = allowed(&all, &config(&[("ALLOWED_TARGET_GROUPS", "api")]));
        assert_eq!(kept, all[1..]);
    }
}
