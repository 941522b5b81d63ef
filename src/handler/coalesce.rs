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
mod coalesce_tests;
