//! Which deployment a task belongs to whose `startedBy` has the form of start-engines: this one, or another one in the
//! same account.
//!
//! The only place of this rule, for events, stops, reconciles and the command. The tag `start-engines:deployment`
//! decides, if the task has it and this deployment has a name. Otherwise (events contain no tags, [StopTask] deletes
//! them, tasks that others start have none) its targets decide: if none of their target groups is allowed here, the task
//! is another deployment's. A task without targets is this deployment's only if its family is in
//! `ALLOWED_TASK_FAMILIES`. A list that is not set allows all.
//!
//! Before all that: a task in a cluster that `ALLOWED_CLUSTERS` does not have is another deployment's, since an event
//! pattern may have no room for the clusters. Only its stop goes by its targets, for a cluster that was taken off the list
//! when a last event of its tasks was still waiting.
//!
//! Must not call AWS, nor decide what follows from it.
//!
//! [StopTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html

use crate::config::Config;
use crate::domain::started_by::{self, DecodeError};
use crate::domain::tags;
use crate::domain::target::Attachment;
use crate::domain::task::{Phase, Task};

/// Which deployment a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// This deployment's.
    ThisDeployments,
    /// Another deployment's: nothing is done to it.
    AnotherDeployments,
    /// No deployment's: its `startedBy` does not have the form of start-engines.
    Foreign,
}

/// Which deployment the task belongs to, by this snapshot of it or by its event.
#[must_use]
pub fn whose(task: &Task, config: &Config) -> Whose {
    let text = task.started_by.as_deref().unwrap_or_default();
    whose_with(&started_by::decode(text, &task.arn.scope()), task, config)
}

/// The same, where its `startedBy` is decoded already.
#[must_use]
pub fn whose_with(decoded: &Result<Vec<Attachment>, DecodeError>, task: &Task, config: &Config) -> Whose {
    let attachments = match decoded {
        Ok(attachments) => attachments.as_slice(),
        Err(DecodeError::Foreign) => return Whose::Foreign,
        // It was meant to have targets, but nobody can read which.
        Err(DecodeError::Malformed) => &[],
    };
    let is_stop_with_targets = matches!(task.phase(), Phase::Stopping | Phase::Stopped) && !attachments.is_empty();
    if !config.allowed.clusters.allows_cluster(&task.cluster) && !is_stop_with_targets {
        return Whose::AnotherDeployments;
    }
    let is_this_deployments = match (tags::deployment(&task.tags), &config.deployment) {
        (Some(tagged), Some(own)) => tagged == own.as_str(),
        (Some(_) | None, _) if attachments.is_empty() => family_is_allowed(task, config),
        (Some(_) | None, _) => attachments.iter().any(|attachment| is_allowed(attachment, config)),
    };
    if is_this_deployments {
        Whose::ThisDeployments
    } else {
        Whose::AnotherDeployments
    }
}

/// Whether the task belongs to this deployment, by this snapshot of it or by its event.
#[must_use]
pub fn is_this_deployments(task: &Task, config: &Config) -> bool {
    whose(task, config) == Whose::ThisDeployments
}

/// Those of a task's targets that this deployment may register and deregister. A stop skips the others: no target was
/// registered with a target group that was not allowed when its task ran.
#[must_use]
pub fn allowed(attachments: &[Attachment], config: &Config) -> Vec<Attachment> {
    let allowed = attachments.iter().filter(|attachment| is_allowed(attachment, config));
    allowed.cloned().collect()
}

/// Whether tasks of this family may be registered. A task whose family is not known may be only if all are allowed.
#[must_use]
pub fn family_is_allowed(task: &Task, config: &Config) -> bool {
    let families = &config.allowed.task_families;
    let definition = task.task_definition.as_ref();
    families.allows_all() || definition.is_some_and(|definition| families.allows_family(definition))
}

