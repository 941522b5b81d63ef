//! The tasks and target groups of clusters, read once: for what `status` shows, and for the plans of a reconcile, whose
//! calls are answered from it.
//!
//! In the order that a reconcile relies on (`start_engines_core::decide::reconcile`): the live tasks of all clusters, then
//! the stopped ones, then the target groups. What does not depend on each other is read side by side. Must not decide
//! anything, nor answer a call that changes something, or one that was not made while reading.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::try_join_all;
use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind, TaskPage};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::domain::target::TargetGroup;
use start_engines_core::domain::task::Task;
use start_engines_core::domain::timestamp::Timestamp;

use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::fleet::{self, Fleet, GroupMember, TaskSnapshot, match_targets};
use crate::hosts::Hosts;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The tasks of each list that ECS gave, or why it gave none.
    lists: HashMap<(Cluster, Desired), Result<Vec<TaskArn>, CallError>>,
    /// The newest snapshot of each task; none if ECS listed it, and did not describe it.
    tasks: HashMap<TaskArn, Option<Arc<Task>>>,
    /// `stoppingAt` of those that have it.
    stopping_at: HashMap<TaskArn, Timestamp>,
    hosts: Hosts,
    facts: HashMap<TargetGroupArn, Result<TargetGroup, CallError>>,
    members: BTreeMap<TargetGroupArn, Result<Vec<GroupMember>, CallError>>,
}

impl Reading {
    /// The tasks of these clusters, and of others, which need not exist.
    ///
    /// # Errors
    /// With the first call that fails, and its cluster.
    pub(crate) async fn of_tasks(clusters: &[Cluster], others: &[Cluster], calls: &Calls) -> Result<Self, Unread> {
        let mut reading = Self::default();
        for desired in [Desired::Running, Desired::Stopped] {
            let all = clusters.iter().chain(others);
            let lists = try_join_all(all.map(|cluster| list(cluster, desired, calls))).await?;
            for (cluster, list) in clusters.iter().chain(others).zip(lists) {
                let list = match list {
                    Err(error) if clusters.contains(cluster) => return Err(unread(cluster, error)),
                    Err(error) => Err(error),
                    Ok(found) => Ok(reading.keep(found)),
                };
                reading.lists.insert((cluster.clone(), desired), list);
            }
        }
        Ok(reading)
    }

    fn keep(&mut self, found: Vec<Described>) -> Vec<TaskArn> {
        let mut arns = Vec::with_capacity(found.len());
        for described in found {
            arns.push(described.arn.clone());
            if let Some(stopping_at) = described.stopping_at {
                self.stopping_at.insert(described.arn.clone(), stopping_at);
            }
            let known = self.tasks.entry(described.arn).or_default();
            let version = |task: &Option<Arc<Task>>| task.as_ref().map(|task| task.version);
            if version(&described.task) >= version(known) {
                *known = described.task;
            }
        }
        arns
    }

    /// Every task of a cluster that ECS described, each once, in the order of their ARNs.
    pub(crate) fn tasks(&self, cluster: &Cluster) -> impl Iterator<Item = &Task> {
        let lists = [Desired::Running, Desired::Stopped].map(|desired| self.lists.get(&(cluster.clone(), desired)));
        let arns: BTreeSet<&TaskArn> = lists.into_iter().flatten().flatten().flatten().collect();
        arns.into_iter().filter_map(|arn| self.tasks.get(arn)?.as_deref())
    }

    /// Reads the container instances and task definitions of a cluster's tasks.
    ///
    /// # Errors
    /// With the first call that fails.
    pub(crate) async fn read_hosts(&mut self, cluster: &Cluster, calls: &Calls) -> Result<(), CallError> {
        let mut hosts = std::mem::take(&mut self.hosts);
        let own: Vec<&Task> = self
            .tasks(cluster)
            .filter(|task| fleet::is_started_by_start_engines(task))
            .collect();
        let read = hosts.read(cluster, own.iter().copied(), calls).await;
        self.hosts = hosts;
        read
    }

    /// Reads the targets of target groups, and the facts of those that are to be compared.
    pub(crate) async fn read_groups(
        &mut self,
        compared: &BTreeSet<TargetGroupArn>,
        shown: &BTreeSet<TargetGroupArn>,
        calls: &Calls,
    ) {
        let all = compared.union(shown);
        calls.counting.groups(all.clone().count());
        let members = all.map(async |group| (group.clone(), calls.members(group).await));
        let facts = compared
            .iter()
            .map(async |group| (group.clone(), facts(group, calls).await));
        let (members, facts) = tokio::join!(
            futures_util::future::join_all(members),
            futures_util::future::join_all(facts)
        );
        self.members.extend(members);
        self.facts.extend(facts);
    }

