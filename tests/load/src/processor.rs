//! The CPU of one instance of the function: how long it is busy, at its share of a core.
//!
//! What the function's own crates take is measured, as CPU time of this thread, without that of the simulated AWS. What
//! they do not have (the SDK, TLS, the reading of AWS's answers) is added by the call, and by the task that is described. While the instance is busy nothing
//! of it goes on: its clock is ahead, its calls wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep_until};

/// Tokio's timers have no finer steps; less is carried over.
const STEP: Duration = Duration::from_millis(1);

/// CPU time of this thread.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).expect("less than a second"),
    )
}

/// The CPU of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Processor(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    /// Of a core.
    share: f64,
    /// `None` if what the crates take is not measured.
    is_measured: bool,
    free_at: Instant,
    /// The thread's time since when the instance runs.
    runs_since: Option<Duration>,
    used: Duration,
}

impl Inside {
    fn charge(&mut self, cpu: Duration) {
        self.used += cpu;
        self.free_at = self.free_at.max(Instant::now()) + cpu.div_f64(self.share);
    }

    /// Charges what was used up to now.
    fn note(&mut self) {
        if let Some(since) = self.runs_since {
            let now = thread_time();
            self.charge(now.saturating_sub(since));
            self.runs_since = Some(now);
        }
    }
}

impl Processor {
    /// With this share of a core. If it is not measured, only what is charged at once counts.
    pub(crate) fn new(share: f64, is_measured: bool) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            share,
            is_measured,
            free_at: Instant::now(),
            runs_since: None,
            used: Duration::ZERO,
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("one thread")
    }

    /// CPU time used, of a whole core.
    pub(crate) fn used(&self) -> Duration {
        self.inside().used
    }

    /// Adds what a call takes beside the crates, of a whole core, if these are measured.
    pub(crate) fn charge(&self, cpu: Duration) {
        let mut inside = self.inside();
        if inside.is_measured {
            inside.charge(cpu);
        }
    }

    /// Adds all that an invocation takes, of a whole core, if it is not measured.
    pub(crate) fn charge_at_once(&self, cpu: Duration) {
        self.inside().charge(cpu);
    }

    /// The time as the instance knows it.
    pub(crate) fn now(&self) -> Instant {
        let mut inside = self.inside();
        inside.note();
        inside.free_at.max(Instant::now())
    }

    /// Waits until it is free.
    pub(crate) async fn free(&self) {
        loop {
            let free_at = self.now();
            if free_at.saturating_duration_since(Instant::now()) < STEP {
                return;
            }
            sleep_until(free_at).await;
        }
    }

    /// Runs what is not the instance's work.
    pub(crate) fn apart<T>(&self, work: impl FnOnce() -> T) -> T {
        let ran = {
            let mut inside = self.inside();
            inside.note();
            inside.runs_since.take()
        };
        let result = work();
        self.inside().runs_since = ran.map(|_| thread_time());
        result
    }

    /// Runs `work` as the instance's, and until it is free again.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let result = Measured {
            work: Box::pin(work),
            processor: self.clone(),
        };
        let result = result.await;
        self.free().await;
        result
    }
}

/// Work whose polls are measured.
struct Measured<F> {
    work: Pin<Box<F>>,
    processor: Processor,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut inside = self.processor.inside();
            inside.runs_since = inside.is_measured.then(thread_time);
        }
        let polled = self.work.as_mut().poll(context);
        let mut inside = self.processor.inside();
        inside.note();
        inside.runs_since = None;
        polled
    }
}
