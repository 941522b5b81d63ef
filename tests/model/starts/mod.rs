//! One start event, delivered again and again to concurrent functions, before an ECS that replays
//! client tokens: never more tasks than `count`, and every handler that succeeds names them all. What ECS has room
//! for changes between any two calls: an exception may be followed by a success in the same place, and the other
//! way round.

mod functions;
mod world;

use std::collections::BTreeMap;
use std::sync::RwLock;

use functions::{Heard, Next};
use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_core::request::{self, Trigger};
use stateright::{Checker, Model, Property};
use world::{AGES, Action, Fault, Handler, Mutant, Room, Starts, State, WANTED};

impl Model for Starts {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tokens: BTreeMap::new(),
            running: Vec::new(),
            late: None,
            delivered: [0; AGES.len()],
            tasks: 0,
            deliveries: self.deliveries,
            faults: self.faults,
            succeeded: None,
            stuck: false,
            gave_up: false,
            reported_hopeless: None,
            met_by_conflict: false,
            cured: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.deliveries > 0 && state.running.len() < self.functions {
            for trigger in 0..self.triggers.len() {
                actions.extend((0..self.ages).map(|age| Action::Deliver { age, trigger }));
            }
        }
        let (rooms, faults): (&[Room], &[Fault]) = match self.placements {
            1 => (
                &[Room::For(0), Room::For(1), Room::For(2)],
                &[Fault::None, Fault::Throttled, Fault::Crash, Fault::Lost],
            ),
            _ => (
                &[
                    Room::For(0),
                    Room::For(1),
                    Room::For(2),
                    Room::Elsewhere,
                    Room::NoInstances,
                ],
                &[Fault::None, Fault::Crash, Fault::Lost, Fault::Late, Fault::Busy],
            ),
        };
        if state.late.is_some() {
            actions.extend(rooms.iter().map(|&room| Action::Land { room }));
        }
        let faults = if state.faults == 0 { &faults[..1] } else { faults };
        for function in 0..state.running.len() {
            for &fault in faults {
                actions.extend(rooms.iter().map(|&room| Action::Call { function, room, fault }));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver { age, trigger } => {
                state.deliveries -= 1;
                state.delivered[age] += 1;
                state.running.push(Handler {
                    age,
                    trigger,
                    heard: Vec::new(),
                    tried_anew: false,
                    asked: 0,
                });
            }
            Action::Land { room } => {
                let asked = state.late.take()?;
                self.run_task(&mut state, asked, room);
            }
            Action::Call { function, room, fault } => {
                let mut handler = state.running.remove(function);
                let Next::Call(asked) = self.next(&handler) else {
                    panic!("a handler that has ended still runs")
                };
                state.faults -= u8::from(fault != Fault::None);
                let tokens = state.tokens.len();
                let heard = match fault {
                    Fault::None => self.run_task(&mut state, asked, room),
                    Fault::Throttled => Heard::Throttled,
                    Fault::Late => {
                        state.late = Some(asked);
                        Heard::TimedOut
                    }
                    Fault::Busy if self.mutant == Some(Mutant::ConflictUsesUpTheToken) => Heard::NONE,
                    Fault::Busy => Heard::Conflict(Vec::new()),
                    Fault::Crash | Fault::Lost => {
                        self.run_task(&mut state, asked, room);
                        Heard::TimedOut
                    }
                };
                handler.asked |= 1 << asked.placement;
                // Or it was in another's way.
                handler.tried_anew |=
                    heard == Heard::NoInstances || state.tokens.len() > tokens || fault == Fault::Busy;
                handler.heard.push(heard);
                match self.next(&handler) {
                    _ if fault == Fault::Crash => {}
                    Next::Call(_) => state.running.push(handler),
                    end => self.note_end(&mut state, &handler, &end),
                }
            }
        }
        // Functions are all alike.
        state.running.sort();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more tasks than count", |_, state: &State| state.tasks <= WANTED),
            Property::always("success means that all tasks run", |_, state: &State| {
                state.succeeded.is_none_or(|named| named == 2 && state.tasks == 2)
            }),
            Property::always("each retry tries capacity anew", |_, state: &State| !state.stuck),
            Property::always(
                "what another placement may cure does not end the walk",
                |_, state: &State| !state.gave_up,
            ),
            Property::always("nothing starts once no retry is said to help", |_, state: &State| {
                state.reported_hopeless.is_none_or(|then| state.tasks == then)
            }),
            Property::sometimes("a partial answer is made whole", |_, state: &State| {
                state.succeeded.is_some() && state.tokens.len() > 1
            }),
            Property::sometimes("another placement cures an exception", |model: &Self, state: &State| {
                model.placements == 1 || state.cured
            }),
            Property::sometimes("a changed world is met by a conflict", |model: &Self, state: &State| {
                model.placements == 1 || (state.met_by_conflict && state.succeeded.is_some())
            }),
        ]
    }
}

