//! How the cost of an event grows with the number of live tasks that it has nothing to do with.
//!
//! `make fleet` runs it: the crate's own handler, before an account with so many live tasks. Every call is answered after
//! 20 ms of virtual time, one after the other or side by side as the handler makes them; nothing is throttled. What AWS's
//! rates would make of the calls is a column of its own. CPU is this computer's, without that of the simulated AWS.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::Config;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::Outcome;
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_fake_aws::{TargetGroup, TaskDefinition};
use start_engines_handler::{Handler, Invocation};
use start_engines_world::{World, carry_out};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::parameters::{self as p, Bucket};

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;
const LATENCY: Duration = Duration::from_millis(20);
/// Of a function with 256 MB: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const SHARE: f64 = 2.0 * p::SHARE;
/// The component's default.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Live tasks of the stopped task's own service, in every account.
const OF_SERVICE: usize = 100;
/// Stops of a batch, and the target groups that they are in.
const BATCH: usize = 1000;
const GROUPS: usize = 20;
/// Tasks of one RunTask.
const AT_ONCE: usize = 10;

/// What has become of the address of a task whose stop comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    /// Nobody has it.
    Free,
    /// A newer task of the same service.
    SameService,
    /// A task of somebody else.
    AnotherTask,
    /// An interface that is no task's.
    NoTask,
}

impl Address {
    const ALL: [Self; 4] = [Self::Free, Self::SameService, Self::AnotherTask, Self::NoTask];

    fn name(self) -> &'static str {
        match self {
            Self::Free => "a late stop, its address free",
            Self::SameService => "a newer task of the same service has it",
            Self::AnotherTask => "somebody else's task has it",
            Self::NoTask => "an interface without a task has it",
        }
    }
}

/// One row.
struct Row {
    what: String,
    tasks: usize,
    /// By operation.
    calls: BTreeMap<&'static str, u64>,
    virtual_time: Duration,
    cpu: Duration,
    end: String,
}

impl Row {
    fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    fn seconds(&self) -> f64 {
        self.virtual_time.as_secs_f64() + self.cpu.as_secs_f64() / SHARE
    }

    /// How long AWS's rates make the calls take at least, if nobody else makes any.
    fn seconds_at_rates(&self) -> f64 {
        let of = |operations: &[&str], bucket: Bucket| {
            let calls: u64 = operations
                .iter()
                .filter_map(|operation| self.calls.get(operation))
                .sum();
            (calls as f64 - bucket.burst).max(0.0) / bucket.per_second
        };
        [
            of(&["DescribeTasks", "ListTasks"], p::ECS_READS),
            of(&["RegisterTargets", "DeregisterTargets"], p::ELB_TARGETS),
            of(&["DescribeTargetHealth", "DescribeTargetGroups"], p::ELB_READS),
            of(&["DescribeNetworkInterfaces"], p::EC2_READS),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "liveTasks": self.tasks, "calls": self.all_calls(), "callsByOperation": self.calls,
            "seconds": self.seconds(), "secondsAtRates": self.seconds_at_rates(),
            "cpuMillis": self.cpu.as_secs_f64() * 1e3, "outcome": self.end,
        })
    }
}

/// The account behind the handler, and what its calls cost.
#[derive(Clone)]
struct Cloud(Arc<Mutex<Inside>>);

struct Inside {
    world: World,
    began_at: Instant,
    calls: BTreeMap<&'static str, u64>,
    /// Real time that the simulated AWS has taken.
    own: Duration,
}

impl Cloud {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("one thread")
    }
}

impl Inside {
    fn now(&self) -> i64 {
        BEGIN + i64::try_from(self.began_at.elapsed().as_millis()).expect("not that long")
    }

    /// The world, at the present time.
    fn world(&mut self) -> &mut World {
        let nanos = i128::from(self.now()) * 1_000_000;
        self.world.clock = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a date");
        &mut self.world
    }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.inside().now())
    }
}

impl Aws for Cloud {
    async fn perform(&self, call: &Call, _: Duration) -> Result<Answer, CallError> {
        sleep(LATENCY).await;
        let mut inside = self.inside();
        *inside.calls.entry(call.operation()).or_default() += 1;
        let began_at = std::time::Instant::now();
        let answer = carry_out(inside.world(), call);
        inside.own += began_at.elapsed();
        answer
    }
}

