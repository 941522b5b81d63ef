//! The five invariants of `start_engines_core::decide`, checked while the world moves; and that a task which is asked
//! to stop is stopped in the end (6), a stop of one that never ran asks before it takes a target out (7), another
//! deployment's is never touched (8), and a stop of many ends no task before it has drained (9).
//!
//! Knows of each task what really is, never what the function thinks.

use std::collections::{BTreeMap, BTreeSet};

use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_fake_aws::{Health, World};

use crate::account::{Attached, Mode, Whom};

/// By how much DescribeTargetHealth may lag, in milliseconds.
const HEALTH_LAG: i64 = 2_000;

/// A target: group, address, port.
pub(crate) type Target = (String, String, u16);

/// How far a task really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Live,
    Stopping,
    Stopped,
}

/// A task, as it really is.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) stage: Stage,
    pub(crate) mode: Mode,
    /// The container instance that it is on.
    pub(crate) instance: Option<String>,
    pub(crate) attached: Vec<Attached>,
    /// All targets that it can have; none before it has its address.
    pub(crate) targets: Vec<Target>,
    /// Those that one of its own events has registered, and when.
    own: BTreeMap<Target, i64>,
    /// When its last event was made.
    pub(crate) stopped_at: Option<i64>,
    /// Deliveries, retries and late calls of its events that are still to come.
    pub(crate) outstanding: usize,
    /// Somebody has asked for its stop: from then on its own events may take its targets out.
    pub(crate) is_asked_to_stop: bool,
    /// When its start was asked for, in whole seconds.
    asked_at: i64,
    service: usize,
    /// Since when ListTasks lists it.
    pub(crate) listed_since: Option<i64>,
    /// The schedule that was to stop it never came.
    pub(crate) is_second_half_lost: bool,
    /// The handling of its RUNNING event, or a reconcile, has succeeded while it was live.
    pub(crate) is_attached: bool,
    /// When it became live.
    pub(crate) live_since: Option<i64>,
    /// One of its events was lost for good: nothing is promised until a reconcile.
    pub(crate) is_in_need: bool,
    /// It is another deployment's, which sees to its targets.
    pub(crate) is_anothers: bool,
}

impl Life {
    fn is_of(&self, task: &str, whom: &Whom) -> bool {
        match whom {
            _ if self.is_anothers => false,
            Whom::Cluster(cluster) => task.contains(&format!(":task/{cluster}/")),
            Whom::Service(service) => self.service == *service,
        }
    }

    fn is_over(&self) -> bool {
        self.stage == Stage::Stopped && self.outstanding == 0 && !self.is_in_need
    }
}

/// What is known of a task when it is started.
pub(crate) struct Birth {
    pub(crate) service: usize,
    /// When its start was asked for, in whole seconds.
    pub(crate) asked_at: i64,
    pub(crate) attached: Vec<Attached>,
    pub(crate) mode: Mode,
    /// Its container instance.
    pub(crate) instance: Option<String>,
}

/// What must hold, broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

/// All tasks, and what was started.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    lives: BTreeMap<String, Life>,
    /// Who has, or has had, an address, or a port of an instance.
    holders: BTreeMap<String, Vec<String>>,
    /// Tasks by the identity of their start.
    started: BTreeMap<String, usize>,
    /// Stops of many that somebody has asked for.
    stops: Vec<StopOfMany>,
}

/// A stop of many that somebody has asked for.
#[derive(Debug)]
struct StopOfMany {
    whom: Whom,
    /// In whole seconds.
    asked_at: i64,
    /// For how long its tasks are to drain, in seconds.
    drain: i64,
    /// When it was first handled.
    handled_at: Option<i64>,
}

impl StopOfMany {
    fn concerns(&self, task: &str, life: &Life) -> bool {
        life.asked_at < self.asked_at && life.is_of(task, &self.whom)
    }
}

impl Promises {
    /// A task has been started.
    ///
    /// 4: one start event never yields more than `count` tasks.
    pub(crate) fn born(&mut self, task: &str, identity: &str, count: usize, birth: Birth) -> Result<(), Broken> {
        let life = Life {
            stage: Stage::Starting,
            attached: birth.attached,
            asked_at: birth.asked_at,
            service: birth.service,
            listed_since: None,
            is_second_half_lost: false,
            mode: birth.mode,
            instance: birth.instance,
            targets: Vec::new(),
            own: BTreeMap::new(),
            stopped_at: None,
            outstanding: 0,
            is_asked_to_stop: false,
            is_attached: false,
            live_since: None,
            is_in_need: false,
            is_anothers: false,
        };
        self.lives.insert(task.to_owned(), life);
        let started = self.started.entry(identity.to_owned()).or_default();
        *started += 1;
        if *started > count {
            return Err(Broken(format!(
                "4: {identity} asked for {count} tasks, and {task} is one more"
            )));
        }
        Ok(())
    }

