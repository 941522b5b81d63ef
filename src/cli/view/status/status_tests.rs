use std::collections::BTreeMap;

use start_engines_core::call::ErrorKind;
use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::task::{Addresses, Network, StopReason, Task};
use start_engines_core::outcome::plan::GroupPlan;
use start_engines_core::outcome::{Category, Failure};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::fleet::{TaskSnapshot, match_targets};
use crate::terminal::table::WIDTH;

const NOW: Timestamp = Timestamp::from_millis(1_795_158_000_000);

fn group(name: &str) -> TargetGroupArn {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup";
    format!("{arn}/{name}/73e2d6bc24d8a067").parse().unwrap()
}

fn task(n: u8, state: &str, service: &str, host: &str, groups: &[&str]) -> TaskSnapshot {
    let targets: Vec<String> = groups
        .iter()
        .map(|name| format!("{name}/73e2d6bc24d8a067/8080"))
        .collect();
    TaskSnapshot {
        task: Task {
            arn: format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}")
                .parse()
                .unwrap(),
            cluster: "arn:aws:ecs:us-east-1:111122223333:cluster/engines".parse().unwrap(),
            version: 1,
            last_status: state.into(),
            desired_status: if state == "RUNNING" { "RUNNING" } else { "STOPPED" }.into(),
            started_by: Some(format!("start-engines/{}", targets.join("/"))),
            interface: None,
            network: Network::Awsvpc(Addresses::default()),
            containers: vec![],
            tags: vec![Tag {
                key: "start-engines:service".into(),
                value: service.into(),
            }],
            task_definition: None,
            created_at: Some(Timestamp::from_millis(NOW.millis() - 3_600_000)),
            started_at: Some(Timestamp::from_millis(0)),
            stopped_at: None,
            stop: StopReason::default(),
        },
        stopping_at: None,
        hosts: vec![host.into()],
        ports: vec![],
    }
}

fn member(host: &str, state: &str, reason: Option<&str>) -> GroupMember {
    GroupMember {
        target: Target {
            id: host.into(),
            port: "8080".parse().unwrap(),
        },
        health: TargetHealth::of(state, reason, None),
        state: state.into(),
        reason: reason.map(Into::into),
    }
}

fn change(task: &TaskSnapshot, host: &str, why: Why) -> Change {
    Change {
        zone: start_engines_core::domain::target::Zone::Own,
        target: member(host, "healthy", None).target,
        task: Some(task.task.arn.clone()),
        why,
    }
}

fn plan(name: &str, register: Vec<Change>, deregister: Vec<Change>, unknown: &[&str]) -> Plan {
    Plan {
        groups: vec![GroupPlan {
            group: group(name),
            register,
            deregister,
            unknown: unknown
                .iter()
                .map(|host| member(host, "healthy", None).target)
                .collect(),
            withheld: Vec::new(),
        }],
        ..Plan::default()
    }
}

fn status(tasks: Vec<TaskSnapshot>, members: &[(&str, Vec<GroupMember>)], plan: Plan) -> ClusterStatus {
    let groups: BTreeMap<TargetGroupArn, Vec<GroupMember>> = members
        .iter()
        .map(|(name, members)| (group(name), members.clone()))
        .collect();
    let services = ["auth".to_owned(), "billing".to_owned()];
    let cluster = "engines".parse().unwrap();
    ClusterStatus::new(cluster, match_targets(tasks, groups), plan, &services, false, NOW)
}

fn text(status: ClusterStatus) -> String {
    let mut table = Vec::new();
    write_table(&[status], NOW, &mut table).unwrap();
    plain(&table)
}

fn plain(table: &[u8]) -> String {
    anstream::adapter::strip_str(std::str::from_utf8(table).unwrap()).to_string()
}

#[test]
fn tasks_come_with_their_targets_and_what_has_drifted_is_named() {
    let running = task(1, "RUNNING", "auth", "10.0.0.1", &["auth", "auth-tcp"]);
    let plan = plan(
        "auth-tcp",
        vec![change(&running, "10.0.0.1", Why::Missing)],
        vec![],
        &["10.9.9.9"],
    );
    let members = [
        ("auth", vec![member("10.0.0.1", "healthy", None)]),
        (
            "auth-tcp",
            vec![member("10.9.9.9", "unhealthy", Some("Target.Timeout"))],
        ),
    ];
    let shown = text(status(vec![running], &members, plan));
    let expected = "\
Cluster engines: 1 task, 1 target drifted, 1 unknown target
SERVICE  TASK                              STATE      AGE
auth     00000000000000000000000000000001  RUNNING  1h00m
    auth      10.0.0.1:8080  healthy
    auth-tcp  port 8080      not registered              MISSING
billing  (no task)
Other targets:
    auth-tcp  10.9.9.9:8080  unhealthy (Target.Timeout)  UNKNOWN
";
    assert_eq!(shown, expected);
}

