//! How the cost of an event grows with the number of live tasks that it has nothing to do with.
//!
//! `make fleet` runs it: the crate's own handler, before an account with so many live tasks. Every call is answered after
//! 20 ms of virtual time, one after the other or side by side as the handler makes them, as far as AWS's rates allow.
//! CPU is this computer's, of the function alone, and passes at its share of a core.

mod account;
mod cloud;
mod goals;
mod plot;
mod row;

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use start_engines_core::config::Config;
use start_engines_core::report::handled::Handled;
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use self::account::Account;
use self::row::{Address, Kind, Row};
use crate::lambda::{FUNCTION, Instance, Lambda, Program, millis};
use crate::parameters as p;
use crate::world::ACCOUNT;

/// Live tasks of the stopped task's own service, in every account.
const OF_SERVICE: usize = 100;
/// Events of a batch, and the target groups that they are in.
const BATCH: usize = 1000;
const GROUPS: usize = 20;
/// The target groups of a reconcile, and those of them in which something is wrong.
const GROUPS_OF_RECONCILE: usize = 200;
const DRIFTED: usize = 10;
/// More live tasks are not stopped at once.
const MOST_STOPPED: usize = 10_000;
/// The `drainSeconds` of stops of all, and the timeouts of functions that carry them out, in seconds.
const STOPS_OF_ALL: [(u64, u64); 3] = [(0, p::TIMEOUT / 1000), (60, p::TIMEOUT / 1000), (0, 60)];
/// The timeouts of functions that reconcile, in seconds: the goal's, and the component's default.
const TIMEOUTS: [u64; 2] = [300, p::TIMEOUT / 1000];
/// What is not done by then is not waited for.
const GIVES_UP: Duration = Duration::from_secs(2 * 3600);

/// Prints the table for these numbers of live tasks and the goals, and writes both as JSON, and the picture.
pub(crate) fn print(folder: &Path, sizes: &[usize]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    println!("{}", row::line(Row::HEADING.iter().map(|(name, _)| (*name).to_owned())));
    let mut rows = Vec::new();
    let mut written = Ok(());
    for &tasks in sizes {
        for kind in kinds(tasks) {
            let row = experiment(&runtime, kind, tasks);
            println!("{}", row.line());
            rows.push(row);
        }
        // Large accounts take long, so what is known by now is kept.
        written = write(folder, &rows);
    }
    println!();
    for goal in goals::judge(&rows) {
        println!("{goal}");
    }
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes the rows and the goals as JSON, and the picture.
fn write(folder: &Path, rows: &[Row]) -> Result<(), String> {
    let all: Vec<Value> = rows.iter().map(Row::json).collect();
    let text = serde_json::json!({"rows": all, "goals": goals::judge(rows)});
    let text = serde_json::to_string_pretty(&text).expect("JSON");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("fleet.json"), text))
        .map_err(|error| error.to_string())?;
    plot::draw(rows, &folder.join("fleet.svg"))
}

fn kinds(tasks: usize) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Address::ALL.map(Kind::LateStop).into();
    kinds.extend([Address::Free, Address::SameService].map(Kind::LateStops));
    kinds.extend([Kind::Running, Kind::Mixed]);
    if tasks <= MOST_STOPPED {
        kinds.extend(STOPS_OF_ALL.map(|(drain, timeout)| Kind::StopOfAll { drain, timeout }));
    }
    kinds.extend(TIMEOUTS.map(Kind::Reconcile));
    kinds
}

/// How the events reach the function.
enum Delivery {
    /// In one batch, once.
    Batch(Vec<Value>),
    /// In an invocation of its own, once.
    Once(Value),
    /// In an invocation of its own, which is tried again, with all that it schedules.
    ToTheEnd(Value),
}

