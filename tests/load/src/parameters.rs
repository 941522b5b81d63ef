//! Every number of the model, with its source. Durations in milliseconds, rates per second.
//!
//! "Assumed" means that AWS publishes no figure: what is said with it says why it was chosen. Nothing else in
//! this program has a number of AWS in it.

use std::time::Duration;

/// A token bucket: how many calls at once, and how many a second are given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub(crate) burst: f64,
    pub(crate) per_second: f64,
}

const fn bucket(burst: f64, per_second: f64) -> Bucket {
    Bucket { burst, per_second }
}

/// RunTask, StartTask and StopTask together:
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub(crate) const ECS_TASKS: Bucket = bucket(100.0, 40.0);
/// RunTask of Fargate tasks: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html>
pub(crate) const FARGATE_RUN_TASK: Bucket = bucket(20.0, 20.0);
/// DescribeTasks, ListTasks and DescribeContainerInstances together: as [`ECS_TASKS`].
pub(crate) const ECS_READS: Bucket = bucket(100.0, 20.0);
/// RegisterTargets and DeregisterTargets together, per account and region:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/throttling.html>
pub(crate) const ELB_TARGETS: Bucket = bucket(20.0, 4.0);
/// ELB's Describe calls together: as [`ELB_TARGETS`].
pub(crate) const ELB_READS: Bucket = bucket(40.0, 10.0);
/// TagResource and UntagResource together: as [`ECS_TASKS`].
pub(crate) const ECS_TAGS: Bucket = bucket(20.0, 10.0);
/// DescribeTaskDefinition: as [`ECS_TASKS`].
pub(crate) const TASK_DEFINITIONS: Bucket = bucket(50.0, 20.0);
/// PutEvents, in us-east-1; other Regions have less:
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
pub(crate) const PUT_EVENTS: Bucket = bucket(10_000.0, 10_000.0);
/// CreateSchedule, in us-east-1; other Regions have less:
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>
pub(crate) const CREATE_SCHEDULE: Bucket = bucket(5_000.0, 5_000.0);
/// EC2's Describe calls with filters or pages, each by itself:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub(crate) const EC2_READS: Bucket = bucket(100.0, 20.0);

/// How long AWS takes to answer, from and to. Assumed: what these APIs show to callers in their own region;
/// RunTask places tasks before it answers.
pub(crate) const RUN_TASK_ANSWERS: (u64, u64) = (200, 400);
/// As [`RUN_TASK_ANSWERS`].
pub(crate) const OTHERS_ANSWER: (u64, u64) = (30, 120);
/// A throttled call is answered at the front door. Assumed.
pub(crate) const THROTTLED_ANSWERS: (u64, u64) = (5, 15);

/// Attempts and base of the exponential backoff of the SDK's standard mode, in which a retry waits a random part
/// of base * 2^n: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>. The attempts are
/// those of `src/aws/lib.rs`.
pub(crate) const SDK_ATTEMPTS: u32 = 3;
pub(crate) const SDK_BACKOFF: u64 = 1_000;
/// boto3's default, legacy mode: the same source.
pub(crate) const BOTO_ATTEMPTS: u32 = 5;

/// From RunTask to RUNNING on Fargate: image pull, interface, start. Assumed: a small image.
pub(crate) const STARTING: (u64, u64) = (15_000, 45_000);
/// How long a task runs. Assumed, so that a group's 1,000 targets
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>) hold what 20 starts
/// a second keep alive.
pub(crate) const RUNNING: (u64, u64) = (20_000, 60_000);
/// From the first sign of a stop to STOPPED: SIGTERM, the stop timeout, the interface's removal. Assumed.
pub(crate) const STOPPING: (u64, u64) = (5_000, 30_000);
/// The first address of those tasks; those that stand beside them have lower ones.
pub(crate) const FIRST_ADDRESS: u32 = 12_288;
/// Of so many tasks one ends by itself; the others are stopped. Assumed.
pub(crate) const ENDS_BY_ITSELF: u32 = 2;

/// From a task's change to EventBridge's having the event. Assumed: ECS promises no figure.
pub(crate) const ECS_TELLS: (u64, u64) = (200, 1_000);
/// EventBridge, from PutEvents to the target; its p99 is 129 ms:
/// <https://aws.amazon.com/about-aws/whats-new/2024/11/amazon-eventbridge-improvement-latency-event-buses/>
pub(crate) const EVENTBRIDGE_DELIVERS: (u64, u64) = (30, 129);
/// One event in so many comes twice. Assumed: "at least once" has no figure.
pub(crate) const TWICE: u32 = 1_000;

/// From its time until a schedule invokes its target: it "provides 60-second precision",
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>
pub(crate) const SCHEDULER_INVOKES: (u64, u64) = (0, 60_000);

