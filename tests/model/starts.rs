//! One start event, delivered again and again to concurrent functions, before an ECS that replays
//! client tokens: never more tasks than `count`, and every handler that succeeds names them all. What ECS has room
//! for changes between any two calls: an exception may be followed by a success in the same place, and the other
//! way round.

use std::collections::{BTreeMap, HashMap};
use std::sync::RwLock;

use serde_json::{Value, json};
use start_engines_core::call::run_task::{Launch, StartFailure, Started};
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::Outcome;
use start_engines_core::request::{self, Trigger};
use stateright::{Checker, Model, Property};

const WANTED: u8 = 2;
/// Ages at which the event is handled: at once, and at Lambda's two retries.
const AGES: [i64; 3] = [0, 61_000, 182_000];

struct Starts {
    /// The readings of the event: after a change of the catalog, a delivery may have either.
    triggers: Vec<Trigger>,
    placements: u8,
    /// How many of the ages there are.
    ages: usize,
    faults: u8,
    deliveries: u8,
    /// Functions at a time.
    functions: usize,
    mutant: Option<Mutant>,
    /// What the crate's own decide does next, by what a handler is and has heard.
    known: RwLock<HashMap<Key, Next>>,
}

/// The reading of the event, its age, and what was heard.
type Key = (usize, usize, Vec<Heard>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// One token for all calls.
    OneToken,
    /// A new token after an exception: each placement has its own.
    NewTokenAfterException,
    /// An exception ends the walk, whatever its text says.
    ExceptionEndsTheWalk,
    /// A conflict without tasks counts as an answer that is kept, and has none.
    ConflictUsesUpTheToken,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// What ECS keeps under each token: whose call, and its original answer.
    tokens: BTreeMap<(usize, u8), (Asked, Heard)>,
    running: Vec<Handler>,
    /// A call that was given up, and is still on its way.
    late: Option<Asked>,
    /// How often the event was delivered at each age.
    delivered: [u8; AGES.len()],
    tasks: u8,
    deliveries: u8,
    faults: u8,
    /// A handler said that all is well: how many tasks it named.
    succeeded: Option<usize>,
    /// A retry found no capacity without a single attempt that was not a replay.
    stuck: bool,
    /// A walk ended at what another placement may have cured, and did not ask there.
    gave_up: bool,
    /// How many tasks there were when the outcome event said that no retry can help.
    reported_hopeless: Option<u8>,
    /// Tasks of one placement were found by a call for another.
    met_by_conflict: bool,
    /// An exception was followed by a success at another placement.
    cured: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Handler {
    /// Which of the ages the event has.
    age: usize,
    /// Which reading of the event it has.
    trigger: usize,
    /// Stands for the journal: with these answers, decide asks the same calls again.
    heard: Vec<Heard>,
    /// It made a call that ECS did not answer from memory.
    tried_anew: bool,
    /// A bit for each placement where it has asked.
    asked: u8,
}

/// A RunTask, in the terms of this world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Asked {
    token: usize,
    placement: u8,
    count: u8,
    trigger: usize,
}

/// An answer, in the terms of this world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Heard {
    /// These tasks; and if there are not enough, whether it is for want of capacity.
    Started(Vec<u8>, Option<bool>),
    Conflict(Vec<u8>),
    /// The exception of a cluster at zero instances, as the adapter classifies it.
    NoInstances,
    /// The same, by its code alone.
    Refused,
    Throttled,
    TimedOut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Call(Asked),
    /// It names so many tasks.
    Success(usize),
    Failure {
        category: &'static str,
        transient: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Deliver {
        age: usize,
        trigger: usize,
    },
    /// This function's next call, and what ECS has for it if it does not answer from memory.
    Call {
        function: usize,
        room: Room,
        fault: Fault,
    },
    /// The call that is on its way lands.
    Land {
        room: Room,
    },
}

/// What a placement has, right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Capacity for so many tasks.
    For(u8),
    /// Instances, but none that could ever do.
    Elsewhere,
    /// No instances at all.
    NoInstances,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Throttled,
    /// Applied, and nobody hears of it: the process dies, or the answer is lost.
    Crash,
    Lost,
    /// Given up, and applied some time later, even after the event has come again.
    Late,
    /// ECS is busy with another request that has this token.
    Busy,
}

impl Heard {
    /// An answer without tasks.
    const NONE: Self = Self::Started(Vec::new(), Some(true));

    fn answer(&self) -> Result<Answer, CallError> {
        let arns = |tasks: &[u8]| -> Vec<TaskArn> { tasks.iter().map(|&task| arn(task)).collect() };
        let error = |kind| CallError {
            operation: "RunTask",
            kind,
            code: None,
            conflicting_tasks: Vec::new(),
            message: String::new(),
        };
        match self {
            Self::Started(tasks, short) => {
                let reason = |for_capacity| if for_capacity { "RESOURCE:CPU" } else { "LOCATION" };
                let failure = short.map(|for_capacity| StartFailure {
                    reason: reason(for_capacity).to_owned(),
                    detail: None,
                });
                Ok(Answer::Started(Started {
                    tasks: arns(tasks),
                    failures: failure.into_iter().collect(),
                }))
            }
            Self::Conflict(tasks) => Err(CallError {
                conflicting_tasks: arns(tasks),
                ..error(ErrorKind::Conflict)
            }),
            Self::NoInstances => Err(error(ErrorKind::NoCapacity)),
            Self::Refused => Err(error(ErrorKind::InvalidParameter)),
            Self::Throttled => Err(error(ErrorKind::Throttled)),
            Self::TimedOut => Err(error(ErrorKind::TimedOut)),
        }
    }
}

