//! The calls that a decision can ask for, by the names of AWS's operations.

use std::sync::Arc;
use std::time::Duration;

use super::halt::{Asked, AskedEach, Halt};
use super::replay::Reader;
use crate::call::run_task::{RunTask, Started};
use crate::call::schedule::{OneTimeSchedule, SharedSchedule};
use crate::call::{Answer, Call, CallError, TaskPage};
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use crate::domain::definition::Definition;
use crate::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use crate::domain::interface::{InterfaceQuery, NetworkInterface};
use crate::domain::tags::Tag;
use crate::domain::target::{Target, TargetGroup, TargetHealth, Zone};
use crate::domain::task::Task;
use crate::outcome::Failure;

/// Tasks that were described, in the order of the calls, and the next page of a list.
type TasksAndPage<'a> = (Vec<&'a [Arc<Task>]>, Option<Result<&'a Arc<TaskPage>, &'a CallError>>);

fn done(answer: &Answer) -> Option<()> {
    matches!(answer, Answer::Done).then_some(())
}

fn described(answer: &Answer) -> Option<&[Arc<Task>]> {
    match answer {
        Answer::Tasks(tasks) => Some(tasks),
        _ => None,
    }
}

fn task_page(answer: &Answer) -> Option<&Arc<TaskPage>> {
    match answer {
        Answer::TaskPage(page) => Some(page),
        _ => None,
    }
}

fn interfaces(answer: &Answer) -> Option<&[Arc<NetworkInterface>]> {
    match answer {
        Answer::Interfaces(found) => Some(found),
        _ => None,
    }
}

fn target_group(answer: &Answer) -> Option<&TargetGroup> {
    match answer {
        Answer::TargetGroup(facts) => Some(facts),
        _ => None,
    }
}

fn health(answer: &Answer) -> Option<&[TargetHealth]> {
    match answer {
        Answer::Health(health) => Some(health),
        _ => None,
    }
}

