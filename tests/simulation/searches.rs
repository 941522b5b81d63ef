//! Late stops whose search for an owner is cut short, and goes on with a scheduled event: soon, or much later.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::schedule::OneTimeSchedule;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::arn::InterfaceId;
use start_engines_core::domain::interface::InterfaceQuery;

use crate::delivery::{About, Delivery, time_at};
use crate::simulation::{MINUTE, Mutant, SECOND, Simulation};

/// The detail-type of the event with which a late stop goes on.
pub(crate) const GOES_ON: &str = "Deregister ECS Targets";

/// How long Lambda lets an invocation run.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The same in milliseconds, so that hardly a page of a search fits.
const SHORT_TIMEOUTS: RangeInclusive<u64> = 10_050..=10_400;

impl Simulation {
    /// How long an invocation has: for some late stops hardly enough to begin a search.
    pub(crate) fn timeout(&mut self, about: &About) -> Duration {
        let is_stop = matches!(about, About::Task { is_running: false, .. });
        match self.mutant {
            Mutant::AgesCountFromTheEnd => {}
            Mutant::SecondAnswersAreNotCompared => return TIMEOUT,
            _ if is_stop && self.rng.bool() => {}
            _ => return TIMEOUT,
        }
        if is_stop {
            Duration::from_millis(self.rng.u64(SHORT_TIMEOUTS))
        } else {
            TIMEOUT
        }
    }

    /// How slow a call is where that alone brings a mutant to light.
    pub(crate) fn slow(&self, call: &Call, about: &About, within: Duration) -> Option<RangeInclusive<i64>> {
        let is_stop = matches!(about, About::Task { is_running: false, .. });
        match (self.mutant, call) {
            (Mutant::SecondAnswersAreNotCompared, Call::ListTasksStartedBy { .. } | Call::DescribeTasks { .. })
                if is_stop =>
            {
                Some(2 * SECOND..=6 * SECOND)
            }
            (Mutant::TheBoundIsTwice, Call::DeregisterTargets { .. }) => {
                let within = i64::try_from(within.as_millis()).expect("not that long");
                Some(within - 2..=within - 1)
            }
            _ => None,
        }
    }

    /// A schedule exists.
    pub(crate) fn scheduled(&mut self, schedule: &OneTimeSchedule) {
        let event: Value = serde_json::from_str(&schedule.event).expect("an event");
        if event["detail-type"] == GOES_ON {
            // The task's stop is not handled before this event is.
            let task = event["detail"]["taskArn"].as_str().expect("a task");
            self.promises.life(task).outstanding += 1;
        }
    }

    /// The schedule of a late stop has fired: soon, or after Scheduler has tried again for a while.
    pub(crate) fn goes_on(&mut self, event: Value) {
        let task = event["detail"]["taskArn"].as_str().expect("a task").to_owned();
        let about = About::Task {
            task: task.clone(),
            is_running: false,
        };
        let soonest = match self.mutant {
            Mutant::AgesCountFromTheEnd => Some(5 * MINUTE),
            _ if self.rng.usize(..1000) < 300 => Some(MINUTE),
            _ => None,
        };
        if let Some(soonest) = soonest {
            self.statistics.count("late stops that went on late");
            let late = self.rng.i64(soonest..=30 * MINUTE);
            let delivery = Delivery {
                event: Rc::new(event),
                about,
                sent_at: self.now,
                tries: 0,
            };
            self.deliver_after(late, delivery);
        } else {
            self.send(event, about);
        }
        self.promises.life(&task).outstanding -= 1;
    }

    /// The network interface that a task has, or had.
    pub(crate) fn own_interface(&self, about: &About) -> Option<InterfaceId> {
        let event = self.world.event(about.task()?);
        let details = event["detail"]["attachments"][0]["details"].as_array()?;
        let id = details.iter().find(|detail| detail["name"] == "networkInterfaceId")?;
        id["value"].as_str()?.parse().ok()
    }

    /// For a mutant: what a version would read that takes ages at the end of a search.
    pub(crate) fn mutate_search(&self, event: &mut Value) {
        if self.mutant == Mutant::AgesCountFromTheEnd && event["detail"].get("search").is_some() {
            event["detail"]["search"]["began"] = json!(time_at(self.now));
        }
    }

    /// For a mutant: what a version would read that does not compare what EC2 shows after a search with what it showed
    /// before.
    pub(crate) fn mutate_second_answer(&mut self, id: u64, call: &Call, answer: &mut Result<Answer, CallError>) {
        if self.mutant != Mutant::SecondAnswersAreNotCompared {
            return;
        }
        if let (Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { .. }), Ok(Answer::Interfaces(found))) =
            (call, answer)
        {
            let shown = found.iter().map(|interface| interface.id.clone()).collect();
            let first = self.first_interfaces.entry(id).or_insert(shown);
            found.retain(|interface| first.contains(&interface.id));
        }
    }
}
