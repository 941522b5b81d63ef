//! Two tasks that get the same address one after the other, one target group, and functions that
//! handle their events in every order, with faults: no dead target stays, no live one is taken.
//!
//! What the timing assumptions of `start_engines::decide::timing` rule out is ruled out here by
//! which steps are possible, each with the assumption beside it; clocks stand still otherwise.

use std::collections::{BTreeMap, HashMap};
use std::sync::RwLock;

use start_engines::call::{Answer, Call, CallError, ErrorKind, TaskPage};
use start_engines::config::Config;
use start_engines::decide::{Step, decide};
use start_engines::journal::{Entry, Journal};
use start_engines::tags::{self, Marks};
use start_engines::target::{AddressFamily, TargetGroup, TargetHealth, TargetType};
use start_engines::task::{Addresses, Network, Status, StopReason, Task};
use start_engines::timestamp::Timestamp;
use start_engines::trigger::{TaskChange, Trigger};
use stateright::{Checker, Model, Property};

const TASKS: usize = 2;
const FUNCTIONS: usize = 2;
/// When every event happened, and when it is handled: at once, or late.
const HAPPENED: i64 = 1_000_000;
const LATE: i64 = HAPPENED + 600_000;

/// The versions of a task's life, with one for all that lies between the first sign of a stop and its
/// end. It has its address from `PENDING` until it is `STOPPED`.
const UNBORN: u8 = 0;
const PROVISIONING: u8 = 1;
const PENDING: u8 = 2;
const RUNNING: u8 = 3;
const STOPPING: u8 = 4;
const STOPPED: u8 = 5;

/// A safeguard that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// The second DescribeTasks of a RUNNING event answers what the first did.
    NoSecondLook,
    /// A stop reads the targets from the tags, which are deleted by then.
    TagBasedDeregistration,
    /// Every stop counts as fresh.
    NoLateStopGuard,
    /// Of event and DescribeTasks, the older one wins.
    OlderVersionWins,
}

struct Targets {
    /// What decide says next, by what a function has heard: there are only a few hundred of these.
    known: RwLock<HashMap<Function, Next>>,
    mutant: Mutant,
    faults: u8,
    duplicates: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// The version of each task.
    tasks: [u8; TASKS],
    /// The version that DescribeTasks and ListTasks show.
    shown: [u8; TASKS],
    /// Which task's handler put the one target into the group, if it is in it.
    registered_by: Option<usize>,
    /// A handler of the task's RUNNING event has said that all is well.
    attached: [bool; TASKS],
    /// Events to deliver: task and version, how often.
    pending: BTreeMap<(usize, u8), u8>,
    functions: Vec<Function>,
    /// A RegisterTargets that was given up and lands later, before its event is tried again.
    late_call: Option<(usize, u8)>,
    faults: u8,
    duplicates: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Function {
    task: usize,
    version: u8,
    fresh: bool,
    /// The answers so far stand for the journal: with them, decide gives the same calls.
    answers: Vec<Heard>,
    /// Once it has asked ListTasks: the tasks that did not show their address then.
    unseen: Option<[bool; TASKS]>,
}

/// A function's next call, in the terms of this world, or whether it ends well.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Look(Vec<usize>),
    List,
    Facts,
    Health,
    Register,
    Deregister,
    End(bool),
}

/// What a call brought, in the terms of this world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Heard {
    /// The versions shown of the tasks asked for.
    Shown(Vec<(usize, u8)>),
    Listed(Vec<usize>),
    Registered(bool),
    Facts,
    Done,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// The task goes on to its next version.
    Advance(usize),
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
enum Fault {
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

fn arn(task: usize) -> String {
    format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{task:032x}")
}

fn status(version: u8) -> (Status, Status) {
    let last = match version {
        PROVISIONING => Status::Provisioning,
        PENDING => Status::Pending,
        RUNNING | STOPPING => Status::Running,
        _ => Status::Stopped,
    };
    (
        last,
        if version >= STOPPING {
            Status::Stopped
        } else {
            Status::Running
        },
    )
}

impl Targets {
    /// A task as ECS has it in this version; `tagged` by the API only, until the task is stopped.
    fn task(&self, task: usize, version: u8, tagged: bool) -> Task {
        let (last_status, desired_status) = status(version);
        let started_by = "start-engines/auth/73e2d6bc24d8a067/8080";
        let arn: start_engines::arn::TaskArn = arn(task).parse().expect("an ARN");
        let attachments = start_engines::started_by::decode(started_by, &arn.scope()).expect("ours");
        let has_tags = version < STOPPING;
        let address = (version >= PENDING).then_some(std::net::Ipv4Addr::new(10, 0, 0, 1));
        // The mutant's function would read the tags at a stop, where there are none.
        let is_blind = self.mutant == Mutant::TagBasedDeregistration && !has_tags;
        let shown_version = match self.mutant {
            // As if the comparison were the other way round.
            Mutant::OlderVersionWins if tagged => 100 - u64::from(version),
            Mutant::OlderVersionWins => 50,
            _ => u64::from(version),
        };
        Task {
            cluster: "engines".parse().expect("a name"),
            version: shown_version,
            last_status,
            desired_status,
            started_by: Some(if is_blind { "start-engines/-" } else { started_by }.to_owned()),
            network: Network::Awsvpc(Addresses {
                ipv4: address,
                ipv6: None,
                complete: address.is_some(),
            }),
            containers: Vec::new(),
            tags: if tagged && has_tags {
                tags::encode(&Marks {
                    attachments,
                    ..Marks::default()
                })
            } else {
                Vec::new()
            },
            started_at: (version >= RUNNING).then_some(Timestamp::from_millis(HAPPENED)),
            stopped_at: (version >= STOPPED).then_some(Timestamp::from_millis(HAPPENED)),
            stop: StopReason::default(),
            arn,
        }
    }

