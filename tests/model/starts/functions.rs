//! The functions: what the crate's own `decide` does next, by what it has heard, in the terms of this world.

use start_engines_core::call::run_task::{Launch, StartFailure, Started};
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::Outcome;

use super::world::{AGES, Handler, Starts};
use crate::alone;

/// The reading of the event, its age, and what was heard.
pub(super) type Key = (usize, usize, Vec<Heard>);

/// A RunTask, in the terms of this world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) token: usize,
    pub(super) placement: u8,
    pub(super) count: u8,
    pub(super) trigger: usize,
}

/// An answer, in the terms of this world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Heard {
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
pub(super) enum Next {
    Call(Asked),
    /// It names so many tasks.
    Success(usize),
    Failure {
        category: &'static str,
        transient: bool,
    },
}

impl Heard {
    /// An answer without tasks.
    pub(super) const NONE: Self = Self::Started(Vec::new(), Some(true));

    pub(super) fn answer(&self) -> Result<Answer, CallError> {
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

pub(super) fn arn(task: u8) -> TaskArn {
    let text = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{task:032x}");
    text.parse().expect("an ARN")
}

/// A call in the terms of this world: the first placement is of launch type EC2, if there are two.
pub(super) fn asked(call: &Call, trigger: usize) -> Asked {
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
    pub(super) fn next(&self, handler: &Handler) -> Next {
        let key = (handler.trigger, handler.age, handler.heard.clone());
        if let Some(known) = self.known.read().unwrap().get(&key) {
            return known.clone();
        }
        let trigger = &self.triggers[handler.trigger];
        let mut journal = Journal::new(Timestamp::from_millis(AGES[handler.age]));
        for heard in &handler.heard {
            let Step::Ask(calls) = decide(trigger, &Config::default(), &journal) else {
                panic!("a handler that has ended has asked")
            };
            let call = alone(calls);
            let at = journal.now();
            journal.entries.push(Entry {
                call,
                asked_at: at,
                answered_at: at,
                calls: 1,
                answer: heard.answer(),
            });
        }
        let next = match decide(trigger, &Config::default(), &journal) {
            Step::Ask(calls) => Next::Call(asked(&alone(calls), handler.trigger)),
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
}
