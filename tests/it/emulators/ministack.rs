//! The adapters on MiniStack 1.5.33, the emulator that also runs the demo.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use aws_sdk_elasticloadbalancingv2::types::TargetGroupIpAddressTypeEnum as Family;
use start_engines_core::call::run_task::RunTask;
use start_engines_core::call::{Answer, Call};
use start_engines_core::domain::arn::Cluster;
use start_engines_core::domain::target::{AddressFamily, TargetHealth};
use start_engines_core::domain::task::{Network, Status};

use super::contract;
use super::process::{Emulator, Program};
use super::session::{REGION, Session, deregister, register, target};

const PROGRAM: Program = Program {
    command: "ministack",
    arguments: |_| Vec::new(),
    environment,
    ready: "/_ministack/health",
};

fn environment(port: u16, folder: &Path) -> Vec<(&'static str, String)> {
    let inside = |name: &str| folder.join(name).display().to_string();
    vec![
        // All addresses are its default.
        ("BIND_HOST", "127.0.0.1".into()),
        ("GATEWAY_PORT", port.to_string()),
        ("MINISTACK_REGION", REGION.into()),
        ("STATE_DIR", inside("state")),
        ("S3_DATA_DIR", inside("s3")),
        ("PERSIST_STATE", "0".into()),
        // The two other listeners that it would open.
        ("IOT_MTLS_ENABLED", "0".into()),
        ("SFTP_ENABLED", "0".into()),
        // The same behaviour with and without Docker: with it, RunTask would pull images.
        ("DOCKER_HOST", format!("unix://{}", inside("no-docker.sock"))),
    ]
}

pub(super) async fn session() -> Session {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    Session::with(EMULATOR.get_or_init(|| Emulator::start(&PROGRAM))).await
}

#[tokio::test]
async fn tasks_come_back_as_they_were_started() {
    let session = session().await;
    let cluster = session.make_cluster("started").await;
    for task in contract::tasks_come_back_as_they_were_started(&session, &cluster).await {
        assert_eq!(task.version, 1);
        assert!(task.started_at.is_some());
        // Gap: without a container engine a task has no network interface, and is said to be on a
        // container instance even on Fargate.
        assert!(matches!(task.network, Network::ContainerInstance { .. }), "{task:?}");
    }
}

#[tokio::test]
async fn an_unknown_task_is_left_out() {
    let session = session().await;
    let cluster = session.make_cluster("unknown-task").await;
    contract::an_unknown_task_is_left_out(&session, &cluster).await;
}

#[tokio::test]
async fn an_unknown_task_definition_is_a_client_exception() {
    let session = session().await;
    let cluster = session.make_cluster("unknown-definition").await;
    contract::an_unknown_task_definition_is_a_client_exception(&session, &cluster).await;
}

#[tokio::test]
async fn gap_an_unknown_cluster_is_created_by_run_task() {
    let session = session().await;
    let real = session.make_cluster("real").await;
    let invented: Cluster = "invented".parse().expect("a cluster name");
    let start = RunTask {
        cluster: invented.clone(),
        ..session.start_of(&real)
    };
    // On AWS: ClusterNotFoundException, as moto says.
    let tasks = session.run_task(start).await;
    assert_eq!(session.describe_tasks(&invented, &tasks).await.len(), 1);
}

#[tokio::test]
async fn gap_a_client_token_used_twice_starts_twice() {
    let session = session().await;
    let cluster = session.make_cluster("token").await;
    let start = session.start_of(&cluster);
    // On AWS: the first answer again. Should this fail, the demo can show a duplicate too.
    let first = session.run_task(start.clone()).await;
    assert_ne!(session.run_task(start).await, first);
}

#[tokio::test]
async fn a_stopped_task_has_its_reason_and_leaves_the_list() {
    let session = session().await;
    let cluster = session.make_cluster("stopped").await;
    let task = contract::a_stopped_task_has_its_reason_and_leaves_the_list(&session, &cluster).await;
    assert_eq!(task.last_status, Status::Stopped, "in one step");
    assert!(task.version > 1, "a stop makes a new version");
    assert!(task.stopped_at >= task.started_at && task.started_at.is_some());
    assert_eq!(task.stop.code.as_deref(), Some("UserInitiated"));
}