/// Prints the table for these numbers of live tasks, and writes it as JSON.
pub(crate) fn print(folder: &Path, sizes: &[usize]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    println!(
        "{:<42} {:>10} {:>8} {:>9} {:>12} {:>9}  outcome",
        "event", "live tasks", "calls", "seconds", "at the rates", "CPU ms"
    );
    let mut rows = Vec::new();
    for &tasks in sizes {
        let account = Account::with(tasks);
        for address in Address::ALL {
            rows.push(runtime.block_on(account.late_stop(address)));
            print_row(&rows);
        }
        for address in [Address::Free, Address::SameService] {
            rows.push(runtime.block_on(account.late_stops(address)));
            print_row(&rows);
        }
    }
    let all: Vec<Value> = rows.iter().map(Row::json).collect();
    let text = serde_json::to_string_pretty(&all).expect("JSON");
    match fs::create_dir_all(folder).and_then(|()| fs::write(folder.join("fleet.json"), text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn print_row(rows: &[Row]) {
    if let Some(row) = rows.last() {
        println!(
            "{:<42} {:>10} {:>8} {:>9.2} {:>12.1} {:>9.2}  {}",
            row.what,
            row.tasks,
            row.all_calls(),
            row.seconds(),
            row.seconds_at_rates(),
            row.cpu.as_secs_f64() * 1e3,
            row.end
        );
    }
}

/// How an account is made: so many live tasks, one service of which is of interest.
struct Account {
    tasks: usize,
}

impl Account {
    fn with(tasks: usize) -> Self {
        Self { tasks }
    }

    /// The account, with so many tasks of the service in each of so many target groups, whose ARNs these are.
    fn open(&self, groups: usize, of_service: usize) -> (Cloud, Vec<String>) {
        let mut world = World::new();
        world.keeps_history = false;
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("engine").container("engine", &[8080]));
        let mut add = |name: &str| {
            let group = TargetGroup::ip(name, 80).quota(usize::MAX).deregistration_delay(0);
            world.add_target_group(group)
        };
        let others = add("others");
        let own: Vec<String> = (0..groups).map(|n| add(&format!("own-{n}"))).collect();
        let in_own = own.len() * of_service;
        for group in &own {
            run(&mut world, Some(group), of_service);
        }
        run(&mut world, Some(&others), self.tasks.saturating_sub(in_own));
        let inside = Inside {
            world,
            began_at: Instant::now(),
            calls: BTreeMap::new(),
            own: Duration::ZERO,
        };
        (Cloud(Arc::new(Mutex::new(inside))), own)
    }

    async fn late_stop(&self, address: Address) -> Row {
        let (cloud, groups) = self.open(1, OF_SERVICE);
        let stops = stops(&cloud, &groups, 1, address).await;
        self.measure(address.name().to_owned(), &cloud, stops).await
    }

    async fn late_stops(&self, address: Address) -> Row {
        let (cloud, groups) = self.open(GROUPS, OF_SERVICE / GROUPS);
        let stops = stops(&cloud, &groups, BATCH, address).await;
        let what = match address {
            Address::Free => format!("a batch of {BATCH} late stops, free"),
            _ => format!("a batch of {BATCH}, of the same service"),
        };
        self.measure(what, &cloud, stops).await
    }

    async fn measure(&self, what: String, cloud: &Cloud, events: Vec<Value>) -> Row {
        let config = Config::read(|_| None, None).expect("a sound configuration");
        let handler = Handler::new(config, cloud.clone(), cloud.clone());
        {
            let mut inside = cloud.inside();
            inside.calls.clear();
            inside.own = Duration::ZERO;
        }
        let invocation = Invocation {
            deadline: cloud.now().after(TIMEOUT),
            function: None,
        };
        let (virtual_from, real_from) = (Instant::now(), std::time::Instant::now());
        let handled = handler.handle_batch(events, &invocation).await;
        let (virtual_time, real) = (virtual_from.elapsed(), real_from.elapsed());
        let inside = cloud.inside();
        Row {
            what,
            tasks: self.tasks,
            calls: inside.calls.clone(),
            virtual_time,
            cpu: real.saturating_sub(inside.own),
            end: ends(&handled),
        }
    }
}

/// How many of the events ended in which way.
fn ends(handled: &[Handled]) -> String {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for handled in handled {
        let end = match &handled.result {
            Ok(Outcome::Deregistered { reused, .. }) if !reused.is_empty() => "left to its owner".to_owned(),
            Ok(outcome) => outcome.name().to_owned(),
            Err(failure) => failure.category.name().to_owned(),
        };
        *ends.entry(end).or_default() += 1;
    }
    let texts: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    texts.join(", ")
}

/// Starts tasks and makes them RUNNING and registered; gives their ARNs.
fn run(world: &mut World, group: Option<&str>, number: usize) -> Vec<String> {
    let started_by = match group {
        Some(group) => {
            let (_, part) = group.rsplit_once("targetgroup/").expect("the ARN of a target group");
            format!("start-engines/{part}/8080")
        }
        None => "somebody".to_owned(),
    };
    let mut arns = Vec::new();
    while arns.len() < number {
        let count = AT_ONCE.min(number - arns.len());
        let input = json!({
            "cluster": "engines", "taskDefinition": "engine", "launchType": "FARGATE", "startedBy": started_by,
            "count": count,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
        });
        let started = world.run_foreign_tasks(&input);
        for task in &started {
            world.advance_to(task, "RUNNING");
            if let Some(group) = group {
                let address = world.address(task).expect("an address").to_string();
                world.register(group, &address, 8080);
            }
        }
        arns.extend(started);
    }
    arns
}

/// Late STOPPED events of tasks in these target groups, whose addresses have gone this way since.
async fn stops(cloud: &Cloud, groups: &[String], number: usize, address: Address) -> Vec<Value> {
    let mut old: Vec<(String, String, Ipv4Addr)> = Vec::new();
    let mut events = Vec::new();
    {
        let mut inside = cloud.inside();
        let world = inside.world();
        for n in 0..number {
            let group = &groups[n % groups.len()];
            let task = run(world, Some(group), 1).remove(0);
            let address = world.address(&task).expect("an address");
            old.push((task, group.clone(), address));
        }
        for (task, _, _) in &old {
            world.stop(task, "EssentialContainerExited", "it ended");
            events.push(world.advance_to(task, "STOPPED"));
        }
    }
    sleep(Duration::from_secs(60)).await;
    {
        let mut inside = cloud.inside();
        let world = inside.world();
        for (_, group, freed) in &old {
            match address {
                Address::Free => {}
                Address::SameService => {
                    world.next_address(*freed);
                    run(world, Some(group), 1);
                }
                Address::AnotherTask => {
                    world.next_address(*freed);
                    run(world, None, 1);
                }
                Address::NoTask => drop(world.add_interface(*freed)),
            }
        }
    }
    // Longer than ECS may lag.
    sleep(Duration::from_secs(600)).await;
    events
}
