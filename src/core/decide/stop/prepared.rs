//! What a stop of a service or of a cluster is to do with each task, from what AWS shows before anything is changed.
//!
//! The first event has every task drain that does not yet. A later one (`continuation`) finds tasks with a tag, which
//! says when they are to be stopped; and tasks without, whose tag the first event had no time for. Their targets tell
//! which is which: where none is registered any more, the drain has begun when the first event was handled; where one
//! is, the task is seen for the first time, or a late RUNNING event has registered it again, and its drain begins now.
//!
//! Must not change anything.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::concerned::{self, Concerned};
use super::drain::{self, Delays, Targets};
use super::targets_out::{Leaving, OfGroup, in_groups};
use crate::call::ErrorKind;
use crate::config::Config;
use crate::decide::failures::Failures;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::tags;
use crate::domain::target::{Attachment, GroupTarget, TargetHealth};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::request::stop::{Drain, Selector, StopRequest};

/// How many DescribeTargetHealth are made side by side.
const MAX_AT_ONCE: usize = 8;

/// What is to be done with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It is stopped now.
    Stop,
    /// Its drain begins, and ends then.
    Begin(Timestamp),
    /// Its drain has begun and ends then; it has no tag yet.
    Tag(Timestamp),
    /// Its drain ends then, by its tag.
    Keep(Timestamp),
    /// Nothing, since what must be known is not; the failure was added.
    Leave,
}

