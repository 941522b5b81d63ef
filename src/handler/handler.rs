//! Handles events: read the event, decide, call, record the answer, decide again.
//!
//! Single events and batches take the same way. Makes only two decisions of its own: it begins no call for which the
//! invocation has no time left, and of one task's events in a batch it handles only the newest. Must not know the SDK;
//! calls go through the port [`Aws`].

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{FunctionArn, TaskArn};
use start_engines_core::domain::task::Phase;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::Journal;
use start_engines_core::outcome::{Failure, Outcome, Skip};
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_core::request::envelope::Envelope;
use start_engines_core::request::{self, Trigger};

use crate::order;
use crate::rounds::Rounds;
use crate::work::Work;

/// Number of starts of one batch that are handled at the same time. RunTask allows 20 tasks a
/// second on Fargate
/// ([throttling](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html)), and takes
/// some hundred milliseconds.
const MAX_STARTS_AT_ONCE: usize = 8;

/// Handles events, alone or in batches.
#[derive(Debug)]
pub struct Handler<A, C> {
    rounds: Rounds<A, C>,
}

/// What Lambda passes with an invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When it must have ended.
    pub deadline: Timestamp,
    /// The function's ARN; all other ARNs must have its account and region. Unknown offline.
    pub function: Option<FunctionArn>,
}

impl<A: Aws, C: Clock> Handler<A, C> {
    /// A handler with its clients and clock, for the life of the function.
    pub fn new(config: Config, aws: A, clock: C) -> Self {
        Self {
            rounds: Rounds::new(config, aws, clock),
        }
    }

    /// Handles `event`; no call is begun that cannot end before the deadline.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Handled {
        let mut work = self.read(event, invocation);
        self.rounds.run(vec![&mut work], invocation.deadline).await;
        let mut one = [work.into_handled()];
        self.rounds.publish(&mut one, invocation.deadline).await;
        let [handled] = one;
        handled
    }

    /// Handles `events` concurrently, with coalesced calls; returns one result for each, in order.
    ///
    /// RUNNING tasks, stopping tasks, checks, requests to stop, and each other request run separately, so that none waits for
    /// another's slow call. Only a stop waits, for the starts that were requested before it (`order`).
    pub async fn handle_batch(&self, events: Vec<Value>, invocation: &Invocation) -> Vec<Handled> {
        let mut works: Vec<Work> = events.into_iter().map(|event| self.read(event, invocation)).collect();
        leave_newest(&mut works);
        let (mut running, mut stopping, mut stops) = (Vec::new(), Vec::new(), Vec::new());
        let (mut starts, mut reconciles, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        for work in &mut works {
            match &work.trigger {
                Some(Trigger::TaskStateChange(change)) if change.task.phase() == Phase::Running => running.push(work),
                Some(Trigger::TaskStateChange(_) | Trigger::Deregister(_)) => stopping.push(work),
                Some(Trigger::Stop(_)) => stops.push(work),
                Some(Trigger::Start(_)) => starts.push(work),
                Some(Trigger::Check(_)) => checks.push(work),
                Some(Trigger::Reconcile(_) | Trigger::ReconcileAll(_)) => reconciles.push(work),
                None => {}
            }
        }
        let deadline = invocation.deadline;
        let (mut waiting, stops): (Vec<&mut Work>, Vec<&mut Work>) = stops
            .into_iter()
            .partition(|stop| starts.iter().any(|start| order::waits(stop, start)));
        let (mut first, starts): (Vec<&mut Work>, Vec<&mut Work>) = starts
            .into_iter()
            .partition(|start| waiting.iter().any(|stop| order::waits(stop, start)));
        let at_once = if first.is_empty() || starts.is_empty() {
            MAX_STARTS_AT_ONCE
        } else {
            MAX_STARTS_AT_ONCE / 2
        };
        let first_before_stops = async {
            stream::iter(&mut first)
                .for_each_concurrent(at_once, |start| self.rounds.run(vec![start], deadline))
                .await;
            order::pass_started_tasks(&mut waiting, &first);
            self.rounds.run(waiting, deadline).await;
        };
        let starts = stream::iter(starts).for_each_concurrent(at_once, |start| self.rounds.run(vec![start], deadline));
        let reconciles = stream::iter(reconciles)
            .for_each_concurrent(MAX_STARTS_AT_ONCE, |request| self.rounds.run(vec![request], deadline));
        tokio::join!(
            self.rounds.run(stopping, deadline),
            self.rounds.run(stops, deadline),
            self.rounds.run(running, deadline),
            self.rounds.run(checks, deadline),
            first_before_stops,
            starts,
            reconciles
        );
        let mut all: Vec<Handled> = works.into_iter().map(Work::into_handled).collect();
        self.rounds.publish(&mut all, deadline).await;
        all
    }

    /// Carries out a request that came without an event, and publishes no outcome. Begins no call that cannot end before
    /// the deadline.
    ///
    /// # Errors
    /// With the failure that an event would have.
    pub async fn carry_out(&self, trigger: Trigger, deadline: Timestamp) -> Result<Outcome, Failure> {
        let mut work = Work {
            envelope: Envelope::default(),
            trigger: Some(trigger),
            journal: Journal::new(self.rounds.clock.now()).until(deadline),
            end: None,
        };
        self.rounds.run(vec![&mut work], deadline).await;
        work.into_handled().result
    }

    fn read(&self, event: Value, invocation: &Invocation) -> Work {
        let envelope = Envelope::of(&event);
        let now = self.rounds.clock.now();
        let (trigger, end) = match request::read(event, &self.rounds.config, invocation.function.as_ref()) {
            Ok(trigger) => (Some(trigger), None),
            Err(problems) => (None, Some((now, Err(Failure::from(problems))))),
        };
        Work {
            envelope,
            trigger,
            journal: Journal::new(now).until(invocation.deadline),
            end,
        }
    }
}

/// Of each task's events only the newest is handled, and of equal ones the first.
///
/// The older ones add nothing: a stopping task must not be registered, whatever its state was before; and if the newest
/// fails, it is the one that is delivered again.
fn leave_newest(works: &mut [Work]) {
    let mut newest: HashMap<TaskArn, (u64, usize)> = HashMap::new();
    let mut older = Vec::new();
    for (n, work) in works.iter().enumerate() {
        let Some(Trigger::TaskStateChange(change)) = &work.trigger else {
            continue;
        };
        // Versions begin at 1. An event without one is not compared.
        let (arn, version) = (&change.task.arn, change.task.version);
        if version == 0 {
            continue;
        }
        match newest.get_mut(arn) {
            None => {
                newest.insert(arn.clone(), (version, n));
            }
            Some(known) if known.0 < version => {
                older.push(known.1);
                *known = (version, n);
            }
            Some(_) => older.push(n),
        }
    }
    for n in older {
        if let Some(work) = works.get_mut(n) {
            work.end = Some((work.journal.began_at, Ok(Outcome::skipped(Skip::Superseded))));
        }
    }
}
