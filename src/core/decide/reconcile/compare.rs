//! Plans what a reconcile is to do in one target group, from the claims of tasks and the registered targets ([`compare`]).
//!
//! Pure. Must not change or read anything.

use std::collections::{HashMap, HashSet};

use crate::domain::arn::{TargetGroupArn, TaskArn};
use crate::domain::target::{GroupTarget, Target, TargetHealth, Zone};
use crate::outcome::plan::{Change, GroupPlan, Why};

/// What a task of start-engines claims in one target group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// `taskArn`.
    pub task: TaskArn,
    /// Whether its targets are to be registered.
    pub stage: Stage,
    /// The targets that the target group takes for it, if it is [`Stage::Serving`].
    pub wanted: Vec<Target>,
    /// All targets that are, or were, its own: its addresses with each of its ports in the target group.
    pub holds: Vec<Target>,
    /// The target ids of its container instance, if any port there may become its own.
    pub may_get: Vec<String>,
}

/// Whether the targets of a task are to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// RUNNING: they are to be registered.
    Serving,
    /// Live, but this reconcile does not register them: the task starts, drains, is in another cluster, is another
    /// deployment's, or of a family that is not allowed.
    Live,
    /// Stopping or stopped: they are to be deregistered.
    Former,
    /// Stopping or stopped, and another deployment's, which deregisters them.
    AnothersFormer,
}

/// The owners of targets.
#[derive(Debug, Default)]
pub struct Owners<'p> {
    by_target: HashMap<&'p Target, &'p Claim>,
    by_instance: HashMap<&'p str, &'p Claim>,
}

impl<'p> Owners<'p> {
    /// The owners among these claims.
    pub fn among(claims: impl IntoIterator<Item = &'p Claim>) -> Self {
        let mut owners = Self::default();
        for claim in claims {
            owners
                .by_target
                .extend(claim.holds.iter().chain(&claim.wanted).map(|target| (target, claim)));
            owners
                .by_instance
                .extend(claim.may_get.iter().map(|id| (id.as_str(), claim)));
        }
        owners
    }

    /// The claim of the task that has a target, else of one that may get it.
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<&'p Claim> {
        let holds = self.by_target.get(target);
        holds.or_else(|| self.by_instance.get(target.id.as_str())).copied()
    }
}

/// The difference between the targets in a target group and those that are to be in it, from the arguments alone.
///
/// - A target that a serving task wants is registered, if it is missing or draining.
/// - A target that only stopping or stopped tasks had is deregistered.
/// - A target of none of the tasks is unknown; it is deregistered only if `prune` contains it.
/// - Whatever a live task has, or may get, stays as it is, and so does what only another deployment's task had.
#[must_use]
pub fn compare(
    group: &TargetGroupArn,
    claims: &[Claim],
    members: &[(Target, TargetHealth)],
    prune: &[GroupTarget],
) -> GroupPlan {
    let health: HashMap<&Target, &TargetHealth> = members.iter().map(|(target, health)| (target, health)).collect();
    let mut plan = GroupPlan::new(group.clone());
    let mut to_register = HashSet::new();
    for claim in claims.iter().filter(|claim| claim.stage == Stage::Serving) {
        for target in &claim.wanted {
            let why = match health.get(target) {
                Some(TargetHealth::Registered(_)) => continue,
                Some(TargetHealth::Draining) => Why::Draining,
                Some(TargetHealth::NotRegistered) | None => Why::Missing,
            };
            if to_register.insert(target) {
                plan.register.push(Change {
                    target: target.clone(),
                    zone: Zone::Own,
                    task: Some(claim.task.clone()),
                    why,
                });
            }
        }
    }
    let at = |stages: &'static [Stage]| Owners::among(claims.iter().filter(|claim| stages.contains(&claim.stage)));
    let live = at(&[Stage::Serving, Stage::Live]);
    let former = at(&[Stage::Former]);
    let anothers = at(&[Stage::AnothersFormer]);
    for (target, zone) in registered_with_zone(members) {
        if live.of(target).is_some() || (former.of(target).is_none() && anothers.of(target).is_some()) {
            continue;
        }
        let is_named = |named: &GroupTarget| named.group == *group && named.target == *target;
        let (task, why) = match former.of(target) {
            Some(claim) => (Some(claim.task.clone()), Why::Left),
            None if prune.iter().any(is_named) => (None, Why::Pruned),
            None => {
                plan.unknown.push(target.clone());
                continue;
            }
        };
        plan.deregister.push(Change {
            target: target.clone(),
            zone,
            task,
            why,
        });
    }
    plan
}

/// The targets that are registered and not draining.
pub fn registered(members: &[(Target, TargetHealth)]) -> impl Iterator<Item = &Target> {
    registered_with_zone(members).map(|(target, _)| target)
}

