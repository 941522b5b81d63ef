//! The calls of one run of the command, side by side: at most [`MAX_AT_ONCE`] at a time, and no faster than [`RATES`].
//!
//! Makes no choices, and keeps nothing but numbers for the progress.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind, MAX_TASKS_PER_DESCRIBE, TaskPage};
use start_engines_core::config::rates::Rates;
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::ports::Aws;
use start_engines_handler::rate_limit::RateLimited;
use tokio::sync::Semaphore;

use crate::aws::{HealthCheck, OperatorClients, TimedTask, Times};
use crate::fleet::GroupMember;
use crate::terminal::progress::Counting;

/// Maximum number of calls at a time, as many as the function makes.
const MAX_AT_ONCE: usize = 8;

/// Half of what AWS allows an account, in calls a second and, after the colon, at once: the other half is the function's.
///
/// ECS allows 20 a second and a burst of 100 for DescribeTasks, ListTasks and DescribeContainerInstances together, and 40
/// and 100 for StopTask
/// ([throttling](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html)). ELB allows 10 and 40
/// for reads, 4 and 20 for RegisterTargets and DeregisterTargets together; EC2 20 and 100.
const RATES: &str = "DescribeTasks+ListTasks=10:50,StopTask=20:50,DescribeTargetHealth+DescribeTargetGroups=5:20,\
    RegisterTargets+DeregisterTargets=2:10,DescribeNetworkInterfaces=10:50";

/// Time limit of one call, with its turn and its retries: five minutes of turns are 3,000 reads of ECS.
const CALL_TIME: Duration = Duration::from_secs(300);

/// In place of AWS behind the rates: a call that is made here has its turn.
#[derive(Debug)]
struct Turn;

impl Aws for Turn {
    async fn perform(&self, _: &Call, _: Duration) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }
}

/// The calls of one run of the command.
#[derive(Debug)]
pub(crate) struct Calls {
    clients: OperatorClients,
    turns: RateLimited<Turn>,
    at_once: Semaphore,
    pub(crate) counting: Counting,
}

impl Calls {
    pub(crate) fn new(clients: OperatorClients, counting: Counting) -> Self {
        // A test parses them.
        let rates: Rates = RATES.parse().unwrap_or_default();
        Self {
            clients,
            turns: RateLimited::new(Turn, rates),
            at_once: Semaphore::new(MAX_AT_ONCE),
            counting,
        }
    }

    /// Makes a call when it is its turn.
    async fn make<T>(
        &self,
        call: &Call,
        within: Duration,
        made: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let permit = self.at_once.acquire().await;
        let turn = match call {
            // It has no rate of its own: it shares that of the other reads of ECS.
            Call::DescribeContainerInstance { cluster, .. } => &Call::DescribeTasks {
                cluster: cluster.clone(),
                tasks: Vec::new(),
            },
            _ => call,
        };
        self.turns.perform(turn, within).await?;
        let made = made.await;
        drop(permit);
        made
    }

