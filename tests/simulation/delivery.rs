//! EventBridge, Lambda and the queues behind them: events that come twice, late, out of order or
//! only after a redrive, and invocations that are tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use serde_json::{Value, json};
use start_engines_core::outcome::{NextCheck, Outcome, Skip};
use start_engines_core::report::handled::Handled;

use crate::account::{self, First, Start, Whom};
use crate::checks::{self, CHECK};
use crate::promises::Broken;
use crate::searches::GOES_ON;
use crate::simulation::{HOUR, MINUTE, Mutant, SECOND, Simulation, Step};

/// Lambda tries an event again after these times.
const RETRIES: [i64; 2] = [MINUTE, 2 * MINUTE];
/// How long a start may be tried: well within the time for which ECS keeps its tokens.
const START_PROMISED: i64 = 55 * MINUTE;

/// Whose event it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Start {
        identity: String,
        count: usize,
        service: usize,
    },
    Task {
        task: String,
        is_running: bool,
    },
    /// Somebody, or a schedule, asks for its stop.
    Stop {
        task: String,
    },
    /// Somebody asks for the stop of all tasks of a service or a cluster.
    StopMany {
        whom: Whom,
        /// In whole seconds.
        asked_at: i64,
        /// A schedule has sent it, with which an earlier one goes on.
        is_second_half: bool,
        /// When this try began.
        began: i64,
    },
    /// An operator, or a schedule, asks for a comparison of tasks with targets.
    Reconcile {
        cluster: String,
        /// It is a part only, which goes on where another has stopped.
        is_part: bool,
        /// The tasks whose targets it has registered, in any try.
        touched: BTreeSet<String>,
        /// When it was asked for.
        asked_at: i64,
        /// When this try began.
        began: i64,
    },
    /// A schedule asks for a check of what was registered.
    Check {
        /// When it was to be made.
        planned_at: i64,
        /// Its tasks, with when they were registered.
        registered: BTreeMap<String, i64>,
    },
}

impl About {
    /// The task that it is about, if there is one yet.
    pub(crate) fn task(&self) -> Option<&str> {
        match self {
            Self::Start { .. } | Self::StopMany { .. } | Self::Reconcile { .. } | Self::Check { .. } => None,
            Self::Task { task, .. } | Self::Stop { task } => Some(task),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { identity, .. } => write!(f, "start {identity}"),
            Self::Task { task, is_running: true } => write!(f, "RUNNING of {task}"),
            Self::Task { task, .. } => write!(f, "a stop of {task}"),
            Self::Stop { task } => write!(f, "a request to stop {task}"),
            Self::StopMany { whom, .. } => write!(f, "a request to stop all of {whom:?}"),
            Self::Reconcile { cluster, .. } => write!(f, "a reconcile of {cluster}"),
            Self::Check { .. } => f.write_str("a check"),
        }
    }
}

/// An event on its way to the function.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) event: Rc<Value>,
    pub(crate) about: About,
    pub(crate) sent_at: i64,
    /// How often Lambda has tried it since it was last sent.
    pub(crate) tries: usize,
}

impl Delivery {
    pub(crate) fn new(event: Value, about: About, sent_at: i64) -> Self {
        Self {
            event: Rc::new(event),
            about,
            sent_at,
            tries: 0,
        }
    }
}

impl Simulation {
    /// Sends all start events of the story: alone, and in bursts.
    pub(crate) fn send_starts(&mut self, starts: usize, over: i64) {
        let begin = self.now;
        let mut at = 0;
        for n in 0..starts {
            let is_in_burst = self.rng.usize(..1000) < 600;
            if !is_in_burst {
                at = self.rng.i64(0..=over);
            }
            let service = self.rng.usize(..self.services.len());
            let count = if self.rng.usize(..1000) < 150 {
                1 + self.rng.usize(..10)
            } else {
                1
            };
            let first = self
                .rng
                .choice([First::Fargate, First::Fargate, First::Spot, First::Spot, First::Ec2])
                .expect("one of these");
            let identity = format!("key-{n}");
            // An application that is not sure sends the same start once more.
            let times = if self.rng.usize(..1000) < 50 { 2 } else { 1 };
            let requested_at = self.rng.bool().then(|| time_at(begin + at));
            for time in 0..times {
                let at = at + i64::from(time) * self.rng.i64(0..=MINUTE);
                let start = Start {
                    id: &format!("event-{n}-{time}"),
                    key: &identity,
                    service,
                    count,
                    first,
                    requested_at: requested_at.as_deref(),
                    on_unhealthy: checks::on_unhealthy(self.mutant, service),
                };
                let event = account::start_event(&self.services[service], &start, &time_at(begin + at));
                let about = About::Start {
                    identity: identity.clone(),
                    count,
                    service,
                };
                self.now = begin + at;
                self.send(event, about);
            }
            self.statistics.count("starts");
        }
        self.now = begin;
    }

