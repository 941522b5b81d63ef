//! Reads tasks and their targets again and again, for `--wait`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};

use crate::calls::Calls;
use crate::fleet::{Fleet, TaskSnapshot, attachments, is_started_by_start_engines, match_targets};
use crate::hosts::Hosts;

/// Reads tasks and target groups; caches container instances and task definitions.
#[derive(Debug)]
pub(crate) struct Inventory {
    calls: Calls,
    hosts: Hosts,
}

impl Inventory {
    pub(crate) fn new(calls: Calls) -> Self {
        Self {
            calls,
            hosts: Hosts::default(),
        }
    }

    /// Those of these tasks that ECS still has.
    pub(crate) async fn tasks(&mut self, cluster: &Cluster, arns: &[TaskArn]) -> Result<Vec<TaskSnapshot>, CallError> {
        let tasks = self.calls.describe_all(cluster, arns).await?;
        let own = tasks.iter().map(|timed| &timed.task);
        let own = own.filter(|task| is_started_by_start_engines(task));
        self.hosts.read(cluster, own, &self.calls).await?;
        let snapshots = tasks.into_iter().map(|timed| {
            let mut snapshot = TaskSnapshot {
                task: timed.task,
                stopping_at: timed.stopping_at,
                hosts: Vec::new(),
                ports: Vec::new(),
            };
            self.hosts.complete(&mut snapshot);
            snapshot
        });
        Ok(snapshots.collect())
    }

    /// All tasks of a cluster that ECS still lists.
    pub(crate) async fn list(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        self.calls.list(cluster).await
    }

    /// These tasks with all targets of their target groups.
    pub(crate) async fn fleet(&self, tasks: Vec<TaskSnapshot>) -> Result<Fleet, CallError> {
        let started = tasks.iter().filter(|snapshot| snapshot.is_started_by_start_engines());
        let named = started.flat_map(|snapshot| attachments(&snapshot.task, &snapshot.marks()));
        let groups: BTreeSet<TargetGroupArn> = named.map(|attachment| attachment.group).collect();
        let members = groups
            .into_iter()
            .map(async |group| match self.calls.members(&group).await {
                Err(error) if error.kind == ErrorKind::TargetGroupNotFound => Ok((group, Vec::new())),
                other => Ok((group, other?)),
            });
        let members: BTreeMap<_, _> = try_join_all(members).await?.into_iter().collect();
        Ok(match_targets(tasks, members))
    }
}
