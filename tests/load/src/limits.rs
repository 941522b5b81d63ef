//! AWS's rates: the token buckets that calls share, of which each call takes a token, or is throttled.

use start_engines_core::call::Call;
use tokio::time::Instant;

use crate::parameters as p;
use crate::parameters::Bucket;

/// A bucket and what is in it.
#[derive(Debug)]
struct Tokens {
    limit: Limit,
    left: f64,
    at: Instant,
}

/// What AWS limits the rate of, each in a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    EcsTasks,
    FargateRunTask,
    EcsReads,
    EcsTags,
    TaskDefinitions,
    ElbTargets,
    ElbReads,
    Instances,
    Interfaces,
    PutEvents,
    CreateSchedule,
}

impl Limit {
    const ALL: [Self; 11] = [
        Self::EcsTasks,
        Self::FargateRunTask,
        Self::EcsReads,
        Self::EcsTags,
        Self::TaskDefinitions,
        Self::ElbTargets,
        Self::ElbReads,
        Self::Instances,
        Self::Interfaces,
        Self::PutEvents,
        Self::CreateSchedule,
    ];

    fn bucket(self) -> Bucket {
        match self {
            Self::EcsTasks => p::ECS_TASKS,
            Self::FargateRunTask => p::FARGATE_RUN_TASK,
            Self::EcsReads => p::ECS_READS,
            Self::EcsTags => p::ECS_TAGS,
            Self::TaskDefinitions => p::TASK_DEFINITIONS,
            Self::ElbTargets => p::ELB_TARGETS,
            Self::ElbReads => p::ELB_READS,
            Self::Instances | Self::Interfaces => p::EC2_READS,
            Self::PutEvents => p::PUT_EVENTS,
            Self::CreateSchedule => p::CREATE_SCHEDULE,
        }
    }

    /// By the operation's name.
    fn of(operation: &str) -> &'static [Self] {
        match operation {
            "RunTask" => &[Self::EcsTasks, Self::FargateRunTask],
            "StopTask" => &[Self::EcsTasks],
            "DescribeTasks" | "ListTasks" | "DescribeContainerInstances" => &[Self::EcsReads],
            "TagResource" => &[Self::EcsTags],
            "DescribeTaskDefinition" => &[Self::TaskDefinitions],
            "RegisterTargets" | "DeregisterTargets" => &[Self::ElbTargets],
            "DescribeTargetGroups" | "DescribeTargetGroupAttributes" | "DescribeTargetHealth" => &[Self::ElbReads],
            "DescribeInstances" => &[Self::Instances],
            "DescribeNetworkInterfaces" => &[Self::Interfaces],
            "PutEvents" => &[Self::PutEvents],
            "CreateSchedule" => &[Self::CreateSchedule],
            other => panic!("no rate is known for {other}"),
        }
    }
}

/// All limits of an account.
#[derive(Debug)]
pub(crate) struct Limits(Vec<Tokens>);

impl Limits {
    /// Full buckets.
    pub(crate) fn new() -> Self {
        let at = Instant::now();
        let full = |limit: Limit| Tokens {
            limit,
            left: limit.bucket().burst,
            at,
        };
        Self(Limit::ALL.map(full).into())
    }

    /// Takes a token of each of the call's buckets, or none of any.
    pub(crate) fn admit(&mut self, call: &Call) -> bool {
        let limits = Limit::of(call.operation());
        let now = Instant::now();
        let concerns = |tokens: &&mut Tokens| limits.contains(&tokens.limit);
        for tokens in self.0.iter_mut().filter(concerns) {
            let bucket = tokens.limit.bucket();
            let new = now.duration_since(tokens.at).as_secs_f64() * bucket.per_second;
            tokens.left = (tokens.left + new).min(bucket.burst);
            tokens.at = now;
            if tokens.left < 1.0 {
                return false;
            }
        }
        for tokens in self.0.iter_mut().filter(concerns) {
            tokens.left -= 1.0;
        }
        true
    }
}

/// How long the rates make so many calls of these operations take at least, if nobody else makes any.
pub(crate) fn least_seconds<'c>(calls: impl Iterator<Item = (&'c &'static str, &'c u64)> + Clone) -> f64 {
    let of = |limit: Limit| {
        let own = calls
            .clone()
            .filter(|(operation, _)| Limit::of(operation).contains(&limit));
        let bucket = limit.bucket();
        (own.map(|(_, calls)| *calls as f64).sum::<f64>() - bucket.burst).max(0.0) / bucket.per_second
    };
    Limit::ALL.into_iter().map(of).fold(0.0, f64::max)
}
