//! The promises of the adapters that both emulators can show, one function each.
//!
//! A promise that only one emulator can show is in that emulator's own module.

use std::collections::HashSet;

use aws_sdk_elasticloadbalancingv2::types::TargetGroupIpAddressTypeEnum as Family;
use start_engines_core::call::run_task::{ContainerOverride, Options, RunTask, TaskOverride};
use start_engines_core::call::{Answer, Call, ErrorKind};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::domain::definition::NetworkMode;
use start_engines_core::domain::started_by;
use start_engines_core::domain::tags::{self, Tag, TaskTags};
use start_engines_core::domain::target::{
    AddressFamily, Attachment, HealthCheck, TargetGroup, TargetHealth, TargetType,
};
use start_engines_core::domain::task::{Status, Task};

use super::session::{CONTAINER, PORT, Session, deregister, describe_health, register, target};

/// The tags of a start with one target in `group`.
fn marks(group: &TargetGroupArn) -> TaskTags {
    TaskTags {
        attachments: vec![Attachment {
            group: group.clone(),
            port: "8080".parse().expect("a port"),
            container: Some(CONTAINER.parse().expect("a container name")),
        }],
        event_id: Some("17793124-05d4-b198-2fde-7ededc63b103".into()),
        service: Some("auth".into()),
        correlation_id: Some("order 66/ü".into()),
        ..TaskTags::default()
    }
}

/// Two tasks are started with all fields of a start, and DescribeTasks returns them.
pub(super) async fn tasks_come_back_as_they_were_started(session: &Session, cluster: &Cluster) -> Vec<Task> {
    let group = session.make_target_group(cluster.name(), Family::Ipv4).await;
    let marks = marks(&group);
    let own = Tag {
        key: "team".into(),
        value: String::new(),
    };
    let started_by = started_by::encode(&marks.attachments).expect("short enough");
    let container = ContainerOverride {
        name: Some(CONTAINER.into()),
        command: Some(vec!["serve".into(), "--now".into()]),
        environment: vec![("MODE".into(), "a \"b\" ü".into())],
        ..ContainerOverride::default()
    };
    let start = RunTask {
        count: 2,
        started_by: started_by.clone(),
        tags: tags::encode(&marks).into_iter().chain([own.clone()]).collect(),
        platform_version: Some("1.4.0".into()),
        options: Options {
            overrides: Some(TaskOverride {
                containers: vec![container],
                cpu: Some("512".into()),
                ..TaskOverride::default()
            }),
            group: Some("engines".into()),
            ..Options::default()
        },
        ..session.start_of(cluster)
    };

    let arns = session.run_task(start).await;
    assert_ne!(arns[0], arns[1], "two tasks");
    for arn in &arns {
        let found = arn.cluster().expect("an ARN in the long format");
        assert!(found.same_as(cluster), "{arn} names the cluster {cluster}");
    }

    let tasks = session.describe_tasks(cluster, &arns).await;
    assert_eq!(set(tasks.iter().map(|task| &task.arn)), set(&arns), "both, once each");
    for task in &tasks {
        assert_eq!(tags::decode(&task.tags), marks, "our tags come back as encoded");
        assert!(task.tags.contains(&own), "and so does the caller's, which is empty");
        assert_eq!(task.started_by.as_deref(), Some(started_by.as_str()));
        assert!(task.cluster.same_as(cluster), "{} is {cluster}", task.cluster);
        assert_eq!(task.last_status, Status::Running, "the emulators' tasks run at once");
        assert_eq!(task.desired_status, Status::Running);
        assert!(task.is_live());
    }
    its_definition_is_described_until_it_is_deleted(session, &tasks[0]).await;
    what_the_domain_does_not_read_arrived_too(session, cluster, &arns[0]).await;
    tasks
}

async fn its_definition_is_described_until_it_is_deleted(session: &Session, task: &Task) {
    let arn = task.task_definition.clone().expect("the ARN of its definition");
    let unknown = arn.as_str().replace(":1", ":9").parse().expect("an ARN");
    let Ok(Answer::Definition(Some(found))) = session.perform(&Call::DescribeTaskDefinition { arn }).await else {
        panic!("it is known")
    };
    assert_eq!(found.network_mode, NetworkMode::Awsvpc);
    assert_eq!(found.mappings.len(), 1);
    assert!(found.mappings[0].is_of(i64::from(PORT).try_into().expect("a port")));
    let gone = session.perform(&Call::DescribeTaskDefinition { arn: unknown }).await;
    assert_eq!(gone, Ok(Answer::Definition(None)));
}

async fn what_the_domain_does_not_read_arrived_too(session: &Session, cluster: &Cluster, arn: &TaskArn) {
    let request = session
        .ecs
        .describe_tasks()
        .cluster(cluster.as_str())
        .tasks(arn.as_str());
    let answer = request.send().await.expect("an answer to the SDK's own DescribeTasks");
    let task = &answer.tasks()[0];
    let overrides = task.overrides().expect("overrides");
    let container = &overrides.container_overrides()[0];
    assert_eq!(container.name(), Some(CONTAINER));
    assert_eq!(container.command(), ["serve", "--now"]);
    let variable = &container.environment()[0];
    assert_eq!((variable.name(), variable.value()), (Some("MODE"), Some("a \"b\" ü")));
    assert_eq!(overrides.cpu(), Some("512"));
    assert_eq!(task.group(), Some("engines"));
    assert_eq!(task.platform_version(), Some("1.4.0"));
    assert_eq!(task.launch_type().map(|kind| kind.as_str()), Some("FARGATE"));
    let family = format!("task-definition/{}:1", cluster.name());
    assert!(task.task_definition_arn().is_some_and(|arn| arn.ends_with(&family)));
}

