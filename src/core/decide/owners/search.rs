//! The search for the tasks of network interfaces, in all configured clusters: first among the tasks with the same
//! `startedBy`, in calls that grow with that service only; then among all.
//!
//! It may be long, so it goes on in another invocation where time runs out, with the page at which it stopped. That
//! changes nothing about what it proves:
//!
//! - a task that is found keeps its interface while it lives, so this does not expire;
//! - a task that is not found was in no page when that page was read. So an interface counts as nobody's only if it was old
//!   enough *when the search began*: then ECS showed its task in every page that was read since.
//!
//! ECS does not say for how long a `nextToken` of ListTasks is valid
//! ([ListTasks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html)). Where it refuses the one that
//! a search goes on with, that list is begun once more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::addresses::{has, names};
use super::survey::{self, Listing, Pace};
use crate::call::schedule::digest;
use crate::call::{Desired, ErrorKind};
use crate::config::Config;
use crate::decide::schedules::MIN_SCHEDULE_AHEAD;
use crate::decide::timing;
use crate::domain::arn::{Cluster, InterfaceId, TaskArn};
use crate::domain::interface::NetworkInterface;
use crate::domain::target::GroupTarget;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, WhyLater};
use crate::request::deregister::{Listed, Place, Progress, Search, SeenInterface};

/// The minimum time left in which a further page is read: what follows a search is a schedule, or a question to EC2 and
/// DeregisterTargets, and then the outcome events.
const MIN_PAGE_TIME: Duration = Duration::from_secs(10);

/// Who searches for what.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'w> {
    /// The task that had the targets.
    pub(crate) task: &'w Task,
    pub(crate) targets: &'w [&'w GroupTarget],
    /// The interfaces, other than the task's own, that EC2 shows with their addresses.
    pub(crate) interfaces: &'w [&'w NetworkInterface],
    /// What an earlier invocation has found.
    pub(crate) before: Option<&'w Progress>,
    /// Whether the search can go on in another invocation.
    pub(crate) can_go_on: bool,
}

/// How a search ended, or why it goes on.
#[derive(Debug)]
pub(crate) enum Found {
    /// Every interface has its task, or is nobody's.
    All(Progress),
    /// It goes on later.
    Later(Later),
}

/// A search that goes on later.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) progress: Progress,
    pub(crate) at: Timestamp,
    pub(crate) why: WhyLater,
}

