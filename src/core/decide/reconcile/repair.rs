//! Carries out the plan of one target group at a time, with the safeguards of [`crate::decide::register`] and
//! [`crate::decide::deregister`]. A failure in one step ends that step only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::budget::{MIN_SNAPSHOT_TIME, MIN_STEP_TIME};
use super::claims::{GroupClaims, Questioned};
use super::compare::{Owners, Stage};
use super::fleet::{Fleet, Proof, too_slow};
use super::plan_group::{self, of_group};
use crate::call::{MAX_TARGETS_PER_CALL, MAX_TASKS_PER_DESCRIBE};
use crate::config::Config;
use crate::decide::failures::{Failures, caught};
use crate::decide::owners::addresses::{self, Former, interface_is_gone};
use crate::decide::owners::search;
use crate::decide::register::register_in_groups;
use crate::decide::stop::drain_is_over;
use crate::decide::targets::snapshot::newer;
use crate::decide::timing;
use crate::domain::arn::{InterfaceId, TargetGroupArn, TaskArn};
use crate::domain::interface::NetworkInterface;
use crate::domain::target::{GroupTarget, Target, Zone};
use crate::domain::task::{Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::plan::{Change, Overdue};
use crate::outcome::{Category, Failure, Outcome, Repairs};
use crate::request::reconcile::ReconcileRequest;

/// What a reconcile has done so far.
pub(super) struct Work<'f> {
    request: &'f ReconcileRequest,
    config: &'f Config,
    fleet: &'f Fleet,
    /// The latest list of all live tasks.
    proof: Arc<Proof>,
    /// Whether a target group was repaired, or a part of one, or StopTask was called.
    has_done: bool,
    /// What was done in target groups, not yet added up.
    groups: Vec<Arc<OfGroup>>,
    done: Repairs,
    pub(super) failures: Failures,
}

/// What was done in one target group.
#[derive(Debug)]
struct OfGroup {
    /// Whether there was time for all of it.
    is_all: bool,
    proof: Arc<Proof>,
    has_done: bool,
    done: Repairs,
    failures: Failures,
}

impl<'f> Work<'f> {
    pub(super) fn new(
        request: &'f ReconcileRequest,
        config: &'f Config,
        fleet: &'f Fleet,
        proof: Arc<Proof>,
        failures: Failures,
    ) -> Self {
        Self {
            request,
            config,
            fleet,
            proof,
            has_done: false,
            groups: Vec::new(),
            done: Repairs::default(),
            failures,
        }
    }

    pub(super) fn has_done(&self) -> bool {
        self.has_done
    }

    /// Calls StopTask for each task, as many side by side as there are in a call of DescribeTasks; whether there was time
    /// for all of them.
    pub(super) fn stop_overdue(&mut self, overdue: &[Overdue], reader: &mut Reader<'_>) -> Result<bool, Halt> {
        for overdue in overdue.chunks(MAX_TASKS_PER_DESCRIBE) {
            if !reader.has_time(MIN_STEP_TIME) {
                return Ok(false);
            }
            let tasks = overdue.iter().map(|it| (it.task.clone(), drain_is_over(it.since)));
            let answers = reader.stop_tasks(&self.request.cluster, tasks)?;
            for (Overdue { task, .. }, answer) in overdue.iter().zip(answers) {
                match answer {
                    Ok(()) => self.done.stopped.push(task.clone()),
                    Err(error) => self.failures.add(Failure {
                        message: format!("{task}: {error}"),
                        ..Failure::from(error)
                    }),
                }
            }
            self.has_done = true;
        }
        Ok(true)
    }

    /// Compares and repairs a target group; whether there was time for all of it. Done once, however often the decision
    /// runs.
    pub(super) fn group(&mut self, group: &TargetGroupArn, reader: &mut Reader<'_>) -> Result<bool, Halt> {
        let part = reader.part(|reader| {
            let proof = Arc::clone(&self.proof);
            let mut work = Work::new(self.request, self.config, self.fleet, proof, Failures::default());
            let is_all = work.compare_and_repair(group, reader)?;
            Ok(OfGroup {
                is_all,
                proof: work.proof,
                has_done: work.has_done,
                done: work.done,
                failures: work.failures,
            })
        })?;
        self.proof = Arc::clone(&part.proof);
        self.has_done |= part.has_done;
        let is_all = part.is_all;
        self.groups.push(part);
        Ok(is_all)
    }