    fn answer(&self, heard: &Heard) -> Result<Answer, CallError> {
        Ok(match heard {
            Heard::Shown(tasks) => Answer::Tasks(
                tasks
                    .iter()
                    .map(|&(task, version)| self.task(task, version, true))
                    .collect(),
            ),
            Heard::Listed(tasks) => {
                let tasks = tasks.iter().map(|&task| arn(task).parse().expect("an ARN")).collect();
                Answer::TaskPage(TaskPage { tasks, next: None })
            }
            Heard::Registered(true) => Answer::Health(vec![TargetHealth::Registered("healthy".into())]),
            Heard::Registered(false) => Answer::Health(vec![TargetHealth::NotRegistered]),
            Heard::Facts => Answer::TargetGroup(TargetGroup {
                target_type: TargetType::Ip,
                family: AddressFamily::Ipv4,
                protocol: "HTTP".into(),
            }),
            Heard::Done => Answer::Done,
            Heard::Failed => {
                return Err(CallError {
                    operation: "any",
                    kind: ErrorKind::TimedOut,
                    code: None,
                    message: String::new(),
                });
            }
        })
    }

    /// The next step of a function.
    fn next(&self, function: &Function) -> Next {
        let key = Function {
            unseen: None,
            ..function.clone()
        };
        if let Some(next) = self.known.read().unwrap().get(&key) {
            return next.clone();
        }
        let next = match self.decide(function) {
            Step::End(result) => Next::End(result.is_ok()),
            Step::Call(call) => match *call {
                Call::DescribeTasks { tasks, .. } => Next::Look(
                    (0..TASKS)
                        .filter(|&task| tasks.iter().any(|found| found.as_str() == arn(task)))
                        .collect(),
                ),
                Call::ListTasks { .. } => Next::List,
                Call::DescribeTargetGroup { .. } => Next::Facts,
                Call::DescribeTargetHealth { .. } => Next::Health,
                Call::RegisterTargets { .. } => Next::Register,
                Call::DeregisterTargets { .. } => Next::Deregister,
                other => panic!("a state change never leads to {}", other.operation()),
            },
        };
        self.known.write().unwrap().insert(key, next.clone());
        next
    }

    /// The crate's own decide, run with every call that the function made and what it heard.
    fn decide(&self, function: &Function) -> Step {
        let is_fresh = function.fresh || self.mutant == Mutant::NoLateStopGuard;
        let now = Timestamp::from_millis(if is_fresh { HAPPENED } else { LATE });
        let trigger = Trigger::TaskStateChange(Box::new(TaskChange {
            task: self.task(function.task, function.version, false),
            happened_at: Some(Timestamp::from_millis(HAPPENED)),
            updated_at: None,
        }));
        let config = Config::default();
        let mut journal = Journal::new(now);
        for heard in &function.answers {
            let Step::Call(call) = decide(&trigger, &config, &journal) else {
                panic!("more answers than calls")
            };
            let answer = self.answer(heard);
            journal.entries.push(Entry {
                call: *call,
                asked_at: now,
                answered_at: now,
                remembered: false,
                answer,
            });
        }
        decide(&trigger, &config, &journal)
    }