/// Searches for the tasks of the interfaces.
///
/// # Errors
/// With the next call; or if it cannot go on later, and an interface has no task that ECS shows yet.
pub(crate) fn owners(wanted: Wanted<'_>, config: &Config, reader: &mut Reader<'_>) -> Result<Found, Halt> {
    let now = reader.now();
    let before = wanted.before;
    let seen_before = |id: &InterfaceId| before?.interfaces.iter().find(|seen| seen.id == *id);
    let interfaces = wanted.interfaces.iter().map(|shown| match seen_before(&shown.id) {
        Some(seen) => seen.clone(),
        None => SeenInterface {
            id: shown.id.clone(),
            first_seen: now,
            kept_by_owner: None,
        },
    });
    let mut interfaces: Vec<SeenInterface> = interfaces.collect();
    // An interface that was not known yet is searched for from the beginning.
    let is_known = wanted.interfaces.iter().all(|shown| seen_before(&shown.id).is_some());
    let places = places(wanted.task, config);
    let clusters = places.digest();
    let is_same = |before: &&Progress| before.search.as_ref().is_some_and(|search| search.clusters == clusters);
    let continued = before.filter(|_| is_known).filter(is_same);
    let mut kept = continued.map(|before| before.kept.clone()).unwrap_or_default();
    let search = continued.and_then(|before| before.search.as_ref());
    let began = search.map_or(now, |search| search.began);
    let from = search.map(|search| &search.at);

    let missing: Vec<&InterfaceId> = interfaces
        .iter()
        .filter(|seen| seen.kept_by_owner.is_none())
        .map(|seen| &seen.id)
        .collect();
    let piece = if missing.is_empty() {
        Arc::default()
    } else {
        read_on(&missing, &places, from, wanted.can_go_on, reader)?
    };
    for seen in &mut interfaces {
        if let Some(owner) = piece.by_interface.get(&seen.id) {
            let keeps = |target: &&&GroupTarget| owner.is_live() && names(owner, target);
            seen.kept_by_owner = Some(
                wanted
                    .targets
                    .iter()
                    .filter(keeps)
                    .map(|target| (*target).clone())
                    .collect(),
            );
        }
    }
    for target in wanted.targets {
        let has_it = |other: &Arc<Task>| other.arn != wanted.task.arn && has(other, target);
        if !kept.contains(target) && piece.without.iter().any(has_it) {
            kept.push((*target).clone());
        }
    }
    let later = |interfaces, kept, search, at, why| {
        Ok(Found::Later(Later {
            progress: Progress {
                interfaces,
                kept,
                search,
            },
            at,
            why,
        }))
    };
    if let Some(at) = &piece.paused {
        if from == Some(at) {
            return Err(no_progress(wanted.task).into());
        }
        let search = Search {
            began,
            at: at.clone(),
            clusters,
        };
        let soon = reader.now().after(MIN_SCHEDULE_AHEAD);
        return later(interfaces, kept, Some(search), soon, WhyLater::OwnerSearch);
    }
    // When the youngest of those that no task has is old enough.
    let mut ripe: Option<(Timestamp, &NetworkInterface)> = None;
    for (seen, &shown) in interfaces.iter().zip(wanted.interfaces) {
        let since = shown.attached_at.unwrap_or(seen.first_seen);
        let is_young = began.since(since) < timing::ECS_LAG;
        if seen.kept_by_owner.is_none() && is_young && ripe.is_none_or(|(latest, _)| since > latest) {
            ripe = Some((since, shown));
        }
    }
    match ripe {
        None => Ok(Found::All(Progress {
            interfaces,
            kept,
            search: None,
        })),
        Some((_, young)) if !wanted.can_go_on => Err(nobody_yet(&wanted.task.arn, young).into()),
        Some((since, _)) => {
            // A schedule's time has no fractions.
            let ripe = since.after(timing::ECS_LAG + Duration::from_secs(1));
            let at = ripe.max(reader.now().after(MIN_SCHEDULE_AHEAD));
            later(interfaces, kept, None, at, WhyLater::OwnerNotShown)
        }
    }
}

impl Progress {
    /// Whether a live task of start-engines has the target, by the interfaces that have its address now.
    pub(crate) fn is_owned(&self, target: &GroupTarget, interfaces: &[&NetworkInterface]) -> bool {
        let of_target = self
            .interfaces
            .iter()
            .filter(|seen| interfaces.iter().any(|interface| interface.id == seen.id));
        let mut kept = of_target.filter_map(|seen| seen.kept_by_owner.as_ref()).flatten();
        kept.any(|kept| kept == target) || !interfaces.is_empty() && self.kept.contains(target)
    }
}

/// The failure of a target whose address has an interface of which ECS shows no task.
pub(crate) fn nobody_yet(task: &TaskArn, interface: &NetworkInterface) -> Failure {
    let message = format!(
        "EC2 shows {} with an address that {} had, and ECS does not show its task yet",
        interface.id, task
    );
    Failure::new(Category::OwnerNotClear, message)
}

fn no_progress(task: &Task) -> Failure {
    let message = format!(
        "there was no time to read a page of the search for newer owners of the addresses of {}: increase the function's timeout",
        task.arn
    );
    Failure::new(Category::OutOfTime, message)
}

/// The lists in the order in which they are searched, each in all clusters.
struct Places<'p> {
    lists: Vec<(Listed, Listing<'p>)>,
    clusters: Vec<Cluster>,
}

impl Places<'_> {
    /// Changes with the clusters and their order: then a page before which all was read is another one.
    fn digest(&self) -> String {
        let clusters: Vec<&str> = self.clusters.iter().map(Cluster::as_str).collect();
        digest(&clusters.join(" "))
    }
}

fn places<'p>(task: &'p Task, config: &Config) -> Places<'p> {
    let same_service = task.started_by.as_deref();
    let same_service = same_service.map(|text| (Listed::SameService, Listing::StartedBy(text)));
    // A task that is stopping still has its interface.
    let everybody = [
        (Listed::Running, Listing::All(Desired::Running)),
        (Listed::Stopped, Listing::All(Desired::Stopped)),
    ];
    Places {
        lists: same_service.into_iter().chain(everybody).collect(),
        clusters: config.clusters_to_search(&task.cluster),
    }
}

