//! A task is stopping or stopped, by its event or by DescribeTasks: deregisters its targets.
//!
//! Works from the event alone: the tags are deleted. Three ways, by the event's age ([`super::timing`]):
//!
//! - stopping and fresh: DeregisterTargets;
//! - STOPPED and fresh, or never RUNNING: DescribeTargetHealth first, since an earlier event has usually deregistered the
//!   targets, or there are none, and ELB allows more Describe calls than others;
//! - **the careful way** for late events, and for ports of container instances, which are reused within seconds: the
//!   address may be a newer task's. What is still registered is deregistered only if no other live task of start-engines
//!   owns it: by the network interface that has the address now (`owners::addresses`), or by all tasks on the container
//!   instance (`owners`).
//!
//! A careful stop whose search does not fit into one invocation goes on later (`deregister_later`).
//!
//! "Not registered", "no such target group" and "no such task" are success: nothing is registered then.

use std::time::Duration;

use super::deregister_later::Origin;
use super::failures::Failures;
use super::owners::addresses::{self, Former, Verdict};
use super::owners::{leftovers, owned_by_others, too_slow};
use super::targets::candidates::{Candidates, OwnerScope, Unnamed};
use super::targets::membership::{by_group, still_registered};
use super::targets::{of_stopping, refusal};
use super::timing;
use crate::call::{CallError, ErrorKind};
use crate::config::Config;
use crate::domain::arn::InterfaceId;
use crate::domain::target::{Attachment, GroupTarget, Zone};
use crate::domain::task::{Phase, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::{Continued, Outcome, Skip};
use crate::request::task_change::TaskChange;

/// Deregisters the targets of the task in `change`.
///
/// # Errors
/// With the next call, or with all failures.
pub fn deregister(
    change: &TaskChange,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let task = &change.task;
    let Some(landing) = timing::landing_time(change, reader.now()) else {
        return carefully(change, None, attachments, config, reader);
    };
    let mut work = Work::new(task, Origin::of(change));
    let Candidates {
        targets,
        unnamed,
        owner_scope,
    } = match of_stopping(task, None, attachments, reader, &mut work.failures)? {
        Ok(candidates) => candidates,
        Err(reason) => return Ok(skipped(task, reason)),
    };
    let registered = match task.phase() {
        Phase::Stopped => registered_among(&targets, reader, &mut work.failures)?,
        // It has registered nothing, so usually there is nothing to deregister; but a late stop of another task may have
        // left a target to it.
        Phase::Starting | Phase::Running | Phase::Stopping | Phase::Unknown if task.never_ran() => {
            registered_among(&targets, reader, &mut work.failures)?
        }
        Phase::Starting | Phase::Running | Phase::Stopping | Phase::Unknown => targets,
    };
    let mut late = Vec::new();
    match timing::left(Some(landing), reader.now()) {
        Some(within) => {
            let unsent = work.deregister(&registered, within, reader)?;
            late.extend(unsent.into_iter().map(|(target, _)| target));
        }
        // Calls were slow: the event is not fresh any more.
        None => late = registered,
    }
    let late = still_registered(&late, reader, &mut work.failures)?;
    work.deregister_unowned(late, &owner_scope, config, reader)?;
    work.report_leftovers(&unnamed, config, reader)?;
    work.end()
}

/// The careful way, for a task that is stopping, or that DescribeTasks does not return any more.
///
/// # Errors
/// With the next call, or with all failures.
pub fn carefully<'a>(
    change: &TaskChange,
    snapshot: Option<&'a Task>,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'a>,
) -> Result<Outcome, Halt> {
    let task = &change.task;
    let mut work = Work::new(task, Origin::of(change));
    let candidates = match of_stopping(task, snapshot, attachments, reader, &mut work.failures)? {
        Ok(candidates) => candidates,
        Err(reason) => return Ok(skipped(task, reason)),
    };
    let registered = still_registered(&candidates.targets, reader, &mut work.failures)?;
    work.deregister_unowned(registered, &candidates.owner_scope, config, reader)?;
    work.report_leftovers(&candidates.unnamed, config, reader)?;
    work.end()
}

/// Deregisters what has just been registered. Does not call DescribeTargetHealth, which may lag.
///
/// # Errors
/// With the next call, or with all failures.
pub(super) fn undo(
    change: &TaskChange,
    registered: Vec<GroupTarget>,
    owner_scope: &OwnerScope,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let mut work = Work::new(&change.task, Origin::of(change));
    // Their zones are not known, so EC2 is asked in all VPCs.
    let registered = registered.into_iter().map(|target| (target, Zone::All)).collect();
    work.deregister_unowned(registered, owner_scope, config, reader)?;
    work.end()
}

/// Those of the targets that are registered.
fn registered_among(
    targets: &[GroupTarget],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<GroupTarget>, Halt> {
    let registered = still_registered(targets, reader, failures)?;
    Ok(registered.into_iter().map(|(target, _)| target).collect())
}

fn skipped(task: &Task, reason: Skip) -> Outcome {
    Outcome::Skipped {
        reason,
        failed_start: task.failed_start(),
    }
}

/// What has been done for one stopping task so far.
pub(super) struct Work<'t> {
    task: &'t Task,
    origin: Origin<'t>,
    deregistered: Vec<GroupTarget>,
    reused: Vec<GroupTarget>,
    continued: Option<Continued>,
    pub(super) failures: Failures,
}