impl<'a> Reader<'a> {
    fn act(&mut self, call: Call) -> Asked<'a, ()> {
        self.ask(call, done)
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
            described,
        )
    }

    /// ECS ListTasks, one page, by this call.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn list_tasks(&mut self, call: Call) -> Asked<'a, &'a Arc<TaskPage>> {
        self.ask(call, task_page)
    }

    /// ECS DescribeTasks, of up to 100 tasks in one cluster for each call; and beside them ListTasks for the next page, if
    /// there is one, whose error is the inner one.
    ///
    /// # Errors
    /// With the next calls, or AWS's error to DescribeTasks.
    pub fn describe_and_list(
        &mut self,
        cluster: &Cluster,
        tasks: impl IntoIterator<Item = Vec<TaskArn>>,
        next: Option<Call>,
    ) -> Result<TasksAndPage<'a>, Halt> {
        let describe = |tasks| Call::DescribeTasks {
            cluster: cluster.clone(),
            tasks,
        };
        let mut calls: Vec<Call> = tasks.into_iter().map(describe).collect();
        let number = calls.len();
        calls.extend(next);
        let (mut described, mut page) = (Vec::new(), None);
        for answer in self.ask_each(calls, Some)? {
            match answer {
                Ok(Answer::Tasks(tasks)) => described.push(tasks.as_slice()),
                Ok(Answer::TaskPage(next)) => page = Some(Ok(next)),
                Ok(_) => {
                    return Err(Failure::internal("the journal contains an answer to another kind of call").into());
                }
                Err(error) if described.len() == number => page = Some(Err(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok((described, page))
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
        if let Some(known) = self.known_definition(arn) {
            return match &known.answer {
                Ok(Answer::Definition(found)) => Ok(Ok(found.as_deref())),
                Ok(_) => Err(Failure::internal(
                    "the journal contains another answer where a task definition was read before",
                )
                .into()),
                Err(error) => Ok(Err(error)),
            };
        }
        let asked = self.ask(
            Call::DescribeTaskDefinition { arn: arn.clone() },
            |answer| match answer {
                Answer::Definition(found) => Some(found.as_deref()),
                _ => None,
            },
        )?;
        self.note_definition(arn.clone());
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

    /// EC2 DescribeNetworkInterfaces, one call for each query, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn describe_network_interfaces(
        &mut self,
        queries: impl IntoIterator<Item = InterfaceQuery>,
    ) -> AskedEach<'a, &'a [Arc<NetworkInterface>]> {
        let calls = queries.into_iter().map(Call::DescribeNetworkInterfaces);
        self.ask_each(calls.collect(), interfaces)
    }

    /// ECS StopTask, of each of these tasks with its reason, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn stop_tasks(
        &mut self,
        cluster: &Cluster,
        tasks: impl IntoIterator<Item = (TaskArn, String)>,
    ) -> AskedEach<'a, ()> {
        let call = |(task, reason)| Call::StopTask {
            cluster: cluster.clone(),
            task,
            reason,
        };
        self.ask_each(tasks.into_iter().map(call).collect(), done)
    }

    /// ECS TagResource, of each of these tasks, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn tag_tasks(&mut self, tags: impl IntoIterator<Item = (TaskArn, Tag)>) -> AskedEach<'a, ()> {
        let call = |(task, tag)| Call::TagTask { task, tag };
        self.ask_each(tags.into_iter().map(call).collect(), done)
    }

    /// ECS DescribeTasks, of up to 100 tasks in one cluster for each call, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn describe_tasks_each(
        &mut self,
        cluster: &Cluster,
        tasks: impl IntoIterator<Item = Vec<TaskArn>>,
    ) -> AskedEach<'a, &'a [Arc<Task>]> {
        let call = |tasks| Call::DescribeTasks {
            cluster: cluster.clone(),
            tasks,
        };
        self.ask_each(tasks.into_iter().map(call).collect(), described)
    }

    /// EventBridge Scheduler CreateSchedule, of each of these, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn create_schedules(&mut self, schedules: impl IntoIterator<Item = OneTimeSchedule>) -> AskedEach<'a, ()> {
        let call = |schedule| Call::CreateSchedule(Box::new(schedule));
        self.ask_each(schedules.into_iter().map(call).collect(), done)
    }

    /// EventBridge Scheduler CreateSchedule.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn create_schedule(&mut self, schedule: OneTimeSchedule) -> Asked<'a, ()> {
        self.act(Call::CreateSchedule(Box::new(schedule)))
    }

    /// EventBridge Scheduler CreateSchedule, of a schedule that other events of the batch may share.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn share_schedule(&mut self, schedule: SharedSchedule) -> Asked<'a, ()> {
        self.act(Call::ShareSchedule(Box::new(schedule)))
    }

    /// ELB DescribeTargetGroupAttributes, of each of these target groups, side by side: its deregistration delay.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn describe_deregistration_delays<'g>(
        &mut self,
        groups: impl IntoIterator<Item = &'g TargetGroupArn>,
    ) -> AskedEach<'a, Duration> {
        let call = |group: &TargetGroupArn| Call::DescribeDeregistrationDelay { group: group.clone() };
        self.ask_each(groups.into_iter().map(call).collect(), |answer| match answer {
            Answer::DeregistrationDelay(delay) => Some(*delay),
            _ => None,
        })
    }

    /// ELB DescribeTargetGroups, of one target group.
    ///
    /// # Errors
    /// The outer error ends the run, the inner one is AWS's ([`Asked`]).
    pub fn describe_target_group(&mut self, group: &TargetGroupArn) -> Asked<'a, &'a TargetGroup> {
        self.ask(Call::DescribeTargetGroup { group: group.clone() }, target_group)
    }

    /// ELB DescribeTargetGroups, one call for each of these target groups, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn describe_target_groups<'g>(
        &mut self,
        groups: impl IntoIterator<Item = &'g TargetGroupArn>,
    ) -> AskedEach<'a, &'a TargetGroup> {
        let call = |group: &TargetGroupArn| Call::DescribeTargetGroup { group: group.clone() };
        self.ask_each(groups.into_iter().map(call).collect(), target_group)
    }

    /// ELB DescribeTargetHealth of targets, one call for each target group, side by side; one answer for each target, in
    /// order.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn describe_target_health(
        &mut self,
        of_groups: impl IntoIterator<Item = (TargetGroupArn, Vec<Target>)>,
    ) -> AskedEach<'a, &'a [TargetHealth]> {
        let call = |(group, targets)| Call::DescribeTargetHealth { group, targets };
        self.ask_each(of_groups.into_iter().map(call).collect(), health)
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

    /// ELB RegisterTargets, one call for each target group, side by side.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn register_targets(
        &mut self,
        of_groups: impl IntoIterator<Item = (TargetGroupArn, Vec<Target>)>,
        zone: Zone,
    ) -> AskedEach<'a, ()> {
        let call = |(group, targets)| Call::RegisterTargets { group, targets, zone };
        self.ask_each(of_groups.into_iter().map(call).collect(), done)
    }

    /// ELB DeregisterTargets, one call for each of these, side by side; each with its retries must end `within` this time.
    ///
    /// # Errors
    /// The outer error ends the run, the inner ones are AWS's ([`AskedEach`]).
    pub fn deregister_targets(
        &mut self,
        of_groups: impl IntoIterator<Item = (TargetGroupArn, Vec<Target>)>,
        within: Duration,
    ) -> AskedEach<'a, ()> {
        let call = |(group, targets)| Call::DeregisterTargets { group, targets, within };
        self.ask_each(of_groups.into_iter().map(call).collect(), done)
    }
}
