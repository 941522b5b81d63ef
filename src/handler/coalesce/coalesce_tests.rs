use std::time::Duration;

use serde_json::json;

use super::*;
use start_engines_core::call::ErrorKind;
use start_engines_core::domain::task::from_event;

fn group(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{name}/73e2d6bc24d8a067")
        .parse()
        .unwrap()
}

fn target(n: usize) -> Target {
    Target {
        id: format!("10.0.{}.{}", n / 250, n % 250),
        port: "8080".parse().unwrap(),
    }
}

fn register(name: &str, targets: impl IntoIterator<Item = usize>) -> Call {
    Call::RegisterTargets {
        group: group(name),
        targets: targets.into_iter().map(target).collect(),
        zone: Zone::Own,
    }
}

fn deregister(targets: impl IntoIterator<Item = usize>, within: u64) -> Call {
    Call::DeregisterTargets {
        group: group("auth"),
        targets: targets.into_iter().map(target).collect(),
        within: Duration::from_secs(within),
    }
}

fn refused(kind: ErrorKind) -> CallError {
    CallError {
        operation: "RegisterTargets",
        kind,
        code: None,
        conflicting_tasks: Vec::new(),
        message: String::new(),
    }
}

#[test]
fn targets_of_one_group_and_zone_go_together() {
    let calls = [
        register("auth", [1]),
        register("billing", [2]),
        register("auth", [3, 1]),
    ];
    let expected = [
        Coalesced {
            call: register("auth", [1, 3]),
            askers: vec![0, 2],
        },
        Coalesced {
            call: register("billing", [2]),
            askers: vec![1],
        },
    ];
    assert_eq!(coalesce(&calls), expected);
}

#[test]
fn addresses_of_one_vpc_and_family_go_together_within_ec2s_limit_of_values() {
    let ask = |vpc: Option<&str>, addresses: &[IpAddr]| {
        Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses {
            vpc: vpc.map(|vpc| vpc.parse().unwrap()),
            addresses: addresses.to_vec(),
        })
    };
    let ipv4 = |n: u8| IpAddr::from([10, 0, 0, n]);
    let vpc = Some("vpc-0123456789abcdef0");
    let mut calls: Vec<Call> = (0..200).map(|n| ask(vpc, &[ipv4(n)])).collect();
    calls.extend([
        ask(None, &[ipv4(1)]),
        ask(vpc, &["2001:db8::1".parse().unwrap()]),
        ask(vpc, &[ipv4(7)]),
    ]);
    let chunks = coalesce(&calls);
    let sizes: Vec<usize> = chunks.iter().map(|chunk| things(&chunk.call).0.len()).collect();
    // The VPC is a value too.
    assert_eq!(sizes, [199, 1, 1, 1]);
    let interface = |n: u8| {
        std::sync::Arc::new(start_engines_core::domain::interface::NetworkInterface {
            id: format!("eni-0000000{n}").parse().unwrap(),
            addresses: vec![ipv4(n)],
            attached_at: None,
        })
    };
    let answer = Answer::Interfaces(vec![interface(1), interface(7)]);
    let part = chunks[0].share(&answer).part(&calls[7]);
    assert_eq!(part, Answer::Interfaces(vec![interface(7)]));
}

#[test]
fn each_asker_gets_its_own_tasks_in_the_order_of_the_answer() {
    let arn = |n: usize| -> TaskArn {
        let text = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}");
        text.parse().unwrap()
    };
    let ask = |tasks: &[usize]| Call::DescribeTasks {
        cluster: "engines".parse().unwrap(),
        tasks: tasks.iter().copied().map(arn).collect(),
    };
    let task = |n: usize| {
        let detail = json!({"taskArn": arn(n).as_str(), "lastStatus": "RUNNING"});
        from_event(&detail).unwrap()
    };
    let calls = [ask(&[1]), ask(&[2, 3, 4]), ask(&[5]), ask(&[4, 3, 2, 5, 1])];
    let coalesced = &coalesce(&calls)[0];
    // ECS does not know the fifth.
    let answer = Answer::tasks([4, 1, 3, 2].map(task));
    let shared = coalesced.share(&answer);
    let parts = calls.each_ref().map(|own| shared.part(own));
    let expected = [&[1][..], &[4, 3, 2], &[], &[4, 1, 3, 2]];
    assert_eq!(
        parts,
        expected.map(|tasks| Answer::tasks(tasks.iter().copied().map(task)))
    );
}