    /// Somebody has asked for the stop of many; zero seconds promise no drain.
    pub(crate) fn stop_asked_for(&mut self, whom: Whom, asked_at: i64, drain: i64) {
        self.stops.push(StopOfMany {
            whom,
            asked_at,
            drain,
            handled_at: None,
        });
    }

    /// A try of a stop of many begins.
    pub(crate) fn stop_is_tried(&mut self, whom: &Whom, asked_at: i64, now: i64) {
        let tried = self
            .stops
            .iter_mut()
            .filter(|stop| (&stop.whom, stop.asked_at) == (whom, asked_at));
        for stop in tried {
            stop.handled_at.get_or_insert(now);
        }
    }

    /// The tasks that drain because of a stop of many; `None` if one that it concerns has no tag.
    pub(crate) fn draining(&self, whom: &Whom, asked_at: i64, world: &World) -> Option<Vec<String>> {
        let lives = self.lives.iter().filter(|(task, life)| {
            let is_there = matches!(life.stage, Stage::Starting | Stage::Live);
            is_there && life.asked_at < asked_at && life.is_of(task, whom)
        });
        let tagged = |task: &String| {
            world
                .tags(task)
                .iter()
                .any(|(key, _)| key == STOP_AT)
                .then(|| task.clone())
        };
        lives.map(|(task, _)| tagged(task)).collect()
    }

    /// A stop of many ends a task.
    ///
    /// 9: not before its connections had the time that was asked for, since the stop was handled. A task whose tag says
    /// when is none of its business, and neither is one that it may see as not RUNNING yet.
    pub(crate) fn ended_by(
        &self,
        task: &str,
        whom: &Whom,
        asked_at: i64,
        now: i64,
        world: &World,
    ) -> Result<(), Broken> {
        let life = &self.lives[task];
        let has_run = life.live_since.is_some_and(|since| since + 60_000 < now);
        let is_tagged = world.tags(task).iter().any(|(key, _)| key == STOP_AT);
        if life.stage != Stage::Live || !has_run || life.attached.is_empty() || is_tagged {
            return Ok(());
        }
        let stop = self
            .stops
            .iter()
            .find(|stop| (&stop.whom, stop.asked_at) == (whom, asked_at));
        let until = stop.and_then(|stop| Some(stop.handled_at? + stop.drain * 1000));
        match until {
            // The clocks of functions are off by a little.
            Some(until) if now + 2_000 < until => Err(Broken(format!(
                "9: {task} is ended at {now} by the stop of {whom:?} of {asked_at}, and was to drain until {until}"
            ))),
            _ => Ok(()),
        }
    }

    /// A stop of many that was asked for then ends a task, or has it drain.
    ///
    /// 5: a request to stop never ends a task whose start was asked for after it.
    pub(crate) fn stopped_by(&self, task: &str, asked_at: i64) -> Result<(), Broken> {
        let life = &self.lives[task];
        if life.asked_at < asked_at || life.is_asked_to_stop {
            return Ok(());
        }
        Err(Broken(format!(
            "5: {task} was asked for at {}, and a stop that was asked for at {asked_at} ends it",
            life.asked_at
        )))
    }

    /// A stop of many has succeeded in a try that began then: whatever it concerns is asked to stop, and is to be
    /// stopped in the end. What ListTasks did not list before that it may have missed.
    pub(crate) fn stop_succeeded(&mut self, whom: &Whom, asked_at: i64, began: i64) -> Result<(), Broken> {
        for (task, life) in &mut self.lives {
            let is_seen = life.listed_since.is_some_and(|since| since < began);
            let is_there = matches!(life.stage, Stage::Starting | Stage::Live);
            if is_there && is_seen && life.is_of(task, whom) && life.asked_at < asked_at && !life.is_asked_to_stop {
                let message =
                    format!("6: the stop of {whom:?} that was asked for at {asked_at} succeeded without {task}");
                return Err(Broken(message));
            }
        }
        Ok(())
    }

    /// Whether somebody has asked for an end of it, be it that nothing came of that yet.
    fn may_be_stopped(&self, task: &str, life: &Life) -> bool {
        life.is_asked_to_stop || self.stops.iter().any(|stop| stop.concerns(task, life))
    }

