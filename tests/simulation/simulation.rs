//! The run of one seed: a queue of what happens next, one step at a time, and a trace of it all.
//!
//! Time is virtual: it jumps from step to step. Everything that is left to chance is drawn from the
//! seed, so one seed is one story.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::decide::timing;
use start_engines_core::domain::arn::InterfaceId;
use start_engines_fake_aws::Health;
use start_engines_world::{World, carry_out, failure};
use time::OffsetDateTime;

use crate::account::{self, Service, Whom};
use crate::checks::{self, Seen};
use crate::delivery::{About, Delivery};
use crate::faults::{End, fate};
use crate::function::{Asked, Instance, Letter, Next, Running, SharedTime};
use crate::lives::{SKEW_MILLIS, Shown, Turn};
use crate::promises::{self, Broken, Promises};
use crate::statistics::Statistics;

/// When all stories begin: 2026-01-01, in milliseconds.
const BEGIN: i64 = 1_767_225_600_000;
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Starts of one story, and the time over which they are spread.
const STARTS: usize = 120;
/// Stops of a service, or of a cluster.
const STOPS_OF_MANY: usize = 6;
/// How many TagResource of a stop of many meet a fault, in a thousand.
const TAG_FAULTS: usize = 80;
/// Tasks of another deployment.
const OTHERS: usize = 12;
const DAY: i64 = 12 * HOUR;
const RUSH_HOUR: i64 = 10 * MINUTE;
/// From then on nothing fails any more, so that every event comes to its end.
const CALM: i64 = BEGIN + 48 * HOUR;

/// A safeguard or an assumption that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// The guard of late stops is gone: every stop looks as if it had just happened.
    LateStopsLookFresh,
    /// DescribeTasks shows a stop ten minutes late. Only ECS shows the ports of tasks on instances.
    DescribeTasksLags,
    /// An address serves another RUNNING task as soon as it is free.
    AddressesAreReusedAtOnce,
    /// What fails is never tried again.
    NothingIsTriedAgain,
    /// The clocks of functions are seconds off.
    ClocksDisagree,
    /// ECS forgets client tokens at once.
    ClientTokensAreForgotten,
    /// What Scheduler should send never comes, and nobody who could see to it does.
    SchedulesAreLost,
    /// A task that drains is always shown as one that still has time.
    DrainsNeverEnd,
    /// A stop of several tasks looks as if it had just been asked for, whenever it is handled.
    StopsGoByTheirHandling,
    /// The second half of a stop of many counts drains from when the stop was asked for.
    DrainsCountFromTheRequest,
    /// The second half of a stop of many looks as if it had just been asked for.
    PiecesHaveTheirOwnTime,
    /// Events are lost for good, and nobody asks for a reconcile.
    NobodyReconciles,
    /// A reconcile is shown no task that lives.
    ReconcilesMissWhatLives,
    /// The function does not know of other deployments, nor which groups are its own.
    DeploymentsAreStrangers,
    /// A reconcile that is tried again is shown each task as its first try saw it.
    RetriesOfReconcilesLookAtNothing,
    /// A stop of a host task knows its own port, and of others only the bindings that they show: none.
    OwnersTellNoHostPorts,
    /// A port that an instance chooses serves another RUNNING task as soon as it is given back.
    HostPortsAreReusedAtOnce,
    /// A target that a Network Load Balancer lets its connections end counts as deregistered.
    GracePeriodsCountAsDraining,
    /// A stop of a task that never ran has a time of its start.
    FailedStartsLookAsIfTheyRan,
    /// EC2 shows no interface of a task, as to somebody who does not ask for managed ones.
    InterfacesAreHidden,
    /// An interface whose task ECS does not show yet looks as if ECS had had the time to.
    YoungInterfacesLookOld,
    /// The interface of a late RUNNING event's task is always there.
    LateRunningEventsAreBelieved,
    /// A deregistration may take effect long after EC2 was asked.
    DeregistrationsHaveNoBound,
    /// A deregistration may take effect twice as long after EC2 was asked.
    TheBoundIsTwice,
    /// Every interface with the address looks like the stopped task's own.
    EveryInterfaceIsTheTasksOwn,
    /// A search that goes on counts the age of interfaces from then.
    AgesCountFromTheEnd,
    /// What EC2 shows anew after a search is not seen.
    SecondAnswersAreNotCompared,
    /// EC2 shows interfaces, old and new, half a minute late.
    Ec2LagsLonger,
    /// An owner is looked for only among the tasks of the same service.
    OnlyTheSameServiceIsSearched,
    /// ECS shows new tasks ten minutes late.
    NewTasksAreShownLate,
    /// ECS is always half a minute behind, and a task may be STOPPED as soon as it was RUNNING.
    TasksEndAtOnce,
    /// What ELB still checks looks unhealthy to a check.
    InitialLooksUnhealthy,
    /// A check that comes late looks as if it came in time.
    ChecksAreAlwaysInTime,
}

