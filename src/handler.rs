//! The loop of the crate's picture: read the event, decide, call, note the answer, decide again.
//!
//! Makes no decision of its own but one: it begins no call for which the invocation has no time
//! left. Must not know the SDK; calls go through the port [`Aws`].

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::arn::{EventBus, FunctionArn};
use crate::call::{Answer, Call, CallError, MOST_EVENTS_PUT};
use crate::config::Config;
use crate::decide::{Step, decide};
use crate::journal::{Entry, Journal};
use crate::memory::Memory;
use crate::outcome::{Failure, Outcome};
use crate::outcome_event::{self, OutcomeEvent, Published};
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

/// How long the telling of outcomes may take, after all is done: an EventBridge that hangs must not
/// make every invocation long.
const PUBLISHING: Duration = Duration::from_secs(5);
/// How often an event is put that EventBridge does not take, though it takes others.
const MOST_PUTS: usize = 2;

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
    /// What became of its outcome events.
    pub published: Published,
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
            published: Published::default(),
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
        let mut handled = Handled {
            envelope,
            trigger,
            journal,
            ended_at: self.clock.now(),
            result,
            published: Published::default(),
        };
        let until = handled.ended_at.after(PUBLISHING).min(invocation.deadline);
        self.publish(&mut handled, until).await;
        handled
    }

    /// Tells applications. What was done stays done, whatever becomes of this.
    async fn publish(&self, handled: &mut Handled, deadline: Timestamp) {
        let Some(bus) = &self.config.outcome_bus else {
            return;
        };
        if let Some(look) = outcome_event::look(handled)
            && let Ok(entry) = self.answer(look, deadline).await
        {
            handled.journal.entries.push(entry);
        }
        for events in outcome_event::of(handled).chunks(MOST_EVENTS_PUT) {
            self.put(bus, events.to_vec(), handled, deadline).await;
        }
    }

    /// Puts up to 10 events. EventBridge may take some and not others: those are put once more.
    async fn put(&self, bus: &EventBus, mut events: Vec<OutcomeEvent>, handled: &mut Handled, deadline: Timestamp) {
        let mut refused = Vec::new();
        for _ in 0..MOST_PUTS {
            let call = Call::PutEvents {
                bus: bus.clone(),
                events: events.clone(),
            };
            let entry = match self.answer(call, deadline).await {
                Ok(entry) => entry,
                Err(failure) => {
                    refused = vec![failure.message];
                    break;
                }
            };
            let not_put = match &entry.answer {
                Ok(Answer::NotPut(not_put)) => not_put.clone(),
                Ok(_) => Vec::new(),
                Err(error) => {
                    refused = vec![error.to_string()];
                    handled.journal.entries.push(entry);
                    break;
                }
            };
            handled.journal.entries.push(entry);
            handled.published.published += events.len() - not_put.len();
            events = not_put
                .iter()
                .filter_map(|one| events.get(one.index).cloned())
                .collect();
            refused = not_put.into_iter().map(|one| one.error).collect();
            if events.is_empty() {
                return;
            }
        }
        handled.published.unpublished += events.len();
        for error in refused {
            if !handled.published.errors.contains(&error) {
                handled.published.errors.push(error);
            }
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
