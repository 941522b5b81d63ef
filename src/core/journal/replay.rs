//! Replays a journal from its beginning: a call that it contains is answered from it, the first that it does not contain
//! ends the run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::entries::Journal;
use crate::call::run_task::{RunTask, Started};
use crate::call::schedule::OneTimeSchedule;
use crate::call::{Answer, Call, CallError, Desired, TaskPage};
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use crate::domain::definition::Definition;
use crate::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use crate::domain::interface::{InterfaceQuery, NetworkInterface};
use crate::domain::tags::Tag;
use crate::domain::target::{Target, TargetGroup, TargetHealth, Zone};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::outcome::{Category, Failure, PartOfStop};

/// The minimum time left in which a further call is made. With less the decision fails by itself, and its failure reports
/// what was done.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Why a run of the decision ended without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It needs the answer to this call.
    Ask(Box<Call>),
    /// The event ends with this failure; no further call is made for it.
    Fail(Box<Failure>),
}

impl Halt {
    /// Adds the tasks that were started or stopped, if it is a failure.
    #[must_use]
    pub fn with_tasks(self, tasks: Vec<TaskArn>) -> Self {
        match self {
            Self::Fail(failure) => failure.with_tasks(tasks).into(),
            ask @ Self::Ask(_) => ask,
        }
    }

    /// Adds what is reported of a stop that failed in part, if it is a failure.
    #[must_use]
    pub fn with_part_of_stop(self, part: PartOfStop) -> Self {
        match self {
            Self::Fail(failure) => failure.with_part_of_stop(part).into(),
            ask @ Self::Ask(_) => ask,
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Fail(Box::new(failure))
    }
}

impl From<&CallError> for Halt {
    fn from(error: &CallError) -> Self {
        Failure::from(error).into()
    }
}

/// The answer to a call: the outer error ends the run, the inner one is AWS's.
pub type Asked<'a, T> = Result<Result<T, &'a CallError>, Halt>;

/// Reads a journal from its beginning, call by call.
#[derive(Debug)]
pub struct Reader<'a> {
    journal: &'a Journal,
    read: usize,
    /// The index of the entry of each task definition that was described: all tasks of a revision have the same.
    definitions: HashMap<TaskDefinition, usize>,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of the journal.
    #[must_use]
    pub fn new(journal: &'a Journal) -> Self {
        Self {
            journal,
            read: 0,
            definitions: HashMap::new(),
        }
    }

