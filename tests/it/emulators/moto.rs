//! The adapters on moto 5.2.5, the second opinion: its tasks have network interfaces, its clusters
//! must exist, and its target groups know their address family.

use std::sync::OnceLock;

use aws_sdk_elasticloadbalancingv2::types::TargetGroupIpAddressTypeEnum as Family;
use start_engines_core::call::run_task::{CapacityProvider, Launch, RunTask};
use start_engines_core::call::{Call, ErrorKind};
use start_engines_core::domain::arn::Cluster;
use start_engines_core::domain::interface::InterfaceQuery;
use start_engines_core::domain::target::{AddressFamily, TargetHealth};
use start_engines_core::domain::task::{Network, Phase, Status};

use super::contract;
use super::process::{Emulator, Program};
use super::session::{Session, deregister, register, target};

const PROGRAM: Program = Program {
    command: "moto_server",
    arguments: |port| vec!["-H".into(), "127.0.0.1".into(), "-p".into(), port.to_string()],
    environment: |_, _| Vec::new(),
    ready: "/moto-api/state-manager/get-transition?model_name=ecs::task",
};

/// moto's tasks advance one status after this number of DescribeTasks calls, which only one test reaches.
const DESCRIPTIONS_PER_STATUS: u32 = 50;

async fn session() -> Session {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    Session::with(EMULATOR.get_or_init(|| {
        let emulator = Emulator::start(&PROGRAM);
        let slow = format!(
            r#"{{"model_name": "ecs::task", "transition": {{"progression": "manual", "times": {DESCRIPTIONS_PER_STATUS}}}}}"#
        );
        let json = [("Content-Type", "application/json")];
        let set = emulator.post("/moto-api/state-manager/set-transition", &json, &slow);
        assert_eq!(set.map(|answer| answer.status), Some(201), "moto's tasks are slowed down");
        emulator
    }))
    .await
}

#[tokio::test]
async fn tasks_come_back_as_they_were_started() {
    let session = session().await;
    let cluster = session.make_cluster("started").await;
    let tasks = contract::tasks_come_back_as_they_were_started(&session, &cluster).await;
    let addresses: Vec<_> = tasks
        .iter()
        .map(|task| match &task.network {
            Network::Awsvpc(addresses) => addresses.ipv4.expect("the interface's address"),
            other => panic!("an awsvpc task has an interface, not {other:?}"),
        })
        .collect();
    assert!(addresses.iter().all(|address| address.is_private()), "{addresses:?}");
    // Gap: no version and no startedAt in the answer. Both read as what they are on AWS before
    // there is any.
    assert!(tasks.iter().all(|task| task.version == 0 && task.started_at.is_none()));
}

#[tokio::test]
async fn a_strategy_starts_tasks_too() {
    let session = session().await;
    let cluster = session.make_cluster("strategy").await;
    let spot = CapacityProvider {
        name: "FARGATE_SPOT".into(),
        weight: 1,
        base: 0,
    };
    let start = RunTask {
        launch: Launch::Strategy(vec![spot]),
        ..session.start_of(&cluster)
    };
    let tasks = session.run_task(start).await;
    let request = session.ecs.describe_tasks().cluster(cluster.as_str());
    let answer = request.tasks(tasks[0].as_str()).send().await.expect("an answer");
    assert_eq!(answer.tasks()[0].capacity_provider_name(), Some("FARGATE_SPOT"));
}