    /// Adds up what was done in the target groups.
    pub(super) fn add_up(&mut self) {
        for of_group in std::mem::take(&mut self.groups) {
            self.done.add(&of_group.done);
            self.failures.extend(of_group.failures.clone());
        }
    }

    fn compare_and_repair(&mut self, group: &TargetGroupArn, reader: &mut Reader<'_>) -> Result<bool, Halt> {
        let planned = plan_group::group(group, self.fleet, self.request, reader, &mut self.failures);
        let Some(plan) = caught(planned, &mut self.failures)?.flatten() else {
            self.has_done = true;
            return Ok(true);
        };
        for changes in plan.deregister.chunks(MAX_TARGETS_PER_CALL) {
            if !reader.has_time(MIN_STEP_TIME) {
                return Ok(false);
            }
            let step = self.deregister(group, changes, reader);
            caught(step, &mut self.failures)?;
            self.has_done = true;
        }
        for changes in plan.register.chunks(MAX_TARGETS_PER_CALL) {
            if !reader.has_time(MIN_STEP_TIME) {
                return Ok(false);
            }
            let step = self.register(group, changes, reader);
            caught(step, &mut self.failures)?;
            self.has_done = true;
        }
        let unknown = plan.unknown.into_iter().map(|target| in_group(group, target));
        self.done.unknown.extend(unknown);
        self.has_done = true;
        Ok(true)
    }

    /// Registers the targets of tasks that are still RUNNING, and deregisters those of tasks that are stopping by then.
    fn register(&mut self, group: &TargetGroupArn, changes: &[Change], reader: &mut Reader<'_>) -> Result<(), Halt> {
        let before = self.describe(changes, reader)?;
        let is_running = |change: &&Change| {
            let task = change.task.as_ref().and_then(|arn| before.get(arn));
            task.is_some_and(|task| task.phase() == Phase::Running && !task.is_draining())
        };
        let changes: Vec<Change> = changes.iter().filter(is_running).cloned().collect();
        if changes.is_empty() {
            return Ok(());
        }
        let refused = self.register_by_halves(group, &changes, reader)?;
        // Even a call that failed may have been applied.
        let after = self.describe(&changes, reader);
        let Some(after) = caught(after, &mut self.failures)? else {
            let registered = changes.into_iter().filter(|change| !refused.contains(&change.target));
            let registered = registered.filter_map(|change| Some((change.task?, in_group(group, change.target))));
            self.done.registered.extend(registered);
            return Ok(());
        };
        let mut leaving = Vec::new();
        let mut staying = Vec::new();
        for change in changes {
            let Some((arn, before)) = change.task.as_ref().and_then(|arn| before.get_key_value(arn)) else {
                continue;
            };
            match after.get(arn) {
                // It may be outside of the target group's VPC.
                Some(after) if !is_to_stay(newer(before, after)) => leaving.push(Change {
                    zone: Zone::All,
                    ..change
                }),
                Some(_) if refused.contains(&change.target) => {}
                Some(_) => staying.push((arn.clone(), change)),
                None => {
                    let message = format!("DescribeTasks returned {arn} a moment ago, and does not any more");
                    self.failures.add(Failure::new(Category::TaskNotVisible, message));
                }
            }
        }
        if !leaving.is_empty() {
            let step = self.deregister(group, &leaving, reader);
            caught(step, &mut self.failures)?;
        }
        self.confirm(group, staying, reader)
    }

    /// Reports what was registered. ECS may show a task as RUNNING for a while after it has stopped: its interface is gone
    /// then, and the failure makes somebody reconcile again.
    fn confirm(
        &mut self,
        group: &TargetGroupArn,
        staying: Vec<(TaskArn, Change)>,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let ids: Vec<InterfaceId> = staying
            .iter()
            .filter_map(|(_, change)| self.interface(change))
            .cloned()
            .collect();
        let existing = match addresses::existing(&ids, reader)? {
            Ok(existing) => Some(existing),
            Err(error) if error.kind.is_transient() => {
                self.failures.add(of_group(group, error));
                None
            }
            Err(_) => None,
        };
        for (arn, change) in staying {
            let is_gone = |own: &&InterfaceId| existing.as_ref().is_some_and(|existing| !existing.contains(*own));
            match self.interface(&change).filter(is_gone) {
                Some(gone) => self.failures.add(interface_is_gone(&arn, gone)),
                None => self.done.registered.push((arn, in_group(group, change.target))),
            }
        }
        Ok(())
    }

