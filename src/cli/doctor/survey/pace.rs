//! How fast `doctor` reads: at most eight calls at a time, and after the first forty no more than ten a second.
//!
//! Half of what the slowest of these services allow an account, so that the function has the other half: 20 a second and
//! 50 at once for DescribeTaskDefinition, 100 for the other reads of ECS
//! (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>), 20 and 50 to 100 for those of EC2
//! (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>). The SDK repeats what is throttled all the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};

const AT_ONCE: usize = 8;
const BURST: usize = 40;
const BETWEEN: Duration = Duration::from_millis(100);

/// The turns of calls.
pub(super) struct Pace {
    at_once: Semaphore,
    made: AtomicUsize,
    ticks: Mutex<Interval>,
}

impl Pace {
    pub(super) fn new() -> Self {
        let mut ticks = interval(BETWEEN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            at_once: Semaphore::new(AT_ONCE),
            made: AtomicUsize::new(0),
            ticks: Mutex::new(ticks),
        }
    }

    /// Makes a call when it is its turn.
    pub(super) async fn turn<T>(&self, call: impl Future<Output = T>) -> T {
        let permit = self.at_once.acquire().await;
        if self.made.fetch_add(1, Ordering::Relaxed) >= BURST {
            self.ticks.lock().await.tick().await;
        }
        let answer = call.await;
        drop(permit);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_the_burst_there_are_ten_calls_a_second() {
        let pace = Pace::new();
        let begin = tokio::time::Instant::now();
        for _ in 0..BURST {
            pace.turn(async {}).await;
        }
        assert!(begin.elapsed() < BETWEEN, "{:?}", begin.elapsed());
        let begin = tokio::time::Instant::now();
        for _ in 0..=4 {
            pace.turn(async {}).await;
        }
        assert!(begin.elapsed() >= 4 * BETWEEN, "{:?}", begin.elapsed());
    }
}
