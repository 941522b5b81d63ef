//! AWS's answers to the function: the crate's own port, with the buckets, latencies and retries of the parameters.

use std::future::Future;
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::{Aws, Clock};
use start_engines_world::failure;

use crate::parameters as p;
use crate::world::Shared;

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
        let timed_out = failure(&call, ErrorKind::TimedOut);
        async move {
            let sent = tokio::time::timeout(within, client.send(call)).await;
            sent.unwrap_or_else(|_| Err(timed_out))
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
                let answer = self.shared.carry_out(&call);
                tokio::time::sleep(latency / 2).await;
                return answer;
            }
            self.shared.world().figures.throttled += 1;
            tokio::time::sleep(self.shared.some(p::THROTTLED_ANSWERS)).await;
            if attempt + 1 < self.attempts {
                let part = self.shared.world().random.f64();
                let most = Duration::from_millis(p::SDK_BACKOFF << attempt.min(4));
                tokio::time::sleep(most.mul_f64(part)).await;
            }
        }
        Err(failure(&call, ErrorKind::Throttled))
    }
}

fn buckets(call: &Call) -> &'static [&'static str] {
    match call {
        Call::RunTask(_) => &["ecs tasks", "fargate RunTask"],
        Call::DescribeTasks { .. } | Call::ListTasks { .. } | Call::ListTasksStartedBy { .. } => &["ecs reads"],
        Call::RegisterTargets { .. } | Call::DeregisterTargets { .. } => &["elb targets"],
        Call::DescribeNetworkInterfaces(_) => &["ec2 reads"],
        Call::DescribeTargetGroup { .. } | Call::DescribeTargetHealth { .. } => &["elb reads"],
        other => panic!("the model does not know {}", other.operation()),
    }
}