    /// A start has succeeded and named so many tasks.
    pub(crate) fn start_succeeded(&self, identity: &str, count: usize, named: usize) -> Result<(), Broken> {
        let exist = self.started.get(identity).copied().unwrap_or(0);
        if (exist, named) == (count, count) {
            return Ok(());
        }
        let message = format!("4: {identity} asked for {count} tasks, {exist} exist, and success named {named}");
        Err(Broken(message))
    }

    /// A task has its address, or its port of an instance; gives whether another task has had it before.
    pub(crate) fn addressed(&mut self, task: &str, place: String, target: impl Fn(&Attached) -> Target) -> bool {
        let life = self.life(task);
        life.targets = life.attached.iter().map(target).collect();
        let holders = self.holders.entry(place).or_default();
        holders.push(task.to_owned());
        holders.len() > 1
    }

    /// Whether another task was given the address of this one since.
    pub(crate) fn is_address_reused(&self, task: &str) -> bool {
        self.holders.values().any(|holders| {
            let found = holders.iter().position(|holder| holder == task);
            found.is_some_and(|place| place + 1 < holders.len())
        })
    }

    pub(crate) fn life(&mut self, task: &str) -> &mut Life {
        self.lives.get_mut(task).expect("a task of this world")
    }

    /// A RegisterTargets of an event of `task` is about to land.
    pub(crate) fn registers(&mut self, task: &str, target: Target, now: i64, world: &World) {
        let is_again = is_registered(world, &target);
        let own = &mut self.life(task).own;
        if is_again {
            own.entry(target).or_insert(i64::MIN);
        } else {
            own.insert(target, now);
        }
    }

    /// Tasks that have, or had within the last half hour, a target that a reconcile registers.
    pub(crate) fn holders_of(&self, target: &Target, since: i64) -> Vec<String> {
        let holds =
            |life: &Life| life.targets.contains(target) && life.stopped_at.is_none_or(|stopped_at| stopped_at >= since);
        let holders = self.lives.iter().filter(|(_, life)| holds(life));
        holders.map(|(task, _)| task.clone()).collect()
    }

    /// Whose target a reconcile registers: that of the task that lives, else of one that is stopping.
    pub(crate) fn holder_now(&self, target: &Target) -> Option<String> {
        let of = |stage| {
            let found = self
                .lives
                .iter()
                .find(|(_, life)| life.stage == stage && life.targets.contains(target));
            found.map(|(task, _)| task.clone())
        };
        of(Stage::Live).or_else(|| of(Stage::Stopping))
    }

    /// A reconcile of a cluster, begun at `began`, has come to its end: what lost events left undone is
    /// done, of every task that was where it is a minute before. Gives whether others are in need.
    pub(crate) fn is_reconciled(&mut self, cluster: &str, began: i64, world: &World) -> Result<bool, Broken> {
        let place = format!(":task/{cluster}/");
        let mut cured = Vec::new();
        let mut are_others = false;
        let is_recent = |time: Option<i64>| time.is_some_and(|time| time + 60_000 > began);
        let moves =
            |life: &&Life| life.stage == Stage::Starting || is_recent(life.live_since) || is_recent(life.stopped_at);
        let moving: BTreeSet<String> = self
            .lives
            .values()
            .filter(moves)
            .filter_map(|life| life.instance.clone())
            .collect();
        for (task, life) in self.lives.iter_mut().filter(|(task, _)| task.contains(&place)) {
            if life.is_second_half_lost && life.stage == Stage::Live {
                let tags = world.tags(task);
                let tag = tags.iter().find(|(key, _)| key == STOP_AT);
                let until = tag.and_then(|(_, time)| Timestamp::parse(time));
                // Nobody sees to it at once, as Scheduler may be late. A tag that a first try was too late to put
                // comes with the next one.
                if until.is_some_and(|until| until.millis() + 120_000 <= began) {
                    return Err(Broken(format!(
                        "6: {task} drained until {until:?}, and a reconcile of {began} leaves it"
                    )));
                }
                are_others = true;
            }
            if !life.is_in_need {
                continue;
            }
            let since = match life.stage {
                Stage::Live => life.live_since,
                Stage::Stopped => life.stopped_at,
                Stage::Starting | Stage::Stopping => None,
            };
            // Whoever starts, or has just begun or ended, on the instance may have been shown to get the port.
            let instance = life.instance.as_ref();
            let is_moving = instance.is_some_and(|instance| moving.contains(instance));
            if since.is_some_and(|since| since + 60_000 <= began) && !is_moving {
                life.is_in_need = false;
                cured.push(task.clone());
            } else {
                are_others = true;
            }
        }
        for task in cured {
            self.running_is_handled(&task, world)?;
            self.when_over(&task, world)?;
        }
        Ok(are_others)
    }