#[tokio::test]
async fn the_pages_of_a_list_have_every_task_once() {
    let session = session().await;
    let cluster = session.make_cluster("pages").await;
    let mut started = HashSet::new();
    for _ in 0..21 {
        let start = RunTask {
            count: 10,
            ..session.start_of(&cluster)
        };
        started.extend(session.run_task(start).await);
    }
    let (mut sizes, mut listed) = (Vec::new(), HashSet::new());
    let mut page = None;
    // Bounded, should the pages turn in a circle.
    for _ in 0..5 {
        let found = session.list_tasks(&cluster, page).await;
        sizes.push(found.tasks.len());
        listed.extend(found.tasks);
        page = found.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 100, 10], "as many pages as there are");
    assert_eq!(listed, started);
}

#[tokio::test]
async fn a_hundred_tasks_are_described_in_one_call() {
    let session = session().await;
    let cluster = session.make_cluster("hundred").await;
    let mut started = Vec::new();
    for _ in 0..10 {
        let start = RunTask {
            count: 10,
            ..session.start_of(&cluster)
        };
        started.extend(session.run_task(start).await);
    }
    assert_eq!(session.describe_tasks(&cluster, &started).await.len(), 100);
}

#[tokio::test]
async fn targets_are_registered_and_deregistered() {
    contract::targets_are_registered_and_deregistered(&session().await, "in-and-out").await;
}

#[tokio::test]
async fn a_target_that_is_not_registered_can_be_deregistered() {
    let session = session().await;
    let group = session.make_target_group("never-in", Family::Ipv4).await;
    let targets = [target("10.0.0.9", 8080)];
    // Gap: the answer is empty, where AWS says unused / Target.NotRegistered. It reads the same.
    assert_eq!(session.health_of(&group, &targets).await, [TargetHealth::NotRegistered]);
    session.done(&deregister(&group, &targets)).await;
}

#[tokio::test]
async fn gap_a_target_group_has_an_address_once_whatever_the_port() {
    let session = session().await;
    let group = session.make_target_group("ports", Family::Ipv4).await;
    let ports = [target("10.0.0.4", 8080), target("10.0.0.4", 9090)];
    session.done(&register(&group, &ports)).await;
    // On AWS: both. The answer for the second port is the first one's, and is not taken for its.
    let one = [TargetHealth::registered("healthy"), TargetHealth::NotRegistered];
    assert_eq!(session.health_of(&group, &ports).await, one);
    assert_eq!(session.health_of(&group, &ports[1..]).await, one[1..]);
}

#[tokio::test]
async fn the_facts_about_a_target_group_are_read() {
    let session = session().await;
    contract::the_facts_about_a_target_group_are_read(&session, "facts").await;
    // Gap: no IpAddressType in the answer, so that every group reads as ipv4.
    let group = session.make_target_group("facts-ipv6", Family::Ipv6).await;
    assert_eq!(session.facts_of(&group).await.family, AddressFamily::Ipv4);
}

#[tokio::test]
async fn a_target_group_that_does_not_exist_is_not_found() {
    contract::a_target_group_that_does_not_exist_is_not_found(&session().await, "exists").await;
}

#[tokio::test]
async fn gap_an_unknown_cluster_has_no_tasks() {
    let session = session().await;
    let call = Call::ListTasks {
        cluster: "nobody".parse().expect("a cluster name"),
        desired: start_engines_core::call::Desired::Running,
        container_instance: None,
        page: None,
    };
    // On AWS: ClusterNotFoundException, as moto says.
    let answer = session.perform(&call).await;
    assert!(matches!(answer, Ok(Answer::TaskPage(page)) if page.tasks.is_empty()));
}

#[tokio::test]
async fn an_instance_is_found_with_its_address() {
    contract::an_instance_is_found_with_its_address(&session().await).await;
}