/// What happens at a point in time.
#[derive(Debug)]
pub(crate) enum Step {
    /// Lambda hands an event to the function.
    Deliver(Delivery),
    /// A task goes on with its life.
    Turn(String, Turn),
    /// A call reaches AWS, of an invocation that may not wait for it any more.
    Land {
        invocation: u64,
        /// Which of its calls.
        letter: Letter,
        call: Call,
        about: About,
    },
    /// An invocation hears of one of its calls: AWS's answer, or an error.
    Hear(u64, Letter, Option<CallError>),
    /// An invocation dies.
    Crash(u64),
    /// EventBridge Scheduler sends what is due.
    Fire,
    /// Another deployment starts a task.
    OthersStart(usize),
    /// An operator has the tasks of a cluster compared with their targets.
    Reconcile(String),
    /// Somebody stops all tasks of a cluster, or of a service.
    StopMany(Whom),
    /// An application starts a service anew.
    Restart(usize),
    /// ELB has checked a new target.
    Health(promises::Target, Health),
}

/// An invocation under way.
struct Invocation {
    running: Running,
    delivery: Delivery,
    /// The calls that it has not heard of yet, each with AWS's answer, if that is on its way back.
    waits_for: BTreeMap<Letter, Option<Result<Answer, CallError>>>,
}

/// How the run of one seed went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) statistics: Statistics,
    /// The same for the same story only.
    pub(crate) trace: u64,
    pub(crate) broken: Option<Broken>,
}

/// One seed's world.
pub(crate) struct Simulation {
    pub(crate) mutant: Mutant,
    pub(crate) rng: Rng,
    pub(crate) now: i64,
    pub(crate) world: World,
    pub(crate) services: Vec<Service>,
    pub(crate) promises: Promises,
    pub(crate) statistics: Statistics,
    /// When an address was last given back.
    pub(crate) freed: BTreeMap<std::net::Ipv4Addr, i64>,
    /// When a start's event was first delivered.
    pub(crate) first_tried: BTreeMap<String, i64>,
    pub(crate) tasks: BTreeMap<String, Shown>,
    /// What checks have been shown.
    pub(crate) seen: Seen,
    /// Until when no task begins to run on an instance: ports that were given back there are not shown so yet.
    pub(crate) settles: BTreeMap<String, i64>,
    time: SharedTime,
    queue: BTreeMap<(i64, u64), Step>,
    steps: u64,
    invocations: BTreeMap<u64, Invocation>,
    idle: Vec<Instance>,
    /// Everything happens as soon after each other as it can: short lives, addresses that are given
    /// again at once, events that come seconds late.
    pub(crate) is_rush_hour: bool,
    /// Clusters that somebody is about to have reconciled.
    pub(crate) reconciles_to_come: BTreeSet<String>,
    /// The version of a task that a reconcile has seen first; for a mutant.
    pub(crate) first_seen: BTreeMap<(i64, String), usize>,
    /// State changes in a thousand that nobody ever delivers.
    pub(crate) lost: usize,
    /// What EC2 has first shown an invocation; for a mutant.
    pub(crate) first_interfaces: BTreeMap<u64, Vec<InterfaceId>>,
    /// Calls in a thousand that meet a fault.
    faults: usize,
    /// How far clocks may be off.
    skew: i64,
    trace: u64,
    is_reported: bool,
}

