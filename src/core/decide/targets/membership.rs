//! Which targets are registered.

use crate::decide::failures::Failures;
use crate::domain::arn::TargetGroupArn;
use crate::domain::target::{GroupTarget, Target, TargetHealth, Zone};
use crate::journal::{Halt, Reader};

/// Targets by target group, both in the order given.
pub(crate) fn by_group(targets: &[GroupTarget]) -> Vec<(TargetGroupArn, Vec<Target>)> {
    let mut groups: Vec<(TargetGroupArn, Vec<Target>)> = Vec::new();
    for GroupTarget { group, target } in targets {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, of_group)) => of_group.push(target.clone()),
            None => groups.push((group.clone(), vec![target.clone()])),
        }
    }
    groups
}

/// Those that are registered and not draining, with their zones, by DescribeTargetHealth: one call for each target group, side by
/// side. None of a target group that is gone; a call that fails adds a failure.
pub(crate) fn still_registered(
    targets: &[GroupTarget],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<(GroupTarget, Zone)>, Halt> {
    let mut registered = Vec::new();
    let of_groups = by_group(targets);
    let answers = reader.describe_target_health(of_groups.iter().cloned())?;
    for ((group, of_group), answer) in of_groups.into_iter().zip(answers) {
        match answer {
            Ok(health) => {
                for (target, health) in of_group.into_iter().zip(health) {
                    let TargetHealth::Registered(registration) = health else {
                        continue;
                    };
                    let target = GroupTarget {
                        group: group.clone(),
                        target,
                    };
                    registered.push((target, registration.zone));
                }
            }
            Err(error) if error.kind.is_gone() => {}
            Err(error) => failures.add(error),
        }
    }
    Ok(registered)
}
