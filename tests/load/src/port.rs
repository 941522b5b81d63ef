//! AWS's answers to the function: the crate's own port, with the buckets, latencies and retries of the parameters.

use std::future::Future;
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind, TaskPage};
use start_engines_core::call::run_task::Started;
use start_engines_core::domain::target::{AddressFamily, TargetGroup, TargetHealth, TargetType};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::{Aws, Clock};

use crate::parameters as p;
use crate::world::{Shared, World};

/// A client of the model's AWS.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) shared: Shared,
    pub(crate) attempts: u32,
}

impl Clock for Client {
    fn now(&self) -> Timestamp {
        self.shared.world().now()
    }
}

impl Aws for Client {
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let (client, call) = (self.clone(), call.clone());
        let operation = call.operation();
        async move {
            let sent = tokio::time::timeout(within, client.send(call)).await;
            sent.unwrap_or_else(|_| Err(error(operation, ErrorKind::TimedOut)))
        }
    }
}

impl Client {
    async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let buckets = buckets(&call);
        for attempt in 0..self.attempts {
            let admitted = {
                let mut world = self.shared.world();
                world.figures.call(call.operation());
                world.take(buckets)
            };
            if admitted {
                let answers = match &call {
                    Call::RunTask(_) => p::RUN_TASK_ANSWERS,
                    _ => p::OTHERS_ANSWER,
                };
                let latency = self.shared.some(answers);
                tokio::time::sleep(latency / 2).await;
                let answer = self.answer(&call);
                tokio::time::sleep(latency / 2).await;
                return Ok(answer);
            }
            self.shared.world().figures.throttled += 1;
            tokio::time::sleep(self.shared.some(p::THROTTLED_ANSWERS)).await;
            if attempt + 1 < self.attempts {
                let part = self.shared.world().random.f64();
                let most = Duration::from_millis(p::SDK_BACKOFF << attempt.min(4));
                tokio::time::sleep(most.mul_f64(part)).await;
            }
        }
        Err(error(call.operation(), ErrorKind::Throttled))
    }

    fn answer(&self, call: &Call) -> Answer {
        match call {
            Call::RunTask(call) => Answer::Started(Started {
                tasks: vec![self.shared.run(call).parse().expect("an ARN")],
                failures: Vec::new(),
            }),
            _ => answer(call, &mut self.shared.world()),
        }
    }
}

fn answer(call: &Call, world: &mut World) -> Answer {
    match call {
        Call::DescribeTasks { tasks, .. } => {
            Answer::Tasks(tasks.iter().filter_map(|task| world.describe(task.as_str())).collect())
        }
        Call::ListTasks { page, .. } => {
            let page = page.as_ref().map_or(0, |page| page.parse().expect("our own token"));
            let (tasks, next) = world.list(page);
            Answer::task_page(TaskPage {
                tasks: tasks.iter().map(|task| task.parse().expect("an ARN")).collect(),
                next: next.map(|page| page.to_string()),
            })
        }
        Call::DescribeTargetGroup { .. } => Answer::TargetGroup(TargetGroup {
            target_type: TargetType::Ip,
            family: AddressFamily::Ipv4,
            protocol: "HTTP".to_owned(),
        }),
        Call::DescribeTargetHealth { group, targets } => {
            let health = targets.iter().map(|target| {
                if world.is_registered(group.as_str(), &target.id) {
                    TargetHealth::Registered("healthy".to_owned())
                } else {
                    TargetHealth::NotRegistered
                }
            });
            Answer::Health(health.collect())
        }
        Call::RegisterTargets { group, targets, .. } => {
            for target in targets {
                world.register(group.as_str(), &target.id);
            }
            Answer::Done
        }
        Call::DeregisterTargets { group, targets, .. } => {
            for target in targets {
                world.deregister(group.as_str(), &target.id);
            }
            Answer::Done
        }
        other => panic!("the model does not know {}", other.operation()),
    }
}

fn buckets(call: &Call) -> &'static [&'static str] {
    match call {
        Call::RunTask(_) => &["ecs tasks", "fargate RunTask"],
        Call::DescribeTasks { .. } | Call::ListTasks { .. } | Call::ListTasksStartedBy { .. } => &["ecs reads"],
        Call::RegisterTargets { .. } | Call::DeregisterTargets { .. } => &["elb targets"],
        Call::DescribeTargetGroup { .. } | Call::DescribeTargetHealth { .. } => &["elb reads"],
        other => panic!("the model does not know {}", other.operation()),
    }
}

fn error(operation: &'static str, kind: ErrorKind) -> CallError {
    CallError {
        operation,
        kind,
        code: None,
        conflicting_tasks: Vec::new(),
        message: "by the model".to_owned(),
    }
}