/// Those of the tasks of these interfaces that have the same `startedBy`.
pub(crate) fn of_same_service(
    task: &Task,
    wanted: &[&InterfaceId],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Arc<Piece>, Halt> {
    let mut places = places(task, config);
    places.lists.retain(|(listed, _)| *listed == Listed::SameService);
    read_on(wanted, &places, None, false, reader)
}

/// What was found in a piece of a search.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The tasks of the interfaces.
    pub(crate) by_interface: HashMap<InterfaceId, Arc<Task>>,
    /// Live tasks with an address whose interface ECS does not show.
    without: Vec<Arc<Task>>,
    /// Where it stopped, if not at its end.
    paused: Option<Place>,
}

impl Piece {
    fn note(&mut self, described: &[Arc<Task>], wanted: &[&InterfaceId]) {
        for task in described {
            match &task.interface {
                Some(id) if wanted.contains(&id) => {
                    self.by_interface.insert(id.clone(), Arc::clone(task));
                }
                None if task.is_live() && task.network.addresses().is_some() => self.without.push(Arc::clone(task)),
                Some(_) | None => {}
            }
        }
    }

    fn add(&mut self, other: &Self) {
        let found = other.by_interface.iter();
        self.by_interface
            .extend(found.map(|(id, task)| (id.clone(), Arc::clone(task))));
        self.without.extend(other.without.iter().cloned());
    }
}

/// Reads on from a page; ends as soon as all tasks are found, and pauses when too little time is left.
fn read_on(
    wanted: &[&InterfaceId],
    places: &Places<'_>,
    from: Option<&Place>,
    can_pause: bool,
    reader: &mut Reader<'_>,
) -> Result<Arc<Piece>, Halt> {
    let Places { lists, clusters } = places;
    let all: Vec<(Listed, Listing<'_>, &Cluster)> = lists
        .iter()
        .flat_map(|(listed, listing)| clusters.iter().map(|cluster| (*listed, *listing, cluster)))
        .collect();
    let is_from = |place: &Place, (listed, _, cluster): &(Listed, Listing<'_>, &Cluster)| {
        *listed == place.listing && cluster.same_as(&place.cluster)
    };
    let place = from.and_then(|from| Some((all.iter().position(|it| is_from(from, it))?, from)));
    // A cluster that the configuration has ceased to name: its kind of list is begun once more.
    let begin = match (place, from) {
        (Some((begin, _)), _) => begin,
        (None, Some(from)) => all.iter().position(|(listed, ..)| *listed == from.listing).unwrap_or(0),
        (None, None) => 0,
    };
    let check = |reader: &Reader<'_>, _: &Piece| {
        let pauses = can_pause && !reader.has_time(MIN_PAGE_TIME);
        Ok(if pauses { Pace::Pause } else { Pace::GoOn })
    };
    reader.part(|reader| {
        let mut found = Piece::default();
        let mut place = place.map(|(_, place)| place);
        for (listed, listing, cluster) in all.iter().skip(begin) {
            let place = place.take();
            let mut is_second = place.is_some_and(|place| place.is_second);
            let mut token = place.and_then(|place| place.page.as_deref());
            let walk = loop {
                let note = |piece: &mut Piece, _: &[TaskArn], described: &[Arc<Task>]| {
                    piece.note(described, wanted);
                    found.by_interface.len() + piece.by_interface.len() >= wanted.len()
                };
                let walk = survey::walk(cluster, *listing, token, None, reader, check, note)?;
                let is_refused = walk
                    .error
                    .as_ref()
                    .is_some_and(|it| it.kind == ErrorKind::InvalidParameter);
                if !is_refused || token.is_none() || is_second {
                    break walk;
                }
                (token, is_second) = (None, true);
            };
            match &walk.error {
                // A cluster that is gone has no tasks.
                Some(error) if error.kind == ErrorKind::ClusterNotFound => {}
                Some(error) => return Err(error.into()),
                None => {}
            }
            found.add(&walk.found);
            if walk.is_paused {
                found.paused = Some(Place {
                    listing: *listed,
                    cluster: (*cluster).clone(),
                    page: walk.token.clone(),
                    is_second,
                });
                return Ok(found);
            }
            if found.by_interface.len() == wanted.len() {
                return Ok(found);
            }
        }
        Ok(found)
    })
}
