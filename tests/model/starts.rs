//! One start event, delivered again and again to concurrent functions, before an ECS that replays
//! client tokens: never more tasks than `count`, and every handler that succeeds names them all.

use std::collections::BTreeMap;

use start_engines::call::{Answer, Call, CallError, ErrorKind};
use start_engines::config::Config;
use start_engines::decide::{Step, decide};
use start_engines::journal::{Entry, Journal};
use start_engines::outcome::Outcome;
use start_engines::run_task::{StartFailure, Started};
use start_engines::timestamp::Timestamp;
use start_engines::trigger::{self, Trigger};
use stateright::{Checker, Model, Property};

const WANTED: i32 = 2;
const FUNCTIONS: usize = 2;
/// Ages at which the event is handled: at once, and at Lambda's two retries.
const AGES: [i64; 3] = [0, 61_000, 182_000];

struct Starts {
    trigger: Trigger,
    faults: u8,
    deliveries: u8,
    /// The mutant: one token for all rungs.
    one_token: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// What ECS keeps under each token: its original answer.
    tokens: BTreeMap<String, Started>,
    running: Vec<Handler>,
    /// How often the event was delivered at each age.
    delivered: [u8; AGES.len()],
    tasks: u8,
    deliveries: u8,
    faults: u8,
    /// A handler said that all is well: how many tasks it named.
    succeeded: Option<usize>,
    /// A retry found no capacity without a single attempt that was not a replay.
    stuck: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Handler {
    journal: Journal,
    /// Which of the ages the event has.
    age: usize,
    /// It made a call that ECS did not answer from memory.
    tried_anew: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Deliver {
        age: usize,
    },
    /// This function's next call; ECS has capacity for so many tasks.
    Call {
        function: usize,
        capacity: u8,
        fault: Fault,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Throttled,
    /// Applied, and nobody hears of it: the process dies, or the answer is lost.
    Crash,
    Lost,
}

impl Starts {
    fn token(&self, token: &str) -> String {
        let identity = token.split_once('#').expect("a rung").0;
        if self.one_token {
            identity.to_owned()
        } else {
            token.to_owned()
        }
    }

    fn next(&self, journal: &Journal) -> Step {
        decide(&self.trigger, &Config::default(), journal)
    }

    fn run_task(&self, state: &mut State, call: &Call, capacity: u8) -> Answer {
        let Call::RunTask(call) = call else {
            panic!("a start calls only RunTask, not {call:?}")
        };
        let token = self.token(&call.client_token);
        if let Some(original) = state.tokens.get(&token) {
            return Answer::Started(original.clone());
        }
        let count = capacity.min(u8::try_from(call.count).expect("at most 10"));
        let tasks = (state.tasks..state.tasks + count).map(|n| task_arn(n).parse().expect("an ARN"));
        let short = i32::from(count) < call.count;
        let reason = || StartFailure {
            reason: "RESOURCE:CPU".to_owned(),
            detail: None,
        };
        let answer = Started {
            tasks: tasks.collect(),
            failures: short.then(reason).into_iter().collect(),
        };
        state.tasks += count;
        state.tokens.insert(token, answer.clone());
        Answer::Started(answer)
    }
}

fn task_arn(n: u8) -> String {
    format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}")
}

fn error(kind: ErrorKind) -> CallError {
    CallError {
        operation: "RunTask",
        kind,
        code: None,
        message: String::new(),
    }
}

impl Model for Starts {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tokens: BTreeMap::new(),
            running: Vec::new(),
            delivered: [0; AGES.len()],
            tasks: 0,
            deliveries: self.deliveries,
            faults: self.faults,
            succeeded: None,
            stuck: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.deliveries > 0 && state.running.len() < FUNCTIONS {
            actions.extend((0..AGES.len()).map(|age| Action::Deliver { age }));
        }
        for function in 0..state.running.len() {
            let faults: &[Fault] = match state.faults {
                0 => &[Fault::None],
                _ => &[Fault::None, Fault::Throttled, Fault::Crash, Fault::Lost],
            };
            for &fault in faults {
                actions.extend((0..=2).map(|capacity| Action::Call {
                    function,
                    capacity,
                    fault,
                }));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver { age } => {
                state.deliveries -= 1;
                let handler = Handler {
                    journal: Journal::new(Timestamp::from_millis(AGES[age])),
                    age,
                    tried_anew: false,
                };
                state.delivered[age] += 1;
                state.running.push(handler);
            }
            Action::Call {
                function,
                capacity,
                fault,
            } => {
                let mut handler = state.running.remove(function);
                let Step::Call(call) = self.next(&handler.journal) else {
                    panic!("a handler that has ended still runs")
                };
                state.faults -= u8::from(fault != Fault::None);
                let tokens = state.tokens.len();
                let answer = match fault {
                    Fault::None => Ok(self.run_task(&mut state, &call, capacity)),
                    Fault::Throttled => Err(error(ErrorKind::Throttled)),
                    Fault::Crash | Fault::Lost => {
                        self.run_task(&mut state, &call, capacity);
                        Err(error(ErrorKind::TimedOut))
                    }
                };
                handler.tried_anew |= state.tokens.len() > tokens;
                let at = handler.journal.now();
                let entry = Entry {
                    call: *call,
                    asked_at: at,
                    answered_at: at,
                    calls: 1,
                    answer,
                };
                handler.journal.entries.push(entry);
                match self.next(&handler.journal) {
                    _ if fault == Fault::Crash => {}
                    Step::Call(_) => state.running.push(handler),
                    Step::End(Ok(Outcome::Started { tasks, .. })) => state.succeeded = Some(tasks.len()),
                    Step::End(Ok(other)) => panic!("a start ends as {other:?}"),
                    Step::End(Err(failure)) => {
                        // Another delivery at this age or a later one may have used up the rungs.
                        let is_alone = state.delivered[handler.age..].iter().sum::<u8>() == 1;
                        let short = failure.category == "capacity_unavailable";
                        state.stuck |= short && is_alone && !handler.tried_anew;
                    }
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more tasks than count", |_, state: &State| {
                i32::from(state.tasks) <= WANTED
            }),
            Property::always("success means that all tasks run", |_, state: &State| {
                state.succeeded.is_none_or(|named| named == 2 && state.tasks == 2)
            }),
            Property::always("each retry tries capacity anew", |_, state: &State| !state.stuck),
            Property::sometimes("a partial answer is made whole", |_, state: &State| {
                state.succeeded.is_some() && state.tokens.len() > 1
            }),
        ]
    }
}

fn world(one_token: bool, faults: u8, deliveries: u8) -> Starts {
    let event = serde_json::json!({
        "id": "e", "detail-type": "Start ECS Task", "source": "model", "time": "1970-01-01T00:00:00Z",
        "detail": {"cluster": "engines", "taskDefinition": "auth", "targets": [], "count": WANTED},
    });
    let trigger = trigger::read(event, &Config::default(), None).expect("a sound event");
    Starts {
        trigger,
        faults,
        deliveries,
        one_token,
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the size of what was checked is the result")]
fn one_event_never_starts_more_than_count_tasks() {
    let checker = world(false, 1, 3).checker().threads(2).spawn_bfs().join();
    println!(
        "starts: {} states, {} deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
    assert!(checker.is_done() && checker.unique_state_count() > 1000);
}

#[test]
fn a_token_without_the_rung_never_tries_capacity_anew() {
    let checker = world(true, 0, 3).checker().threads(2).spawn_bfs().join();
    assert!(checker.discovery("each retry tries capacity anew").is_some());
}