fn experiment(runtime: &Runtime, kind: Kind, tasks: usize) -> Row {
    let mut program = Program {
        cold_start: Duration::ZERO,
        ..Program::RUST
    };
    let (mut allowed, mut registered) = (Vec::new(), None);
    let (account, delivery) = LocalSet::new().block_on(runtime, async {
        match kind {
            Kind::LateStop(address) => {
                let account = Account::open(tasks, 2, OF_SERVICE / 2);
                let event = account.late_stops(1, 2, address).await.remove(0);
                (account, Delivery::Once(event))
            }
            Kind::LateStops(address) => {
                let account = Account::open(tasks, GROUPS, OF_SERVICE / GROUPS);
                let events = account.late_stops(BATCH, 1, address).await;
                (account, Delivery::Batch(events))
            }
            Kind::Running => {
                let account = Account::open(tasks, GROUPS, OF_SERVICE / GROUPS);
                let one = account.running(BATCH / 2, 1);
                let two = account.running(BATCH / 2, 2);
                let targets = (BATCH / 2 * 3) / GROUPS;
                allowed = vec![
                    ("RegisterTargets", (GROUPS * targets.div_ceil(200)) as u64),
                    ("DescribeTasks", (2 * BATCH.div_ceil(100)) as u64),
                ];
                // They take turns.
                let events = one.into_iter().zip(two).flat_map(|(one, two)| [one, two]);
                (account, Delivery::Batch(events.collect()))
            }
            Kind::Mixed => {
                let account = Account::open(tasks, 2, OF_SERVICE / 2);
                let mut events = account.late_stops(20, 1, Address::Free).await;
                events.extend(account.running(40, 1));
                events.extend(account.running(15, 2));
                events.extend(account.stopping(20));
                allowed = vec![("RegisterTargets", 2), ("DeregisterTargets", 2), ("DescribeTasks", 2)];
                (account, Delivery::Batch(events))
            }
            Kind::StopOfAll { drain, timeout } => {
                program.timeout = timeout * 1000;
                let account = Account::open(tasks, GROUPS, tasks / GROUPS);
                // RunTask's clock and the stop's are not of the same second.
                sleep(Duration::from_secs(10)).await;
                let event = account.request("Stop ECS Task", account::stop_of_all(drain));
                allowed = vec![("DeregisterTargets", (GROUPS * (tasks / GROUPS).div_ceil(200)) as u64)];
                (account, Delivery::ToTheEnd(event))
            }
            Kind::Reconcile(timeout) => {
                program.timeout = timeout * 1000;
                // At least two in each of the target groups in which something is to be wrong.
                let of_group = (tasks / GROUPS_OF_RECONCILE).max(1);
                let account = Account::open(tasks, GROUPS_OF_RECONCILE.min(tasks), of_group);
                registered = Some(account.registered());
                account.drift(DRIFTED);
                let event = account.request("Reconcile ECS Targets", account::reconcile());
                let pages = |tasks: usize| tasks.div_ceil(100).max(1) as u64;
                allowed = vec![
                    ("ListTasks", pages(tasks) + pages(DRIFTED)),
                    ("DescribeTasks", pages(tasks) + pages(DRIFTED)),
                    // The facts of each target group, and its targets.
                    ("DescribeTargetGroups", account.groups.len() as u64),
                    ("DescribeTargetHealth", account.groups.len() as u64),
                ];
                (account, Delivery::ToTheEnd(event))
            }
        }
    });
    let config = config(matches!(delivery, Delivery::Batch(_)));
    let cloud = account.cloud.clone();
    let mut measured = None;
    let counted = allocation_counter::measure(|| {
        measured = Some(LocalSet::new().block_on(runtime, async {
            cloud.measure_from_now();
            let lambda = Lambda::new(&cloud, config, program, p::SDK_ATTEMPTS);
            let from = Instant::now();
            let failed = deliver(&lambda, &cloud, delivery).await;
            (failed, from.elapsed())
        }));
    });
    let (failed, time) = measured.expect("it ran");
    let (figures, progress) = cloud.take_figures();
    let mut row = Row {
        kind,
        tasks,
        end: figures.ends(),
        figures,
        progress,
        time,
        heap: counted.bytes_max,
        allowed,
        is_done: failed == 0,
    };
    if let Some(registered) = registered {
        // One missing target is back for each that was left behind and is out.
        let is_repaired = account.registered() == registered && row.progress.out == DRIFTED;
        row.is_done &= is_repaired;
        row.end += if is_repaired {
            ", all is repaired"
        } else {
            ", not all is repaired"
        };
    }
    if let Kind::StopOfAll { .. } = kind {
        row.is_done &= row.progress.stopped == tasks && row.progress.out == tasks;
        row.end += &format!(
            ", {} targets out by {:.0} s, {} tasks stopped by {:.0} s",
            row.progress.out,
            row.progress.last_out.as_secs_f64(),
            row.progress.stopped,
            row.progress.last_stopped.as_secs_f64()
        );
    }
    row
}

/// The component's defaults, without checks of health.
fn config(is_buffered: bool) -> Config {
    let get = |name: &str| match name {
        "API_RATES" => is_buffered.then(|| p::RATES.to_owned()),
        "AWS_LAMBDA_FUNCTION_NAME" => Some(FUNCTION.to_owned()),
        "SCHEDULER_ROLE_ARN" => Some(format!("arn:aws:iam::{ACCOUNT}:role/scheduler")),
        // As in `simulate`.
        "HEALTH_TIMEOUT" => Some("0".to_owned()),
        _ => None,
    };
    Config::read(get, None, None).expect("a sound configuration")
}

/// Gives how many of the events failed at all their tries.
async fn deliver(lambda: &Lambda<cloud::Cloud>, cloud: &cloud::Cloud, delivery: Delivery) -> u64 {
    match delivery {
        Delivery::Batch(events) => {
            let texts: Vec<String> = events.iter().map(Value::to_string).collect();
            let work = async |instance: Rc<Instance<_>>| instance.handle_batch(&texts).await;
            let all = lambda.invoke(work).await;
            let failed = |all: Vec<Handled>| all.iter().filter(|handled| handled.result.is_err()).count();
            all.map_or(texts.len(), failed) as u64
        }
        Delivery::Once(event) => {
            let text = event.to_string();
            let work = async |instance: Rc<Instance<_>>| instance.handle(&text).await;
            let handled = lambda.invoke(work).await;
            u64::from(handled.is_none_or(|handled| handled.result.is_err()))
        }
        Delivery::ToTheEnd(event) => {
            let open = Rc::new(Cell::new(0_usize));
            let began_at = Instant::now();
            let begin = |event: Value| {
                open.set(open.get() + 1);
                let (lambda, open) = (lambda.clone(), Rc::clone(&open));
                spawn_local(async move {
                    lambda.handle_asynchronously(event).await;
                    open.set(open.get() - 1);
                });
            };
            begin(event);
            // Scheduler looks every second.
            while (open.get() > 0 || cloud.has_schedules()) && began_at.elapsed() < GIVES_UP {
                sleep(millis(1000)).await;
                cloud.due().into_iter().for_each(begin);
            }
            cloud.given_up() + open.get() as u64
        }
    }
}
