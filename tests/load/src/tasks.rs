//! Tasks that run already, as this deployment started and registered them; and those of others.

use serde_json::{Value, json};
use start_engines_core::domain::started_by;
use start_engines_core::domain::tags::{self, Tag, TaskTags};
use start_engines_core::domain::target::Attachment;
use start_engines_world::World;

use crate::lambda::FUNCTION;

/// Where the containers listen.
pub(crate) const PORT: u16 = 8080;
/// When their starts were requested.
const REQUESTED_AT: &str = "2025-12-31T00:00:00Z";
/// Tasks of one RunTask.
const AT_ONCE: usize = 10;

/// Starts so many tasks with a target in each of these groups; gives their ARNs.
pub(crate) fn run(world: &mut World, cluster: &str, groups: &[&str], number: usize) -> Vec<String> {
    let (started_by, tags) = marks(groups);
    let mut arns = Vec::new();
    while arns.len() < number {
        let input = json!({
            "cluster": cluster, "taskDefinition": "engine", "launchType": "FARGATE", "startedBy": started_by, "tags": tags,
            "count": AT_ONCE.min(number - arns.len()),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
        });
        arns.extend(world.run_foreign_tasks(&input));
    }
    arns
}

/// Makes them RUNNING and registered.
pub(crate) fn register(world: &mut World, tasks: &[String], groups: &[&str]) {
    for task in tasks {
        world.advance_to(task, "RUNNING");
        let address = world.address(task).expect("an address").to_string();
        for group in groups {
            world.register(group, &address, PORT);
        }
    }
}

/// Both.
pub(crate) fn run_registered(world: &mut World, cluster: &str, groups: &[&str], number: usize) -> Vec<String> {
    let tasks = run(world, cluster, groups, number);
    register(world, &tasks, groups);
    tasks
}

/// `startedBy` and the tags of a start with targets in these groups; without any, somebody else's.
fn marks(groups: &[&str]) -> (String, Value) {
    if groups.is_empty() {
        return ("somebody".to_owned(), json!([]));
    }
    let attachment = |group: &&str| Attachment {
        group: group.parse().expect("the ARN of a target group"),
        port: PORT.to_string().parse().expect("a port"),
        container: None,
    };
    let attachments: Vec<Attachment> = groups.iter().map(attachment).collect();
    let started_by = started_by::encode(&attachments).expect("short names");
    let tags = tags::encode(&TaskTags {
        attachments,
        event_id: Some("7bf73129-1428-4cd3-a780-95db273d1602".to_owned()),
        requested_at: Some(REQUESTED_AT.to_owned()),
        deployment: Some(FUNCTION.to_owned()),
        ..TaskTags::default()
    });
    let tag = |tag: &Tag| json!({"key": tag.key, "value": tag.value});
    (started_by, tags.iter().map(tag).collect())
}
