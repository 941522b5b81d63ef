//! Targets of tasks that a stop ends: deregisters them before the tasks are stopped, unless another task owns them by
//! now.
//!
//! Up to 200 targets of one target group a call, and several calls side by side. An address is deregistered within
//! [`crate::decide::timing::INTERFACE_PROOF`] of when EC2 has shown its task's network interface: until then it is the
//! task's own. Where EC2 shows nothing, within [`crate::decide::timing::ATTACH`] of a snapshot. A host port may be
//! another task's even if DescribeTasks returns its task as live ([`super::host_ports_out`]).
//!
//! Must not decide which tasks are stopped, and must not stop any.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::host_ports_out;
use super::proof::Proof;
use crate::call::{ErrorKind, MAX_TARGETS_PER_CALL};
use crate::config::Config;
use crate::decide::failures::Failures;
use crate::decide::targets::candidates::OwnerScope;
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use crate::domain::target::{GroupTarget, Target};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};

/// The minimum time left in which further targets are deregistered.
const MIN_STEP_TIME: Duration = Duration::from_secs(6);
/// How many DeregisterTargets are made side by side. ELB takes 20 at once and 4 a second, of all callers together.
const MAX_AT_ONCE: usize = 4;

/// A task that is to drain, or to be stopped at once.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) task: Arc<Task>,
    /// The cluster, as the stop names it.
    pub(crate) cluster: Cluster,
    /// Its snapshot was taken then, or later.
    pub(crate) snapshot_at: Timestamp,
    pub(crate) targets: Vec<GroupTarget>,
    /// Where another task may have the targets by now. `None` if they are addresses of its network interface, which are
    /// its own while it lives. Host ports are reused at once, and DescribeTasks may for longer return a task as live
    /// that has freed its ports.
    pub(crate) owner_scope: Option<OwnerScope>,
    /// Whether it is to drain; else it is stopped now, and the events of its stop deregister what is left.
    pub(crate) drains: bool,
}

/// How far the targets are out.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// Those that DeregisterTargets was called for, each with its task.
    pub(crate) deregistered: Vec<(TaskArn, GroupTarget)>,
    /// Tasks of which targets are still registered, as no time was left, by their place in the list.
    pub(crate) unreached: BTreeSet<usize>,
    pub(crate) failures: Failures,
    portions: Option<Arc<Vec<Portion>>>,
    /// How many portions are done.
    at: usize,
    /// Portions that ELB has throttled, and how often.
    throttled: HashMap<usize, usize>,
    /// Whether EC2 refuses to answer.
    is_ec2_denied: bool,
}

/// Targets in one target group, each with the place of its task.
pub(super) type OfGroup = (TargetGroupArn, Vec<(usize, Target)>);

/// What is deregistered together.
#[derive(Debug)]
pub(super) enum Portion {
    /// Addresses in one target group, each with its task.
    Addresses {
        group: TargetGroupArn,
        of: Vec<(usize, Target)>,
        /// Whether ECS shows the network interface of each.
        with_interfaces: bool,
    },
    /// Ports of one container instance.
    HostPorts(Vec<usize>),
}

impl Portion {
    pub(super) fn tasks(&self) -> Vec<usize> {
        match self {
            Self::Addresses { of, .. } => of.iter().map(|(n, _)| *n).collect(),
            Self::HostPorts(tasks) => tasks.clone(),
        }
    }
}