#[test]
fn what_has_just_begun_or_ended_is_no_drift_yet() {
    let mut new = task(1, "RUNNING", "auth", "10.0.0.1", &["auth"]);
    new.task.started_at = Some(Timestamp::from_millis(NOW.millis() - 29_999));
    let missing = |new: &TaskSnapshot| plan("auth", vec![change(new, "10.0.0.1", Why::Missing)], vec![], &[]);
    assert_eq!(
        status(vec![new.clone()], &[("auth", vec![])], missing(&new)).drifts(),
        0
    );
    new.task.started_at = Some(Timestamp::from_millis(NOW.millis() - 30_000));
    assert_eq!(
        status(vec![new.clone()], &[("auth", vec![])], missing(&new)).drifts(),
        1
    );
    let mut ended = task(2, "STOPPED", "auth", "10.0.0.2", &["auth"]);
    ended.task.stopped_at = Some(NOW);
    let left = plan("auth", vec![], vec![change(&ended, "10.0.0.2", Why::Left)], &[]);
    let members = [("auth", vec![member("10.0.0.2", "healthy", None)])];
    assert_eq!(status(vec![ended], &members, left).drifts(), 0);
}

#[test]
fn a_stopped_task_is_shown_only_for_what_it_has_left() {
    let stopped = task(1, "STOPPED", "auth", "10.0.0.1", &["auth"]);
    let gone = status(vec![stopped.clone()], &[("auth", vec![])], Plan::default());
    assert!(gone.fleet.tasks.is_empty());
    let plan = plan("auth", vec![], vec![change(&stopped, "10.0.0.1", Why::Left)], &[]);
    let left = status(
        vec![stopped],
        &[("auth", vec![member("10.0.0.1", "healthy", None)])],
        plan,
    );
    assert!(text(left).contains("healthy  LEFT BEHIND"));
}

#[test]
fn json_has_the_same() {
    let running = task(1, "RUNNING", "auth", "10.0.0.1", &["auth"]);
    let plan = plan(
        "auth",
        vec![change(&running, "10.0.0.1", Why::Draining)],
        vec![],
        &["10.9.9.9"],
    );
    let members = [(
        "auth",
        vec![
            member("10.0.0.1", "draining", None),
            member("10.9.9.9", "healthy", None),
        ],
    )];
    let printed = serde_json::to_value(Json(&[status(vec![running], &members, plan)])).unwrap();
    assert_eq!(printed["drift"], 1);
    let cluster = &printed["clusters"][0];
    assert_eq!(cluster["tasks"][0]["targets"][0]["drift"], "target_draining");
    assert_eq!(cluster["tasks"][0]["targets"][0]["registered"], false);
    assert_eq!(cluster["otherTargets"][0]["drift"], "target_unknown");
    assert_eq!(cluster["otherTargets"][0]["state"], "healthy");
    assert_eq!(cluster["servicesWithoutTasks"], json!(["billing"]));
}

#[test]
fn no_line_is_wider_than_100_columns_whatever_is_in_it() {
    let longest = "a-target-group-of-32-characters-";
    let six = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
    let services = [
        "日本語のサービス".repeat(10),
        "x".repeat(128),
        "evil\u{1b}[31m\nline".to_owned(),
        String::new(),
    ];
    let states = [
        "RUNNING",
        "STOPPED",
        "DEPROVISIONING",
        "A_STATE_OF_NEXT_YEAR_THAT_IS_QUITE_LONG_FOR_A_STATE",
    ];
    let mut tasks = Vec::new();
    for (n, (service, state)) in services.iter().zip(states).enumerate() {
        let mut task = task(u8::try_from(n).unwrap(), state, service, six, &[longest, "b"]);
        if n == 0 {
            task.task.tags.push(Tag {
                key: start_engines_core::domain::tags::STOP_AT.into(),
                value: "9999-11-20T07:00:00Z".into(),
            });
        }
        tasks.push(task);
    }
    let change = change(&tasks[0], six, Why::Missing);
    let mut plan = plan(longest, vec![change.clone()], vec![change], &["10.0.0.1", six]);
    plan.failures.push(Failure::new(
        Category::Call(ErrorKind::Throttled),
        "no word is too long ".repeat(40),
    ));
    plan.failures
        .push(Failure::new(Category::Call(ErrorKind::Throttled), "x".repeat(400)));
    let reason = Some("Target.ResponseCodeMismatch.AndMuchMoreThanThat");
    let members = [
        (
            longest,
            vec![
                member(six, "unhealthy", reason),
                member("10.0.0.1", "unhealthy.draining", reason),
            ],
        ),
        ("b", vec![]),
    ];
    let mut hard = status(tasks, &members, plan.clone());
    hard.cluster = format!("arn:aws:ecs:us-east-1:111122223333:cluster/{}", "c".repeat(255))
        .parse()
        .unwrap();
    hard.idle.push("y".repeat(128));
    let cluster = hard.cluster.clone();
    let mut table = Vec::new();
    crate::view::plan::write_table(&cluster, &plan, &mut table).unwrap();
    let plan = plain(&table);
    for text in [text(hard), plan] {
        assert!(
            text.lines().count() > 5 && text.lines().any(|line| line.width() == WIDTH),
            "{text}"
        );
        for line in text.lines() {
            assert!(line.width() <= WIDTH, "{} columns: {line}", line.width());
            assert!(!line.contains('\u{1b}'));
        }
    }
}
