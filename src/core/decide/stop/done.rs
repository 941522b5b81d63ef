//! What a stop has done, and how it ends.

use super::targets_out::Out;
use crate::decide::failures::Failures;
use crate::domain::arn::TaskArn;
use crate::domain::target::GroupTarget;
use crate::journal::Halt;
use crate::outcome::{Category, Failure, Outcome, PartOfStop, Skip};

/// What a stop has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) stopped: Vec<TaskArn>,
    pub(super) draining: Vec<TaskArn>,
    /// Those of `stopped` that were to drain, and had no room for the tag.
    pub(super) undrained: Vec<TaskArn>,
    pub(super) spared: usize,
    /// The number of tasks with which a schedule goes on.
    pub(super) left: usize,
    pub(super) deregistered: Vec<(TaskArn, GroupTarget)>,
    pub(super) failures: Failures,
}

impl Done {
    pub(super) fn note_out(&mut self, out: &Out) {
        self.deregistered.extend(out.deregistered.iter().cloned());
        self.failures.extend(out.failures.clone());
    }

    pub(super) fn end(self) -> Result<Outcome, Halt> {
        let tasks = [self.stopped.as_slice(), self.draining.as_slice()].concat();
        let part = PartOfStop {
            undrained: self.undrained.clone(),
            spared: self.spared,
        };
        let outcome = match (tasks.is_empty() && self.left == 0, self.spared) {
            (true, 0) => Outcome::skipped(Skip::NoTasks),
            (true, spared) => Outcome::skipped(Skip::RequestedLater(spared)),
            (false, spared) => Outcome::Stopped {
                tasks: self.stopped,
                draining: self.draining,
                undrained: self.undrained,
                spared,
                left: self.left,
                targets: self.deregistered,
            },
        };
        self.failures
            .into_result(outcome)
            .map_err(|halt| halt.with_tasks(tasks).with_part_of_stop(part))
    }
}

/// The failure of a stop that has no time left for these tasks.
pub(super) fn out_of_time(tasks: usize) -> Failure {
    let message = format!("no time was left to stop {tasks} of the tasks");
    Failure::new(Category::OutOfTime, message)
}
