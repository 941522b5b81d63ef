//! Carries out the plan of one group at a time, with the safeguards of [`super::super::attach`] and
//! [`super::super::detach`].

use std::collections::HashMap;

use super::super::attach::{newer, register};
use super::super::targets::is_gone;
use super::super::{Failures, Halt, timing};
use super::fleet::{Fleet, Proof, too_slow};
use super::owners::Owners;
use super::planning::{self, of_group};
use super::{A_STEP_NEEDS, MOST_TARGETS, caught};
use crate::arn::{TargetGroupArn, TaskArn};
use crate::call::{ErrorKind, MOST_TASKS_DESCRIBED};
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget, Outcome};
use crate::plan::{Change, GroupPlan};
use crate::reconcile::ReconcileRequest;
use crate::target::Target;
use crate::task::{Phase, Task};

/// What has been done so far.
pub(super) struct Work<'f, 'a> {
    request: &'f ReconcileRequest,
    fleet: &'f Fleet<'a>,
    /// The last look at all live tasks.
    proof: Proof<'a>,
    /// Whether a group was repaired, or a part of one.
    has_done: bool,
    registered: Vec<GroupTarget>,
    deregistered: Vec<GroupTarget>,
    unknown: Vec<GroupTarget>,
    pub(super) failures: Failures,
}

impl<'f, 'a> Work<'f, 'a> {
    pub(super) fn new(
        request: &'f ReconcileRequest,
        fleet: &'f Fleet<'a>,
        proof: Proof<'a>,
        failures: Failures,
    ) -> Self {
        Self {
            request,
            fleet,
            proof,
            has_done: false,
            registered: Vec::new(),
            deregistered: Vec::new(),
            unknown: Vec::new(),
            failures,
        }
    }

    pub(super) fn has_done(&self) -> bool {
        self.has_done
    }

    /// Compares and repairs a group; whether there was time for all of it.
    pub(super) fn group(&mut self, group: &TargetGroupArn, reader: &mut Reader<'a>) -> Result<bool, Halt> {
        let planned = planning::group(group, self.fleet, self.request, reader, &mut self.failures);
        let Some(plan) = caught(planned, &mut self.failures)?.flatten() else {
            self.has_done = true;
            return Ok(true);
        };
        for changes in plan.deregister.chunks(MOST_TARGETS) {
            if !reader.has_time(A_STEP_NEEDS) {
                return Ok(false);
            }
            self.take_out(group, changes, reader)?;
            self.has_done = true;
        }
        for changes in plan.register.chunks(MOST_TARGETS) {
            if !reader.has_time(A_STEP_NEEDS) {
                return Ok(false);
            }
            self.put_in(group, changes, reader)?;
            self.has_done = true;
        }
        let GroupPlan { unknown, .. } = plan;
        self.unknown
            .extend(unknown.into_iter().map(|target| in_group(group, target)));
        self.has_done = true;
        Ok(true)
    }

    /// Registers targets of tasks that are still RUNNING, and takes back those of tasks that are
    /// stopping by then.
    fn put_in(&mut self, group: &TargetGroupArn, changes: &[Change], reader: &mut Reader<'a>) -> Result<(), Halt> {
        let Some(before) = self.look(changes, reader)? else {
            return Ok(());
        };
        let is_running = |change: &&Change| {
            let task = change.task.as_ref().and_then(|arn| before.get(arn));
            task.is_some_and(|task| task.phase() == Phase::Running && !task.is_draining())
        };
        let changes: Vec<Change> = changes.iter().filter(is_running).cloned().collect();
        if changes.is_empty() {
            return Ok(());
        }
        let refused = self.register(group, &changes, reader)?;
        // Even a call that failed may have been applied.
        let Some(after) = self.look(&changes, reader)? else {
            return Ok(());
        };
        let mut leaving = Vec::new();
        for change in changes {
            let looks = change
                .task
                .as_ref()
                .and_then(|arn| Some((before.get(arn)?, after.get(arn))));
            match looks {
                Some((before, Some(after))) => {
                    if !is_to_stay(newer(before, after)) {
                        leaving.push(change);
                    } else if !refused.contains(&change.target) {
                        self.registered.push(in_group(group, change.target));
                    }
                }
                Some((task, None)) => {
                    let message = format!("DescribeTasks knew {} a moment ago, and does not any more", task.arn);
                    self.failures.add(Failure::transient("task_not_visible", message));
                }
                None => {}
            }
        }
        if leaving.is_empty() {
            return Ok(());
        }
        self.take_out(group, &leaving, reader)
    }

