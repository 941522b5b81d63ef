//! The account that stands still until it is asked: every call is answered after 20 ms, if AWS's rates allow it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_world::{World, carry_out};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::limits::Limits;
use crate::port::Account;
use crate::world::BEGIN;

const LATENCY: Duration = Duration::from_millis(20);

/// The account behind the function.
#[derive(Clone)]
pub(super) struct Cloud(Arc<Mutex<Inside>>);

struct Inside {
    world: World,
    began_at: Instant,
    random: Rng,
    limits: Limits,
    figures: Figures,
    progress: Progress,
}

/// What a stop of many has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    measured_from: Instant,
    /// Targets that were deregistered, and when the last was.
    pub(super) out: usize,
    pub(super) last_out: Duration,
    /// Tasks that were stopped, and when the last was.
    pub(super) stopped: usize,
    pub(super) last_stopped: Duration,
}

impl Progress {
    fn new() -> Self {
        Self {
            measured_from: Instant::now(),
            out: 0,
            last_out: Duration::ZERO,
            stopped: 0,
            last_stopped: Duration::ZERO,
        }
    }
}

impl Inside {
    /// The world, at the present time.
    fn world(&mut self) -> &mut World {
        let nanos =
            i128::from(BEGIN) * 1_000_000 + i128::try_from(self.began_at.elapsed().as_nanos()).expect("not that long");
        self.world.clock = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a date");
        &mut self.world
    }
}

impl Cloud {
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            world,
            began_at: Instant::now(),
            random: Rng::with_seed(7),
            limits: Limits::new(),
            figures: Figures::default(),
            progress: Progress::new(),
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("one thread")
    }

    /// Changes the account, or looks at it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(self.inside().world())
    }

    /// Forgets what was counted, and fills the buckets.
    pub(super) fn measure_from_now(&self) {
        let mut inside = self.inside();
        inside.limits = Limits::new();
        inside.figures = Figures::default();
        inside.progress = Progress::new();
    }

    /// What was counted since.
    pub(super) fn take_figures(&self) -> (Figures, Progress) {
        let mut inside = self.inside();
        let progress = inside.progress;
        (std::mem::take(&mut inside.figures), progress)
    }

    /// Events that nobody tries any more.
    pub(super) fn given_up(&self) -> u64 {
        self.inside().figures.dead()
    }

    /// The events of the schedules that are due.
    pub(super) fn due(&self) -> Vec<Value> {
        self.with(World::fire_schedules)
    }

    pub(super) fn has_schedules(&self) -> bool {
        self.with(|world| !world.schedules("default").is_empty())
    }
}

impl Account for Cloud {
    fn time(&self, at: Instant) -> Timestamp {
        Timestamp::from_millis(BEGIN).after(at.duration_since(self.inside().began_at))
    }

    fn admit(&self, call: &Call) -> bool {
        self.inside().limits.admit(call)
    }

    fn latency(&self, _: &Call) -> Duration {
        LATENCY
    }

    fn part(&self) -> f64 {
        self.inside().random.f64()
    }

    fn carry_out(&self, call: &Call) -> Result<Answer, CallError> {
        let mut inside = self.inside();
        let world = inside.world();
        let (out, stopped) = match call {
            Call::DeregisterTargets { group, targets, .. } => {
                let registered = targets
                    .iter()
                    .filter(|target| world.health(group.as_str(), &target.id, target.port.number()).is_some());
                (registered.count(), 0)
            }
            Call::StopTask { task, .. } => (0, usize::from(world.desired_status(task.as_str()) == "RUNNING")),
            _ => (0, 0),
        };
        let answer = carry_out(world, call);
        if answer.is_ok() && (out, stopped) != (0, 0) {
            let progress = &mut inside.progress;
            let since = progress.measured_from.elapsed();
            progress.out += out;
            progress.stopped += stopped;
            let last = if out > 0 {
                &mut progress.last_out
            } else {
                &mut progress.last_stopped
            };
            *last = since;
        }
        answer
    }

    fn count(&self, count: impl FnOnce(&mut Figures)) {
        count(&mut self.inside().figures);
    }
}
