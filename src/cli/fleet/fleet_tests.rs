use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::task::{Addresses, StopReason};

use super::*;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
const STARTED_BY: &str = "start-engines/auth/73e2d6bc24d8a067/8080";

fn task(n: u8, last: &str, desired: &str) -> TaskSnapshot {
    TaskSnapshot {
        task: Task {
            arn: format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}")
                .parse()
                .unwrap(),
            cluster: "arn:aws:ecs:us-east-1:111122223333:cluster/engines".parse().unwrap(),
            version: 1,
            last_status: last.into(),
            desired_status: desired.into(),
            started_by: Some(STARTED_BY.into()),
            interface: None,
            network: Network::Awsvpc(Addresses {
                ipv4: Some([10, 0, 0, n].into()),
                ipv6: None,
                complete: true,
            }),
            containers: vec![],
            tags: vec![Tag {
                key: "start-engines:service".into(),
                value: "auth".into(),
            }],
            task_definition: None,
            created_at: Some(Timestamp::from_millis(i64::from(n))),
            started_at: Some(Timestamp::from_millis(0)),
            stopped_at: None,
            stop: StopReason::default(),
        },
        stopping_at: None,
        hosts: vec![format!("10.0.0.{n}")],
        ports: vec![],
    }
}

fn member(n: u8, state: &str) -> GroupMember {
    GroupMember {
        target: Target {
            id: format!("10.0.0.{n}"),
            port: "8080".parse().unwrap(),
        },
        health: TargetHealth::of(state, None, None),
        state: state.into(),
        reason: None,
    }
}

fn fleet(tasks: Vec<TaskSnapshot>, members: Vec<GroupMember>) -> Fleet {
    match_targets(tasks, BTreeMap::from([(GROUP.parse().unwrap(), members)]))
}

fn is_registered(task: TaskSnapshot, members: Vec<GroupMember>) -> bool {
    fleet(vec![task], members).tasks[0].targets[0].is_registered()
}

#[test]
fn a_target_is_registered_in_whichever_state_but_draining() {
    for state in [
        "healthy",
        "initial",
        "unhealthy",
        "unhealthy.draining",
        "unused",
        "dozing",
    ] {
        assert!(
            is_registered(task(1, "RUNNING", "RUNNING"), vec![member(1, state)]),
            "{state}"
        );
    }
    assert!(!is_registered(
        task(1, "RUNNING", "RUNNING"),
        vec![member(1, "draining")]
    ));
    assert!(!is_registered(task(1, "RUNNING", "RUNNING"), vec![]));
}

#[test]
fn another_port_or_address_is_not_the_tasks_own() {
    let mut other = member(1, "healthy");
    other.target.port = "9090".parse().unwrap();
    let found = fleet(vec![task(1, "RUNNING", "RUNNING")], vec![other, member(2, "healthy")]);
    assert_eq!(found.tasks[0].registered(), 0);
    assert_eq!(found.others.len(), 2);
}

#[test]
fn an_address_that_was_given_back_belongs_to_the_task_that_runs() {
    let mut newer = task(2, "RUNNING", "RUNNING");
    newer.hosts = vec!["10.0.0.1".into()];
    let found = fleet(vec![task(1, "STOPPED", "STOPPED"), newer], vec![member(1, "healthy")]);
    let registered: Vec<usize> = found.tasks.iter().map(TaskStatus::registered).collect();
    assert_eq!(registered, [0, 1]);
    assert!(found.others.is_empty());
}

#[test]
fn tasks_of_others_are_nobody_here() {
    let mut foreign = task(1, "RUNNING", "RUNNING");
    foreign.task.started_by = Some("ecs-svc/1".into());
    let found = fleet(vec![foreign], vec![member(1, "draining")]);
    assert!(found.tasks.is_empty());
    assert_eq!(found.others.len(), 1);
}

#[test]
fn ipv6_targets_are_found_however_they_are_written() {
    let mut six = task(1, "RUNNING", "RUNNING");
    six.hosts = vec!["2001:db8::1".into()];
    let mut target = member(1, "healthy");
    target.target.id = "2001:db8:0:0:0:0:0:1".into();
    assert!(is_registered(six, vec![target]));
}

#[test]
fn a_task_in_bridge_mode_has_its_host_port() {
    use start_engines_core::domain::task::ports::{PortBinding, RawBinding};
    let mut bridge = task(1, "RUNNING", "RUNNING");
    let raw = RawBinding {
        container_port: Some(8080),
        container_range: None,
        host_port: Some(32_768),
        host_range: None,
        protocol: Some("tcp"),
        bind_ip: None,
    };
    bridge.task.network = Network::ContainerInstance {
        arn: "arn:aws:ecs:us-east-1:111122223333:container-instance/engines/1".into(),
        bindings: vec![],
    };
    bridge.ports = vec![PortBinding::read("auth", raw).unwrap()];
    bridge.hosts = vec!["i-0123456789abcdef0".into()];
    let mut target = member(1, "healthy");
    target.target = Target {
        id: "i-0123456789abcdef0".into(),
        port: "32768".parse().unwrap(),
    };
    assert!(is_registered(bridge, vec![target]));
}
