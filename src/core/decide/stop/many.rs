//! The stop of a service or of a cluster: the same steps for all its tasks, so that calls are shared and go side by
//! side.
//!
//! 1. List and describe the tasks, and decide what is to be done with each ([`super::prepared`]).
//! 2. One schedule for each minute in which a drain ends: the same stop again, with the time when this one was handled.
//!    Its name contains the identity of the first event and the minute, so whoever makes it again meets a conflict.
//! 3. Deregister the targets, of all tasks, before anything else: 10,000 are out within a minute.
//! 4. StopTask of those that do not drain.
//! 5. Tag those that drain. ECS takes 10 tags a second, so the tags of a large fleet take longer than its drain may: a
//!    task without a tag is stopped by the schedule all the same. Where the first event has not seen a task, its tag
//!    comes before its targets go: without it, its drain would count from the first event.
//!
//! What there is no time for, or what AWS throttles, is left to the same stop again, at the next full minute that
//! is at least 30 s ahead. If AWS's rates show beforehand that not all can be done, its schedule is made before StopTask, for
//! the last full minute of this invocation, so that hardly any time is lost between both.
//! Nothing is done twice then: what is stopped is not listed, what has a tag drains, and what has no target left drains
//! since the first event.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::done::{Done, out_of_time};
use super::drain;
use super::minutes::{self, Scheduled};
use super::prepared::{Course, Prepared, prepare};
use super::targets_out::{Leaving, Out, take_out};
use crate::call::ErrorKind;
use crate::config::Config;
use crate::decide::failures::{Failures, caught};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::stop::StopRequest;

/// How many tasks are stopped, or tagged, side by side: as many of these as there is time for.
const AT_ONCE: [usize; 8] = [100, 75, 50, 25, 10, 5, 2, 1];
/// How many at first, when nobody knows how long AWS takes.
const MAX_AT_FIRST: usize = 25;
/// How many StopTask AWS takes a second, and how many TagResource
/// ([ECS API throttling](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html)).
const STOPS_PER_SECOND: f64 = 40.0;
const TAGS_PER_SECOND: f64 = 10.0;
/// The time that is left after the last of them: for retries, the next schedule, and the outcome events.
const TAIL: Duration = Duration::from_secs(5);
/// How often a DeregisterTargets is made that ELB throttles.
const MAX_DEREGISTRATIONS: usize = 4;

/// Stops the tasks that `request` concerns.
pub(super) fn stop(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let prepared = reader.part(|reader| prepare(request, config, reader))?;
    let scheduled = minutes::schedule(request, &prepared, reader)?;
    let mut many = Many {
        request,
        prepared: &prepared,
        scheduled: &scheduled,
        unreached: BTreeSet::new(),
        has_begun: false,
        next: None,
        out: None,
        stopping: Vec::new(),
        tagging: Vec::new(),
        failures: Failures::default(),
    };
    many.run(config, reader)?;
    let mut done = many.done();
    many.continue_later(&mut done, reader)?;
    done.end()
}

struct Many<'r> {
    request: &'r StopRequest,
    prepared: &'r Prepared,
    scheduled: &'r Scheduled,
    /// Tasks for which no time was left, by their places; those that are not described come after the others.
    unreached: BTreeSet<usize>,
    /// Whether anything was changed: the first step is made however little time is left.
    has_begun: bool,
    /// When the same stop comes again, by its schedule, since not all can be done in this invocation.
    next: Option<Timestamp>,
    out: Option<Arc<Out>>,
    stopping: Vec<Arc<Stopping>>,
    tagging: Vec<Arc<Tagging>>,
    failures: Failures,
}