/// Whether others have started the task, by its tags in a snapshot: every task that start-engines starts has the tag
/// `start-engines:event-id`.
#[must_use]
pub fn is_adopted(snapshot: &Task) -> bool {
    tags::event_id(&snapshot.tags).is_none()
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
        Config::read(get, None, None).unwrap()
    }

    #[test]
    fn a_task_is_this_deployments_by_its_tag_else_by_its_target_groups_else_by_its_family() {
        let named = ("DEPLOYMENT", "one");
        let auth = ("ALLOWED_TARGET_GROUPS", "auth");
        let other = ("ALLOWED_TARGET_GROUPS", "other");
        let family = ("ALLOWED_TASK_FAMILIES", "auth");
        let other_family = ("ALLOWED_TASK_FAMILIES", "other");
        let here = ("ALLOWED_CLUSTERS", "engin*");
        let elsewhere = ("ALLOWED_CLUSTERS", "arn:aws:ecs:us-east-1:111122223333:cluster/others");
        for (started_by, tagged, variables, expected) in [
            // The tag goes before all else.
            (AUTH, Some("one"), &[named, other][..], Whose::ThisDeployments),
            (AUTH, Some("two"), &[named, auth], Whose::AnotherDeployments),
            (NONE, Some("one"), &[named, other_family], Whose::ThisDeployments),
            (NONE, Some("two"), &[named, family], Whose::AnotherDeployments),
            ("start-engines/?", Some("two"), &[named], Whose::AnotherDeployments),
            // This deployment has no name: the tag does not count.
            (AUTH, Some("two"), &[auth], Whose::ThisDeployments),
            (AUTH, Some("two"), &[other], Whose::AnotherDeployments),
            (AUTH, Some("two"), &[], Whose::ThisDeployments),
            // No tag.
            (AUTH, None, &[named, auth], Whose::ThisDeployments),
            (AUTH, None, &[named, other], Whose::AnotherDeployments),
            (AUTH, None, &[named], Whose::ThisDeployments),
            (BOTH, None, &[named, auth], Whose::ThisDeployments),
            (AUTH, None, &[named, auth, other_family], Whose::ThisDeployments),
            (NONE, None, &[named, family], Whose::ThisDeployments),
            (NONE, None, &[named, other_family], Whose::AnotherDeployments),
            (NONE, None, &[named], Whose::ThisDeployments),
            (
                "start-engines/?",
                None,
                &[named, other_family],
                Whose::AnotherDeployments,
            ),
            ("start-engines/?", None, &[named], Whose::ThisDeployments),
            ("ecs-svc/1", Some("one"), &[named], Whose::Foreign),
            // The cluster goes before the tag.
            (AUTH, Some("one"), &[named, here], Whose::ThisDeployments),
            (AUTH, Some("one"), &[named, auth, elsewhere], Whose::AnotherDeployments),
            (NONE, None, &[named, family, elsewhere], Whose::AnotherDeployments),
            ("ecs-svc/1", None, &[named, elsewhere], Whose::Foreign),
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
    fn a_stop_in_a_cluster_that_is_not_named_goes_by_its_targets() {
        let elsewhere = ("ALLOWED_CLUSTERS", "others");
        let stopped = |started_by| Task {
            desired_status: "STOPPED".into(),
            ..task(started_by, None)
        };
        for (started_by, groups, expected) in [
            (AUTH, "auth", Whose::ThisDeployments),
            (AUTH, "other", Whose::AnotherDeployments),
            (NONE, "auth", Whose::AnotherDeployments),
        ] {
            let config = config(&[elsewhere, ("ALLOWED_TARGET_GROUPS", groups)]);
            assert_eq!(whose(&stopped(started_by), &config), expected, "{started_by} {groups}");
        }
    }

    #[test]
    fn a_task_whose_family_is_not_known_is_allowed_only_if_all_families_are() {
        let without_family = Task {
            task_definition: None,
            ..task(NONE, None)
        };
        assert!(is_this_deployments(&without_family, &config(&[])));
        assert!(!is_this_deployments(
            &without_family,
            &config(&[("ALLOWED_TASK_FAMILIES", "auth")])
        ));
    }

    #[test]
    fn a_stop_deregisters_only_from_target_groups_that_are_allowed() {
        let task = task(BOTH, None);
        let all = started_by::decode(BOTH, &task.arn.scope()).unwrap();
        let kept = allowed(&all, &config(&[("ALLOWED_TARGET_GROUPS", "api")]));
        assert_eq!(kept, all[1..]);
    }
}
