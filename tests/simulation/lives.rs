//! The lives of tasks, and what DescribeTasks and ListTasks show of them: as fast and as stale as
//! the assumptions of `start_engines_core::decide::timing` allow, and not a millisecond more.

use std::net::Ipv4Addr;

use serde_json::Value;
use start_engines_core::decide::timing::{ATTACH, FRESH, INTERFACE, REUSE, SKEW};
use start_engines_core::domain::timestamp::Timestamp;

use crate::account::{Attached, By, Mode};
use crate::delivery::About;
use crate::promises::{Birth, Broken, Stage};
use crate::simulation::{HOUR, MINUTE, Mutant, SECOND, Simulation, Step};

const REUSE_MILLIS: i64 = REUSE.as_millis() as i64;
pub(crate) const ATTACH_MILLIS: i64 = ATTACH.as_millis() as i64;
const FRESH_MILLIS: i64 = FRESH.as_millis() as i64;
const INTERFACE_MILLIS: i64 = INTERFACE.as_millis() as i64;
/// By how much ECS may lag with a task that has a network interface.
const ECS_LAG: i64 = 30 * SECOND;
/// How long before `stoppedAt` a task can have given its address back.
const GIVEN_BACK: i64 = (REUSE.as_millis() - FRESH.as_millis()) as i64;
/// How far the clocks of functions may be off.
pub(crate) const SKEW_MILLIS: i64 = SKEW.as_millis() as i64;

/// A step of a task's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It gets its address.
    Pending,
    Running,
    /// Somebody sends a stop event.
    AskToStop,
    /// The first sign of a stop; before RUNNING it is a failed start.
    Stop,
    Deprovisioning,
    /// Its address goes back to the subnet.
    GiveBack,
    Stopped,
    /// DescribeTasks shows nothing older than this version from now on.
    Show(usize),
    /// ListTasks lists it from now on.
    List,
    /// ECS forgets it, and its client token.
    Forget,
    /// Somebody sees that it was to be stopped.
    Missed,
}

/// What DescribeTasks may show: any version from the one to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) oldest: usize,
    pub(crate) newest: usize,
}

impl Simulation {
    /// A task has been started.
    pub(crate) fn born(&mut self, task: &str, identity: &str, count: usize, service: usize) -> Result<(), Broken> {
        let tags = self.world.tags(task);
        let tag = tags.iter().find(|(key, _)| key == "start-engines:requested-at");
        let asked_at = match tag {
            Some((_, time)) => Timestamp::parse(time).expect("a time").millis(),
            None => self.now,
        };
        let birth = Birth {
            service,
            asked_at: asked_at.div_euclid(1000),
            attached: self.services[service].targets.clone(),
            mode: self.services[service].mode,
            instance: self.world.container_instance(task),
        };
        self.is_born(task, identity, count, birth)
    }

    pub(crate) fn is_born(&mut self, task: &str, identity: &str, count: usize, birth: Birth) -> Result<(), Broken> {
        self.statistics.count("lives");
        let mode = birth.mode;
        self.promises.born(task, identity, count, birth)?;
        self.tasks.insert(task.to_owned(), Shown { oldest: 0, newest: 1 });
        self.world.set_listed(task, false);
        if mode != Mode::Awsvpc {
            self.is_placed(task);
            return Ok(());
        }
        let lag = self.ecs_lag();
        self.turn_after(lag, task, Turn::Show(1));
        if self.rng.usize(..1000) < 40 {
            let fails = self.rng.i64(SECOND..=20 * SECOND);
            self.turn_after(fails, task, Turn::Stop);
        } else {
            let placed = self.rng.i64(SECOND / 2..=8 * SECOND);
            self.turn_after(placed, task, Turn::Pending);
        }
        Ok(())
    }

    pub(crate) fn turn_after(&mut self, millis: i64, task: &str, turn: Turn) {
        self.after(millis, Step::Turn(task.to_owned(), turn));
    }