impl Many<'_> {
    fn run(&mut self, config: &Config, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let is_first = self.request.continuation.is_none();
        let begins = self.those(|course| matches!(course, Course::Begin(_)));
        let tagged_first: Vec<usize> = if is_first { Vec::new() } else { begins.clone() };
        let mut undrained = self.tag(&tagged_first, reader)?;

        let out = self.those(|course| matches!(course, Course::Stop | Course::Begin(_) | Course::Keep(_)));
        self.take_out(&out, config, reader)?;

        let mut stops = self.those(|course| course == Course::Stop);
        stops.append(&mut undrained);
        let mut tagged = self.those(|course| matches!(course, Course::Tag(_)));
        if is_first {
            tagged.extend(self.reached(&begins));
        }
        let first = self.prepared.tasks.len();
        let undescribed: Vec<usize> = (first..first + self.prepared.undescribed.len()).collect();
        self.go_on_in_time(stops.len() + undescribed.len(), tagged.len(), reader)?;
        self.stop_tasks(&stops, reader)?;
        let undrained = self.tag(&tagged, reader)?;
        self.stop_tasks(&undrained, reader)?;
        self.stop_tasks(&undescribed, reader)
    }

    /// Schedules the same stop again, if AWS's rates do not let all be done in this invocation. Later, Scheduler could send
    /// it a minute later only.
    fn go_on_in_time(&mut self, stops: usize, tags: usize, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let needed = time_for(stops, STOPS_PER_SECOND) + time_for(tags, TAGS_PER_SECOND);
        if reader.has_time(TAIL + needed) {
            return Ok(());
        }
        let next = minutes::next_ahead(self.request, self.prepared, self.scheduled, reader);
        self.next = caught(next, &mut self.failures)?.flatten();
        Ok(())
    }

    /// Whether so much time is left until the invocation ends, or the same stop comes again.
    fn has_time(&self, needed: Duration, reader: &Reader<'_>) -> bool {
        let is_in_time = |next: Timestamp| next.since(reader.now()) >= needed;
        reader.has_time(needed) && self.next.is_none_or(is_in_time)
    }

    /// What was done: once all is, as this takes time in a large fleet.
    fn done(&self) -> Done {
        let prepared = self.prepared;
        let mut done = Done {
            undrained: prepared.undrained.clone(),
            spared: prepared.spared,
            failures: prepared.failures.clone(),
            ..Done::default()
        };
        done.failures.extend(self.failures.clone());
        done.failures.extend(self.scheduled.failures.clone());
        if let Some(out) = &self.out {
            done.note_out(out);
        }
        for stopping in &self.stopping {
            done.stopped.extend(stopping.stopped.iter().cloned());
            done.failures.extend(stopping.failures.clone());
        }
        let mut undrained: BTreeSet<usize> = BTreeSet::new();
        for tagging in &self.tagging {
            undrained.extend(&tagging.undrained);
            done.failures.extend(tagging.failures.clone());
        }
        let arn = |n: &usize| Some(self.task(*n)?.1.clone());
        done.undrained.extend(undrained.iter().filter_map(arn));
        let mut draining = self.reached(&self.those(|course| course.until().is_some()));
        draining.retain(|n| !undrained.contains(n));
        done.draining = draining.iter().filter_map(arn).collect();
        done
    }

    /// The places of the tasks with such a course; but not of those whose drain has no schedule, unless it has begun.
    fn those(&self, is_meant: impl Fn(Course) -> bool) -> Vec<usize> {
        let is_scheduled = |course: Course| match course {
            Course::Begin(until) | Course::Tag(until) => self.scheduled.has(until, self.prepared.at),
            Course::Stop | Course::Keep(_) | Course::Leave => true,
        };
        let tasks = self.prepared.tasks.iter().enumerate();
        let meant = tasks.filter(|(_, (_, course))| is_meant(*course) && is_scheduled(*course));
        meant.map(|(n, _)| n).collect()
    }

    fn reached(&self, places: &[usize]) -> Vec<usize> {
        places.iter().copied().filter(|n| !self.unreached.contains(n)).collect()
    }

    fn take_out(&mut self, places: &[usize], config: &Config, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let places = self.reached(places);
        let with_targets = places
            .into_iter()
            .filter_map(|n| Some((n, &self.prepared.tasks.get(n)?.0)));
        let (places, leaving): (Vec<usize>, Vec<&Leaving>) =
            with_targets.filter(|(_, leaving)| !leaving.targets.is_empty()).unzip();
        if leaving.is_empty() {
            return Ok(());
        }
        let out = take_out(&leaving, self.has_begun, MAX_DEREGISTRATIONS, config, reader)?;
        self.has_begun = true;
        let unreached = out.unreached.iter().filter_map(|n| places.get(*n));
        self.unreached.extend(unreached);
        self.out = Some(out);
        Ok(())
    }

    fn task(&self, place: usize) -> Option<(&Cluster, &TaskArn)> {
        let described = self
            .prepared
            .tasks
            .get(place)
            .map(|(leaving, _)| (&leaving.cluster, &leaving.task.arn));
        described.or_else(|| {
            let place = place.checked_sub(self.prepared.tasks.len())?;
            self.prepared
                .undescribed
                .get(place)
                .map(|(cluster, arn)| (cluster, arn))
        })
    }

    /// StopTask, as far as there is time.
    fn stop_tasks(&mut self, places: &[usize], reader: &mut Reader<'_>) -> Result<(), Halt> {
        let places = self.reached(places);
        if places.is_empty() {
            return Ok(());
        }
        let this = &*self;
        let stopping = reader.steps(|stopping: &mut Stopping, reader| {
            let rest = places.get(stopping.at..).unwrap_or_default();
            let Some((cluster, _)) = rest.first().and_then(|n| this.task(*n)) else {
                return Ok(ControlFlow::Break(()));
            };
            let has_time = |needed| this.has_time(needed, reader);
            let fitting = stopping.pace.fitting(STOPS_PER_SECOND, this.has_begun, has_time);
            let tasks = rest.iter().filter_map(|n| Some((*n, this.task(*n)?)));
            let of_cluster = tasks.take(fitting).take_while(|(_, (of, _))| *of == cluster);
            let list: Vec<(usize, TaskArn)> = of_cluster.map(|(n, (_, arn))| (n, arn.clone())).collect();
            if list.is_empty() {
                stopping.unreached.extend(rest);
                return Ok(ControlFlow::Break(()));
            }
            let asked = list.iter().map(|(_, arn)| (arn.clone(), this.request.reason.clone()));
            let asked_at = reader.now();
            let answers = reader.stop_tasks(cluster, asked)?;
            stopping.at += list.len();
            stopping.pace.note(list.len(), asked_at, reader);
            for ((n, arn), answer) in list.into_iter().zip(answers) {
                let is_described = n < this.prepared.tasks.len();
                match answer {
                    Ok(()) => stopping.stopped.push(arn),
                    Err(error) if is_left(&error.kind) => {
                        stopping.unreached.push(n);
                        stopping.throttled.get_or_insert_with(|| error.into());
                    }
                    Err(error) if !is_described && error.kind == ErrorKind::InvalidParameter => {
                        let message = format!("{arn} was started a moment ago, and ECS does not know it yet: {error}");
                        stopping.failures.add(Failure::new(Category::TaskNotVisible, message));
                    }
                    Err(error) => stopping.failures.add(error),
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.has_begun = true;
        self.unreached.extend(&stopping.unreached);
        self.stopping.push(stopping);
        Ok(())
    }

    /// Tags tasks with the ends of their drains, as far as there is time; returns those that take no tag, and are to be
    /// stopped.
    fn tag(&mut self, places: &[usize], reader: &mut Reader<'_>) -> Result<Vec<usize>, Halt> {
        let places = self.reached(places);
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let this = &*self;
        let tagging = reader.steps(|tagging: &mut Tagging, reader| {
            let rest = places.get(tagging.at..).unwrap_or_default();
            let Some(first) = rest.first() else {
                return Ok(ControlFlow::Break(()));
            };
            // A schedule stops it by now: it needs no tag any more, and may not take one.
            if this.drain(*first).is_none_or(|(_, until)| until <= reader.now()) {
                tagging.at += 1;
                tagging.unreached.push(*first);
                return Ok(ControlFlow::Continue(()));
            }
            let has_time = |needed| this.has_time(needed, reader);
            let fitting = tagging.pace.fitting(TAGS_PER_SECOND, this.has_begun, has_time);
            let list: Vec<usize> = rest.iter().copied().take(fitting).collect();
            if list.is_empty() {
                tagging.unreached.extend(rest);
                return Ok(ControlFlow::Break(()));
            }
            let mut asked = Vec::new();
            for n in &list {
                if let Some((arn, until)) = this.drain(*n) {
                    asked.push((arn.clone(), drain::tag(until)?));
                }
            }
            let asked_at = reader.now();
            let answers = reader.tag_tasks(asked)?;
            tagging.at += list.len();
            tagging.pace.note(list.len(), asked_at, reader);
            for (n, answer) in list.into_iter().zip(answers) {
                match answer {
                    Ok(()) => {}
                    // It has stopped in the meantime.
                    Err(error) if error.kind == ErrorKind::ResourceNotFound => {}
                    Err(error) if drain::is_refused(&error.kind) => tagging.undrained.push(n),
                    Err(error) if is_left(&error.kind) => {
                        tagging.unreached.push(n);
                        tagging.throttled.get_or_insert_with(|| error.into());
                    }
                    Err(error) => {
                        tagging.unreached.push(n);
                        tagging.failures.add(error);
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.has_begun = true;
        self.unreached.extend(&tagging.unreached);
        let undrained = tagging.undrained.clone();
        self.tagging.push(tagging);
        Ok(undrained)
    }

    fn drain(&self, place: usize) -> Option<(&TaskArn, Timestamp)> {
        let (leaving, course) = self.prepared.tasks.get(place)?;
        Some((&leaving.task.arn, course.until()?))
    }

    /// Leaves what there was no time for to the same stop again.
    fn continue_later(&self, done: &mut Done, reader: &mut Reader<'_>) -> Result<(), Halt> {
        if self.unreached.is_empty() {
            return Ok(());
        }
        let tasks = self.unreached.len();
        if self.next.is_some() {
            done.left = tasks;
            return Ok(());
        }
        let at = reader.now();
        let next = minutes::next(self.request, self.prepared, self.scheduled, at, reader);
        let stops = self.stopping.iter().find_map(|stopping| stopping.throttled.clone());
        let throttled = || stops.or_else(|| self.tagging.iter().find_map(|tagging| tagging.throttled.clone()));
        match caught(next, &mut done.failures)? {
            Some(true) => done.left = tasks,
            Some(false) => done.failures.add(throttled().unwrap_or_else(|| out_of_time(tasks))),
            None => done.failures.add(out_of_time(tasks)),
        }
        Ok(())
    }
}

/// Whether the call can be left to the same stop again: AWS, or `API_RATES`, had no room for it in time.
fn is_left(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Throttled | ErrorKind::NotSent | ErrorKind::TimedOut)
}

/// How long so many calls take, of those of which AWS takes so many a second.
fn time_for(calls: usize, per_second: f64) -> Duration {
    Duration::from_secs_f64(1.0 / per_second) * u32::try_from(calls).unwrap_or(u32::MAX)
}

/// How long a call took of those before; nothing, before there were any.
#[derive(Debug, Default)]
struct Pace(Option<Duration>);

impl Pace {
    /// How many calls fit into the time that is left, of those of which AWS takes so many a second.
    fn fitting(&self, per_second: f64, has_begun: bool, has_time: impl Fn(Duration) -> bool) -> usize {
        let each = time_for(1, per_second).max(self.0.unwrap_or_default());
        let needed = |calls: usize| TAIL + each * u32::try_from(calls).unwrap_or(u32::MAX);
        let max = self.0.map_or(MAX_AT_FIRST, |_| usize::MAX);
        let mut sizes = AT_ONCE.into_iter().filter(|calls| *calls <= max);
        let fitting = sizes.find(|calls| has_time(needed(*calls)));
        fitting.unwrap_or(usize::from(!has_begun && self.0.is_none()))
    }

    fn note(&mut self, calls: usize, asked_at: Timestamp, reader: &Reader<'_>) {
        self.0 = Some(reader.now().since(asked_at) / u32::try_from(calls).unwrap_or(u32::MAX).max(1));
    }
}

/// How far the tasks are stopped.
#[derive(Debug, Default)]
struct Stopping {
    at: usize,
    pace: Pace,
    stopped: Vec<TaskArn>,
    unreached: Vec<usize>,
    throttled: Option<Failure>,
    failures: Failures,
}

/// How far the tasks are tagged.
#[derive(Debug, Default)]
struct Tagging {
    at: usize,
    pace: Pace,
    undrained: Vec<usize>,
    unreached: Vec<usize>,
    throttled: Option<Failure>,
    failures: Failures,
}
