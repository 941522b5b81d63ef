//! Two tasks that get the same address one after the other, one target group, and functions that
//! handle their events in every order, with faults: no dead target stays, no live one is taken.
//!
//! What the timing assumptions of `start_engines_core::decide::timing` rule out is ruled out here by
//! which steps are possible, each with the assumption beside it; clocks stand still otherwise.

mod functions;
mod properties;
mod steps;
mod world;

use std::collections::BTreeMap;
use std::sync::RwLock;

use stateright::{Checker, Model, Property};
use steps::Action;
use world::{Mutant, State, TASKS, Targets, UNBORN};

impl Model for Targets {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tasks: [UNBORN; TASKS],
            has_run: [false; TASKS],
            shown: [UNBORN; TASKS],
            registered_by: None,
            attached: [false; TASKS],
            pending: BTreeMap::new(),
            functions: Vec::new(),
            late_call: None,
            faults: self.faults,
            duplicates: self.duplicates,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        self.take(last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

#[expect(clippy::print_stdout, reason = "the size of what was checked is the result")]
fn survives(has_ec2: bool, is_long: bool, faults: u8, duplicates: u8) {
    let world = Targets {
        known: RwLock::default(),
        mutant: Mutant::None,
        is_long,
        has_ec2,
        faults,
        duplicates,
    };
    let checker = world.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!(
        "targets, EC2 {has_ec2}, long lives {is_long}, {faults} faults, {duplicates} duplicates: {states} states, {depth} deep"
    );
    checker.assert_properties();
}

fn dies(mutant: Mutant, property: &'static str) {
    let world = Targets {
        known: RwLock::default(),
        mutant,
        is_long: false,
        has_ec2: matches!(
            mutant,
            Mutant::InterfacesAreHidden | Mutant::LateRunningEventsAreBelieved
        ),
        faults: 0,
        duplicates: 0,
    };
    let checker = world.checker().threads(2).spawn_bfs().join();
    assert!(checker.discovery(property).is_some(), "{mutant:?} lives");
}

/// About three million states: a minute on two cores.
#[test]
fn no_interleaving_with_a_fault_and_a_duplicate_leaves_a_dead_target_or_takes_a_live_one() {
    survives(false, false, 1, 1);
}

/// Three and a half million states: a minute and a half.
#[test]
fn nor_does_any_of_tasks_that_deprovision_or_fail_to_start_with_a_fault() {
    survives(false, true, 1, 0);
}

#[test]
#[ignore = "many minutes and gigabytes: run it with `make model`"]
fn nor_does_any_of_those_with_a_duplicate_as_well() {
    survives(false, true, 1, 1);
}

/// ECS shows anything for as long as it likes, and EC2 shows whose the address is.
#[test]
fn nor_does_any_before_an_ecs_that_lags_if_ec2_shows_who_has_the_address() {
    survives(true, false, 0, 0);
}

/// Twelve million states.
#[test]
#[ignore = "many minutes and gigabytes: run it with `make model`"]
fn nor_does_any_before_such_an_ecs_with_a_fault() {
    survives(true, false, 1, 0);
}

#[test]
fn when_ec2_hides_interfaces_a_live_target_is_taken() {
    dies(
        Mutant::InterfacesAreHidden,
        "a live task whose RUNNING event is handled is registered",
    );
}

#[test]
fn when_a_late_running_event_is_believed_a_dead_target_stays() {
    dies(
        Mutant::LateRunningEventsAreBelieved,
        "no target of a stopped task stays",
    );
}

#[test]
fn without_the_second_describe_tasks_a_dead_target_stays() {
    dies(Mutant::NoSecondDescribeTasks, "no target of a stopped task stays");
}

#[test]
fn with_tags_instead_of_started_by_a_dead_target_stays() {
    dies(Mutant::TagBasedDeregistration, "no target of a stopped task stays");
}

#[test]
fn without_the_guard_of_late_stops_a_live_target_is_taken() {
    dies(
        Mutant::NoLateStopGuard,
        "a live task whose RUNNING event is handled is registered",
    );
}

#[test]
fn when_the_older_version_wins_an_invariant_breaks() {
    dies(Mutant::OlderVersionWins, "no target of a stopped task stays");
}