fn registered_with_zone(members: &[(Target, TargetHealth)]) -> impl Iterator<Item = (&Target, Zone)> {
    members.iter().filter_map(|(target, health)| match health {
        TargetHealth::Registered(registration) => Some((target, registration.zone)),
        TargetHealth::Draining | TargetHealth::NotRegistered => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;

    const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

    fn group() -> TargetGroupArn {
        GROUP.parse().unwrap()
    }

    fn task(n: usize) -> TaskArn {
        let arn = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}");
        arn.parse().unwrap()
    }

    fn target(id: &str, port: u16) -> Target {
        Target {
            id: id.to_owned(),
            port: port.to_string().parse().unwrap(),
        }
    }

    fn claim(n: usize, stage: Stage, holds: &[Target]) -> Claim {
        Claim {
            task: task(n),
            stage,
            wanted: if stage == Stage::Serving {
                holds.to_vec()
            } else {
                Vec::new()
            },
            holds: holds.to_vec(),
            may_get: Vec::new(),
        }
    }

    fn is_in(target: &Target) -> (Target, TargetHealth) {
        (target.clone(), TargetHealth::of("healthy", None, None))
    }

    #[test]
    fn a_target_that_a_former_task_had_is_left_to_a_live_one_that_has_it_or_may_get_it() {
        let one = target("i-0123456789abcdef0", 32768);
        let former = claim(1, Stage::Former, std::slice::from_ref(&one));
        let members = [is_in(&one)];
        let plan = compare(&group(), std::slice::from_ref(&former), &members, &[]);
        assert_eq!(plan.deregister[0].why, Why::Left);
        for live in [
            claim(2, Stage::Serving, std::slice::from_ref(&one)),
            claim(2, Stage::Live, std::slice::from_ref(&one)),
            Claim {
                may_get: vec![one.id.clone()],
                ..claim(2, Stage::Live, &[])
            },
        ] {
            let plan = compare(&group(), &[former.clone(), live], &members, &[]);
            assert_eq!(plan, GroupPlan::new(group()));
        }
    }

    #[test]
    fn what_another_deployments_task_has_or_had_stays_and_is_not_unknown() {
        let one = target("10.0.0.1", 8080);
        let members = [is_in(&one)];
        let anothers = claim(1, Stage::AnothersFormer, std::slice::from_ref(&one));
        let of_both = [anothers.clone(), claim(2, Stage::Former, std::slice::from_ref(&one))];
        let plan = compare(&group(), std::slice::from_ref(&anothers), &members, &[]);
        assert_eq!(plan, GroupPlan::new(group()));
        // A task of this deployment had it too, and no live task has it.
        assert_eq!(compare(&group(), &of_both, &members, &[]).deregister.len(), 1);
    }

    #[test]
    fn a_draining_target_is_registered_again_only_for_a_task_that_serves() {
        let one = target("10.0.0.1", 8080);
        let members = [(one.clone(), TargetHealth::of("draining", None, None))];
        let plan_of = |stage| compare(&group(), &[claim(1, stage, std::slice::from_ref(&one))], &members, &[]);
        assert_eq!(plan_of(Stage::Serving).register[0].why, Why::Draining);
        assert_eq!(plan_of(Stage::Live), GroupPlan::new(group()));
        assert_eq!(plan_of(Stage::Former), GroupPlan::new(group()));
    }

    #[test]
    fn an_unknown_target_is_deregistered_only_from_the_target_group_for_which_it_is_named() {
        let one = target("10.0.0.1", 8080);
        let named = |group: &str| GroupTarget {
            group: group.parse().unwrap(),
            target: one.clone(),
        };
        let members = [is_in(&one)];
        let elsewhere = GROUP.replace("auth", "jobs");
        let plan = compare(&group(), &[], &members, &[named(&elsewhere)]);
        assert_eq!((plan.unknown.len(), plan.deregister.len()), (1, 0));
        let plan = compare(&group(), &[], &members, &[named(GROUP)]);
        assert_eq!((plan.unknown.len(), plan.deregister[0].why), (0, Why::Pruned));
        let live = claim(1, Stage::Live, std::slice::from_ref(&one));
        assert_eq!(
            compare(&group(), &[live], &members, &[named(GROUP)]),
            GroupPlan::new(group())
        );
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let targets: Vec<Target> = (1..=6).map(|n| target(&format!("10.0.0.{n}"), 8080)).collect();
        let stage = prop_oneof![
            Just(Stage::Serving),
            Just(Stage::Live),
            Just(Stage::Former),
            Just(Stage::AnothersFormer)
        ];
        let one = (stage, subsequence(targets, 0..=3));
        prop::collection::vec(one, 0..6).prop_map(|all| {
            let all = all.into_iter().enumerate();
            all.map(|(n, (stage, holds))| claim(n, stage, &holds)).collect()
        })
    }

    fn members() -> impl Strategy<Value = Vec<(Target, TargetHealth)>> {
        let state = prop_oneof![Just("healthy"), Just("unhealthy"), Just("initial"), Just("draining")];
        prop::collection::btree_map(1..=6u8, state, 0..=6).prop_map(|all| {
            let all = all.into_iter();
            all.map(|(n, state)| {
                (
                    target(&format!("10.0.0.{n}"), 8080),
                    TargetHealth::of(state, None, None),
                )
            })
            .collect()
        })
    }

    proptest! {
        #[test]
        fn a_plan_that_is_carried_out_leaves_nothing_to_do_and_deregisters_no_live_target(
            claims in claims(),
            members in members(),
        ) {
            let plan = compare(&group(), &claims, &members, &[]);
            let live = Owners::among(claims.iter().filter(|claim| matches!(claim.stage, Stage::Serving | Stage::Live)));
            let former = Owners::among(claims.iter().filter(|claim| claim.stage == Stage::Former));
            for change in &plan.deregister {
                prop_assert!(live.of(&change.target).is_none());
                prop_assert!(former.of(&change.target).is_some(), "another deployment's");
                prop_assert!(!plan.unknown.contains(&change.target));
            }
            let mut after: HashMap<Target, TargetHealth> = members.into_iter().collect();
            for change in &plan.deregister {
                after.remove(&change.target);
            }
            for change in &plan.register {
                after.insert(change.target.clone(), TargetHealth::of("initial", None, None));
            }
            let after: Vec<(Target, TargetHealth)> = after.into_iter().collect();
            let again = compare(&group(), &claims, &after, &[]);
            prop_assert!(again.register.is_empty() && again.deregister.is_empty());
            for wanted in claims.iter().flat_map(|claim| &claim.wanted) {
                prop_assert!(registered(&after).any(|target| target == wanted));
            }
        }
    }
}
