//! Reads tasks and their targets again and again, for `--wait`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};

use crate::aws::{HealthCheck, TimedTask};
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
        self.snapshots(cluster, tasks).await
    }

    /// The same of tasks that were described.
    pub(crate) async fn snapshots(
        &mut self,
        cluster: &Cluster,
        tasks: Vec<TimedTask>,
    ) -> Result<Vec<TaskSnapshot>, CallError> {
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

    /// How the health of the targets of these target groups is checked; those that are gone, or have no checks, are left
    /// out.
    pub(crate) async fn checks(
        &self,
        groups: impl IntoIterator<Item = TargetGroupArn>,
    ) -> Result<BTreeMap<TargetGroupArn, HealthCheck>, CallError> {
        let reading = groups.into_iter().map(async |group| {
            let check = self.calls.health_check(&group).await?;
            Ok::<_, CallError>(check.map(|check| (group, check)))
        });
        Ok(try_join_all(reading).await?.into_iter().flatten().collect())
    }

    /// The calls that it makes.
    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
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
