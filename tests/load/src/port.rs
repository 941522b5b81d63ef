//! AWS's answers to the function: the crate's own port, with AWS's rates, latencies, the SDK's retries, and the CPU that
//! a call takes.

use std::future::Future;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::{Aws, Clock};
use start_engines_world::failure;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::parameters as p;
use crate::processor::{self, Processor};

/// CPU of a core to read one task of an answer of DescribeTasks, measured in this run: to read the JSON of a state change,
/// which has nearly the same fields.
static READING_A_TASK: LazyLock<Duration> = LazyLock::new(|| {
    let text = include_str!("../../../fixtures/events/task-running.json");
    let times = 1000;
    let before = processor::thread_time();
    for _ in 0..times {
        black_box(serde_json::from_str::<Value>(black_box(text)).expect("an event"));
    }
    (processor::thread_time() - before) / times
});

/// Measures what is measured once, before anything is charged.
pub(crate) fn prepare() {
    LazyLock::force(&READING_A_TASK);
}

/// An account behind the port.
pub(crate) trait Account: Clone + Send + Sync + 'static {
    /// The account's time at this instant.
    fn time(&self, at: Instant) -> Timestamp;
    /// Whether AWS's rates allow the call now.
    fn admit(&self, call: &Call) -> bool;
    /// How long AWS takes to answer.
    fn latency(&self, call: &Call) -> Duration;
    /// From 0 to 1, at random.
    fn part(&self) -> f64;
    /// The answer.
    fn carry_out(&self, call: &Call) -> Result<Answer, CallError>;
    /// Changes what is counted.
    fn count(&self, count: impl FnOnce(&mut Figures));

    /// A random time of this range, in milliseconds.
    fn some(&self, (from, to): (u64, u64)) -> Duration {
        Duration::from_millis(from) + Duration::from_millis(to - from).mul_f64(self.part())
    }
}

/// A client of an account, in one instance of the function.
#[derive(Clone, Debug)]
pub(crate) struct Client<A> {
    pub(crate) account: A,
    pub(crate) attempts: u32,
    pub(crate) processor: Processor,
}

impl<A: Account> Clock for Client<A> {
    fn now(&self) -> Timestamp {
        self.account.time(self.processor.now())
    }
}

impl<A: Account> Aws for Client<A> {
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let (client, call) = (self.clone(), call.clone());
        let timed_out = failure(&call, ErrorKind::TimedOut);
        async move {
            let sent = tokio::time::timeout(within, client.send(call)).await;
            sent.unwrap_or(Err(timed_out))
        }
    }
}

impl<A: Account> Client<A> {
    async fn send(&self, call: Call) -> Result<Answer, CallError> {
        for attempt in 0..self.attempts {
            self.processor.charge(p::CPU_OF_A_CALL);
            self.processor.free().await;
            self.account.count(|figures| figures.call(call.operation()));
            if self.account.admit(&call) {
                let latency = self.account.latency(&call);
                tokio::time::sleep(latency / 2).await;
                let answer = self.processor.apart(|| self.account.carry_out(&call));
                tokio::time::sleep(latency / 2).await;
                if let Ok(Answer::Tasks(tasks)) = &answer {
                    let tasks = u32::try_from(tasks.len()).expect("at most a hundred");
                    self.processor.charge(*READING_A_TASK * tasks);
                }
                return answer;
            }
            self.account.count(|figures| figures.throttle(call.operation()));
            tokio::time::sleep(self.account.some(p::THROTTLED_ANSWERS)).await;
            if attempt + 1 < self.attempts {
                let most = Duration::from_millis(p::SDK_BACKOFF << attempt.min(4));
                tokio::time::sleep(most.mul_f64(self.account.part())).await;
            }
        }
        Err(failure(&call, ErrorKind::Throttled))
    }
}