/// Deregisters the targets, step by step, and as far as there is time; the first step in any case, unless the stop
/// `has_begun`. A call that ELB throttles is made so many `times`, after all others.
pub(crate) fn take_out(
    leaving: &[&Leaving],
    has_begun: bool,
    times: usize,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Arc<Out>, Halt> {
    reader.steps(|out: &mut Out, reader| {
        let portions = Arc::clone(out.portions.get_or_insert_with(|| Arc::new(portions(leaving))));
        let (next, is_again) = out.next(&portions, times);
        let chosen: Vec<&Portion> = next.iter().filter_map(|n| portions.get(*n)).collect();
        let Some(first) = chosen.first() else {
            return Ok(ControlFlow::Break(()));
        };
        if (has_begun || out.at > 0) && !reader.has_time(MIN_STEP_TIME) {
            let rest = portions.iter().skip(out.at).flat_map(Portion::tasks);
            let throttled = out
                .throttled
                .keys()
                .filter_map(|n| portions.get(*n))
                .flat_map(Portion::tasks);
            out.unreached = rest.chain(throttled).collect();
            return Ok(ControlFlow::Break(()));
        }
        let mut failures = Failures::default();
        let (mut deregistered, mut throttled) = (Vec::new(), Vec::new());
        let mut is_ec2_denied = out.is_ec2_denied;
        match first {
            Portion::HostPorts(tasks) => {
                let on_instance: Vec<&Leaving> = tasks.iter().filter_map(|n| leaving.get(*n).copied()).collect();
                deregistered = host_ports_out::take_out(&on_instance, config, reader, &mut failures)?;
            }
            Portion::Addresses { with_interfaces, .. } => {
                let proof = Proof::of(&chosen, leaving, *with_interfaces && !is_ec2_denied, reader)?;
                is_ec2_denied |= proof.is_ec2_denied;
                let of_groups = proof.own(&chosen);
                match proof.left(reader) {
                    Err(failure) => failures.add(failure),
                    Ok(within) => {
                        let calls = of_groups
                            .iter()
                            .map(|(_, (group, targets))| (group.clone(), targets_of(targets)));
                        let answers = reader.deregister_targets(calls, within)?;
                        for ((place, (group, targets)), answer) in of_groups.into_iter().zip(answers) {
                            match answer {
                                Ok(()) => deregistered.extend(named(&group, targets, leaving)),
                                Err(error) if error.kind.is_gone() => {}
                                Err(error) if matches!(error.kind, ErrorKind::Throttled | ErrorKind::NotSent) => {
                                    throttled.push((place, error));
                                }
                                Err(error) => failures.add(error),
                            }
                        }
                    }
                }
            }
        }
        out.is_ec2_denied = is_ec2_denied;
        out.deregistered.extend(deregistered);
        if is_again {
            next.iter()
                .filter(|n| !throttled.iter().any(|(place, _)| next.get(*place) == Some(*n)))
                .for_each(|n| {
                    out.throttled.remove(n);
                });
        } else {
            out.at += next.len();
        }
        for (place, error) in throttled {
            let Some(n) = next.get(place) else { continue };
            let tried = out.throttled.entry(*n).or_default();
            *tried += 1;
            if *tried >= times {
                out.throttled.remove(n);
                failures.add(error);
            }
        }
        out.failures.extend(failures);
        Ok(ControlFlow::Continue(()))
    })
}

impl Out {
    /// The portions of the next step, and whether they were throttled before: those come last, one by one.
    fn next(&self, portions: &[Portion], times: usize) -> (Vec<usize>, bool) {
        let width = if self.throttled.is_empty() { MAX_AT_ONCE } else { 1 };
        let same_kind = |a: &Portion, b: &Portion| match (a, b) {
            (Portion::Addresses { with_interfaces: a, .. }, Portion::Addresses { with_interfaces: b, .. }) => a == b,
            _ => false,
        };
        let Some(first) = portions.get(self.at) else {
            let again = self
                .throttled
                .iter()
                .filter(|(_, tried)| **tried < times)
                .map(|(n, _)| *n)
                .min();
            return (again.into_iter().collect(), true);
        };
        let others = portions.iter().enumerate().skip(self.at + 1).take(width - 1);
        let others = others
            .take_while(|(_, portion)| same_kind(first, portion))
            .map(|(n, _)| n);
        (std::iter::once(self.at).chain(others).collect(), false)
    }
}

/// What is deregistered together: addresses by target group, host ports by container instance.
fn portions(leaving: &[&Leaving]) -> Vec<Portion> {
    let mut instances: Vec<(&OwnerScope, Vec<usize>)> = Vec::new();
    for (n, leaving) in leaving.iter().enumerate().filter(|(_, it)| !it.targets.is_empty()) {
        if let Some(scope) = &leaving.owner_scope {
            match instances.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, tasks)) => tasks.push(n),
                None => instances.push((scope, vec![n])),
            }
        }
    }
    let mut portions: Vec<Portion> = instances
        .into_iter()
        .map(|(_, tasks)| Portion::HostPorts(tasks))
        .collect();
    for with_interfaces in [true, false] {
        let addresses = leaving.iter().enumerate().filter(|(_, it)| {
            let has_interface = it.task.interface.is_some();
            it.owner_scope.is_none() && has_interface == with_interfaces
        });
        let targets = addresses.flat_map(|(n, it)| it.targets.iter().map(move |target| (n, target)));
        let of_groups = in_groups(targets).into_iter();
        portions.extend(of_groups.map(|(group, of)| Portion::Addresses {
            group,
            of,
            with_interfaces,
        }));
    }
    portions
}

/// Targets, each with its task, by target group, and as many as a call takes.
pub(super) fn in_groups<'t>(targets: impl Iterator<Item = (usize, &'t GroupTarget)>) -> Vec<OfGroup> {
    let mut of_groups: Vec<(&TargetGroupArn, Vec<(usize, Target)>)> = Vec::new();
    let mut places: HashMap<&TargetGroupArn, usize> = HashMap::new();
    for (n, GroupTarget { group, target }) in targets {
        let place = *places.entry(group).or_insert_with(|| {
            of_groups.push((group, Vec::new()));
            of_groups.len() - 1
        });
        if let Some((_, of_group)) = of_groups.get_mut(place) {
            of_group.push((n, target.clone()));
        }
    }
    let chunks = of_groups.into_iter().flat_map(|(group, targets)| {
        let chunks: Vec<Vec<(usize, Target)>> = targets.chunks(MAX_TARGETS_PER_CALL).map(<[_]>::to_vec).collect();
        chunks.into_iter().map(|chunk| (group.clone(), chunk))
    });
    chunks.collect()
}

fn targets_of(targets: &[(usize, Target)]) -> Vec<Target> {
    targets.iter().map(|(_, target)| target.clone()).collect()
}

fn named<'l>(
    group: &'l TargetGroupArn,
    targets: Vec<(usize, Target)>,
    leaving: &'l [&Leaving],
) -> impl Iterator<Item = (TaskArn, GroupTarget)> + 'l {
    targets.into_iter().filter_map(|(n, target)| {
        let task = leaving.get(n)?.task.arn.clone();
        let group = group.clone();
        Some((task, GroupTarget { group, target }))
    })
}
