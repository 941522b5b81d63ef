//! Coalesces the calls that several events need at the same time.
//!
//! Pure: which calls become one, in chunks within AWS's limits; which part of the answer belongs to which event; and the
//! halves of a call that AWS refused, to find the event that it was refused for. Must not make calls.
//!
//! Only calls that read, or that may be repeated, are coalesced. A call that must not happen twice
//! (such as RunTask) stays alone.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use start_engines_core::call::{
    Answer, Call, CallError, MAX_FILTER_VALUES, MAX_TARGETS_PER_CALL, MAX_TASKS_PER_DESCRIBE, MAX_TASKS_PER_SCHEDULE,
};
use start_engines_core::domain::arn::{Cluster, InterfaceId, TargetGroupArn, TaskArn, VpcId};
use start_engines_core::domain::interface::InterfaceQuery;
use start_engines_core::domain::target::{Target, TargetHealth, Zone};
use start_engines_core::domain::timestamp::Timestamp;

/// One call for several askers: events that need a part of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coalesced {
    /// The call that is made: it has every task or target of the askers' own calls once.
    pub call: Call,
    /// The askers, by position in the calls that were coalesced.
    pub askers: Vec<usize>,
}

/// What calls must have in common to be coalesced.
#[derive(PartialEq, Eq, Hash)]
enum Kind<'c> {
    Tasks(&'c Cluster),
    Health(&'c TargetGroupArn),
    Register(&'c TargetGroupArn, Zone),
    Deregister(&'c TargetGroupArn),
    /// In a VPC, by addresses of one family: whether it is IPv6.
    Addresses(Option<&'c VpcId>, bool),
    Interfaces,
    /// A schedule for this purpose and time.
    Schedule(&'c str, Timestamp),
    /// Only identical calls.
    Same(&'c Call),
}

impl<'c> Kind<'c> {
    /// `None` if the call stays alone.
    fn of(call: &'c Call) -> Option<Self> {
        match call {
            Call::DescribeTasks { cluster, .. } => Some(Self::Tasks(cluster)),
            Call::DescribeTargetHealth { group, .. } => Some(Self::Health(group)),
            Call::RegisterTargets { group, zone, .. } => Some(Self::Register(group, *zone)),
            Call::DeregisterTargets { group, .. } => Some(Self::Deregister(group)),
            Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { vpc, addresses }) => {
                let is_ipv6 = addresses.first().is_some_and(IpAddr::is_ipv6);
                Some(Self::Addresses(vpc.as_ref(), is_ipv6))
            }
            Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(_)) => Some(Self::Interfaces),
            Call::ShareSchedule(shared) => Some(Self::Schedule(shared.purpose, shared.at)),
            Call::ListTasks { .. }
            | Call::ListTasksStartedBy { .. }
            | Call::DescribeContainerInstance { .. }
            | Call::DescribeTaskDefinition { .. }
            | Call::DescribeInstance { .. }
            | Call::DescribeDeregistrationDelay { .. }
            | Call::DescribeTargetGroup { .. }
            | Call::DescribeTargets { .. } => Some(Self::Same(call)),
            Call::RunTask(_)
            | Call::StopTask { .. }
            | Call::TagTask { .. }
            | Call::CreateSchedule(_)
            | Call::PutEvents(_) => None,
        }
    }
}

/// What a call lists, and AWS limits the number of.
#[derive(PartialEq, Eq, Hash)]
enum Thing<'c> {
    Task(&'c TaskArn),
    Target(&'c Target),
    Address(&'c IpAddr),
    Interface(&'c InterfaceId),
}

fn things(call: &Call) -> (Vec<Thing<'_>>, usize) {
    match call {
        Call::DescribeTasks { tasks, .. } => (tasks.iter().map(Thing::Task).collect(), MAX_TASKS_PER_DESCRIBE),
        Call::DescribeTargetHealth { targets, .. }
        | Call::RegisterTargets { targets, .. }
        | Call::DeregisterTargets { targets, .. } => {
            (targets.iter().map(Thing::Target).collect(), MAX_TARGETS_PER_CALL)
        }
        Call::ShareSchedule(shared) => (
            shared.tasks.iter().map(|(task, _)| Thing::Task(task)).collect(),
            MAX_TASKS_PER_SCHEDULE,
        ),
        Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { vpc, addresses }) => {
            let max = MAX_FILTER_VALUES - usize::from(vpc.is_some());
            (addresses.iter().map(Thing::Address).collect(), max)
        }
        Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(ids)) => {
            (ids.iter().map(Thing::Interface).collect(), MAX_FILTER_VALUES)
        }
        _ => (Vec::new(), usize::MAX),
    }
}

/// A chunk that is being filled.
#[derive(Default)]
struct Chunk<'c> {
    askers: Vec<usize>,
    things: HashSet<Thing<'c>>,
}

/// How many chunks of a kind are filled at the same time.
const MAX_OPEN: usize = 8;

/// Coalesces calls to as few as possible; the call of one asker is never split.
#[must_use]
pub fn coalesce(calls: &[Call]) -> Vec<Coalesced> {
    let mut chunks: Vec<Chunk<'_>> = Vec::new();
    // The latest chunks of each kind.
    let mut open: HashMap<Kind<'_>, VecDeque<usize>> = HashMap::new();
    // The chunk of each call: events that search for the same owners ask for the same tasks.
    let mut identical: HashMap<&Call, usize> = HashMap::new();
    for (asker, call) in calls.iter().enumerate() {
        let (things, max) = things(call);
        let open = Kind::of(call).map(|kind| open.entry(kind).or_default());
        let fits = |n: &&usize| {
            chunks.get(**n).is_some_and(|chunk| {
                let new = things.iter().filter(|thing| !chunk.things.contains(thing)).count();
                chunk.things.len() + new <= max
            })
        };
        let known = identical.get(call).filter(|_| open.is_some());
        let fitting = known.or_else(|| open.as_ref()?.iter().find(fits)).copied();
        let n = fitting.unwrap_or_else(|| {
            chunks.push(Chunk::default());
            chunks.len() - 1
        });
        identical.insert(call, n);
        if let (Some(open), None) = (open, fitting) {
            open.push_back(n);
            if open.len() > MAX_OPEN {
                open.pop_front();
            }
        }
        if let Some(chunk) = chunks.get_mut(n) {
            chunk.askers.push(asker);
            chunk.things.extend(things);
        }
    }
    chunks
        .into_iter()
        .filter_map(|chunk| Coalesced::of(calls, chunk.askers))
        .collect()
}

impl Coalesced {
    /// The union of these askers' calls; `None` without askers.
    #[must_use]
    pub fn of(calls: &[Call], askers: Vec<usize>) -> Option<Self> {
        let mut parts = askers.iter().filter_map(|asker| calls.get(*asker));
        let mut call = parts.next()?.clone();
        for part in parts {
            match (&mut call, part) {
                (Call::DescribeTasks { tasks, .. }, Call::DescribeTasks { tasks: others, .. }) => {
                    tasks.extend_from_slice(others);
                }
                (
                    Call::DescribeTargetHealth { targets, .. } | Call::RegisterTargets { targets, .. },
                    Call::DescribeTargetHealth { targets: others, .. } | Call::RegisterTargets { targets: others, .. },
                ) => targets.extend_from_slice(others),
                (
                    Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { addresses, .. }),
                    Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { addresses: others, .. }),
                ) => addresses.extend_from_slice(others),
                (
                    Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(ids)),
                    Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(others)),
                ) => ids.extend_from_slice(others),
                (
                    Call::DeregisterTargets { targets, within, .. },
                    Call::DeregisterTargets {
                        targets: others,
                        within: other,
                        ..
                    },
                ) => {
                    targets.extend_from_slice(others);
                    // The shortest time, as that address may have another owner first.
                    *within = (*within).min(*other);
                }
                (Call::ShareSchedule(shared), Call::ShareSchedule(other)) => {
                    shared.tasks.extend_from_slice(&other.tasks);
                }
                _ => {}
            }
        }
        match &mut call {
            Call::ShareSchedule(shared) => {
                let mut seen = HashSet::with_capacity(shared.tasks.len());
                shared.tasks.retain(|(task, _)| seen.insert(task.clone()));
            }
            Call::DescribeTasks { tasks, .. } => keep_first_of_each(tasks),
            Call::DescribeTargetHealth { targets, .. }
            | Call::RegisterTargets { targets, .. }
            | Call::DeregisterTargets { targets, .. } => keep_first_of_each(targets),
            Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { addresses, .. }) => {
                keep_first_of_each(addresses);
            }
            Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(ids)) => keep_first_of_each(ids),
            _ => {}
        }
        Some(Self { call, askers })
    }

    /// The same work as two calls, if AWS may have refused it because of one asker: one target that does not fit its
    /// target group must not prevent the registration of 199 others.
    #[must_use]
    pub fn halves(&self, error: &CallError, calls: &[Call]) -> Option<[Self; 2]> {
        if self.askers.len() < 2 || !error.kind.may_concern_one_item() {
            return None;
        }
        // Identical calls get identical answers.
        if matches!(Kind::of(&self.call), Some(Kind::Same(_))) {
            return None;
        }
        let (one, other) = self.askers.split_at(self.askers.len() / 2);
        Some([Self::of(calls, one.to_vec())?, Self::of(calls, other.to_vec())?])
    }

    /// The answer, to be shared out among the askers.
    #[must_use]
    pub fn share<'a>(&'a self, answer: &'a Answer) -> Shared<'a> {
        let tasks = match answer {
            Answer::Tasks(found) if self.askers.len() > 1 => found.as_slice(),
            _ => &[],
        };
        Shared {
            call: &self.call,
            answer,
            positions: tasks.iter().enumerate().map(|(n, task)| (&task.arn, n)).collect(),
        }
    }
}