/// Runs a seed; `is_reported` prints its story.
pub(crate) fn run(seed: u64, mutant: Mutant, is_reported: bool) -> Report {
    let mut rng = Rng::with_seed(seed);
    let with_instances = match mutant {
        Mutant::None => rng.usize(..1000) < 600,
        Mutant::DescribeTasksLags
        | Mutant::OwnersTellNoHostPorts
        | Mutant::HostPortsAreReusedAtOnce
        | Mutant::GracePeriodsCountAsDraining
        | Mutant::FailedStartsLookAsIfTheyRan => true,
        // Each is found out by tasks with an interface of their own, so all are such.
        Mutant::LateStopsLookFresh
        | Mutant::AddressesAreReusedAtOnce
        | Mutant::NothingIsTriedAgain
        | Mutant::ClocksDisagree
        | Mutant::ClientTokensAreForgotten
        | Mutant::SchedulesAreLost
        | Mutant::DrainsNeverEnd
        | Mutant::StopsGoByTheirHandling
        | Mutant::DrainsCountFromTheRequest
        | Mutant::PiecesHaveTheirOwnTime
        | Mutant::DeploymentsAreStrangers
        | Mutant::NobodyReconciles
        | Mutant::ReconcilesMissWhatLives
        | Mutant::RetriesOfReconcilesLookAtNothing
        | Mutant::InterfacesAreHidden
        | Mutant::YoungInterfacesLookOld
        | Mutant::LateRunningEventsAreBelieved
        | Mutant::DeregistrationsHaveNoBound
        | Mutant::TheBoundIsTwice
        | Mutant::EveryInterfaceIsTheTasksOwn
        | Mutant::AgesCountFromTheEnd
        | Mutant::SecondAnswersAreNotCompared
        | Mutant::Ec2LagsLonger
        | Mutant::OnlyTheSameServiceIsSearched
        | Mutant::NewTasksAreShownLate
        | Mutant::TasksEndAtOnce
        | Mutant::InitialLooksUnhealthy
        | Mutant::ChecksAreAlwaysInTime => false,
    };
    let (world, services) = account::open(&mut rng, with_instances);
    let faults = rng.choice([0, 20, 60, 120]).expect("one of these");
    let is_rush_hour = match mutant {
        Mutant::TasksEndAtOnce | Mutant::AgesCountFromTheEnd => true,
        _ => rng.bool(),
    };
    let lost = match mutant {
        Mutant::None
        | Mutant::NobodyReconciles
        | Mutant::ReconcilesMissWhatLives
        | Mutant::RetriesOfReconcilesLookAtNothing => rng.choice([0, 30, 100]).expect("one of these"),
        // Each is to be found out for what it is.
        _ => 0,
    };
    let mut simulation = Simulation {
        mutant,
        rng,
        now: BEGIN,
        world,
        services,
        promises: Promises::default(),
        statistics: Statistics::default(),
        freed: BTreeMap::new(),
        first_tried: BTreeMap::new(),
        tasks: BTreeMap::new(),
        seen: Seen::default(),
        settles: BTreeMap::new(),
        time: Arc::new(AtomicI64::new(BEGIN)),
        queue: BTreeMap::new(),
        steps: 0,
        invocations: BTreeMap::new(),
        idle: Vec::new(),
        is_rush_hour,
        reconciles_to_come: BTreeSet::new(),
        first_seen: BTreeMap::new(),
        lost,
        first_interfaces: BTreeMap::new(),
        faults,
        skew: if mutant == Mutant::ClocksDisagree {
            8 * SECOND
        } else {
            SKEW_MILLIS
        },
        trace: 0xcbf2_9ce4_8422_2325,
        is_reported,
    };
    let broken = simulation.story().err();
    if let Some(broken) = &broken {
        simulation.report(|| format!("BROKEN {}", broken.0));
    }
    Report {
        statistics: simulation.statistics,
        trace: simulation.trace,
        broken,
    }
}

