//! What can happen next in the world, and what comes of it.

use super::functions::{Function, Heard, Next};
use super::world::{
    FUNCTIONS, PENDING, PROVISIONING, RUNNING, STOPPED, STOPPING, State, TASKS, Targets, UNBORN, has_interface,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The task goes on to its next version.
    Advance(usize),
    /// It fails before it is RUNNING.
    Fail(usize),
    /// DescribeTasks catches up with the task.
    Show(usize),
    Deliver {
        task: usize,
        version: u8,
        fresh: bool,
    },
    Duplicate {
        task: usize,
        version: u8,
    },
    /// The function's next call.
    Call {
        function: usize,
        fault: Fault,
    },
    LateCallLands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Not applied, and the function hears of it.
    Refused,
    /// Applied, and the function hears of a time-out.
    Lost,
    /// The function dies before the call, or after it was applied.
    CrashBefore,
    CrashAfter,
    /// RegisterTargets: the function hears of a time-out, and the call lands later.
    Late,
}

impl Targets {
    pub(super) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        for task in 0..TASKS {
            let version = state.tasks[task];
            let is_alike = task > 0 && version == UNBORN && state.tasks[task - 1] < PENDING;
            let is_taken = (0..TASKS).any(|other| other != task && (PENDING..STOPPED).contains(&state.tasks[other]));
            // `REUSE`: no other task is RUNNING with the address while a fresh stop is being handled.
            let is_fresh =
                |function: &Function| function.task != task && function.fresh && function.version >= STOPPING;
            let is_shown_gone = self.has_ec2
                || (0..TASKS)
                    .all(|other| other == task || state.tasks[other] != STOPPED || state.shown[other] >= STOPPING);
            // `FRESH`: the last event of a task comes later than a fresh RUNNING event is handled.
            let is_starting = state
                .functions
                .iter()
                .any(|function| self.has_ec2 && function.task == task && function.fresh && function.version == RUNNING);
            let is_possible = match self.after(version) {
                // The tasks are alike: it is always the first that comes first.
                PROVISIONING => !is_alike,
                PENDING => !is_taken,
                // ... and DescribeTasks shows by then that the former owner has stopped.
                RUNNING => !state.functions.iter().any(is_fresh) && is_shown_gone,
                STOPPED => !is_starting,
                STOPPING..STOPPED => true,
                _ => false,
            };
            if is_possible {
                actions.push(Action::Advance(task));
            }
            if self.is_long && version == PENDING {
                actions.push(Action::Fail(task));
            }
            // What is shown of a stop is all the same.
            if state.shown[task] < version.min(STOPPING) {
                actions.push(Action::Show(task));
            }
        }
        if state.late_call.is_some_and(|(task, _)| self.can_register(state, task)) {
            actions.push(Action::LateCallLands);
        }
        for &(task, version) in state.pending.keys() {
            if state.duplicates > 0 {
                actions.push(Action::Duplicate { task, version });
            }
            // A call that was given up has landed before its event is tried again.
            if state.functions.len() == FUNCTIONS || state.late_call == Some((task, version)) {
                continue;
            }
            // DescribeTasks lags by less than the time from the first stop event to the last one's handling.
            if version == STOPPED && state.shown[task] < STOPPING && !self.has_ec2 {
                continue;
            }
            // `REUSE`: a stop is not fresh any more once another task is RUNNING with the address.
            let is_reused = state.tasks[task] == STOPPED
                && (0..TASKS).any(|other| other != task && state.tasks[other] >= RUNNING && other > task);
            let is_fresh_running = self.has_ec2 && version == RUNNING && state.tasks[task] < STOPPED;
            if version >= STOPPING && !is_reused || is_fresh_running {
                actions.push(Action::Deliver {
                    task,
                    version,
                    fresh: true,
                });
            }
            actions.push(Action::Deliver {
                task,
                version,
                fresh: false,
            });
        }
        for (n, function) in state.functions.iter().enumerate() {
            let next = self.next(function);
            let registers = next == Next::Register;
            if registers && !self.can_register(state, function.task) {
                continue;
            }
            let changes = registers || next == Next::Deregister;
            let mut faults = vec![Fault::None];
            if state.faults > 0 {
                faults.extend([Fault::Refused, Fault::CrashBefore]);
                if changes {
                    faults.extend([Fault::Lost, Fault::CrashAfter]);
                }
                if registers && state.late_call.is_none() {
                    faults.push(Fault::Late);
                }
            }
            actions.extend(faults.into_iter().map(|fault| Action::Call { function: n, fault }));
        }
    }

    pub(super) fn take(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Fail(task) => {
                state.tasks[task] = STOPPING;
                state.pending.insert((task, STOPPING), 1);
            }
            Action::Advance(task) => {
                let version = self.after(state.tasks[task]);
                state.tasks[task] = version;
                state.has_run[task] |= version == RUNNING;
                // The rule lets only these through.
                if version >= RUNNING {
                    state.pending.insert((task, version), 1);
                }
            }
            Action::Show(task) => state.shown[task] = state.tasks[task].min(STOPPING),
            Action::Duplicate { task, version } => {
                state.duplicates -= 1;
                *state.pending.entry((task, version)).or_default() += 1;
            }
            Action::Deliver { task, version, fresh } => {
                let left = state.pending.get_mut(&(task, version))?;
                *left -= 1;
                if *left == 0 {
                    state.pending.remove(&(task, version));
                }
                let has_run = state.has_run[task];
                self.settle(
                    &mut state,
                    Function {
                        task,
                        version,
                        fresh,
                        has_run,
                        answers: Vec::new(),
                        unseen: None,
                    },
                );
            }
            Action::LateCallLands => {
                let (task, _) = state.late_call.take()?;
                state.registered_by = Some(task);
            }
            Action::Call { function, fault } => {
                let mut function = state.functions.remove(function);
                let next = self.next(&function);
                state.faults -= u8::from(fault != Fault::None);
                match next {
                    Next::List if !self.has_ec2 => {
                        function.unseen = Some(state.shown.map(|version| version < PENDING));
                    }
                    Next::Interfaces => {
                        function.unseen = Some(std::array::from_fn(|task| !has_interface(&state, task)));
                    }
                    _ => {}
                }
                let heard = match fault {
                    Fault::None => self.apply(&mut state, &function, &next),
                    Fault::Refused | Fault::CrashBefore => Heard::Failed,
                    Fault::Late => {
                        state.late_call = Some((function.task, function.version));
                        Heard::Failed
                    }
                    Fault::Lost | Fault::CrashAfter => {
                        self.apply(&mut state, &function, &next);
                        Heard::Failed
                    }
                };
                if matches!(fault, Fault::CrashBefore | Fault::CrashAfter) {
                    Self::end(&mut state, &function, false);
                } else {
                    function.answers.push(heard);
                    self.settle(&mut state, function);
                }
            }
        }
        Some(state)
    }
}