    /// The time of the answer that was read last; before the first, when the handling began.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let last = self.read.checked_sub(1).and_then(|n| self.journal.entries.get(n));
        last.map_or(self.journal.began_at, |entry| entry.answered_at)
    }

    /// Whether this much time is left until the deadline, if there is one.
    #[must_use]
    pub fn has_time(&self, needed: Duration) -> bool {
        self.journal
            .deadline
            .is_none_or(|deadline| deadline.since(self.now()) >= needed)
    }

    fn ask<T>(&mut self, call: Call, pick: impl FnOnce(&'a Answer) -> Option<T>) -> Asked<'a, T> {
        let Some(entry) = self.journal.entries.get(self.read) else {
            if !self.has_time(SHORTEST_CALL) {
                let message = format!("no time is left in this invocation for {}", call.operation());
                return Err(Failure::new(Category::OutOfTime, message).into());
            }
            return Err(Halt::Ask(Box::new(call)));
        };
        self.read += 1;
        if entry.call != call {
            return Err(Failure::internal("a decision made another call than the one in its journal").into());
        }
        match entry.answer.as_ref().map(pick) {
            Ok(Some(answer)) => Ok(Ok(answer)),
            Ok(None) => Err(Failure::internal("the journal contains an answer to another kind of call").into()),
            Err(error) => Ok(Err(error)),
        }
    }

    fn act(&mut self, call: Call) -> Asked<'a, ()> {
        self.ask(call, |answer| matches!(answer, Answer::Done).then_some(()))
    }

    /// ECS RunTask.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn run_task(&mut self, call: RunTask) -> Asked<'a, &'a Started> {
        self.ask(Call::RunTask(Box::new(call)), |answer| match answer {
            Answer::Started(started) => Some(started),
            _ => None,
        })
    }

    /// ECS DescribeTasks, of up to 100 tasks in one cluster.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_tasks(&mut self, cluster: &Cluster, tasks: Vec<TaskArn>) -> Asked<'a, &'a [Arc<Task>]> {
        self.ask(
            Call::DescribeTasks {
                cluster: cluster.clone(),
                tasks,
            },
            |answer| match answer {
                Answer::Tasks(tasks) => Some(tasks.as_slice()),
                _ => None,
            },
        )
    }

    /// ECS ListTasks, one page; only of one container instance if it is given.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn list_tasks(
        &mut self,
        cluster: &Cluster,
        desired: Desired,
        container_instance: Option<&str>,
        page: Option<String>,
    ) -> Asked<'a, &'a TaskPage> {
        self.ask(
            Call::ListTasks {
                cluster: cluster.clone(),
                desired,
                container_instance: container_instance.map(str::to_owned),
                page,
            },
            |answer| match answer {
                Answer::TaskPage(page) => Some(&**page),
                _ => None,
            },
        )
    }

    /// ECS ListTasks, one page of the live tasks with this `startedBy`.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn list_tasks_started_by(
        &mut self,
        cluster: &Cluster,
        started_by: &str,
        page: Option<String>,
    ) -> Asked<'a, &'a TaskPage> {
        self.ask(
            Call::ListTasksStartedBy {
                cluster: cluster.clone(),
                started_by: started_by.to_owned(),
                page,
            },
            |answer| match answer {
                Answer::TaskPage(page) => Some(&**page),
                _ => None,
            },
        )
    }

    /// ECS DescribeContainerInstances, of one container instance.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_container_instance(
        &mut self,
        cluster: &Cluster,
        arn: &str,
        recall: Recall,
    ) -> Asked<'a, Option<&'a ContainerInstance>> {
        self.ask(
            Call::DescribeContainerInstance {
                cluster: cluster.clone(),
                arn: arn.to_owned(),
                recall,
            },
            |answer| match answer {
                Answer::ContainerInstance(found) => Some(found.as_ref()),
                _ => None,
            },
        )
    }

    /// ECS DescribeTaskDefinition; one call for each task definition, however often a decision needs it.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_task_definition(&mut self, arn: &TaskDefinition) -> Asked<'a, Option<&'a Definition>> {
        let known = self.definitions.get(arn).and_then(|n| self.journal.entries.get(*n));
        if let Some(known) = known {
            return match &known.answer {
                Ok(Answer::Definition(found)) => Ok(Ok(found.as_deref())),
                Ok(_) => Err(Failure::internal(
                    "the journal contains another answer where a task definition was read before",
                )
                .into()),
                Err(error) => Ok(Err(error)),
            };
        }
        let n = self.read;
        let asked = self.ask(
            Call::DescribeTaskDefinition { arn: arn.clone() },
            |answer| match answer {
                Answer::Definition(found) => Some(found.as_deref()),
                _ => None,
            },
        )?;
        self.definitions.insert(arn.clone(), n);
        Ok(asked)
    }

    /// EC2 DescribeInstances, of one instance.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_instance(&mut self, id: &str, recall: Recall) -> Asked<'a, Option<Ec2Instance>> {
        self.ask(
            Call::DescribeInstance {
                id: id.to_owned(),
                recall,
            },
            |answer| match answer {
                Answer::Instance(found) => Some(*found),
                _ => None,
            },
        )
    }

    /// EC2 DescribeNetworkInterfaces.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_network_interfaces(&mut self, query: InterfaceQuery) -> Asked<'a, &'a [Arc<NetworkInterface>]> {
        self.ask(Call::DescribeNetworkInterfaces(query), |answer| match answer {
            Answer::Interfaces(found) => Some(found.as_slice()),
            _ => None,
        })
    }

    /// ECS StopTask.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn stop_task(&mut self, cluster: &Cluster, task: &TaskArn, reason: &str) -> Asked<'a, ()> {
        self.act(Call::StopTask {
            cluster: cluster.clone(),
            task: task.clone(),
            reason: reason.to_owned(),
        })
    }

    /// ECS TagResource, of a task.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn tag_task(&mut self, task: &TaskArn, tag: Tag) -> Asked<'a, ()> {
        self.act(Call::TagTask {
            task: task.clone(),
            tag,
        })
    }

    /// EventBridge Scheduler CreateSchedule.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn create_schedule(&mut self, schedule: OneTimeSchedule) -> Asked<'a, ()> {
        self.act(Call::CreateSchedule(Box::new(schedule)))
    }

    /// ELB DescribeTargetGroupAttributes, of one target group: its deregistration delay.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_deregistration_delay(&mut self, group: &TargetGroupArn) -> Asked<'a, Duration> {
        self.ask(
            Call::DescribeDeregistrationDelay { group: group.clone() },
            |answer| match answer {
                Answer::DeregistrationDelay(delay) => Some(*delay),
                _ => None,
            },
        )
    }

    /// ELB DescribeTargetGroups, of one target group.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_target_group(&mut self, group: &TargetGroupArn) -> Asked<'a, &'a TargetGroup> {
        self.ask(
            Call::DescribeTargetGroup { group: group.clone() },
            |answer| match answer {
                Answer::TargetGroup(facts) => Some(facts),
                _ => None,
            },
        )
    }

    /// ELB DescribeTargetHealth; one answer for each target, in order.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_target_health(
        &mut self,
        group: &TargetGroupArn,
        targets: Vec<Target>,
    ) -> Asked<'a, &'a [TargetHealth]> {
        self.ask(
            Call::DescribeTargetHealth {
                group: group.clone(),
                targets,
            },
            |answer| match answer {
                Answer::Health(health) => Some(health.as_slice()),
                _ => None,
            },
        )
    }

    /// ELB DescribeTargetHealth, of all targets in one target group.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_targets(&mut self, group: &TargetGroupArn) -> Asked<'a, &'a [(Target, TargetHealth)]> {
        self.ask(Call::DescribeTargets { group: group.clone() }, |answer| match answer {
            Answer::Targets(targets) => Some(targets.as_slice()),
            _ => None,
        })
    }

    /// ELB RegisterTargets.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn register_targets(&mut self, group: &TargetGroupArn, targets: Vec<Target>, zone: Zone) -> Asked<'a, ()> {
        self.act(Call::RegisterTargets {
            group: group.clone(),
            targets,
            zone,
        })
    }

    /// ELB DeregisterTargets; the call with its retries must end `within` this time.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn deregister_targets(
        &mut self,
        group: &TargetGroupArn,
        targets: Vec<Target>,
        within: Duration,
    ) -> Asked<'a, ()> {
        self.act(Call::DeregisterTargets {
            group: group.clone(),
            targets,
            within,
        })
    }
}