/// An answer for several askers.
#[derive(Debug)]
pub struct Shared<'a> {
    call: &'a Call,
    answer: &'a Answer,
    /// Where each task is in the answer, if there are several askers.
    positions: HashMap<&'a TaskArn, usize>,
}

impl Shared<'_> {
    /// The part of the answer that belongs to the asker's own call.
    #[must_use]
    pub fn part(&self, own: &Call) -> Answer {
        match (self.answer, self.call, own) {
            (Answer::Tasks(found), Call::DescribeTasks { tasks: asked, .. }, Call::DescribeTasks { tasks, .. })
                if tasks.len() < asked.len() =>
            {
                // In the order of the answer, each once.
                let of_own: BTreeSet<usize> = tasks
                    .iter()
                    .filter_map(|arn| self.positions.get(arn).copied())
                    .collect();
                Answer::Tasks(of_own.iter().filter_map(|n| found.get(*n)).cloned().collect())
            }
            (
                Answer::Health(health),
                Call::DescribeTargetHealth { targets: asked, .. },
                Call::DescribeTargetHealth { targets, .. },
            ) => {
                let of_own = targets.iter().map(|target| {
                    let found = asked.iter().zip(health).find(|(asked, _)| *asked == target);
                    found.map_or(TargetHealth::NotRegistered, |(_, health)| health.clone())
                });
                Answer::Health(of_own.collect())
            }
            (Answer::Interfaces(found), _, Call::DescribeNetworkInterfaces(query)) => {
                let of_own = found.iter().filter(|interface| match query {
                    InterfaceQuery::Addresses { addresses, .. } => {
                        addresses.iter().any(|address| interface.addresses.contains(address))
                    }
                    InterfaceQuery::Ids(ids) => ids.contains(&interface.id),
                });
                Answer::Interfaces(of_own.cloned().collect())
            }
            _ => self.answer.clone(),
        }
    }
}

fn keep_first_of_each<T: Clone + Eq + std::hash::Hash>(items: &mut Vec<T>) {
    let mut seen = HashSet::with_capacity(items.len());
    items.retain(|item| seen.insert(item.clone()));
}

#[cfg(test)]
mod tests {
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
}
