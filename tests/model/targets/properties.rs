//! What must hold in every state of the world, and what must be reached.

use stateright::Property;

use super::world::{PENDING, RUNNING, STOPPED, State, TASKS, Targets};

pub(super) fn all() -> Vec<Property<Targets>> {
    vec![
        Property::always("no target of a stopped task stays", |_, state: &State| {
            // A newer task that has had the address takes the target out with its own stop.
            let is_over = |task: usize| state.tasks[task] == STOPPED && quiet(state, task);
            let is_at_rest = (0..TASKS).all(|task| state.tasks[task] < PENDING || is_over(task));
            !is_at_rest || state.registered_by.is_none()
        }),
        Property::always(
            "a live task whose RUNNING event is handled is registered",
            |_, state: &State| {
                (0..TASKS)
                    .all(|task| state.tasks[task] != RUNNING || !state.attached[task] || state.registered_by.is_some())
            },
        ),
        Property::sometimes("a second task is registered after the first", |_, state: &State| {
            state.tasks == [STOPPED, RUNNING] && state.attached == [true, true]
        }),
        Property::sometimes("everything is over and clean", |_, state: &State| {
            state.tasks == [STOPPED; TASKS]
                && (0..TASKS).all(|task| quiet(state, task))
                && state.registered_by.is_none()
        }),
    ]
}

/// Whether all events of the task so far are handled.
fn quiet(state: &State, task: usize) -> bool {
    !state.pending.keys().any(|(of, _)| *of == task)
        && !state.functions.iter().any(|function| function.task == task)
        && state.late_call.is_none_or(|(of, _)| of != task)
}