impl<'t> Work<'t> {
    pub(super) fn new(task: &'t Task, origin: Origin<'t>) -> Self {
        Self {
            task,
            origin,
            deregistered: Vec::new(),
            reused: Vec::new(),
            continued: None,
            failures: Failures::default(),
        }
    }

    /// Deregisters what no other task of start-engines owns, while the proof of that holds.
    pub(super) fn deregister_unowned(
        &mut self,
        registered: Vec<(GroupTarget, Zone)>,
        owner_scope: &OwnerScope,
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        if registered.is_empty() {
            return Ok(());
        }
        if let OwnerScope::Interface(own) = owner_scope
            && self.deregister_by_interface(own, &registered, config, reader)?
        {
            return Ok(());
        }
        let registered: Vec<GroupTarget> = registered.into_iter().map(|(target, _)| target).collect();
        let proof_ends = reader.now().after(timing::ATTACH);
        let owned = owned_by_others(self.task, &registered, owner_scope, proof_ends, config, reader)?;
        let (reused, free): (Vec<_>, Vec<_>) = registered.into_iter().partition(|target| owned.contains(target));
        self.reused.extend(reused);
        match timing::left(Some(proof_ends), reader.now()) {
            _ if free.is_empty() => {}
            Some(within) => {
                for (_, error) in self.deregister(&free, within, reader)? {
                    self.failures.add(&error);
                }
            }
            None => self.failures.add(too_slow(self.task)),
        }
        Ok(())
    }

    /// Deregisters the addresses that no other live task of start-engines has, by their network interfaces; or schedules that
    /// the search for such tasks goes on. False if EC2 refuses to answer: then only ECS can show it.
    ///
    /// What is not sent while EC2's answer holds, since other calls come before it, is decided by a new answer.
    fn deregister_by_interface(
        &mut self,
        own: &InterfaceId,
        registered: &[(GroupTarget, Zone)],
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let former = |(target, zone): &(GroupTarget, Zone)| Former {
            target: target.clone(),
            zone: *zone,
            interface: Some(own.clone()),
        };
        let mut former: Vec<Former> = registered.iter().map(former).collect();
        let Origin { before, .. } = self.origin;
        let can_go_on = self.origin.can_go_on();
        while !former.is_empty() {
            let verdict = match addresses::verdict(self.task, &former, before, can_go_on, config, reader)? {
                Ok(Verdict::Clear(clear)) => clear,
                Ok(Verdict::Later(later)) => {
                    let targets = former.into_iter().map(|former| former.target).collect();
                    match self.origin.go_on(self.task, own, targets, later, reader)? {
                        Ok(continued) => self.continued = Some(continued),
                        Err(failure) => self.failures.add(failure),
                    }
                    return Ok(true);
                }
                Err(error) if !error.kind.is_transient() => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            self.reused.extend(verdict.owned);
            let unsent = match timing::left(Some(verdict.ends), reader.now()) {
                _ if verdict.free.is_empty() => Vec::new(),
                Some(within) => self.deregister(&verdict.free, within, reader)?,
                None => {
                    self.failures.add(addresses::out_of_time(self.task.arn.as_str()));
                    Vec::new()
                }
            };
            former.retain(|former| unsent.iter().any(|(target, _)| *target == former.target));
        }
        Ok(true)
    }

    /// Calls DeregisterTargets for each of their target groups, side by side; returns the targets of those calls that were
    /// not sent.
    fn deregister(
        &mut self,
        targets: &[GroupTarget],
        within: Duration,
        reader: &mut Reader<'_>,
    ) -> Result<Vec<(GroupTarget, CallError)>, Halt> {
        let of_groups = by_group(targets);
        let answers = reader.deregister_targets(of_groups.iter().cloned(), within)?;
        let mut unsent = Vec::new();
        for ((group, targets), answer) in of_groups.into_iter().zip(answers) {
            let targets = targets.into_iter().map(|target| GroupTarget {
                group: group.clone(),
                target,
            });
            match answer {
                Ok(()) => self.deregistered.extend(targets),
                Err(error) if error.kind.is_gone() => {}
                Err(error) if error.kind == ErrorKind::NotSent => {
                    unsent.extend(targets.map(|target| (target, error.clone())));
                }
                Err(error) => self.failures.add(error),
            }
        }
        Ok(unsent)
    }

    /// Adds a failure for each target group with targets that may be the task's, where their id or port is not known:
    /// they stay registered.
    fn report_leftovers(&mut self, all: &[Unnamed], config: &Config, reader: &mut Reader<'_>) -> Result<(), Halt> {
        for unnamed in all {
            match leftovers::leftovers(self.task, unnamed, config, reader)? {
                Ok(left) if left.is_empty() => {}
                Ok(left) => self.failures.add(refusal::leftovers(unnamed, self.task, &left)),
                Err(error) if error.kind.is_gone() => {}
                Err(error) => self.failures.add(error),
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<Outcome, Halt> {
        let failed_start = self.origin.failed_start(self.task);
        if let Some(continued) = self.continued {
            return self.failures.into_result(Outcome::Continued {
                continued: Box::new(continued),
                failed_start,
            });
        }
        if self.deregistered.is_empty() && self.reused.is_empty() {
            return self.failures.into_result(Outcome::Skipped {
                reason: Skip::NotRegistered,
                failed_start,
            });
        }
        self.failures.into_result(Outcome::Deregistered {
            targets: self.deregistered,
            reused: self.reused,
            failed_start,
        })
    }
}