    /// RegisterTargets; the targets that were refused. One that ELB does not take must not keep the others out.
    fn register(
        &mut self,
        group: &TargetGroupArn,
        changes: &[Change],
        reader: &mut Reader<'a>,
    ) -> Result<Vec<Target>, Halt> {
        let targets: Vec<Target> = changes.iter().map(|change| change.target.clone()).collect();
        let error = match register(group, targets.clone(), reader)? {
            Ok(()) => return Ok(Vec::new()),
            Err(error) => error,
        };
        let is_of_one = matches!(error.kind, ErrorKind::InvalidParameter | ErrorKind::InvalidTarget);
        if targets.len() == 1 || !is_of_one {
            self.failures.add(of_group(group, error));
            return Ok(targets);
        }
        let mut refused = Vec::new();
        for target in targets {
            if !reader.has_time(A_STEP_NEEDS) {
                let message = format!("{group}: no time is left to register {target} by itself");
                self.failures.add(Failure::transient("out_of_time", message));
                refused.push(target);
                continue;
            }
            if let Err(error) = register(group, vec![target.clone()], reader)? {
                self.failures.add(of_group(group, error));
                refused.push(target);
            }
        }
        Ok(refused)
    }

    /// The tasks of the changes as DescribeTasks shows them now; `None` if it fails, which is noted.
    fn look(
        &mut self,
        changes: &[Change],
        reader: &mut Reader<'a>,
    ) -> Result<Option<HashMap<TaskArn, &'a Task>>, Halt> {
        let mut arns: Vec<TaskArn> = changes.iter().filter_map(|change| change.task.clone()).collect();
        // They are in the order of the tasks.
        arns.dedup();
        let mut seen = HashMap::new();
        for chunk in arns.chunks(MOST_TASKS_DESCRIBED) {
            match reader.describe_tasks(&self.request.cluster, chunk.to_vec())? {
                Ok(tasks) => seen.extend(tasks.iter().map(|task| (task.arn.clone(), task))),
                Err(error) => {
                    self.failures.add(error);
                    return Ok(None);
                }
            }
        }
        Ok(Some(seen))
    }

    /// Deregisters what no live task of ours owns, while the proof of that holds; each by its own task
    /// is none.
    fn take_out(&mut self, group: &TargetGroupArn, changes: &[Change], reader: &mut Reader<'a>) -> Result<(), Halt> {
        let mut is_new = false;
        loop {
            match self.try_to_take_out(group, changes, reader)? {
                Tried::Done => return Ok(()),
                Tried::ProofIsOver if is_new => {
                    self.failures.add(too_slow());
                    return Ok(());
                }
                Tried::ProofIsOver => {}
            }
            let proof = Proof::take(self.request, true, reader);
            let Some(proof) = caught(proof, &mut self.failures)? else {
                return Ok(());
            };
            self.proof = proof;
            is_new = true;
        }
    }

    fn try_to_take_out(
        &mut self,
        group: &TargetGroupArn,
        changes: &[Change],
        reader: &mut Reader<'a>,
    ) -> Result<Tried, Halt> {
        let ends = Some(self.proof.ends);
        if timing::left(ends, reader.now()).is_none() {
            return Ok(Tried::ProofIsOver);
        }
        let own = |arn: &TaskArn| changes.iter().any(|change| change.task.as_ref() == Some(arn));
        let rivals = self.proof.live.iter().filter(|ours| !own(&ours.task.arn));
        let owners = Owners::of(group, rivals);
        let mut free = Vec::new();
        for change in changes {
            if owners.find(&change.target, reader)?.is_none() {
                free.push(change.target.clone());
            }
        }
        if free.is_empty() {
            return Ok(Tried::Done);
        }
        let Some(within) = timing::left(ends, reader.now()) else {
            return Ok(Tried::ProofIsOver);
        };
        match reader.deregister_targets(group, free.clone(), within)? {
            Ok(()) => self
                .deregistered
                .extend(free.into_iter().map(|target| in_group(group, target))),
            Err(error) if is_gone(error) => {}
            Err(error) => self.failures.add(of_group(group, error)),
        }
        Ok(Tried::Done)
    }

    /// A target may be of a task that was started after all were listed.
    pub(super) fn look_again_at_unknown(&mut self, reader: &mut Reader<'a>) -> Result<(), Halt> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let proof = Proof::take(self.request, false, reader);
        let Some(now) = caught(proof, &mut self.failures)? else {
            return Ok(());
        };
        let mut still = Vec::new();
        for GroupTarget { group, target } in std::mem::take(&mut self.unknown) {
            let owners = Owners::of(&group, now.live.iter().filter(|ours| ours.names(&group)));
            if owners.find(&target, reader)?.is_none() {
                still.push(GroupTarget { group, target });
            }
        }
        self.unknown = still;
        Ok(())
    }

    pub(super) fn end(self, continued: Vec<TargetGroupArn>) -> Result<Outcome, Halt> {
        self.failures.into_result(Outcome::Reconciled {
            registered: self.registered,
            deregistered: self.deregistered,
            unknown: self.unknown,
            continued,
        })
    }
}

enum Tried {
    Done,
    ProofIsOver,
}

fn is_to_stay(task: &Task) -> bool {
    task.is_wanted() && !task.is_draining()
}

fn in_group(group: &TargetGroupArn, target: Target) -> GroupTarget {
    GroupTarget {
        group: group.clone(),
        target,
    }
}