fn arn(task: u8) -> TaskArn {
    let text = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{task:032x}");
    text.parse().expect("an ARN")
}

/// A call in the terms of this world: the first placement is of launch type EC2, if there are two.
fn asked(call: &Call, trigger: usize) -> Asked {
    let Call::RunTask(call) = call else {
        panic!("a start calls only RunTask, not {call:?}")
    };
    let (_, token) = call.client_token.split_once('#').expect("a number");
    Asked {
        token: token.parse().expect("a number"),
        placement: u8::from(call.launch == Launch::Type("FARGATE")),
        count: u8::try_from(call.count).expect("at most 10"),
        trigger,
    }
}

impl Starts {
    fn next(&self, handler: &Handler) -> Next {
        let key = (handler.trigger, handler.age, handler.heard.clone());
        if let Some(known) = self.known.read().unwrap().get(&key) {
            return known.clone();
        }
        let trigger = &self.triggers[handler.trigger];
        let mut journal = Journal::new(Timestamp::from_millis(AGES[handler.age]));
        for heard in &handler.heard {
            let Step::Call(call) = decide(trigger, &Config::default(), &journal) else {
                panic!("a handler that has ended has asked")
            };
            let at = journal.now();
            journal.entries.push(Entry {
                call: *call,
                asked_at: at,
                answered_at: at,
                calls: 1,
                answer: heard.answer(),
            });
        }
        let next = match decide(trigger, &Config::default(), &journal) {
            Step::Call(call) => Next::Call(asked(&call, handler.trigger)),
            Step::End(Ok(Outcome::Started { tasks, .. })) => Next::Success(tasks.len()),
            Step::End(Ok(other)) => panic!("a start ends as {other:?}"),
            Step::End(Err(failure)) => Next::Failure {
                category: failure.category.name(),
                transient: failure.transient,
            },
        };
        self.known.write().unwrap().insert(key, next.clone());
        next
    }

    /// What ECS answers, and does.
    fn run_task(&self, state: &mut State, asked: Asked, room: Room) -> Heard {
        let token = match self.mutant {
            Some(Mutant::OneToken) => (0, 0),
            Some(Mutant::NewTokenAfterException) => (asked.token, asked.placement),
            None | Some(Mutant::ExceptionEndsTheWalk | Mutant::ConflictUsesUpTheToken) => (asked.token, 0),
        };
        if let Some((original, answer)) = state.tokens.get(&token) {
            if *original == asked || self.mutant == Some(Mutant::OneToken) {
                return answer.clone();
            }
            let Heard::Started(tasks, _) = answer else {
                panic!("an exception is kept")
            };
            state.met_by_conflict |= !tasks.is_empty();
            return match self.mutant {
                Some(Mutant::ConflictUsesUpTheToken) if tasks.is_empty() => Heard::NONE,
                _ => Heard::Conflict(tasks.clone()),
            };
        }
        let capacity = match (room, self.mutant) {
            (Room::For(capacity), _) => capacity,
            (Room::Elsewhere, _) => 0,
            (Room::NoInstances, Some(Mutant::ExceptionEndsTheWalk)) => return Heard::Refused,
            (Room::NoInstances, _) => return Heard::NoInstances,
        };
        let count = capacity.min(asked.count);
        let short = (count < asked.count).then_some(room != Room::Elsewhere);
        let answer = Heard::Started((state.tasks..state.tasks + count).collect(), short);
        state.tasks += count;
        state.tokens.insert(token, (asked, answer.clone()));
        answer
    }

    /// What the end of a handler shows of the promises.
    fn note_end(&self, state: &mut State, handler: &Handler, end: &Next) {
        match *end {
            Next::Call(_) => {}
            Next::Success(named) => {
                state.cured |= handler.heard.contains(&Heard::NoInstances);
                state.succeeded = Some(named);
            }
            Next::Failure { category, transient } => {
                // Another delivery at this age or a later one may have used up the tokens.
                let is_alone = state.delivered[handler.age..].iter().sum::<u8>() == 1;
                state.stuck |= category == "capacity_unavailable" && is_alone && !handler.tried_anew;
                let is_curable = matches!(
                    handler.heard.last(),
                    Some(Heard::Started(_, Some(false)) | Heard::NoInstances | Heard::Refused)
                );
                state.gave_up |= is_curable && handler.asked.count_ones() < u32::from(self.placements);
                if !transient {
                    state.reported_hopeless.get_or_insert(state.tasks);
                }
            }
        }
    }
}

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
