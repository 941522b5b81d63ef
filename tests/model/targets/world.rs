//! The world of the model: tasks with versions, one address, one target group, and what AWS shows.

use std::collections::{BTreeMap, HashMap};
use std::sync::RwLock;

use start_engines_core::domain::task::Status;

use super::functions::{Function, Heard, Next};

pub(super) const TASKS: usize = 2;
pub(super) const FUNCTIONS: usize = 2;
/// When every event happened, and when it is handled: at once, or late.
pub(super) const HAPPENED: i64 = 1_000_000;
pub(super) const LATE: i64 = HAPPENED + 600_000;

/// The versions of a task's life. It has its address from `PENDING` until it is `STOPPED`.
pub(super) const UNBORN: u8 = 0;
pub(super) const PROVISIONING: u8 = 1;
pub(super) const PENDING: u8 = 2;
pub(super) const RUNNING: u8 = 3;
pub(super) const STOPPING: u8 = 4;
pub(super) const DEPROVISIONING: u8 = 5;
pub(super) const STOPPED: u8 = 6;

/// A safeguard that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    None,
    /// The second DescribeTasks of a RUNNING event answers what the first did.
    NoSecondDescribeTasks,
    /// A stop reads the targets from the tags, which are deleted by then.
    TagBasedDeregistration,
    /// Every stop counts as fresh.
    NoLateStopGuard,
    /// Of event and DescribeTasks, the older one wins.
    OlderVersionWins,
    /// EC2 shows nobody's interface, as to somebody who does not ask for managed ones.
    InterfacesAreHidden,
    /// The interface of a late RUNNING event's task always exists.
    LateRunningEventsAreBelieved,
}

pub(super) struct Targets {
    /// What decide says next, by what a function has heard: there are only a few hundred of these.
    pub(super) known: RwLock<HashMap<Function, Next>>,
    pub(super) mutant: Mutant,
    /// Tasks come by DEPROVISIONING on their way out, and may fail before they are RUNNING.
    pub(super) is_long: bool,
    /// EC2 shows who has the address, and ECS lags for as long as it likes.
    pub(super) has_ec2: bool,
    pub(super) faults: u8,
    pub(super) duplicates: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The version of each task.
    pub(super) tasks: [u8; TASKS],
    /// Whether each has been RUNNING.
    pub(super) has_run: [bool; TASKS],
    /// The version that DescribeTasks and ListTasks show.
    pub(super) shown: [u8; TASKS],
    /// Which task's handler put the one target into the group, if it is in it.
    pub(super) registered_by: Option<usize>,
    /// A handler of the task's RUNNING event has said that all is well.
    pub(super) attached: [bool; TASKS],
    /// Events to deliver: task and version, how often.
    pub(super) pending: BTreeMap<(usize, u8), u8>,
    pub(super) functions: Vec<Function>,
    /// A RegisterTargets that was given up and lands later, before its event is tried again.
    pub(super) late_call: Option<(usize, u8)>,
    pub(super) faults: u8,
    pub(super) duplicates: u8,
}

pub(super) fn arn(task: usize) -> String {
    format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{task:032x}")
}

pub(super) fn status(version: u8, has_run: bool) -> (Status, Status) {
    let last = match version {
        PROVISIONING => Status::Provisioning,
        STOPPING if !has_run => Status::Pending,
        PENDING => Status::Pending,
        RUNNING | STOPPING => Status::Running,
        DEPROVISIONING => Status::Deprovisioning,
        _ => Status::Stopped,
    };
    let desired = if version >= STOPPING {
        Status::Stopped
    } else {
        Status::Running
    };
    (last, desired)
}

/// Whether a task has its interface, which ECS deletes before the task is STOPPED.
pub(super) fn has_interface(state: &State, task: usize) -> bool {
    (PENDING..STOPPED).contains(&state.tasks[task])
}

impl Targets {
    /// The version that comes after this one.
    pub(super) fn after(&self, version: u8) -> u8 {
        match version {
            STOPPING if !self.is_long => STOPPED,
            _ => version + 1,
        }
    }

    /// What AWS answers, and what the call changes.
    pub(super) fn apply(&self, state: &mut State, function: &Function, next: &Next) -> Heard {
        match next {
            Next::DescribeTasks(tasks) => {
                let first_answer = function.answers.iter().find(|heard| matches!(heard, Heard::Shown(_)));
                if self.mutant == Mutant::NoSecondDescribeTasks
                    && function.version == RUNNING
                    && let Some(answer) = first_answer
                {
                    return answer.clone();
                }
                let shown = tasks.iter().filter(|&&task| state.shown[task] != UNBORN);
                Heard::Shown(shown.map(|&task| (task, state.shown[task])).collect())
            }
            Next::List => {
                let is_listed = |task: &usize| (PROVISIONING..STOPPING).contains(&state.shown[*task]);
                Heard::Listed((0..TASKS).filter(is_listed).collect())
            }
            Next::Interfaces if self.mutant == Mutant::InterfacesAreHidden => Heard::Interfaces(Vec::new()),
            Next::Interfaces => Heard::Interfaces((0..TASKS).filter(|&task| has_interface(state, task)).collect()),
            Next::Exists => {
                let exists = has_interface(state, function.task) || self.mutant == Mutant::LateRunningEventsAreBelieved;
                Heard::Interfaces(exists.then_some(function.task).into_iter().collect())
            }
            Next::Facts => Heard::Facts,
            Next::Health => Heard::Registered(state.registered_by.is_some()),
            Next::Register => {
                state.registered_by = Some(function.task);
                Heard::Done
            }
            Next::Deregister => {
                state.registered_by = None;
                Heard::Done
            }
            Next::End(_) => panic!("a function that has ended still runs"),
        }
    }

    /// Whether a RegisterTargets of `task` can land now.
    ///
    /// `ATTACH`: a task is registered at least 3 s after DescribeTasks shows its address, and a
    /// careful function is done within that time of its ListTasks. `INTERFACE`: the same of its interface, and of when EC2
    /// was asked.
    pub(super) fn can_register(&self, state: &State, task: usize) -> bool {
        let unseen = |function: &Function| function.task != task && function.unseen.is_some_and(|unseen| unseen[task]);
        (self.has_ec2 || state.shown[task] >= PENDING) && !state.functions.iter().any(unseen)
    }

    /// Ends a function's work: its event is handled, or will be tried again.
    pub(super) fn end(state: &mut State, function: &Function, handled: bool) {
        if handled {
            state.attached[function.task] |= function.version == RUNNING;
        } else {
            *state.pending.entry((function.task, function.version)).or_default() += 1;
        }
    }

    /// What needs no call to AWS: facts that a warm function remembers, and the end.
    pub(super) fn settle(&self, state: &mut State, mut function: Function) {
        loop {
            match self.next(&function) {
                Next::Facts => function.answers.push(Heard::Facts),
                Next::End(handled) => return Self::end(state, &function, handled),
                Next::DescribeTasks(_)
                | Next::List
                | Next::Interfaces
                | Next::Exists
                | Next::Health
                | Next::Register
                | Next::Deregister => {
                    state.functions.push(function);
                    // Which of the functions is which does not matter.
                    return state.functions.sort();
                }
            }
        }
    }
}
