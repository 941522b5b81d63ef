//! Lists and describes tasks of a cluster, page by page: the tasks of a page, and beside them the next page.
//!
//! Must not decide anything about them.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::call::{Call, CallError, Desired, MAX_TASKS_PER_DESCRIBE, TaskPage};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// Which tasks of a cluster are listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listing<'s> {
    /// All with this desired status.
    All(Desired),
    /// All with this desired status on a container instance, by its ARN.
    On(Desired, &'s str),
    /// All whose desired status is RUNNING, and that have this `startedBy`.
    StartedBy(&'s str),
}

impl Listing<'_> {
    /// ListTasks for a page.
    pub(crate) fn page(self, cluster: &Cluster, page: Option<String>) -> Call {
        let cluster = cluster.clone();
        let of = |desired, container_instance: Option<&str>, page| Call::ListTasks {
            cluster: cluster.clone(),
            desired,
            container_instance: container_instance.map(str::to_owned),
            page,
        };
        match self {
            Self::All(desired) => of(desired, None, page),
            Self::On(desired, instance) => of(desired, Some(instance), page),
            Self::StartedBy(text) => Call::ListTasksStartedBy {
                cluster,
                started_by: text.to_owned(),
                page,
            },
        }
    }
}

/// A walk over the pages of a list.
#[derive(Debug, Default)]
pub(crate) struct Walk<F> {
    /// What was found.
    pub(crate) found: F,
    /// The error of ListTasks that has ended it.
    pub(crate) error: Option<CallError>,
    /// Whether it was paused; it goes on with the page of [`Self::token`].
    pub(crate) is_paused: bool,
    /// The `nextToken` of the page whose tasks are to be described; `None` for the first page.
    pub(crate) token: Option<String>,
    /// That page.
    page: Option<Arc<TaskPage>>,
}

/// Whether a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    GoOn,
    Pause,
}

/// Lists and describes tasks, from the page of `token` on. `check` is called before each step: it may pause the walk, and
/// its failure ends it. `note` takes the tasks that were asked for, and those that DescribeTasks returned, and says whether
/// that is enough.
pub(crate) fn walk<F: Default + Any + Send + Sync>(
    cluster: &Cluster,
    listing: Listing<'_>,
    token: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'_>,
    check: impl Fn(&Reader<'_>, &F) -> Result<Pace, Failure>,
    mut note: impl FnMut(&mut F, &[TaskArn], &[Arc<Task>]) -> bool,
) -> Result<Arc<Walk<F>>, Halt> {
    reader.steps(|walk: &mut Walk<F>, reader| {
        if check(reader, &walk.found)? == Pace::Pause {
            walk.is_paused = true;
            walk.token = walk.token.take().or_else(|| token.map(str::to_owned));
            return Ok(ControlFlow::Break(()));
        }
        let Some(page) = walk.page.clone() else {
            return Ok(
                match reader.list_tasks(listing.page(cluster, token.map(str::to_owned)))? {
                    Ok(first) => {
                        walk.token = token.map(str::to_owned);
                        walk.page = Some(Arc::clone(first));
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        walk.error = Some(error.clone());
                        ControlFlow::Break(())
                    }
                },
            );
        };
        let listed: Vec<TaskArn> = page.tasks.iter().filter(|arn| Some(*arn) != except).cloned().collect();
        let chunks = || listed.chunks(MAX_TASKS_PER_DESCRIBE);
        let next = page.next.clone().map(|token| listing.page(cluster, Some(token)));
        let (described, next) = reader.describe_and_list(cluster, chunks().map(<[_]>::to_vec), next)?;
        let mut is_enough = false;
        for (chunk, described) in chunks().zip(described) {
            is_enough = note(&mut walk.found, chunk, described);
        }
        match next {
            Some(Ok(next)) if !is_enough => {
                walk.token.clone_from(&page.next);
                walk.page = Some(Arc::clone(next));
                return Ok(ControlFlow::Continue(()));
            }
            Some(Err(error)) if !is_enough => walk.error = Some(error.clone()),
            Some(_) | None => {}
        }
        walk.page = None;
        Ok(ControlFlow::Break(()))
    })
}

/// The tasks that ListTasks lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// Their snapshots.
    pub(crate) tasks: Vec<Arc<Task>>,
    /// Those that DescribeTasks does not return.
    pub(crate) undescribed: Vec<TaskArn>,
}

impl Survey {
    fn note(&mut self, listed: &[TaskArn], described: &[Arc<Task>]) -> bool {
        self.tasks.extend(described.iter().cloned());
        if described.len() < listed.len() {
            let is_known = |arn: &&TaskArn| described.iter().any(|task| task.arn == **arn);
            self.undescribed
                .extend(listed.iter().filter(|arn| !is_known(arn)).cloned());
        }
        false
    }
}

/// Every task that ListTasks lists and DescribeTasks returns. If it does not return a live one, the survey fails: that
/// task may have any address. `in_time` is called before each step, and its failure ends the survey.
pub(crate) fn tasks(
    cluster: &Cluster,
    listing: Listing<'_>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'_>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
) -> Result<Arc<Walk<Survey>>, Halt> {
    let lists_live_ones = !matches!(
        listing,
        Listing::All(Desired::Stopped) | Listing::On(Desired::Stopped, _)
    );
    let all_known = |survey: &Survey| match survey.undescribed.first() {
        Some(undescribed) if lists_live_ones => {
            let message = format!("ListTasks lists {undescribed}, which DescribeTasks does not return yet");
            Err(Failure::new(Category::TaskNotVisible, message))
        }
        Some(_) | None => Ok(()),
    };
    let check = |reader: &Reader<'_>, survey: &Survey| {
        all_known(survey)?;
        in_time(reader).map(|()| Pace::GoOn)
    };
    let walk = walk(cluster, listing, None, except, reader, check, Survey::note)?;
    all_known(&walk.found)?;
    Ok(walk)
}

/// Every task that ListTasks lists, whether or not DescribeTasks returns it.
pub(crate) fn listed(cluster: &Cluster, desired: Desired, reader: &mut Reader<'_>) -> Result<Arc<Walk<Survey>>, Halt> {
    walk(
        cluster,
        Listing::All(desired),
        None,
        None,
        reader,
        |_, _| Ok(Pace::GoOn),
        Survey::note,
    )
}