/// A task that ECS does not know is left out, and the others are returned.
pub(super) async fn an_unknown_task_is_left_out(session: &Session, cluster: &Cluster) {
    let known = session.run_task(session.start_of(cluster)).await;
    let unknown: TaskArn = known[0]
        .as_str()
        .rsplit_once('/')
        .map(|(path, _)| format!("{path}/00000000000000000000000000000000"))
        .and_then(|arn| arn.parse().ok())
        .expect("a task ARN");
    let both = [unknown.clone(), known[0].clone()];
    let tasks = session.describe_tasks(cluster, &both).await;
    assert_eq!(tasks.iter().map(|task| &task.arn).collect::<Vec<_>>(), [&known[0]]);
    assert_eq!(session.describe_tasks(cluster, &[unknown]).await, []);
}

/// A task definition that does not exist is ECS's ClientException, which no retry helps.
pub(super) async fn an_unknown_task_definition_is_a_client_exception(session: &Session, cluster: &Cluster) {
    for name in ["no-such-family", "no-such-family:7"] {
        let start = RunTask {
            task_definition: name.parse().expect("a task definition"),
            ..session.start_of(cluster)
        };
        let error = session.error_of(&Call::RunTask(Box::new(start))).await;
        assert_eq!(error, ErrorKind::ClientException, "{name}");
        assert!(!error.is_transient());
    }
}

/// After StopTask a task is stopping with its reason, and ListTasks does not list it any more.
pub(super) async fn a_stopped_task_has_its_reason_and_leaves_the_list(session: &Session, cluster: &Cluster) -> Task {
    let start = RunTask {
        count: 2,
        ..session.start_of(cluster)
    };
    let arns = session.run_task(start).await;
    let listed = session.list_tasks(cluster, None).await;
    assert_eq!((set(&listed.tasks), listed.next), (set(&arns), None));

    let stop = session.ecs.stop_task().cluster(cluster.as_str()).task(arns[0].as_str());
    stop.reason("enough").send().await.expect("the emulator stops a task");

    assert_eq!(session.list_tasks(cluster, None).await.tasks, [arns[1].clone()]);
    let mut tasks = session.describe_tasks(cluster, &arns[..1]).await;
    let task = tasks.pop().expect("a stopped task is still known");
    assert_eq!(task.desired_status, Status::Stopped);
    assert!(!task.is_live());
    assert_eq!(task.stop.reason.as_deref(), Some("enough"));
    task
}

/// Targets are registered and deregistered; doing either twice changes nothing and is not an error.
pub(super) async fn targets_are_registered_and_deregistered(session: &Session, name: &str) -> TargetGroupArn {
    let group = session.make_target_group(name, Family::Ipv4).await;
    let targets = [target("10.0.0.4", 8080), target("10.0.0.5", 8081)];
    for _ in 0..2 {
        session.done(&register(&group, &targets)).await;
        let health = session.health_of(&group, &targets).await;
        assert_eq!(health, vec![TargetHealth::registered("healthy"); 2]);
    }
    session.done(&deregister(&group, &targets[..1])).await;
    let reversed = [targets[1].clone(), targets[0].clone()];
    let health = session.health_of(&group, &reversed).await;
    assert_eq!(
        health[0],
        TargetHealth::registered("healthy"),
        "in the order of the request"
    );
    assert_eq!(health[1], TargetHealth::NotRegistered, "the emulators drain nothing");

    session.done(&register(&group, &targets[..1])).await;
    let health = session.health_of(&group, &targets[..1]).await;
    assert_eq!(health, [TargetHealth::registered("healthy")], "in again");
    group
}

/// The facts about an IPv4 target group of target type ip.
pub(super) async fn the_facts_about_a_target_group_are_read(session: &Session, name: &str) {
    let group = session.make_target_group(name, Family::Ipv4).await;
    let read = session.facts_of(&group).await;
    let facts = TargetGroup {
        target_type: TargetType::Ip,
        family: AddressFamily::Ipv4,
        protocol: "HTTP".into(),
        vpc: Some(session.vpc()),
        health_check: HealthCheck::default(),
    };
    assert_eq!(read, facts);
}

/// Each call reports a missing target group with the same error.
pub(super) async fn a_target_group_that_does_not_exist_is_not_found(session: &Session, name: &str) {
    let real = session.make_target_group(name, Family::Ipv4).await;
    let scope = real.scope().expect("an ARN");
    let gone = TargetGroupArn::from_parts(&scope, "gone", "0123456789abcdef").expect("an ARN");
    let targets = [target("10.0.0.4", 8080)];
    for call in [
        register(&gone, &targets),
        deregister(&gone, &targets),
        describe_health(&gone, &targets),
        Call::DescribeTargetGroup { group: gone.clone() },
    ] {
        let operation = call.operation();
        assert_eq!(
            session.error_of(&call).await,
            ErrorKind::TargetGroupNotFound,
            "{operation}"
        );
    }
}

fn set<T: Eq + std::hash::Hash>(items: impl IntoIterator<Item = T>) -> HashSet<T> {
    items.into_iter().collect()
}

/// A running EC2 instance is found with its private address, an unknown one is not.
pub(super) async fn an_instance_is_found_with_its_address(session: &Session) {
    let (id, address) = session.run_instance();
    let instance = session.instance(&id).await.expect("the instance");
    assert_eq!((instance.addresses.ipv4, instance.lives), (Some(address), true));
    assert_eq!(session.instance("i-0fffffffffffffff0").await, None);
}