    pub(crate) fn turn(&mut self, task: &str, turn: Turn) -> Result<(), Broken> {
        // What was to come of a task that somebody has stopped meanwhile.
        let is_over = matches!(self.promises.life(task).stage, Stage::Stopping | Stage::Stopped);
        if is_over && matches!(turn, Turn::Pending | Turn::Running | Turn::AskToStop | Turn::Stop) {
            return Ok(());
        }
        self.report(|| format!("{task} {turn:?}"));
        match turn {
            Turn::Pending => {
                self.advance(task);
                self.is_addressed(task);
            }
            Turn::Running if self.promises.life(task).mode != Mode::Awsvpc => self.runs_on_its_instance(task),
            Turn::Running => {
                let event = self.advance(task);
                let life = self.promises.life(task);
                life.stage = Stage::Live;
                life.live_since = Some(self.now);
                self.others_move(task);
                self.emit(task, &event);
                let lag = self.ecs_lag();
                self.turn_after(lag, task, Turn::Show(3));
                self.lives_on(task);
            }
            Turn::AskToStop => self.ask_to_stop(task),
            Turn::Stop => self.stops(task),
            Turn::Deprovisioning => {
                let event = self.advance(task);
                self.emit(task, &event);
            }
            Turn::GiveBack => {
                self.world.release_address(task);
                if let Some(address) = self.world.address(task) {
                    self.freed.insert(address, self.now);
                }
            }
            Turn::Stopped => {
                let event = self.advance(task);
                self.emit(task, &event);
                // EC2 shows by then that its interface is gone.
                self.world.forget_interface(task);
                let life = self.promises.life(task);
                life.stage = Stage::Stopped;
                life.stopped_at = Some(self.now);
                if life.is_in_need {
                    self.is_noticed(task);
                }
                self.gave_its_port_back(task);
                let forgotten = HOUR + self.rng.i64(0..=HOUR);
                self.turn_after(forgotten, task, Turn::Forget);
                return self.promises.when_over(task, &self.world);
            }
            Turn::Show(version) => {
                let shown = self.shown(task);
                shown.oldest = shown.oldest.max(version);
            }
            Turn::List => {
                self.world.set_listed(task, true);
                self.promises.life(task).listed_since = Some(self.now);
            }
            Turn::Missed => self.is_noticed(task),
            Turn::Forget => {
                self.tasks.remove(task);
                self.world.forget(task);
            }
        }
        Ok(())
    }

    pub(crate) fn shown(&mut self, task: &str) -> &mut Shown {
        self.tasks.get_mut(task).expect("ECS has not forgotten it")
    }

    pub(crate) fn advance(&mut self, task: &str) -> Value {
        self.shown(task).newest += 1;
        self.world.advance(task)
    }

    /// ECS is hardly ever behind, and at times by half a minute.
    fn ecs_lag(&mut self) -> i64 {
        if matches!(
            self.mutant,
            Mutant::TasksEndAtOnce | Mutant::LateRunningEventsAreBelieved | Mutant::AgesCountFromTheEnd
        ) {
            return ECS_LAG;
        }
        let longest = self
            .rng
            .choice([SECOND, SECOND, 8 * SECOND, ECS_LAG])
            .expect("one of these");
        self.rng.i64(0..=longest)
    }

    /// It has its address: `INTERFACE` begins. When the address was freed, `REUSE` began.
    fn is_addressed(&mut self, task: &str) {
        let address = self.world.address(task).expect("an address");
        let ipv6 = ipv6_beside(address);
        let target = |attached: &Attached| {
            let id = match attached.by {
                By::Ipv6 => ipv6.clone(),
                By::Ipv4 | By::InstanceId | By::InstanceAddress => address.to_string(),
            };
            (attached.group.clone(), id, attached.port)
        };
        if self.promises.addressed(task, address.to_string(), target) {
            self.statistics.count("reused addresses");
        }
        let (seen, listed) = match self.mutant {
            Mutant::NewTasksAreShownLate => (10 * MINUTE, 10 * MINUTE),
            _ => (self.ecs_lag(), self.ecs_lag()),
        };
        self.turn_after(seen, task, Turn::Show(2));
        self.turn_after(listed, task, Turn::List);
        if self.rng.usize(..1000) < 60 {
            let fails = self.rng.i64(0..=MINUTE);
            return self.turn_after(fails, task, Turn::Stop);
        }
        let freed = self
            .freed
            .get(&address)
            .map_or(0, |freed| freed + REUSE_MILLIS - self.now);
        let soonest = match self.mutant {
            Mutant::AddressesAreReusedAtOnce => SECOND / 2,
            _ => INTERFACE_MILLIS.max(freed) + 1,
        };
        let pulls = if self.is_rush_hour {
            0
        } else {
            self.rng.choice([0, 0, SECOND, 20 * SECOND]).expect("one of these")
        };
        let pulls = self.rng.i64(0..=pulls);
        self.turn_after(soonest + pulls, task, Turn::Running);
    }