#[tokio::test]
async fn every_status_on_the_way_down_is_understood() {
    let session = session().await;
    let cluster = session.make_cluster("way-down").await;
    let tasks = session.run_task(session.start_of(&cluster)).await;
    let mut statuses = Vec::new();
    for _ in 0..5 * DESCRIPTIONS_PER_STATUS {
        let task = session.describe_tasks(&cluster, &tasks).await.remove(0);
        if !statuses.contains(&task.last_status) {
            // Gap: moto leaves desiredStatus RUNNING. Only lastStatus shows the stop.
            let phase = match task.last_status {
                Status::Running => Phase::Running,
                Status::Stopped => Phase::Stopped,
                _ => Phase::Stopping,
            };
            assert_eq!(task.phase(), phase, "{}", task.last_status);
            statuses.push(task.last_status);
        }
    }
    let way_down = [
        Status::Running,
        Status::Deactivating,
        Status::Stopping,
        Status::Deprovisioning,
        Status::Stopped,
    ];
    assert_eq!(statuses, way_down);
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
async fn an_unknown_cluster_is_not_found_by_any_call() {
    let session = session().await;
    let cluster = session.make_cluster("known").await;
    let tasks = session.run_task(session.start_of(&cluster)).await;
    let unknown: Cluster = "nobody".parse().expect("a cluster name");
    let start = RunTask {
        cluster: unknown.clone(),
        ..session.start_of(&cluster)
    };
    for call in [
        Call::RunTask(Box::new(start)),
        Call::DescribeTasks {
            cluster: unknown.clone(),
            tasks,
        },
        Call::ListTasks {
            cluster: unknown,
            desired: start_engines_core::call::Desired::Running,
            container_instance: None,
            page: None,
        },
    ] {
        let operation = call.operation();
        assert_eq!(session.error_of(&call).await, ErrorKind::ClusterNotFound, "{operation}");
    }
}

#[tokio::test]
async fn a_page_of_html_with_status_500_is_a_passing_failure() {
    let session = session().await;
    let cluster = session.make_cluster("html").await;
    // Gap: without a launch type moto looks for container instances, and breaks, all three times.
    let start = RunTask {
        launch: Launch::ClusterDefault,
        ..session.start_of(&cluster)
    };
    let error = session.error_of(&Call::RunTask(Box::new(start))).await;
    assert_eq!(error, ErrorKind::Server);
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_task_without_a_network_is_an_invalid_parameter() {
    let session = session().await;
    let cluster = session.make_cluster("no-network").await;
    let start = RunTask {
        network: None,
        ..session.start_of(&cluster)
    };
    let error = session.error_of(&Call::RunTask(Box::new(start))).await;
    assert_eq!(error, ErrorKind::InvalidParameter);
}

#[tokio::test]
async fn a_stopped_task_has_its_reason_and_leaves_the_list() {
    let session = session().await;
    let cluster = session.make_cluster("stopped").await;
    let task = contract::a_stopped_task_has_its_reason_and_leaves_the_list(&session, &cluster).await;
    assert_eq!(task.last_status, Status::Stopped, "in one step");
}

#[tokio::test]
async fn targets_are_registered_and_deregistered() {
    contract::targets_are_registered_and_deregistered(&session().await, "in-and-out").await;
}

#[tokio::test]
async fn gap_a_target_that_was_never_registered_cannot_be_deregistered() {
    let session = session().await;
    let group = session.make_target_group("never-in", Family::Ipv4).await;
    let targets = [target("10.0.0.9", 8080)];
    // On AWS the state is `unused`, here it is `unavailable`; the reason is the same.
    assert_eq!(session.health_of(&group, &targets).await, [TargetHealth::NotRegistered]);
    // On AWS: success.
    let error = session.error_of(&deregister(&group, &targets)).await;
    assert_eq!(error, ErrorKind::InvalidTarget);
}

#[tokio::test]
async fn gap_a_target_group_has_an_address_once_with_the_last_port() {
    let session = session().await;
    let group = session.make_target_group("ports", Family::Ipv4).await;
    let ports = [target("10.0.0.4", 8080), target("10.0.0.4", 9090)];
    session.done(&register(&group, &ports)).await;
    // On AWS: both. The answer for the first port is the second one's, and is not taken for its.
    let last = [TargetHealth::NotRegistered, TargetHealth::registered("healthy")];
    assert_eq!(session.health_of(&group, &ports).await, last);
}

#[tokio::test]
async fn the_facts_about_a_target_group_are_read() {
    let session = session().await;
    contract::the_facts_about_a_target_group_are_read(&session, "facts").await;
    let group = session.make_target_group("facts-ipv6", Family::Ipv6).await;
    assert_eq!(session.facts_of(&group).await.family, AddressFamily::Ipv6);
}

#[tokio::test]
async fn an_ipv6_target_is_registered_and_deregistered() {
    let session = session().await;
    let group = session.make_target_group("ipv6", Family::Ipv6).await;
    let targets = [target("2001:db8::1", 8080)];
    session.done(&register(&group, &targets)).await;
    let health = session.health_of(&group, &targets).await;
    assert_eq!(health, [TargetHealth::registered("healthy")]);
    session.done(&deregister(&group, &targets)).await;
    assert_eq!(session.health_of(&group, &targets).await, [TargetHealth::NotRegistered]);
}

#[tokio::test]
async fn a_target_group_that_does_not_exist_is_not_found() {
    contract::a_target_group_that_does_not_exist_is_not_found(&session().await, "exists").await;
}

#[tokio::test]
async fn an_instance_is_found_with_its_address() {
    contract::an_instance_is_found_with_its_address(&session().await).await;
}

#[tokio::test]
async fn a_network_interface_is_found_by_its_address_and_by_its_id() {
    let session = session().await;
    let (_, address) = session.run_instance();
    let by_address = InterfaceQuery::Addresses {
        vpc: None,
        addresses: vec![address.into(), [10, 255, 255, 254].into()],
    };
    let [found] = session.interfaces(by_address).await.try_into().expect("one interface");
    assert_eq!(found.addresses, [std::net::IpAddr::from(address)]);
    assert!(found.attached_at.is_some(), "it is attached to the instance");
    let unknown = "eni-0ffffffffffffffff".parse().expect("an id");
    let by_id = InterfaceQuery::Ids(vec![found.id.clone(), unknown]);
    assert_eq!(session.interfaces(by_id).await, [found]);
    let elsewhere = InterfaceQuery::Addresses {
        vpc: "vpc-0fedcba9876543210".parse().ok(),
        addresses: vec![address.into()],
    };
    assert_eq!(session.interfaces(elsewhere).await, []);
}

#[tokio::test]
async fn a_container_instance_has_its_ec2_instance_id() {
    let session = session().await;
    let cluster = session.make_cluster("instances").await;
    let (id, _) = session.run_instance();
    let document = format!(r#"{{"instanceId": "{id}", "accountId": "123456789012", "region": "us-east-1"}}"#);
    let registered = session
        .ecs
        .register_container_instance()
        .cluster(cluster.as_str())
        .instance_identity_document(document)
        .send()
        .await
        .expect("moto registers it");
    let registered = registered.container_instance().expect("a container instance");
    let arn = registered.container_instance_arn().expect("its ARN");
    let found = session
        .container_instance(&cluster, arn)
        .await
        .expect("the container instance");
    assert_eq!((found.ec2_instance, found.is_registered), (id, true));
    let unknown = arn.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(session.container_instance(&cluster, &unknown).await, None);
}
