//! Host ports of tasks that a stop ends: deregisters them, but for those that another task owns.
//!
//! One search for each container instance, right before the deregistration.
//!
//! Must not decide which tasks are stopped, and must not stop any.

use super::targets_out::Leaving;
use crate::config::Config;
use crate::decide::failures::Failures;
use crate::decide::owners::{owned_of_each, too_slow};
use crate::decide::targets::membership::by_group;
use crate::decide::timing;
use crate::domain::arn::TaskArn;
use crate::domain::target::GroupTarget;
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};

/// Deregisters the ports of tasks on one container instance; returns those that DeregisterTargets was called for.
pub(super) fn take_out(
    leaving: &[&Leaving],
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<(TaskArn, GroupTarget)>, Halt> {
    let Some(owner_scope) = leaving.first().and_then(|it| it.owner_scope.as_ref()) else {
        return Ok(Vec::new());
    };
    let former: Vec<(&Task, &[GroupTarget])> = leaving.iter().map(|it| (&*it.task, it.targets.as_slice())).collect();
    let proof_ends = reader.now().after(timing::ATTACH);
    let owned = match owned_of_each(&former, owner_scope, proof_ends, config, reader) {
        Ok(owned) => owned,
        Err(Halt::Fail(failure)) => leaving.iter().map(|_| Err((*failure).clone())).collect(),
        Err(ask @ Halt::Ask(_)) => return Err(ask),
    };
    let mut free: Vec<(TaskArn, GroupTarget)> = Vec::new();
    for (leaving, owned) in leaving.iter().zip(owned) {
        match owned {
            Ok(owned) => {
                let own = leaving.targets.iter().filter(|target| !owned.contains(target));
                free.extend(own.map(|target| (leaving.task.arn.clone(), target.clone())));
            }
            Err(failure) if leaving.drains => failures.add(failure),
            // It is stopped now: the events of its stop search again.
            Err(_) => {}
        }
    }
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let Some(within) = timing::left(Some(proof_ends), reader.now()) else {
        if let Some(leaving) = leaving.iter().find(|leaving| leaving.drains) {
            failures.add(too_slow(&leaving.task));
        }
        return Ok(Vec::new());
    };
    let targets: Vec<GroupTarget> = free.iter().map(|(_, target)| target.clone()).collect();
    let of_groups = by_group(&targets);
    let answers = reader.deregister_targets(of_groups.iter().cloned(), within)?;
    let mut deregistered = Vec::new();
    for ((group, _), answer) in of_groups.iter().zip(answers) {
        match answer {
            Ok(()) => deregistered.extend(free.iter().filter(|(_, target)| target.group == *group).cloned()),
            Err(error) if error.kind.is_gone() => {}
            Err(error) => failures.add(error),
        }
    }
    Ok(deregistered)
}