#[test]
fn calls_of_different_shapes_that_take_turns_are_as_few_as_calls_in_order() {
    let tasks = |service: usize| {
        let arn = |n: usize| {
            let text = format!(
                "arn:aws:ecs:us-east-1:111122223333:task/engines/{:032x}",
                100 * service + n
            );
            text.parse().unwrap()
        };
        Call::DescribeTasks {
            cluster: "engines".parse().unwrap(),
            tasks: (0..60).map(arn).collect(),
        }
    };
    let calls: Vec<Call> = (0..100).map(|n| tasks(n % 20)).collect();
    let chunks = coalesce(&calls);
    assert_eq!(chunks.len(), 20);
    assert!(chunks.iter().all(|chunk| chunk.askers.len() == 5));
    // A small call fills the room that large ones leave.
    let sizes = [150, 150, 50, 50];
    let calls: Vec<Call> = (0..4)
        .map(|n| register("auth", 1000 * n..1000 * n + sizes[n]))
        .collect();
    assert_eq!(coalesce(&calls).len(), 2);
}

#[test]
fn a_chunk_is_within_awss_limits_and_no_call_is_split() {
    let calls: Vec<Call> = (0..100)
        .map(|n| register("auth", [3 * n, 3 * n + 1, 3 * n + 2]))
        .collect();
    let chunks = coalesce(&calls);
    let sizes: Vec<usize> = chunks.iter().map(|chunk| things(&chunk.call).0.len()).collect();
    assert_eq!(sizes, [198, 102]);
    let askers: Vec<usize> = chunks.into_iter().flat_map(|chunk| chunk.askers).collect();
    assert_eq!(askers, (0..100).collect::<Vec<_>>());
}

#[test]
fn the_most_urgent_deregistration_bounds_all_of_its_chunk() {
    let coalesced = coalesce(&[deregister([1], 7), deregister([2], 3)]);
    assert_eq!(coalesced.len(), 1);
    assert_eq!(coalesced[0].call, deregister([1, 2], 3));
    // Without it, the others have their time again.
    let [urgent, other] = {
        let calls = [deregister([2], 3), deregister([1], 7)];
        coalesce(&calls)[0]
            .halves(&refused(ErrorKind::InvalidTarget), &calls)
            .unwrap()
    };
    assert_eq!((urgent.call, other.call), (deregister([2], 3), deregister([1], 7)));
}

#[test]
fn each_gets_the_answer_about_its_own_targets_only() {
    let ask = |targets: &[usize]| Call::DescribeTargetHealth {
        group: group("auth"),
        targets: targets.iter().copied().map(target).collect(),
    };
    let calls = [ask(&[1, 2]), ask(&[2, 3])];
    let coalesced = &coalesce(&calls)[0];
    let (one, two, three) = (
        TargetHealth::Draining,
        TargetHealth::registered("healthy"),
        TargetHealth::NotRegistered,
    );
    let answer = Answer::Health(vec![one.clone(), two.clone(), three.clone()]);
    assert_eq!(
        coalesced.share(&answer).part(&calls[0]),
        Answer::Health(vec![one, two.clone()])
    );
    assert_eq!(
        coalesced.share(&answer).part(&calls[1]),
        Answer::Health(vec![two, three])
    );
}

#[test]
fn a_refusal_is_halved_until_one_is_left_unless_it_is_everyones() {
    let calls = [register("auth", [1]), register("auth", [2]), register("auth", [3])];
    let all = &coalesce(&calls)[0];
    let [one, others] = all.halves(&refused(ErrorKind::InvalidTarget), &calls).unwrap();
    assert_eq!(
        (one.askers.as_slice(), others.askers.as_slice()),
        (&[0][..], &[1, 2][..])
    );
    assert_eq!(one.halves(&refused(ErrorKind::InvalidTarget), &calls), None);
    assert_eq!(all.halves(&refused(ErrorKind::Throttled), &calls), None);
}

#[test]
fn what_must_not_happen_twice_stays_alone_and_identical_calls_are_made_once() {
    let stop = Call::StopTask {
        cluster: "engines".parse().unwrap(),
        task: "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef"
            .parse()
            .unwrap(),
        reason: "evening".into(),
    };
    assert_eq!(coalesce(&[stop.clone(), stop]).len(), 2);
    let list = Call::ListTasks {
        cluster: "engines".parse().unwrap(),
        desired: start_engines_core::call::Desired::Running,
        container_instance: None,
        page: None,
    };
    let coalesced = coalesce(&[list.clone(), list.clone(), list]);
    assert_eq!(coalesced.len(), 1);
    assert_eq!(coalesced[0].askers, [0, 1, 2]);
}