impl Course {
    /// When its drain ends.
    pub(super) fn until(self) -> Option<Timestamp> {
        match self {
            Self::Begin(until) | Self::Tag(until) | Self::Keep(until) => Some(until),
            Self::Stop | Self::Leave => None,
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Prepared {
    /// All tasks that the stop concerns; of those whose targets are out already, without them.
    pub(super) tasks: Vec<(Leaving, Course)>,
    /// Those that DescribeTasks does not return yet.
    pub(super) undescribed: Vec<(Cluster, TaskArn)>,
    /// From when drains that begin now count.
    pub(super) at: Timestamp,
    /// Tasks that were to drain, and have no room for the tag.
    pub(super) undrained: Vec<TaskArn>,
    pub(super) spared: usize,
    pub(super) failures: Failures,
}

/// The tasks that the stop concerns.
#[derive(Debug, Default)]
struct Chosen {
    tasks: Vec<Candidate>,
    undescribed: Vec<(Cluster, TaskArn)>,
    spared: usize,
    failures: Failures,
}

#[derive(Debug)]
struct Candidate {
    task: Arc<Task>,
    cluster: Cluster,
    snapshot_at: Timestamp,
    attachments: Vec<Attachment>,
    /// Whether it drains, and goes on to.
    is_kept: bool,
}

impl Candidate {
    /// Whether its targets were deregistered when its drain began, and it is to be stopped now: the events of its stop
    /// deregister the rest.
    fn is_over(&self) -> bool {
        self.task.is_draining() && !self.is_kept
    }
}

/// Lists and describes the tasks, and decides what is to be done with each.
pub(super) fn prepare(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Prepared, Halt> {
    let chosen = reader.part(|reader| choose(request, config, reader))?;
    let of_tasks = chosen.tasks.iter().map(|it| (&*it.task, it.attachments.as_slice()));
    let delays = reader.part(|reader| Delays::of(of_tasks, request.drain, reader))?;
    let known = reader.steps(|known: &mut Vec<Targets>, reader| {
        let Some(candidate) = chosen.tasks.get(known.len()) else {
            return Ok(ControlFlow::Break(()));
        };
        known.push(match candidate.is_over() {
            true => Targets::default(),
            false => drain::targets(&candidate.task, &candidate.attachments, reader)?,
        });
        Ok(ControlFlow::Continue(()))
    })?;
    let is_later = request.continuation.is_some();
    let is_asked = |candidate: &Candidate| candidate.is_kept || is_later && !candidate.is_over();
    let asked = chosen.tasks.iter().zip(known.iter()).enumerate();
    let asked = asked.filter(|(_, (candidate, _))| is_asked(candidate));
    let asked = asked.flat_map(|(n, (_, known))| known.targets.iter().map(move |target| (n, target)));
    let registered = registered(asked, reader)?;

    let mut prepared = Prepared {
        tasks: Vec::new(),
        undescribed: chosen.undescribed.clone(),
        at: reader.now(),
        undrained: Vec::new(),
        spared: chosen.spared,
        failures: chosen.failures.clone(),
    };
    prepared.failures.extend(delays.failures.clone());
    prepared.failures.extend(registered.failures.clone());
    for (n, (candidate, known)) in chosen.tasks.iter().zip(known.iter()).enumerate() {
        let is_unknown = registered.unknown.contains(&n);
        let targets = match registered.found.get(&n) {
            Some(found) => found.clone(),
            // It is stopped in any case, if it comes to that.
            None if is_asked(candidate) && !is_unknown => Vec::new(),
            None => known.targets.clone(),
        };
        let drain = delays.drain_of(&candidate.task, &candidate.attachments, request.drain);
        let course = match (candidate.task.drains_until(), drain) {
            (Some(until), _) if candidate.is_kept => Course::Keep(until),
            (Some(_), _) | (None, Some(Duration::ZERO)) => Course::Stop,
            (None, None) => Course::Leave,
            (None, Some(_)) if !tags::has_room(&candidate.task.tags) => {
                prepared.undrained.push(candidate.task.arn.clone());
                Course::Stop
            }
            (None, Some(_)) if is_unknown => Course::Leave,
            (None, Some(drain)) => match request.continuation {
                Some(continuation) if targets.is_empty() => {
                    let until = drain::end_of(drain, continuation.handled_at);
                    let is_over = until <= prepared.at;
                    if is_over { Course::Stop } else { Course::Tag(until) }
                }
                Some(_) | None => Course::Begin(drain::end_of(drain, prepared.at)),
            },
        };
        if course.until().is_some() {
            prepared.failures.extend(known.unnamed.clone());
        }
        let is_out = matches!(course, Course::Leave | Course::Tag(_)) || candidate.is_kept && is_unknown;
        let leaving = Leaving {
            task: Arc::clone(&candidate.task),
            cluster: candidate.cluster.clone(),
            snapshot_at: candidate.snapshot_at,
            targets: if is_out { Vec::new() } else { targets },
            owner_scope: known.owner_scope.clone(),
            drains: course.until().is_some(),
        };
        prepared.tasks.push((leaving, course));
    }
    Ok(prepared)
}

fn choose(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Chosen, Halt> {
    let service = match &request.selector {
        Selector::Service { name, .. } => Some(name.as_str()),
        Selector::Cluster(_) | Selector::Task { .. } => None,
    };
    let stops_at_once = request.drain == Drain::For(Duration::ZERO);
    let mut chosen = Chosen::default();
    for cluster in request.clusters() {
        let snapshot_at = reader.now();
        let found = concerned::all(cluster, service, request, config, reader, &mut chosen.failures)?;
        let Concerned {
            tasks,
            undescribed,
            spared,
        } = match found {
            Ok(found) => found,
            // A cluster that is gone has no tasks. For a stop of a whole cluster, it is an error.
            Err(error) if error.kind == ErrorKind::ClusterNotFound && service.is_some() => continue,
            Err(error) => {
                chosen.failures.add(&error);
                continue;
            }
        };
        let now = reader.now();
        chosen.spared += spared;
        let named = undescribed.into_iter().map(|arn| (cluster.clone(), arn));
        chosen.undescribed.extend(named);
        chosen.tasks.extend(tasks.into_iter().map(|task| Candidate {
            attachments: drain::attachments(&task, config),
            is_kept: task.is_draining() && !concerned::is_overdue(&task, now) && !stops_at_once,
            task,
            cluster: cluster.clone(),
            snapshot_at,
        }));
    }
    Ok(chosen)
}

/// Which targets are registered and not draining.
#[derive(Debug, Default)]
struct Registered {
    /// By the place of their task.
    found: HashMap<usize, Vec<GroupTarget>>,
    /// Tasks of which that is not known.
    unknown: HashSet<usize>,
    failures: Failures,
    portions: Option<Arc<Vec<OfGroup>>>,
    at: usize,
}

fn registered<'t>(
    targets: impl Iterator<Item = (usize, &'t GroupTarget)>,
    reader: &mut Reader<'_>,
) -> Result<Arc<Registered>, Halt> {
    let mut targets = Some(targets);
    reader.steps(|registered: &mut Registered, reader| {
        let make = || Arc::new(targets.take().map(in_groups).unwrap_or_default());
        let portions = Arc::clone(registered.portions.get_or_insert_with(make));
        let next: Vec<_> = portions.iter().skip(registered.at).take(MAX_AT_ONCE).collect();
        if next.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        let calls = next.iter().map(|(group, of_group)| {
            let targets = of_group.iter().map(|(_, target)| target.clone()).collect();
            (group.clone(), targets)
        });
        let answers = reader.describe_target_health(calls)?;
        for ((group, of_group), answer) in next.iter().zip(answers) {
            match answer {
                Ok(health) => {
                    for ((n, target), health) in of_group.iter().zip(health) {
                        if matches!(health, TargetHealth::Registered(_)) {
                            let (group, target) = (group.clone(), target.clone());
                            registered
                                .found
                                .entry(*n)
                                .or_default()
                                .push(GroupTarget { group, target });
                        }
                    }
                }
                Err(error) if error.kind.is_gone() => {}
                Err(error) => {
                    registered.unknown.extend(of_group.iter().map(|(n, _)| *n));
                    registered.failures.add(error);
                }
            }
        }
        registered.at += next.len();
        Ok(ControlFlow::Continue(()))
    })
}