    /// EventBridge takes an event: it comes soon, late, twice, or after somebody has redriven it.
    pub(crate) fn send(&mut self, event: Value, about: About) {
        let delay = match self.rng.usize(..1000) {
            0..=9 => {
                self.statistics.count("lost events, redriven");
                self.rng.i64(HOUR..=30 * HOUR)
            }
            10..=24 => self.rng.i64(MINUTE..=6 * HOUR),
            25..=99 => self.rng.i64(5 * SECOND..=MINUTE),
            100..=199 => self.rng.i64(SECOND..=10 * SECOND),
            200..=499 if self.is_rush_hour => self.rng.i64(2 * SECOND..=9 * SECOND),
            _ => self.rng.i64(20..=600),
        };
        let delivery = Delivery::new(event, about, self.now);
        if self.rng.usize(..1000) < 50 {
            self.statistics.count("duplicates");
            let later = match self.rng.usize(..10) {
                0..=5 => self.rng.i64(0..=SECOND),
                6..=8 => self.rng.i64(0..=2 * MINUTE),
                _ => self.rng.i64(0..=20 * MINUTE),
            };
            self.deliver_after(delay + later, delivery.clone());
        }
        self.deliver_after(delay, delivery);
    }

    pub(crate) fn deliver_after(&mut self, millis: i64, delivery: Delivery) {
        self.expect_landing(&delivery.about, 1);
        self.after(millis, Step::Deliver(delivery));
    }

    /// So many more things are to come of a task's events.
    pub(crate) fn expect_landing(&mut self, about: &About, more: usize) {
        if let Some(task) = about.task() {
            self.promises.life(task).outstanding += more;
        }
    }

    /// One of them is done with.
    pub(crate) fn is_done_with(&mut self, about: &About) -> Result<(), Broken> {
        let Some(task) = about.task() else {
            return Ok(());
        };
        self.promises.life(task).outstanding -= 1;
        self.promises.when_over(task, &self.world)
    }

    /// Whether a start comes so late after its first try that ECS may have forgotten its tokens: it
    /// would be done twice, and nobody promises otherwise.
    pub(crate) fn is_beyond_the_promise(&mut self, delivery: &Delivery) -> bool {
        let About::Start { identity, .. } = &delivery.about else {
            return false;
        };
        let first_tried = *self.first_tried.entry(identity.clone()).or_insert(self.now);
        let is_beyond = self.now - first_tried > START_PROMISED;
        if is_beyond {
            self.statistics.count("starts beyond the promise, not tried");
        }
        is_beyond
    }

    pub(crate) fn note_delivery(&mut self, delivery: &Delivery) {
        match &delivery.about {
            About::Task {
                task,
                is_running: false,
            } if self.now - delivery.sent_at > 5 * SECOND => {
                self.statistics.count("late stops");
                if self.promises.is_address_reused(task) {
                    let is_on_instance = self.promises.life(task).instance.is_some();
                    self.statistics.count(if is_on_instance {
                        "late stops of reused host ports"
                    } else {
                        "late stops of reused addresses"
                    });
                }
            }
            About::Task { .. }
            | About::Start { .. }
            | About::Stop { .. }
            | About::StopMany { .. }
            | About::Reconcile { .. }
            | About::Check { .. } => {}
        }
    }

    /// The event as the function gets it.
    pub(crate) fn as_delivered(&self, delivery: &Delivery) -> Value {
        let mut event = (*delivery.event).clone();
        if self.mutant == Mutant::LateStopsLookFresh && event["detail"]["desiredStatus"] == "STOPPED" {
            let now = self.world.clock.format(&time::format_description::well_known::Rfc3339);
            let now = json!(now.expect("a time"));
            if !event["detail"]["stoppedAt"].is_null() {
                event["detail"]["stoppedAt"] = now.clone();
            }
            event["time"] = now;
        }
        if self.mutant == Mutant::StopsGoByTheirHandling && matches!(delivery.about, About::StopMany { .. }) {
            event["time"] = json!(time_at(self.now));
        }
        if matches!(
            delivery.about,
            About::StopMany {
                is_second_half: true,
                ..
            }
        ) {
            self.mutate_second_half(&mut event);
        }
        if event["detail-type"] == CHECK {
            self.mutate_check(&mut event);
        } else if event["detail-type"] == GOES_ON {
            self.mutate_search(&mut event);
        } else if matches!(delivery.about, About::Task { is_running: false, .. }) {
            self.mutate_stop(&mut event);
        }
        event
    }