    /// One of the function's own calls, within this time.
    ///
    /// # Errors
    /// Those of AWS; also if it would have to wait too long for its turn.
    pub(crate) async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        let made = self.make(call, within, self.clients.perform(call, within));
        // From now on, not from the call's turn on: a deregistration that comes too late may meet another task.
        let answer = tokio::time::timeout(within, made).await.unwrap_or_else(|_| {
            Err(CallError {
                operation: call.operation(),
                kind: ErrorKind::TimedOut,
                code: None,
                conflicting_tasks: Vec::new(),
                message: format!(
                    "no answer within {} ms, the wait for its turn included",
                    within.as_millis()
                ),
            })
        });
        self.counting.called(call, answer.is_ok());
        answer
    }

    /// One of the function's own reads.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub(crate) async fn read(&self, call: &Call) -> Result<Answer, CallError> {
        self.perform(call, CALL_TIME).await
    }

    async fn page(&self, cluster: &Cluster, desired: Desired, page: Option<String>) -> Result<TaskPage, CallError> {
        let call = Call::ListTasks {
            cluster: cluster.clone(),
            desired,
            container_instance: None,
            page: page.clone(),
        };
        let made = self.clients.list_tasks(cluster, desired, page.as_deref());
        let found = self.make(&call, CALL_TIME, made).await?;
        self.counting.listed(found.tasks.len());
        Ok(found)
    }

    /// Up to [`MAX_TASKS_PER_DESCRIBE`] tasks, with the ARNs that were asked for.
    async fn describe(
        &self,
        cluster: &Cluster,
        arns: Vec<TaskArn>,
    ) -> Result<(Vec<TaskArn>, Vec<TimedTask>), CallError> {
        let call = Call::DescribeTasks {
            cluster: cluster.clone(),
            tasks: arns.clone(),
        };
        let made = self.clients.describe_tasks(cluster, &arns);
        let found = self.make(&call, CALL_TIME, made).await?;
        self.counting.described(arns.len());
        Ok((arns, found))
    }

    /// Lists and describes the tasks of a cluster: each page is described while the next one is listed. `keep` gets the
    /// ARNs of a call, and those of its tasks that ECS still knows.
    ///
    /// # Errors
    /// With the first call that fails.
    pub(crate) async fn tasks(
        &self,
        cluster: &Cluster,
        desired: Desired,
        mut keep: impl FnMut(Vec<TaskArn>, Vec<TimedTask>),
    ) -> Result<(), CallError> {
        let mut describing = FuturesUnordered::new();
        let mut listing = Box::pin(self.page(cluster, desired, None));
        let mut is_listing = true;
        loop {
            tokio::select! {
                page = &mut listing, if is_listing => {
                    let page = page?;
                    let chunks = page.tasks.chunks(MAX_TASKS_PER_DESCRIBE);
                    describing.extend(chunks.map(|arns| self.describe(cluster, arns.to_vec())));
                    is_listing = page.next.is_some();
                    if is_listing {
                        listing.set(self.page(cluster, desired, page.next));
                    }
                }
                Some(described) = describing.next() => {
                    let (arns, found) = described?;
                    keep(arns, found);
                }
                else => return Ok(()),
            }
        }
    }

    /// All ARNs of a cluster's tasks: those with `desiredStatus` RUNNING, and those that are stopping or have stopped
    /// within the last hour.
    ///
    /// # Errors
    /// ListTasks' own.
    pub(crate) async fn list(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        let mut arns = Vec::new();
        for desired in [Desired::Running, Desired::Stopped] {
            let mut next = None;
            loop {
                let page = self.page(cluster, desired, next).await?;
                arns.extend(page.tasks);
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        arns.sort();
        arns.dedup();
        Ok(arns)
    }

    /// Those of these tasks that ECS still knows.
    ///
    /// # Errors
    /// With the first call that fails.
    pub(crate) async fn describe_all(&self, cluster: &Cluster, arns: &[TaskArn]) -> Result<Vec<TimedTask>, CallError> {
        let chunks = arns.chunks(MAX_TASKS_PER_DESCRIBE);
        let mut describing: FuturesUnordered<_> = chunks.map(|arns| self.describe(cluster, arns.to_vec())).collect();
        let mut tasks = Vec::with_capacity(arns.len());
        while let Some(described) = describing.next().await {
            tasks.extend(described?.1);
        }
        Ok(tasks)
    }

    /// These tasks by ARN or id, at most [`MAX_TASKS_PER_DESCRIBE`], with every time that ECS keeps.
    ///
    /// # Errors
    /// DescribeTasks' own.
    pub(crate) async fn lives(
        &self,
        cluster: &Cluster,
        ids: Vec<String>,
    ) -> Result<Vec<(TimedTask, Times)>, CallError> {
        let call = Call::DescribeTasks {
            cluster: cluster.clone(),
            tasks: Vec::new(),
        };
        self.make(&call, CALL_TIME, self.clients.describe_lives(cluster, ids))
            .await
    }

    /// How a target group's health is checked; `None` if there is no such group, or its checks are off.
    ///
    /// # Errors
    /// DescribeTargetGroups' own.
    pub(crate) async fn health_check(&self, group: &TargetGroupArn) -> Result<Option<HealthCheck>, CallError> {
        let call = Call::DescribeTargetGroup { group: group.clone() };
        self.make(&call, CALL_TIME, self.clients.health_check(group)).await
    }

    /// All targets of a target group.
    ///
    /// # Errors
    /// DescribeTargetHealth's own.
    pub(crate) async fn members(&self, group: &TargetGroupArn) -> Result<Vec<GroupMember>, CallError> {
        let call = Call::DescribeTargets { group: group.clone() };
        let found = self.make(&call, CALL_TIME, self.clients.target_group(group)).await;
        self.counting.called(&call, found.is_ok());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_are_valid() {
        assert_eq!(RATES.parse::<Rates>().map(|rates| rates.each().len()), Ok(5));
    }
}