/// Concurrent invocations of an account:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const CONCURRENCY: usize = 1_000;
/// An asynchronous event that finds no concurrency waits, at first a second, at most five minutes:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
pub(crate) const THROTTLED_WAITS: (u64, u64) = (1_000, 300_000);
/// A failed asynchronous event is tried again after these: the same source.
pub(crate) const FAILED_WAITS: [u64; 2] = [60_000, 120_000];
/// A cold start, from the request to the handler: the sandbox and the init of this function. Assumed, generous to no
/// side: `make bench` measures the init alone.
pub(crate) const COLD_START: u64 = 100;
/// The same for Python with boto3.
pub(crate) const COLD_START_PYTHON: u64 = 600;
/// CPU of a core that a call takes beside what the handler does for it: the SDK, its HTTP client and TLS. By `make bench`,
/// where a warm RUNNING event takes 210 us more than a start for two calls more, of which the handler has 13
/// (`make bench-pure`).
pub(crate) const CPU_OF_A_CALL: Duration = Duration::from_micros(100);
/// CPU of a core that Python with boto3 takes for an invocation: the mean of both events of `make bench`.
pub(crate) const CPU_OF_PYTHON: Duration = Duration::from_micros(1_150);
/// The function's timeout: the default of the Pulumi component.
pub(crate) const TIMEOUT: u64 = 30_000;
/// The most that Lambda allows, which a function that waits needs: as [`CONCURRENCY`].
pub(crate) const LONGEST_TIMEOUT: u64 = 900_000;

/// How messages are gathered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batches {
    pub(crate) size: usize,
    pub(crate) window: u64,
}
/// One queue for all, to compare with: the starts in it keep the state changes waiting.
pub(crate) const ONE_QUEUE: Batches = Batches {
    size: 200,
    window: 1_000,
};
/// Two queues, as the Pulumi component has them by default: of state changes.
pub(crate) const CHANGES: Batches = Batches {
    size: 1_000,
    window: 3_000,
};
/// Of starts, stops and reconciles.
pub(crate) const REQUESTS: Batches = Batches { size: 10, window: 0 };
/// Batches of a queue at a time.
pub(crate) const PULLERS: usize = 2;
/// AWS's limits, divided by [`PULLERS`].
pub(crate) const RATES: &str = "RunTask=10:10,DescribeTasks+ListTasks=10:50,RegisterTargets+DeregisterTargets=2:10,\
                                DescribeTargetGroups+DescribeTargetHealth=5:20,DescribeNetworkInterfaces=10:50";
pub(crate) const VISIBILITY_TIMEOUT: u64 = 6 * TIMEOUT + CHANGES.window;
pub(crate) const MAX_RECEIVES: u32 = 5;
/// From a message's arrival to its being received by a waiting poller. Assumed.
pub(crate) const SQS_DELIVERS: (u64, u64) = (10, 60);
/// What one ReceiveMessage and one DeleteMessageBatch take:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub(crate) const MESSAGES_A_CALL: usize = 10;

/// What the waiter of boto3 does: <https://docs.aws.amazon.com/boto3/latest/reference/services/ecs/waiter/TasksRunning.html>
pub(crate) const WAITER_DELAY: u64 = 6_000;
pub(crate) const WAITER_ATTEMPTS: u32 = 100;

/// Memory, MB, of the function: the default of the Pulumi component.
pub(crate) const MEMORY: f64 = 256.0;
/// Of all functions in `make cost`, so that their prices compare.
pub(crate) const MEMORY_OF_COST: f64 = 128.0;
/// x86_64 in us-east-1: <https://aws.amazon.com/lambda/pricing/>
pub(crate) const DOLLARS_PER_GB_SECOND: f64 = 0.000_016_666_7;
/// arm64 in us-east-1: the same source.
pub(crate) const DOLLARS_PER_GB_SECOND_ARM64: f64 = 0.000_013_333_4;
/// The MB that have a whole core: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
pub(crate) const MEMORY_OF_A_CORE: f64 = 1769.0;
pub(crate) const DOLLARS_PER_INVOCATION: f64 = 0.20 / 1e6;
/// Standard queues: <https://aws.amazon.com/sqs/pricing/>
pub(crate) const DOLLARS_PER_SQS_CALL: f64 = 0.40 / 1e6;
/// Custom events: <https://aws.amazon.com/eventbridge/pricing/>. ECS's own cost nothing.
pub(crate) const DOLLARS_PER_CUSTOM_EVENT: f64 = 1.00 / 1e6;

/// Logs taken in, of the standard class: <https://aws.amazon.com/cloudwatch/pricing/>
pub(crate) const DOLLARS_PER_LOG_BYTE: f64 = 0.50 / 1e9;

/// With everything that is asked for beside starts: of so many tasks one is stopped by a request that names it. Assumed.
pub(crate) const STOPPED_BY_REQUEST: u32 = 20;
/// Of so many starts one is in the second cluster, all of which is stopped now and then. Assumed.
pub(crate) const IN_SECOND_CLUSTER: u32 = 10;
/// When a whole service is stopped, in turn, and when the whole second cluster. Assumed.
pub(crate) const STOPS_OF_A_SERVICE: [u64; 3] = [150_000, 300_000, 450_000];
/// As [`STOPS_OF_A_SERVICE`].
pub(crate) const STOPS_OF_ALL: [u64; 2] = [240_000, 480_000];
/// How often both clusters are reconciled. Assumed: more often than `reconcileSchedule` would be, to have it twice.
pub(crate) const RECONCILED_EVERY: u64 = 290_000;
/// The `drainSeconds` of these stops, in turn.
pub(crate) const DRAINS: [u64; 3] = [30, 0, 60];
/// Live tasks that stand beside the traffic, and the target groups that they are in.
pub(crate) const STANDING: usize = 10_000;
/// As [`STANDING`].
pub(crate) const STANDING_GROUPS: usize = 20;
/// A task that waits for its stop in vain ends by itself after this.
pub(crate) const FORGOTTEN: u64 = 3_600_000;

/// How long starts are asked for, in each run.
pub(crate) const STARTS_FOR: u64 = 600_000;
/// And how long after that everything may take to come to its end.
pub(crate) const AFTERMATH: u64 = 4 * 3_600_000;