    /// What AWS answers, and what the call changes.
    fn apply(&self, state: &mut State, function: &Function, next: &Next) -> Heard {
        match next {
            Next::Look(tasks) => {
                let first_look = function.answers.iter().find(|heard| matches!(heard, Heard::Shown(_)));
                if self.mutant == Mutant::NoSecondLook
                    && function.version == RUNNING
                    && let Some(look) = first_look
                {
                    return look.clone();
                }
                let shown = tasks.iter().filter(|&&task| state.shown[task] != UNBORN);
                Heard::Shown(shown.map(|&task| (task, state.shown[task])).collect())
            }
            Next::List => {
                let is_listed = |task: &usize| (PROVISIONING..STOPPING).contains(&state.shown[*task]);
                Heard::Listed((0..TASKS).filter(is_listed).collect())
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
    /// careful function is done within that time of its ListTasks.
    fn can_register(state: &State, task: usize) -> bool {
        let unseen = |function: &Function| function.task != task && function.unseen.is_some_and(|unseen| unseen[task]);
        state.shown[task] >= PENDING && !state.functions.iter().any(unseen)
    }

    /// Ends a function's work: its event is handled, or will be tried again.
    fn end(state: &mut State, function: &Function, handled: bool) {
        if handled {
            state.attached[function.task] |= function.version == RUNNING;
        } else {
            *state.pending.entry((function.task, function.version)).or_default() += 1;
        }
    }

    /// What needs no call to AWS: facts that a warm function remembers, and the end.
    fn settle(&self, state: &mut State, mut function: Function) {
        loop {
            match self.next(&function) {
                Next::Facts => function.answers.push(Heard::Facts),
                Next::End(handled) => return Self::end(state, &function, handled),
                Next::Look(_) | Next::List | Next::Health | Next::Register | Next::Deregister => {
                    state.functions.push(function);
                    // Which of the functions is which does not matter.
                    return state.functions.sort();
                }
            }
        }
    }
}

impl Model for Targets {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tasks: [UNBORN; TASKS],
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
        for task in 0..TASKS {
            let version = state.tasks[task];
            let is_alike = task > 0 && version == UNBORN && state.tasks[task - 1] < PENDING;
            let is_taken = (0..TASKS).any(|other| other != task && (PENDING..STOPPED).contains(&state.tasks[other]));
            // `REUSE`: no other task is RUNNING with the address while a fresh stop is being handled.
            let is_fresh =
                |function: &Function| function.task != task && function.fresh && function.version >= STOPPING;
            let is_shown_gone = (0..TASKS)
                .all(|other| other == task || state.tasks[other] != STOPPED || state.shown[other] >= STOPPING);
            let is_possible = match version + 1 {
                // The tasks are alike: it is always the first that comes first.
                PROVISIONING => !is_alike,
                PENDING => !is_taken,
                // ... and DescribeTasks shows by then that the former owner has stopped.
                RUNNING => !state.functions.iter().any(is_fresh) && is_shown_gone,
                STOPPING..=STOPPED => true,
                _ => false,
            };
            if is_possible {
                actions.push(Action::Advance(task));
            }
            // What is shown of a stop is all the same.
            if state.shown[task] < version.min(STOPPING) {
                actions.push(Action::Show(task));
            }
        }
        if state.late_call.is_some_and(|(task, _)| Self::can_register(state, task)) {
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
            if version == STOPPED && state.shown[task] < STOPPING {
                continue;
            }
            // `REUSE`: a stop is not fresh any more once another task is RUNNING with the address.
            let is_reused = state.tasks[task] == STOPPED
                && (0..TASKS).any(|other| other != task && state.tasks[other] >= RUNNING && other > task);
            if version >= STOPPING && !is_reused {
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
            if registers && !Self::can_register(state, function.task) {
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

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Advance(task) => {
                state.tasks[task] += 1;
                let version = state.tasks[task];
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
                self.settle(
                    &mut state,
                    Function {
                        task,
                        version,
                        fresh,
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
                if next == Next::List {
                    function.unseen = Some(state.shown.map(|version| version < PENDING));
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

    fn properties(&self) -> Vec<Property<Self>> {
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
                    (0..TASKS).all(|task| {
                        state.tasks[task] != RUNNING || !state.attached[task] || state.registered_by.is_some()
                    })
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
}

/// Whether all events of the task so far are handled.
fn quiet(state: &State, task: usize) -> bool {
    !state.pending.keys().any(|(of, _)| *of == task)
        && !state.functions.iter().any(|function| function.task == task)
        && state.late_call.is_none_or(|(of, _)| of != task)
}

/// About three million states: a minute on two cores.
#[test]
#[expect(clippy::print_stdout, reason = "the size of what was checked is the result")]
fn no_interleaving_with_a_fault_and_a_duplicate_leaves_a_dead_target_or_takes_a_live_one() {
    let world = Targets {
        known: RwLock::default(),
        mutant: Mutant::None,
        faults: 1,
        duplicates: 1,
    };
    let checker = world.checker().threads(2).spawn_bfs().join();
    println!(
        "targets: {} states, {} deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

fn dies(mutant: Mutant, property: &'static str) {
    let world = Targets {
        known: RwLock::default(),
        mutant,
        faults: 0,
        duplicates: 0,
    };
    let checker = world.checker().threads(2).spawn_bfs().join();
    assert!(checker.discovery(property).is_some(), "{mutant:?} lives");
}

#[test]
fn without_the_second_look_a_dead_target_stays() {
    dies(Mutant::NoSecondLook, "no target of a stopped task stays");
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