    pub(crate) fn lives_on(&mut self, task: &str) {
        let life = match self.rng.usize(..10) {
            0 => return,
            _ if self.mutant == Mutant::TasksEndAtOnce => self.rng.i64(0..=SECOND),
            _ if self.is_rush_hour => self.rng.i64(0..=30 * SECOND),
            1..=3 => self.rng.i64(0..=5 * SECOND),
            4..=6 => self.rng.i64(5 * SECOND..=5 * MINUTE),
            _ => self.rng.i64(MINUTE..=4 * HOUR),
        };
        let end = if self.rng.usize(..1000) < 300 && !self.promises.life(task).is_anothers {
            Turn::AskToStop
        } else {
            Turn::Stop
        };
        self.turn_after(life, task, end);
    }

    fn stops(&mut self, task: &str) {
        let has_run = self.promises.life(task).stage == Stage::Live;
        if has_run {
            self.world.stop(task, "UserInitiated", "Task stopped by user");
        } else {
            self.statistics.count("failed starts");
            if self.promises.life(task).instance.is_some() {
                self.statistics.count("failed starts on instances");
            }
            let container = "CannotPullContainerError: pull image manifest has been retried";
            self.world.fail_start(task, "Task failed to start", container);
        }
        self.is_stopping(task);
    }

    /// StopTask was made, for the first time or once more.
    pub(crate) fn is_stopped_by_request(&mut self, task: &str) {
        if matches!(self.promises.life(task).stage, Stage::Starting | Stage::Live) {
            self.statistics.count("tasks stopped by request");
            self.is_stopping(task);
        }
    }

    fn is_stopping(&mut self, task: &str) {
        let version = self.shown(task).newest + 1;
        self.shown(task).newest = version;
        let event = self.world.event(task);
        self.promises.life(task).stage = Stage::Stopping;
        self.others_move(task);
        self.emit(task, &event);
        let longest = if self.is_rush_hour {
            SECOND
        } else {
            self.rng
                .choice([SECOND, 5 * SECOND, 30 * SECOND])
                .expect("one of these")
        };
        let deprovisions = self.rng.i64(10..=longest);
        let stopped = deprovisions + self.rng.i64(10..=longest);
        // ECS deletes its interface first: the last event comes no sooner than `FRESH` after RUNNING.
        let life = self.promises.life(task);
        let soonest = match life.live_since {
            Some(since) if life.mode == Mode::Awsvpc && self.mutant != Mutant::TasksEndAtOnce => {
                since + FRESH_MILLIS - self.now
            }
            _ => 0,
        };
        let stopped = stopped.max(soonest);
        let given_back = self.rng.i64(deprovisions.max(stopped - GIVEN_BACK)..=stopped);
        if self.promises.life(task).mode == Mode::Awsvpc {
            self.turn_after(deprovisions, task, Turn::Deprovisioning);
            self.turn_after(given_back, task, Turn::GiveBack);
        }
        self.turn_after(stopped, task, Turn::Stopped);
        let lag = match self.mutant {
            Mutant::DescribeTasksLags => 10 * MINUTE,
            _ if self.promises.life(task).mode == Mode::Awsvpc => self.ecs_lag(),
            // By the last event of the task.
            _ => self.rng.i64(0..=stopped.min(REUSE_MILLIS) - 1),
        };
        self.turn_after(lag, task, Turn::Show(version));
    }

    /// Reports to the rule of a task's change, which lets through what the function asked for.
    pub(crate) fn emit(&mut self, task: &str, event: &Value) {
        let detail = &event["detail"];
        let is_of_start_engines = detail["startedBy"]
            .as_str()
            .is_some_and(|text| text.starts_with("start-engines/"));
        let is_running = detail["lastStatus"] == "RUNNING" && detail["desiredStatus"] == "RUNNING";
        assert!(
            is_of_start_engines && (is_running || detail["desiredStatus"] == "STOPPED"),
            "{event}"
        );
        let is_anothers = self.promises.life(task).is_anothers;
        // An outage takes several events of a task.
        let is_worse = self.promises.life(task).is_in_need && self.rng.bool();
        if !is_anothers && (is_worse || self.rng.usize(..1000) < self.lost) {
            self.statistics.count("events lost for good");
            self.report(|| format!("{task} loses an event"));
            self.promises.life(task).is_in_need = true;
            self.is_noticed(task);
            return;
        }
        let about = About::Task {
            task: task.to_owned(),
            is_running,
        };
        self.send(event.clone(), about);
    }
}

/// As the fake gives them.
fn ipv6_beside(address: Ipv4Addr) -> String {
    let [_, _, high, low] = address.octets();
    std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, u16::from(high), u16::from(low)).to_string()
}