impl Simulation {
    fn story(&mut self) -> Result<(), Broken> {
        let over = if self.is_rush_hour { RUSH_HOUR } else { DAY };
        self.send_starts(STARTS, over);
        self.expect_stops_of_many(STOPS_OF_MANY, over);
        self.send_others(OTHERS, over);
        while let Some(((at, _), step)) = self.queue.pop_first() {
            self.now = at;
            self.time.store(at, Ordering::Relaxed);
            let nanos = i128::from(at) * 1_000_000;
            self.world.clock = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a time of this century");
            self.take(step)?;
        }
        self.promises.at_the_end(&self.world)
    }

    /// Something happens later.
    pub(crate) fn after(&mut self, millis: i64, step: Step) {
        self.steps += 1;
        self.queue.insert((self.now + millis, self.steps), step);
    }

    /// A line of the trace.
    #[expect(clippy::print_stdout, reason = "a failing seed's story is there to be read")]
    pub(crate) fn report(&mut self, line: impl FnOnce() -> String) {
        let (since, line) = (self.now - BEGIN, line());
        // FNV-1a: the same in every build, which the standard library's hashers do not promise.
        for byte in since.to_le_bytes().iter().chain(line.as_bytes()) {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.is_reported {
            println!("{:>6}.{:03} {line}", since / SECOND, since % SECOND);
        }
    }

    fn take(&mut self, step: Step) -> Result<(), Broken> {
        match step {
            Step::Deliver(delivery) => self.deliver(delivery),
            Step::Turn(task, turn) => self.turn(&task, turn),
            Step::Fire => {
                self.fire_schedules();
                Ok(())
            }
            Step::OthersStart(n) => self.others_start(n),
            Step::Reconcile(cluster) => {
                self.ask_to_reconcile(&cluster);
                Ok(())
            }
            Step::StopMany(whom) => {
                self.ask_to_stop_many(&whom);
                Ok(())
            }
            Step::Health(target, health) => {
                self.has_health(&target, health);
                Ok(())
            }
            Step::Restart(service) => {
                self.restart(service);
                Ok(())
            }
            Step::Land {
                invocation,
                letter,
                call,
                about,
            } => {
                let answer = self.land(invocation, &call, &about)?;
                let waiting = self.invocations.get_mut(&invocation);
                if let Some(awaited) = waiting.and_then(|waiting| waiting.waits_for.get_mut(&letter)) {
                    *awaited = Some(answer);
                }
                Ok(())
            }
            Step::Hear(id, letter, error) => {
                // It may have died of another of its calls.
                let Some(mut invocation) = self.invocations.remove(&id) else {
                    return Ok(());
                };
                let awaited = invocation.waits_for.remove(&letter).expect("it waits for this answer");
                let answer = match error {
                    Some(error) => Err(error),
                    None => awaited.expect("an answer comes after its call"),
                };
                self.report(|| format!("  #{id} hears {}", Brief(&answer)));
                let next = invocation.running.hear(letter, answer);
                self.go_on(id, next, invocation.delivery, invocation.waits_for, false)
            }
            Step::Crash(id) => {
                let Some(invocation) = self.invocations.remove(&id) else {
                    return Ok(());
                };
                self.report(|| format!("  #{id} dies"));
                self.has_failed(invocation.delivery, "crash")
            }
        }
    }

    fn deliver(&mut self, mut delivery: Delivery) -> Result<(), Broken> {
        if let About::Reconcile { began, .. } | About::StopMany { began, .. } = &mut delivery.about {
            *began = self.now;
        }
        if let About::StopMany { whom, asked_at, .. } = &delivery.about {
            self.promises.stop_is_tried(whom, *asked_at, self.now);
        }
        if self.is_beyond_the_promise(&delivery) {
            return Ok(());
        }
        self.steps += 1;
        let id = self.steps;
        self.statistics.count("invocations");
        self.note_delivery(&delivery);
        self.report(|| format!("#{id} begins with {}", delivery.about));
        let is_cold = self.idle.is_empty() || self.rng.usize(..1000) < 100;
        let instance = if is_cold {
            self.statistics.count("cold starts");
            let skew = self.rng.i64(-self.skew..=self.skew);
            Instance::new(
                account::config(
                    self.mutant == Mutant::DeploymentsAreStrangers,
                    checks::are_made(self.mutant),
                ),
                &self.time,
                skew,
            )
        } else {
            let place = self.rng.usize(..self.idle.len());
            self.idle.swap_remove(place)
        };
        let event = self.as_delivered(&delivery);
        let timeout = self.timeout(&delivery.about);
        self.go_on(
            id,
            instance.invoke(event, timeout).run(),
            delivery,
            BTreeMap::new(),
            true,
        )
    }

    fn go_on(
        &mut self,
        id: u64,
        next: Next,
        mut delivery: Delivery,
        mut waits_for: BTreeMap<Letter, Option<Result<Answer, CallError>>>,
        is_first: bool,
    ) -> Result<(), Broken> {
        let (running, asked) = match next {
            Next::Waits(running, asked) => (running, asked),
            Next::Ends(instance, handled) => {
                self.idle.push(instance);
                return self.is_handled(id, delivery, &handled);
            }
        };
        for Asked { letter, call, within } in asked {
            self.note_asked(&call, &mut delivery);
            if is_first {
                self.asks_first(&call, &delivery.about)?;
            }
            waits_for.insert(letter, None);
            self.set_out(id, letter, call, within, &delivery.about);
        }
        let invocation = Invocation {
            running,
            delivery,
            waits_for,
        };
        self.invocations.insert(id, invocation);
        Ok(())
    }

    /// A call is on its way.
    fn set_out(&mut self, id: u64, letter: Letter, call: Call, within: Duration, about: &About) {
        let faults = match about {
            _ if self.now >= CALM => 0,
            // It makes many calls, and must come to its end while ECS shows the tasks that have stopped.
            About::Reconcile { .. } => self.faults / 6,
            // ECS takes few tags a second.
            About::StopMany { .. } if matches!(call, Call::TagTask { .. }) => self.faults.max(TAG_FAULTS),
            About::Start { .. }
            | About::Task { .. }
            | About::Stop { .. }
            | About::StopMany { .. }
            | About::Check { .. } => self.faults,
        };
        let within = match (self.mutant, &call) {
            (Mutant::DeregistrationsHaveNoBound, Call::DeregisterTargets { .. }) => Duration::from_secs(60),
            (Mutant::TheBoundIsTwice, Call::DeregisterTargets { .. }) => within + timing::INTERFACE_PROOF,
            _ => within,
        };
        let slow = self.slow(&call, about, within);
        let fate = fate(&mut self.rng, &call, within, faults, slow);
        self.statistics.count("AWS calls");
        self.statistics.count(format!("call {}", call.operation()));
        if let Some(fault) = fate.fault {
            self.statistics.count("faults");
            self.statistics.count(format!("fault {fault}"));
        }
        self.report(|| format!("  #{id} asks {} {}", Brief(&call), fate.fault.unwrap_or_default()));
        if let Some(lands) = fate.lands {
            self.expect_landing(about, 1);
            let step = Step::Land {
                invocation: id,
                letter,
                call: call.clone(),
                about: about.clone(),
            };
            self.after(lands, step);
        }
        match fate.end {
            End::Answered(after) => self.after(after, Step::Hear(id, letter, None)),
            End::Failed(after, kind) => self.after(after, Step::Hear(id, letter, Some(failure(&call, kind())))),
            End::Crashed(after) => self.after(after, Step::Crash(id)),
        }
    }

    fn land(&mut self, id: u64, call: &Call, about: &About) -> Result<Result<Answer, CallError>, Broken> {
        self.before_landing(call, about)?;
        let mut answer = carry_out(&mut self.world, call);
        self.after_landing(call, about, &mut answer)?;
        self.mutate_second_answer(id, call, &mut answer);
        self.report(|| format!("  #{id} lands {}: {}", call.operation(), Brief(&answer)));
        Ok(answer)
    }
}

/// A value on one line that is not too long.
pub(crate) struct Brief<'a, T>(pub(crate) &'a T);

impl<T: fmt::Debug> fmt::Display for Brief<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        f.write_str(text.get(..600).unwrap_or(&text))
    }
}