    /// Whether DescribeTargetHealth may still hide that a target was registered: for a moment, but
    /// not beyond the last event of the task that it belongs to.
    pub(crate) fn may_be_unseen(&self, target: &Target, now: i64) -> bool {
        let last = self
            .lives
            .values()
            .filter_map(|life| Some((life.own.get(target)?, life.stopped_at)));
        let last = last.max_by_key(|(registered_at, _)| **registered_at);
        last.is_some_and(|(&registered_at, stopped_at)| {
            let is_recent = now.saturating_sub(registered_at) < HEALTH_LAG;
            is_recent && stopped_at.is_none_or(|stopped_at| registered_at > stopped_at)
        })
    }

    /// A DeregisterTargets of an event of `task` is about to land.
    ///
    /// 3: a live task's target is never deregistered by another task's event; nor by its own.
    ///
    /// A reconcile, which is of no task, deregisters what it has registered for any that is asked to stop.
    pub(crate) fn deregisters(&self, task: Option<&str>, target: &Target, world: &World) -> Result<(), Broken> {
        if !is_registered(world, target) {
            return Ok(());
        }
        let is_own = |live: &str| task.is_none_or(|task| task == live);
        let robbed = self
            .lives
            .iter()
            .filter(|(live, life)| !(self.may_be_stopped(live, life) && is_own(live)))
            .find(|(_, life)| life.stage == Stage::Live && life.own.contains_key(target));
        match robbed {
            Some((live, _)) => Err(Broken(format!(
                "3: an event of {} takes {target:?} of {live}, which lives",
                task.unwrap_or("an operator")
            ))),
            None => Ok(()),
        }
    }

    /// The RUNNING event of a task is handled.
    ///
    /// 2: when the RUNNING event of a live task is handled, all its targets are registered.
    pub(crate) fn running_is_handled(&mut self, task: &str, world: &World) -> Result<(), Broken> {
        let may_be_stopped = self.may_be_stopped(task, &self.lives[task]);
        let life = self.life(task);
        life.is_attached |= life.stage == Stage::Live;
        if life.stage != Stage::Live || may_be_stopped || life.is_anothers {
            return Ok(());
        }
        match life.targets.iter().find(|target| !is_registered(world, target)) {
            Some(target) => Err(Broken(format!(
                "2: {task} lives, its RUNNING event is handled, and {target:?} is out"
            ))),
            None => Ok(()),
        }
    }

    /// To be asked whenever a task has stopped or one of its events is done with.
    ///
    /// 1: when all events of a stopped task are handled, none of its targets is registered. Unless
    /// another task has the address, whose events will see to it.
    pub(crate) fn when_over(&self, task: &str, world: &World) -> Result<(), Broken> {
        let life = &self.lives[task];
        if !life.is_over() {
            return Ok(());
        }
        let is_anothers = |target: &Target| {
            let others = self.lives.iter().filter(|(other, _)| *other != task);
            others
                .into_iter()
                .any(|(_, other)| other.targets.contains(target) && !other.is_over())
        };
        let left = life
            .targets
            .iter()
            .find(|target| is_registered(world, target) && !is_anothers(target));
        match left {
            Some(target) => Err(Broken(format!("1: {task} is over, and {target:?} is still registered"))),
            None => Ok(()),
        }
    }

    /// At the end, when every event is handled.
    pub(crate) fn at_the_end(&mut self, world: &World) -> Result<(), Broken> {
        // Somebody has seen to them by now.
        for life in self.lives.values_mut() {
            life.is_in_need = false;
        }
        for (task, life) in &self.lives {
            if life.outstanding > 0 {
                return Err(Broken(format!("events of {task} were never handled")));
            }
            if life.is_asked_to_stop && life.stage != Stage::Stopped {
                return Err(Broken(format!("6: {task} was asked to stop, and is {:?}", life.stage)));
            }
            if life.stage == Stage::Live && !life.is_attached && !life.is_anothers {
                return Err(Broken(format!("2: {task} lives and was never attached")));
            }
            self.when_over(task, world)?;
            let missing = life.targets.iter().find(|target| !is_registered(world, target));
            if let Some(target) = missing.filter(|_| life.stage == Stage::Live) {
                return Err(Broken(format!("3: {task} lives, and {target:?} is out")));
            }
        }
        Ok(())
    }
}

fn is_registered(world: &World, (group, id, port): &Target) -> bool {
    !matches!(world.health(group, id, *port), None | Some(Health::Draining))
}