    /// Calls RegisterTargets; returns the targets that were refused. One that ELB refuses must not prevent the others from
    /// being registered, so a call that is refused is tried again with each half of its targets.
    fn register_by_halves(
        &mut self,
        group: &TargetGroupArn,
        changes: &[Change],
        reader: &mut Reader<'_>,
    ) -> Result<Vec<Target>, Halt> {
        let mut parts = vec![changes];
        let mut refused = Vec::new();
        while let Some(part) = parts.pop() {
            let targets: Vec<Target> = part.iter().map(|change| change.target.clone()).collect();
            if !reader.has_time(MIN_SNAPSHOT_TIME) {
                let message = format!(
                    "{group}: no time is left to find which of {} targets it refuses",
                    targets.len()
                );
                self.failures.add(Failure::new(Category::OutOfTime, message));
                refused.extend(targets);
                continue;
            }
            let answers = register_in_groups(&[(group.clone(), targets.clone())], reader)?;
            let Some(Err(error)) = answers.first() else {
                continue;
            };
            if error.kind.is_of_one_target() && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            } else {
                self.failures.add(of_group(group, error));
                refused.extend(targets);
            }
        }
        Ok(refused)
    }

    /// New snapshots of the tasks of the changes.
    fn describe(&self, changes: &[Change], reader: &mut Reader<'_>) -> Result<HashMap<TaskArn, Arc<Task>>, Halt> {
        let mut arns: Vec<TaskArn> = changes.iter().filter_map(|change| change.task.clone()).collect();
        // They are sorted by task.
        arns.dedup();
        let mut snapshots = HashMap::new();
        for chunk in arns.chunks(MAX_TASKS_PER_DESCRIBE) {
            let tasks = reader.describe_tasks(&self.request.cluster, chunk.to_vec())??;
            snapshots.extend(tasks.iter().map(|task| (task.arn.clone(), Arc::clone(task))));
        }
        Ok(snapshots)
    }

    /// Deregisters what no live task of start-engines owns, while the proof of that holds. A target's own task, in its
    /// change, does not count as an owner.
    fn deregister(&mut self, group: &TargetGroupArn, changes: &[Change], reader: &mut Reader<'_>) -> Result<(), Halt> {
        let (on_interface, others): (Vec<Change>, Vec<Change>) = changes
            .iter()
            .cloned()
            .partition(|change| self.interface(change).is_some());
        let is_done = on_interface.is_empty() || self.deregister_by_interface(group, &on_interface, reader)?;
        // Where EC2 refuses to answer, only ECS can show who has an address.
        let changes = if is_done { others.as_slice() } else { changes };
        if changes.is_empty() || self.try_to_deregister(group, changes, reader)? {
            return Ok(());
        }
        self.proof = Proof::take(self.request, self.config, reader)?;
        if self.try_to_deregister(group, changes, reader)? {
            return Ok(());
        }
        Err(too_slow().into())
    }

    /// The network interface whose address a target is, if its task had one.
    fn interface(&self, change: &Change) -> Option<&'f InterfaceId> {
        let task = change.task.as_ref().filter(|_| change.target.is_address())?;
        let fleet = self.fleet;
        fleet.task(task)?.interface.as_ref()
    }

    /// The same by the network interfaces that have the addresses now. What the fleet shows of an interface's task stays
    /// true, however old it is; only EC2's answer must be recent. False if EC2 refuses to answer.
    fn deregister_by_interface(
        &mut self,
        group: &TargetGroupArn,
        changes: &[Change],
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let former = |change: &Change| {
            Some(Former {
                target: in_group(group, change.target.clone()),
                zone: change.zone,
                interface: Some(self.interface(change)?.clone()),
            })
        };
        let former: Vec<Former> = changes.iter().filter_map(former).collect();
        let queries = addresses::queries(&former, reader)?;
        let ends = reader.now().after(timing::INTERFACE_PROOF);
        let others = match addresses::others(&former, &queries, reader)? {
            Ok(others) => others,
            Err(error) if error.kind.is_transient() => return Err(of_group(group, error).into()),
            Err(_) => return Ok(false),
        };
        let mut free: Vec<&Change> = Vec::new();
        let mut unclear: Vec<(&Former, &TaskArn, &NetworkInterface)> = Vec::new();
        for ((change, former), others) in changes.iter().zip(&former).zip(others) {
            let mut of_group = self.fleet.of_group(group);
            let mut is_owned = !others.is_empty() && of_group.any(|it| addresses::has(&it.task, &former.target));
            for other in others {
                match (self.fleet.with_interface(&other.id), &change.task) {
                    (Some(owner), _) => is_owned |= owner.is_live() && addresses::names(owner, &former.target),
                    (None, _) if self.fleet.is_nobodys(other) => {}
                    // Perhaps of a task that was started after the list.
                    (None, former_task) => {
                        is_owned = true;
                        unclear.extend(former_task.iter().map(|task| (former, task, other)));
                    }
                }
            }
            if !is_owned {
                free.push(change);
            }
        }
        if !free.is_empty() {
            let Some(within) = timing::left(Some(ends), reader.now()) else {
                return Err(addresses::out_of_time(group.as_str()).into());
            };
            self.deregister_now(group, &free, within, reader)?;
        }
        self.find_new_owners(&unclear, reader)?;
        Ok(true)
    }

    /// Adds a failure for each target whose address has a new interface, unless a live task of the same service has it.
    fn find_new_owners(
        &mut self,
        unclear: &[(&Former, &TaskArn, &NetworkInterface)],
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let wanted: Vec<&InterfaceId> = unclear.iter().map(|(_, _, interface)| &interface.id).collect();
        let mut found: HashMap<InterfaceId, Arc<Task>> = HashMap::new();
        for (_, task, _) in unclear {
            let Some(former) = self.fleet.task(task) else {
                continue;
            };
            if wanted.iter().all(|id| found.contains_key(*id)) {
                break;
            }
            let of_service = search::of_same_service(former, &wanted, self.config, reader)?;
            let of_service = of_service.by_interface.iter();
            found.extend(of_service.map(|(id, task)| (id.clone(), Arc::clone(task))));
        }
        for (former, task, interface) in unclear {
            match found.get(&interface.id) {
                Some(owner) if owner.is_live() && addresses::names(owner, &former.target) => {}
                Some(owner) => self.failures.add(Failure::new(
                    Category::OwnerNotClear,
                    format!(
                        "{} is not deregistered yet: {}, which has its address now, is not attached to the target group, or is stopping, and was not listed with the other tasks",
                        former.target, owner.arn
                    ),
                )),
                None => self.failures.add(search::nobody_yet(task, interface)),
            }
        }
        Ok(())
    }

    fn deregister_now(
        &mut self,
        group: &TargetGroupArn,
        free: &[&Change],
        within: Duration,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let targets = free.iter().map(|change| change.target.clone()).collect();
        match reader.deregister_targets([(group.clone(), targets)], within)?.first() {
            Some(Ok(())) => {
                let deregistered = free.iter().map(|&change| change.clone());
                let deregistered = deregistered.map(|change| (change.task, in_group(group, change.target)));
                self.done.deregistered.extend(deregistered);
            }
            Some(Err(error)) if !error.kind.is_gone() => self.failures.add(of_group(group, error)),
            Some(Err(_)) | None => {}
        }
        Ok(())
    }

    /// The same with the present list of all live tasks; whether it has held for long enough.
    fn try_to_deregister(
        &mut self,
        group: &TargetGroupArn,
        changes: &[Change],
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let ends = Some(self.proof.ends);
        if timing::left(ends, reader.now()).is_none() {
            return Ok(false);
        }
        let is_own = |arn: &TaskArn| changes.iter().any(|change| change.task.as_ref() == Some(arn));
        let others = self
            .proof
            .live
            .iter()
            .filter(|fleet_task| !is_own(&fleet_task.task.arn));
        let questioned = Questioned::of(changes.iter().map(|change| &change.target));
        let mut claims = GroupClaims::of(group);
        for fleet_task in others.filter(|fleet_task| fleet_task.names(group)) {
            claims.add(fleet_task, Stage::Live, Vec::new(), &questioned, reader)?;
        }
        let owners = Owners::among(claims.all());
        let free: Vec<&Change> = changes
            .iter()
            .filter(|change| owners.of(&change.target).is_none())
            .collect();
        let (free, ends) = self.without_interfaces_of_others(group, free, ends, reader)?;
        if free.is_empty() {
            return Ok(true);
        }
        let Some(within) = timing::left(ends, reader.now()) else {
            return Ok(false);
        };
        self.deregister_now(group, &free, within, reader)?;
        Ok(true)
    }

    /// Leaves out what is to be pruned by its address, and whose address has an interface of a live task that names it, or
    /// one that is so new that ECS may not show its task yet.
    fn without_interfaces_of_others<'c>(
        &mut self,
        group: &TargetGroupArn,
        mut free: Vec<&'c Change>,
        ends: Option<Timestamp>,
        reader: &mut Reader<'_>,
    ) -> Result<(Vec<&'c Change>, Option<Timestamp>), Halt> {
        let is_pruned = |change: &Change| change.task.is_none() && change.target.is_address();
        let pruned = free.iter().filter(|change| is_pruned(change));
        let former: Vec<Former> = pruned
            .map(|change| Former {
                target: in_group(group, change.target.clone()),
                zone: change.zone,
                interface: None,
            })
            .collect();
        if former.is_empty() {
            return Ok((free, ends));
        }
        let queries = addresses::queries(&former, reader)?;
        let asked_at = reader.now();
        let others = match addresses::others(&former, &queries, reader)? {
            Ok(others) => others,
            Err(error) if error.kind.is_transient() => return Err(of_group(group, error).into()),
            Err(_) => return Ok((free, ends)),
        };
        let mut kept = Vec::new();
        for (former, others) in former.iter().zip(others) {
            let is_anothers = |other: &&NetworkInterface| match self.fleet.with_interface(&other.id) {
                Some(owner) => owner.is_live() && addresses::names(owner, &former.target),
                None => !self.fleet.is_nobodys(other),
            };
            if others.iter().any(is_anothers) {
                kept.push(&former.target.target);
            }
        }
        free.retain(|change| !(is_pruned(change) && kept.contains(&&change.target)));
        let proof_ends = asked_at.after(timing::INTERFACE_PROOF);
        Ok((free, ends.map(|ends| ends.min(proof_ends))))
    }

    /// Lists the tasks again, as an unknown target may be of a task that was started after the first list. If no time is
    /// left for that, the target is reported as unknown.
    pub(super) fn recheck_unknown(&mut self, reader: &mut Reader<'_>) -> Result<(), Halt> {
        if self.done.unknown.is_empty() || !reader.has_time(MIN_SNAPSHOT_TIME) {
            return Ok(());
        }
        let rechecked = self.still_unknown(reader);
        if let Some(still) = caught(rechecked, &mut self.failures)? {
            self.done.unknown = still;
        }
        Ok(())
    }

    fn still_unknown(&self, reader: &mut Reader<'_>) -> Result<Vec<GroupTarget>, Halt> {
        let now = Proof::take_all(self.request, self.config, reader)?;
        let mut still = Vec::new();
        // They are sorted by target group.
        for of_group in self.done.unknown.chunk_by(|one, next| one.group == next.group) {
            let Some(GroupTarget { group, .. }) = of_group.first() else {
                continue;
            };
            let questioned = Questioned::of(of_group.iter().map(|unknown| &unknown.target));
            let mut claims = GroupClaims::of(group);
            for fleet_task in now.live.iter().filter(|fleet_task| fleet_task.names(group)) {
                claims.add(fleet_task, Stage::Live, Vec::new(), &questioned, reader)?;
            }
            let owners = Owners::among(claims.all());
            let unowned = of_group.iter().filter(|unknown| owners.of(&unknown.target).is_none());
            still.extend(unowned.cloned());
        }
        Ok(still)
    }

    pub(super) fn end(mut self, continued: Vec<TargetGroupArn>) -> Result<Outcome, Halt> {
        self.done.continued = continued;
        match self.failures.into_result(()) {
            Ok(()) => Ok(Outcome::Reconciled(Box::new(self.done))),
            Err(Halt::Fail(failure)) => Err(failure.with_repairs(self.done).into()),
            Err(ask @ Halt::Ask(_)) => Err(ask),
        }
    }
}

fn is_to_stay(task: &Task) -> bool {
    task.is_live() && !task.is_draining()
}

fn in_group(group: &TargetGroupArn, target: Target) -> GroupTarget {
    GroupTarget {
        group: group.clone(),
        target,
    }
}