    /// An invocation has come to its end.
    pub(crate) fn is_handled(&mut self, id: u64, delivery: Delivery, handled: &Handled) -> Result<(), Broken> {
        let outcome = match &handled.result {
            Ok(outcome) => outcome,
            Err(failure) => {
                self.report(|| format!("#{id} fails: {failure}"));
                // Its event shows no binding and ECS has forgotten it: an operator is alerted, and its stop sees to the
                // rest.
                let is_running = matches!(delivery.about, About::Task { is_running: true, .. });
                if is_running && failure.category.name() == "ports_unknown" {
                    self.statistics.count("ports that are not reported");
                    return self.is_done_with(&delivery.about);
                }
                if !failure.transient {
                    return Err(Broken(format!("{} will never be handled: {failure}", delivery.about)));
                }
                return self.has_failed(delivery, failure.category.name());
            }
        };
        self.report(|| format!("#{id} ends: {outcome:?}"));
        self.statistics.count(format!("outcome {}", outcome.name()));
        if let Outcome::Continued { continued, .. } = outcome {
            self.statistics.count(format!("continued: {}", continued.why.name()));
        }
        match (&delivery.about, outcome) {
            (
                About::Start { identity, count, .. },
                Outcome::Started {
                    tasks, run_task_calls, ..
                },
            ) => {
                if *run_task_calls > 1 {
                    self.statistics.count("starts that climbed");
                }
                self.promises.start_succeeded(identity, *count, tasks.len())?;
            }
            (About::Task { task, is_running: true }, _) => {
                let check = match outcome {
                    Outcome::Registered { check, .. } => Some(check),
                    _ => None,
                };
                if matches!(check, Some(NextCheck::NotScheduled(_))) {
                    self.statistics.count("checks not scheduled");
                }
                self.promises.running_is_handled(task, &self.world)?;
                if matches!(outcome, Outcome::Deregistered { .. }) {
                    self.statistics.count("registrations undone");
                }
            }
            (
                About::Reconcile {
                    cluster,
                    is_part,
                    touched,
                    began,
                    ..
                },
                Outcome::Reconciled(repairs),
            ) => {
                self.statistics.count("reconciles that came to their end");
                for _ in &repairs.registered {
                    self.statistics.count("reconciled registrations");
                }
                for _ in &repairs.deregistered {
                    self.statistics.count("reconciled deregistrations");
                }
                for task in touched {
                    self.promises.life(task).outstanding -= 1;
                    self.promises.when_over(task, &self.world)?;
                }
                let is_whole = !is_part && repairs.continued.is_empty();
                if !is_whole || self.promises.is_reconciled(cluster, *began, &self.world)? {
                    self.reconcile_soon(cluster);
                }
            }
            (
                About::StopMany {
                    whom, asked_at, began, ..
                },
                outcome,
            ) => {
                match outcome {
                    Outcome::Stopped { spared, .. } if *spared > 0 => self.statistics.count("stops that spared tasks"),
                    Outcome::Skipped {
                        reason: Skip::RequestedLater(_),
                        ..
                    } => self.statistics.count("stops that spared tasks"),
                    _ => {}
                }
                // With what is left another one goes on.
                if matches!(outcome, Outcome::Stopped { left: 1.., .. }) {
                    self.statistics.count("stops of many that go on");
                } else {
                    self.promises.stop_succeeded(whom, *asked_at, *began)?;
                }
            }
            (About::Check { planned_at, .. }, Outcome::Checked(checked)) => self.is_checked(checked, *planned_at)?,
            (About::Task { .. } | About::Stop { .. }, _) => {}
            (About::Start { .. } | About::Reconcile { .. } | About::Check { .. }, other) => {
                panic!("{} ends as {other:?}", delivery.about)
            }
        }
        if let Outcome::Deregistered { reused, .. } = outcome
            && !reused.is_empty()
        {
            self.statistics.count("targets left to a newer task");
            let task = delivery.about.task().map(|task| self.promises.life(task));
            if task.is_some_and(|life| life.instance.is_some()) {
                self.statistics.count("host ports left to a newer task");
            }
        }
        self.is_done_with(&delivery.about)
    }

    /// Lambda tries again twice; then the event waits in the queue for somebody to redrive it.
    pub(crate) fn has_failed(&mut self, mut delivery: Delivery, category: &str) -> Result<(), Broken> {
        self.statistics.count(format!("failure {category}"));
        if self.mutant == Mutant::NothingIsTriedAgain {
            return self.is_done_with(&delivery.about);
        }
        let mut wait = match RETRIES.get(delivery.tries) {
            Some(wait) => {
                delivery.tries += 1;
                *wait
            }
            None => {
                self.statistics.count("redrives");
                delivery.tries = 0;
                match delivery.about {
                    About::Start { .. } | About::Reconcile { .. } => self.rng.i64(MINUTE..=10 * MINUTE),
                    About::Task { .. } | About::Stop { .. } | About::StopMany { .. } | About::Check { .. } => {
                        self.rng.i64(MINUTE..=12 * HOUR)
                    }
                }
            }
        };
        // Lambda adds some jitter.
        wait += self.rng.i64(0..=5 * SECOND);
        self.after(wait, Step::Deliver(delivery));
        Ok(())
    }

    pub(crate) fn time_of_day(&self) -> String {
        time_at(self.now)
    }
}

/// A time of the story, to the second.
pub(crate) fn time_at(millis: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).expect("a time");
    time.format(&time::format_description::well_known::Rfc3339)
        .expect("a time")
}