fn trigger(more: &Value) -> Trigger {
    let mut detail = json!({"cluster": "engines", "taskDefinition": "auth", "targets": [], "count": WANTED});
    for (name, value) in more.as_object().expect("fields") {
        detail[name] = value.clone();
    }
    let event = json!({
        "id": "e", "detail-type": "Start ECS Task", "source": "model", "time": "1970-01-01T00:00:00Z",
        "detail": detail,
    });
    request::read(event, &Config::default(), None).expect("a sound event")
}

/// One placement, three deliveries, two at a time.
fn world(mutant: Option<Mutant>, faults: u8) -> Starts {
    Starts {
        triggers: vec![trigger(&json!({}))],
        placements: 1,
        ages: AGES.len(),
        faults,
        deliveries: 3,
        functions: 2,
        mutant,
        known: RwLock::default(),
    }
}

/// An EC2 cluster that may be at zero instances, and Fargate beside it.
fn two_placements(mutant: Option<Mutant>) -> Starts {
    let detail = json!({
        "subnets": ["subnet-0a1b2c3d"], "launchType": "EC2", "fallbacks": [{"launchType": "FARGATE"}],
    });
    Starts {
        triggers: vec![trigger(&detail)],
        placements: 2,
        ages: 2,
        deliveries: 2,
        ..world(mutant, 0)
    }
}

#[expect(clippy::print_stdout, reason = "the size of what was checked is the result")]
fn check(name: &str, world: Starts) {
    let checker = world.checker().threads(2).spawn_bfs().join();
    println!(
        "starts, {name}: {} states, {} deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
    assert!(checker.is_done() && checker.unique_state_count() > 1000);
}

fn finds(world: Starts, property: &'static str) -> bool {
    let checker = world.checker().threads(2).spawn_bfs().join();
    checker.discovery(property).is_some()
}

#[test]
fn one_event_never_starts_more_than_count_tasks() {
    check("one placement", world(None, 1));
}

#[test]
fn exceptions_and_worlds_that_change_between_deliveries_start_no_more_either() {
    let with_faults = Starts {
        faults: 1,
        ..two_placements(None)
    };
    check("two placements", with_faults);
}

#[test]
fn three_deliveries_one_after_another_in_changing_worlds_start_no_more_either() {
    let one_at_a_time = Starts {
        functions: 1,
        deliveries: 3,
        ages: 3,
        ..two_placements(None)
    };
    check("two placements, three deliveries", one_at_a_time);
}

#[test]
fn a_catalog_that_changes_between_deliveries_starts_no_more_either() {
    let mut changing = two_placements(None);
    let detail = json!({
        "subnets": ["subnet-0a1b2c3d"], "launchType": "EC2", "fallbacks": [{"launchType": "FARGATE"}],
        "tags": [{"key": "new", "value": "yes"}],
    });
    changing.triggers.push(trigger(&detail));
    check("two placements, two catalogs", changing);
}

#[test]
fn a_token_without_its_number_never_tries_capacity_anew() {
    assert!(finds(
        world(Some(Mutant::OneToken), 0),
        "each retry tries capacity anew"
    ));
}

#[test]
fn a_new_token_after_an_exception_starts_a_second_set_of_tasks() {
    assert!(finds(
        two_placements(Some(Mutant::NewTokenAfterException)),
        "never more tasks than count"
    ));
}

#[test]
fn an_exception_that_ends_the_walk_never_reaches_the_fallback() {
    assert!(finds(
        two_placements(Some(Mutant::ExceptionEndsTheWalk)),
        "what another placement may cure does not end the walk"
    ));
}

#[test]
fn a_conflict_that_uses_up_the_token_starts_a_second_set_of_tasks() {
    let busy = Starts {
        faults: 1,
        ..two_placements(Some(Mutant::ConflictUsesUpTheToken))
    };
    assert!(finds(busy, "never more tasks than count"));
}