    /// The first target group that could not be read, though it exists.
    pub(crate) fn unread_group(&self) -> Option<&CallError> {
        let errors = self.members.values().filter_map(|members| members.as_ref().err());
        let mut errors = errors.filter(|error| error.kind != ErrorKind::TargetGroupNotFound);
        errors.next()
    }

    /// The answer to one of a reconcile's reads, if it was read.
    pub(crate) fn answer(&self, call: &Call) -> Option<Result<Answer, CallError>> {
        match call {
            Call::ListTasks {
                cluster,
                desired,
                container_instance: None,
                page: None,
            } => {
                // All pages as one.
                let list = self.lists.get(&(cluster.clone(), *desired))?.clone();
                Some(list.map(|tasks| Answer::task_page(TaskPage { tasks, next: None })))
            }
            Call::DescribeTasks { tasks, .. } => {
                let known: Option<Vec<&Option<Arc<Task>>>> = tasks.iter().map(|arn| self.tasks.get(arn)).collect();
                Some(Ok(Answer::Tasks(known?.into_iter().flatten().cloned().collect())))
            }
            Call::DescribeTargetGroup { group } => Some(self.facts.get(group)?.clone().map(Answer::TargetGroup)),
            Call::DescribeTargets { group } => Some(match self.members.get(group)? {
                Ok(members) => {
                    let targets = members
                        .iter()
                        .map(|member| (member.target.clone(), member.health.clone()));
                    Ok(Answer::Targets(targets.collect()))
                }
                Err(error) => Err(error.clone()),
            }),
            other => self.hosts.answer(other).map(Ok),
        }
    }

    /// The tasks for which this holds, with their targets in these target groups. They are moved out of the reading, one
    /// after the other, so that there is no second copy.
    pub(crate) fn take_fleet(
        &mut self,
        cluster: &Cluster,
        groups: &BTreeSet<TargetGroupArn>,
        is_shown: impl Fn(&Task) -> bool,
    ) -> Fleet {
        let arns: Vec<TaskArn> = self.tasks(cluster).map(|task| task.arn.clone()).collect();
        let tasks = arns.iter().filter_map(|arn| self.tasks.remove(arn)?);
        // Nobody else has them once the plans are made.
        let tasks = tasks.filter_map(|task| is_shown(&task).then(|| Arc::unwrap_or_clone(task)));
        let snapshots = tasks.map(|task| {
            let mut snapshot = TaskSnapshot {
                stopping_at: self.stopping_at.get(&task.arn).copied(),
                task,
                hosts: Vec::new(),
                ports: Vec::new(),
            };
            self.hosts.complete(&mut snapshot);
            snapshot
        });
        let snapshots = snapshots.collect();
        let members = groups.iter().filter_map(|group| {
            let members = self.members.get(group)?.as_ref().ok()?;
            Some((group.clone(), members.clone()))
        });
        match_targets(snapshots, members.collect())
    }
}

/// A task that ECS listed.
struct Described {
    arn: TaskArn,
    task: Option<Arc<Task>>,
    stopping_at: Option<Timestamp>,
}

/// The tasks of a cluster could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    cluster: Cluster,
    error: CallError,
}

fn unread(cluster: &Cluster, error: CallError) -> Unread {
    Unread {
        cluster: cluster.clone(),
        error,
    }
}

impl From<Unread> for CommandError {
    fn from(unread: Unread) -> Self {
        let Unread { cluster, error } = unread;
        Self::Aws(format!("{cluster}: {}: {error}", error.kind.name()))
    }
}

/// The tasks of one list; the inner error is that a cluster does not exist.
async fn list(cluster: &Cluster, desired: Desired, calls: &Calls) -> Result<Result<Vec<Described>, CallError>, Unread> {
    let mut all = Vec::new();
    let listed = calls.tasks(cluster, desired, |arns, found| {
        let mut found: HashMap<TaskArn, _> = found.into_iter().map(|timed| (timed.task.arn.clone(), timed)).collect();
        all.extend(arns.into_iter().map(|asked| match found.remove_entry(&asked) {
            Some((arn, timed)) => Described {
                arn,
                stopping_at: timed.stopping_at,
                task: Some(Arc::new(timed.task)),
            },
            None => Described {
                arn: asked,
                task: None,
                stopping_at: None,
            },
        }));
    });
    match listed.await {
        Ok(()) => Ok(Ok(all)),
        Err(error) if error.kind == ErrorKind::ClusterNotFound => Ok(Err(error)),
        Err(error) => Err(unread(cluster, error)),
    }
}

async fn facts(group: &TargetGroupArn, calls: &Calls) -> Result<TargetGroup, CallError> {
    let call = Call::DescribeTargetGroup { group: group.clone() };
    match calls.read(&call).await? {
        Answer::TargetGroup(facts) => Ok(facts),
        _ => Err(CallError {
            operation: call.operation(),
            kind: ErrorKind::Unreadable,
            code: None,
            conflicting_tasks: Vec::new(),
            message: format!("no answer about {group}"),
        }),
    }
}
