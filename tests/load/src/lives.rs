//! The lives of the traffic's tasks, what is heard of them, and the schedules that become due.

use std::time::Duration;

use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::parameters as p;
use crate::port::Account;
use crate::world::{Sent, Shared};

/// How a task of the traffic ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    OfItself,
    /// Somebody stops it without asking this function.
    Stopped,
    /// Somebody asks the function to stop it.
    Asked,
}

/// A step of a task's life that the rule lets the function hear of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Run,
    /// It ends by itself: DEPROVISIONING is the first sign.
    End,
    /// Somebody stops it: still RUNNING. Then DEPROVISIONING, whose event the rule holds back.
    Stop,
    Stopped,
}

impl Shared {
    /// A task comes to life, and its events follow.
    pub(crate) async fn live(self, arn: String) {
        let stop = self.world().stop_of(&arn).expect("a task that was started");
        let starts = sleep(self.some(p::STARTING));
        let was_stopped = tokio::select! {
            () = stop.notified() => true,
            () = starts => false,
        };
        if !was_stopped {
            self.change(&arn, Step::Run);
            let runs = self.some(p::RUNNING);
            let end = self.world().end();
            // StopTask may be called before.
            tokio::select! {
                () = stop.notified() => {}
                () = self.ends(&arn, end, runs) => {}
            }
        }
        sleep(self.some(p::STOPPING)).await;
        self.change(&arn, Step::Stopped);
    }

    /// Waits until a task ends that nobody stops by the function.
    async fn ends(&self, arn: &str, end: End, runs: Duration) {
        sleep(runs).await;
        match end {
            End::OfItself => self.change(arn, Step::End),
            End::Stopped => self.change(arn, Step::Stop),
            End::Asked => {
                let event = self.world().stop_request(arn);
                self.request(event);
                sleep(Duration::from_millis(p::FORGOTTEN)).await;
                self.change(arn, Step::End);
            }
        }
    }

    /// An application sends an event.
    pub(crate) fn request(&self, event: Value) {
        let shared = self.clone();
        spawn_local(async move {
            sleep(shared.some(p::EVENTBRIDGE_DELIVERS)).await;
            shared.send(event, false);
        });
    }

    fn send(&self, event: Value, by_schedule: bool) {
        // Nobody listens any more when a run is over.
        let _ = self.events.send(Sent { event, by_schedule });
    }

    /// Invokes the function with the schedules that are due, for ever.
    pub(crate) async fn keep_schedules(self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            let due = self.world().due();
            for event in due {
                let shared = self.clone();
                spawn_local(async move {
                    sleep(shared.some(p::SCHEDULER_INVOKES)).await;
                    shared.send(event, true);
                });
            }
        }
    }

    /// StopTask was called for a task.
    pub(crate) fn stopped(&self, arn: &str) {
        let stop = self.world().stop_of(arn);
        if let Some(stop) = stop.filter(|_| self.world().begins_to_stop(arn)) {
            self.change(arn, Step::Stop);
            stop.notify_one();
        }
    }

    fn change(&self, arn: &str, step: Step) {
        let (event, times) = {
            let mut world = self.world();
            let event = world.change(arn, step);
            let times = if world.random.u32(..p::TWICE) == 0 { 2 } else { 1 };
            (event, times)
        };
        for _ in 0..times {
            let (shared, event) = (self.clone(), event.clone());
            spawn_local(async move {
                sleep(shared.some(p::ECS_TELLS) + shared.some(p::EVENTBRIDGE_DELIVERS)).await;
                shared.send(event, false);
            });
        }
    }
}
