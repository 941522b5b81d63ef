//! The loop of the crate's picture: read the event, decide, call, note the answer, decide again.
//!
//! Makes no decision of its own but one: it begins no call for which the invocation has no time
//! left. Must not know the SDK; calls go through the port [`Aws`].

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::arn::FunctionArn;
use crate::call::{Answer, Call, CallError};
use crate::config::Config;
use crate::decide::{Step, decide};
use crate::journal::{Entry, Journal};
use crate::memory::Memory;
use crate::outcome::{Failure, Outcome};
use crate::timestamp::Timestamp;
use crate::trigger::{self, Envelope, Trigger};

/// The port to AWS: performs one call as it is, within the given time, retries included.
pub trait Aws {
    /// Performs `call`.
    ///
    /// # Errors
    /// When AWS refuses it, does not answer in time, or cannot be reached.
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send;
}

/// The port to the clock.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Time kept back at an invocation's end for telling how it ended.
const RESERVE: Duration = Duration::from_millis(250);
/// With less time left than this, a call is not begun.
const SHORTEST_CALL: Duration = Duration::from_millis(250);

/// Handles one event at a time.
#[derive(Debug)]
pub struct Handler<A, C> {
    config: Config,
    aws: A,
    clock: C,
    memory: Mutex<Memory>,
}

/// What Lambda tells of an invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When it must be over.
    pub deadline: Timestamp,
    /// The function itself, whose account and region all ARNs must share; unknown offline.
    pub function: Option<FunctionArn>,
}

/// All that is to be told of one event.
#[derive(Debug)]
pub struct Handled {
    /// What the event says of itself.
    pub envelope: Envelope,
    /// What it asks for, if it is sound and allowed.
    pub trigger: Option<Trigger>,
    /// The calls that were made.
    pub journal: Journal,
    /// When the handling ended.
    pub ended_at: Timestamp,
    /// How.
    pub result: Result<Outcome, Failure>,
}

impl Handled {
    /// An event that was not looked into, since the function itself is not sound.
    #[must_use]
    pub fn refused(event: &Value, now: Timestamp, failure: Failure) -> Self {
        Self {
            envelope: Envelope::of(event),
            trigger: None,
            journal: Journal::new(now),
            ended_at: now,
            result: Err(failure),
        }
    }
}

impl<A: Aws, C: Clock> Handler<A, C> {
    /// With clients and clock that live as long as the function.
    pub fn new(config: Config, aws: A, clock: C) -> Self {
        Self {
            config,
            aws,
            clock,
            memory: Mutex::default(),
        }
    }

    /// Handles `event`; no call is begun that cannot end before the deadline.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Handled {
        let envelope = Envelope::of(&event);
        let mut journal = Journal::new(self.clock.now());
        let (trigger, result) = match trigger::read(event, &self.config, invocation.function.as_ref()) {
            Ok(trigger) => {
                let result = self.run(&trigger, &mut journal, invocation.deadline).await;
                (Some(trigger), result)
            }
            Err(problems) => (None, Err(Failure::from(problems))),
        };
        Handled {
            envelope,
            trigger,
            journal,
            ended_at: self.clock.now(),
            result,
        }
    }

    async fn run(&self, trigger: &Trigger, journal: &mut Journal, deadline: Timestamp) -> Result<Outcome, Failure> {
        loop {
            match decide(trigger, &self.config, journal) {
                Step::End(result) => return result,
                Step::Call(call) => {
                    let entry = self.answer(*call, deadline).await?;
                    journal.entries.push(entry);
                }
            }
        }
    }

    async fn answer(&self, call: Call, deadline: Timestamp) -> Result<Entry, Failure> {
        let asked_at = self.clock.now();
        if let Some(answer) = self.memory().recall(&call, asked_at) {
            return Ok(Entry {
                call,
                asked_at,
                answered_at: asked_at,
                remembered: true,
                answer: Ok(answer),
            });
        }
        let left = deadline.since(asked_at.after(RESERVE));
        if left < SHORTEST_CALL {
            let message = format!("no time is left in this invocation for {}", call.operation());
            return Err(Failure::transient("out_of_time", message));
        }
        let within = match &call {
            Call::DeregisterTargets { within, .. } => left.min(*within),
            _ => left,
        };
        let answer = self.aws.perform(&call, within).await;
        let answered_at = self.clock.now();
        let error = answer.as_ref().err().map(|error| error.kind.category());
        let millis = answered_at.since(asked_at).as_millis();
        tracing::debug!(operation = call.operation(), millis, error, "AWS call");
        let answer = self.memory().note(&call, answer, answered_at);
        Ok(Entry {
            call,
            asked_at,
            answered_at,
            remembered: false,
            answer,
        })
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Whoever panicked with the lock can have left only whole entries.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
