//! `status` and `reconcile` on large clusters: which calls they make, how many at once, what they print, and how much
//! memory they take for each task. Never how long they take: `report` prints that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use start_engines_fake_aws::{FakeAws, Fault, Health, TargetGroup, TaskDefinition, World};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::{Ended, Run, end, interrupt, on_a_terminal};

const GROUPS: usize = 20;
/// Tasks of one RunTask.
const AT_ONCE: usize = 10;
/// A measurement on a busy computer may take longer than a test.
const TIME: Duration = Duration::from_secs(300);
const LATENCY: Duration = Duration::from_millis(20);

/// A cluster with so many RUNNING tasks of as many services as there are target groups, each registered but for the first
/// of each hundred of a service.
async fn cluster(tasks: usize) -> FakeAws {
    let fake = FakeAws::start().await;
    fake.world(|world| {
        world.keeps_history = false;
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("engine").container("engine", &[8080]));
        let of_group = tasks / GROUPS;
        for n in 0..GROUPS {
            let group = world.add_target_group(TargetGroup::ip(&format!("group-{n:02}"), 80));
            run(world, &group, &format!("service-{n:02}"), of_group);
        }
    });
    fake
}

fn run(world: &mut World, group: &str, service: &str, number: usize) {
    let (_, part) = group.rsplit_once("targetgroup/").expect("the ARN of a target group");
    let mut started = 0;
    while started < number {
        let count = AT_ONCE.min(number - started);
        let input = json!({
            "cluster": "engines", "taskDefinition": "engine", "launchType": "FARGATE", "count": count,
            "startedBy": format!("start-engines/{part}/8080"),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "tags": [
                {"key": "start-engines:target-group-arn", "value": group},
                {"key": "start-engines:port", "value": "8080"},
                {"key": "start-engines:event-id", "value": format!("{service}-{started}")},
                {"key": "start-engines:service", "value": service},
                {"key": "start-engines:requested-at", "value": "2026-01-01T00:00:00Z"},
                {"key": "start-engines:deployment", "value": "start-engines"},
                {"key": "cost-center", "value": "a tag of somebody else that nothing here needs ".repeat(4).trim_end()},
            ],
        });
        for task in world.run_foreign_tasks(&input) {
            world.advance_to(&task, "RUNNING");
            if started % 100 > 0 {
                let address = world.address(&task).expect("an address").to_string();
                world.register(group, &address, 8080);
                world.set_health(group, &address, 8080, Health::Healthy);
            }
            started += 1;
        }
    }
}

/// How a run ended, and what it took.
struct Measured {
    ended: Ended,
    /// VmHWM, in KiB.
    peak: usize,
    /// Seconds of CPU.
    cpu: f64,
    calls: BTreeMap<String, usize>,
    most_at_once: usize,
    took: Duration,
}

/// Runs the command, and watches its peak of memory as long as it runs.
#[expect(clippy::disallowed_methods, reason = "how long it took is a figure of the report")]
async fn measured(fake: &FakeAws, arguments: &[&str]) -> Measured {
    let before = fake.calls().len();
    let began = std::time::Instant::now();
    let mut child = Run::new(fake, arguments).begin();
    drop(child.stdin.take());
    let mut out = Vec::new();
    let mut err = Vec::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut stderr = child.stderr.take().expect("a pipe");
    let (mut peak, mut cpu) = (0, 0.0);
    let reading = async {
        // A pipe holds 64 KiB: the command cannot end before all but that is read.
        let mut some = vec![0; 4096];
        let mut sampling = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                read = stdout.read(&mut some) => {
                    let read = read.expect("its output");
                    peak = peak.max(peak_of(&child));
                    cpu = f64::max(cpu, cpu_of(&child));
                    if read == 0 {
                        return;
                    }
                    out.extend_from_slice(&some[..read]);
                }
                _ = sampling.tick() => {
                    peak = peak.max(peak_of(&child));
                    cpu = f64::max(cpu, cpu_of(&child));
                }
            }
        }
    };
    let errors = stderr.read_to_end(&mut err);
    let both = timeout(TIME, async { tokio::join!(reading, errors) }).await;
    let (_, errors) = both.expect("it ends in time");
    errors.expect("its errors");
    let status = timeout(TIME, child.wait()).await.expect("it ends in time");
    let mut calls = BTreeMap::new();
    for call in &fake.calls()[before..] {
        *calls.entry(call.operation.clone()).or_default() += 1;
    }
    Measured {
        ended: Ended {
            status: status.expect("a status").code(),
            out: String::from_utf8(out).expect("text"),
            err: String::from_utf8(err).expect("text"),
        },
        peak,
        cpu,
        calls,
        most_at_once: fake.most_at_once(),
        took: began.elapsed(),
    }
}

/// The greatest resident memory of a process until now; 0 once it has ended.
fn peak_of(child: &Child) -> usize {
    let Some(id) = child.id() else { return 0 };
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// Its CPU time until now, in seconds; 0 once it has ended.
fn cpu_of(child: &Child) -> f64 {
    let Some(id) = child.id() else { return 0.0 };
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // After the name, which may contain spaces: utime and stime are the 12th and 13th, in hundredths of a second.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn reads(tasks: usize) -> BTreeMap<String, usize> {
    let of = |name: &str, calls: usize| (name.to_owned(), calls);
    let pages = tasks.div_ceil(100);
    BTreeMap::from([
        of("DescribeTargetGroups", GROUPS),
        of("DescribeTargetHealth", GROUPS),
        of("DescribeTasks", pages),
        // One more of the stopped tasks.
        of("ListTasks", pages + 1),
    ])
}

/// Asserts the calls of a run that reads everything once.
fn must_read_once(ran: &Measured, tasks: usize) {
    assert_eq!(ran.calls, reads(tasks));
    assert!((2..=8).contains(&ran.most_at_once), "{} at once", ran.most_at_once);
}

const STATUS: [&str; 3] = ["status", "--cluster", "engines"];

#[tokio::test(flavor = "multi_thread")]
async fn status_reads_everything_once_side_by_side_and_begins_and_ends_with_its_numbers() {
    let fake = cluster(600).await;
    fake.set_latency(LATENCY);
    let ran = measured(&fake, &STATUS).await;
    must_read_once(&ran, 600);
    let ended = ran.ended.must(3);
    assert_eq!(ended.err, "start-engines reconcile repairs the drift\n");
    let lines: Vec<&str> = ended.out.lines().collect();
    let numbers = "Cluster engines: 600 tasks, 20 targets drifted, 0 unknown targets";
    assert_eq!((lines[0], lines[lines.len() - 1]), (numbers, numbers));
    // The headings, and two lines for each task.
    assert_eq!(lines.len(), 3 + 2 * 600);
    assert_eq!(ended.out.matches("MISSING").count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_of_one_service_shows_its_tasks_and_reads_its_target_groups_only() {
    let fake = cluster(200).await;
    let ran = measured(&fake, &[&STATUS[..], &["--service", "service-03"]].concat()).await;
    assert_eq!(
        (ran.calls["DescribeTargetHealth"], ran.calls["DescribeTargetGroups"]),
        (1, 1)
    );
    let out = ran.ended.must(3).out;
    assert!(
        out.starts_with("Cluster engines: 10 tasks, 1 target drifted, 0 unknown targets\n"),
        "{out}"
    );
    assert_eq!(
        (out.matches("service-03 ").count(), out.matches("service-").count()),
        (10, 10)
    );
    let json = measured(
        &fake,
        &[&STATUS[..], &["--service", "service-03", "--output", "json"]].concat(),
    )
    .await;
    let json = json.ended.must(3).json();
    assert_eq!(json["clusters"][0]["tasks"].as_array().map(Vec::len), Some(10));
    let ended = measured(&fake, &[&STATUS[..], &["--service", "nobody"]].concat())
        .await
        .ended;
    assert!(ended.must(0).out.starts_with("Cluster engines: 0 tasks"));
    let catalog = ["--services", "fixtures/services.json", "--service", "nobody"];
    let ended = measured(&fake, &[&STATUS[..], &catalog].concat()).await.ended.must(2);
    assert!(ended.err.contains("--service = \"nobody\""), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_reads_everything_once_and_a_repair_once_more() {
    let fake = cluster(600).await;
    fake.set_latency(LATENCY);
    let missing: Vec<String> = fake.world(|world| {
        let groups = (0..GROUPS).map(|n| world.target_group_arn(&format!("group-{n:02}")));
        let groups: Vec<String> = groups.collect();
        for group in &groups {
            for n in 1..=2 {
                world.register(group, &format!("10.200.0.{n}"), 8080);
            }
        }
        groups
    });
    let ran = measured(&fake, &["reconcile", "--cluster", "engines", "--dry-run"]).await;
    must_read_once(&ran, 600);
    let lines: Vec<String> = ran.ended.must(3).out.lines().map(str::to_owned).collect();
    let numbers = "Cluster engines: 20 to register, 0 to deregister, 40 unknown";
    assert_eq!((lines[0].as_str(), lines[lines.len() - 1].as_str()), (numbers, numbers));
    assert_eq!(lines.len(), 2 + 20 + 40);
    let ran = measured(&fake, &["reconcile", "--cluster", "engines", "--yes"]).await;
    // The facts of a target group do not change.
    assert_eq!(
        (ran.calls["DescribeTargetGroups"], ran.calls["RegisterTargets"]),
        (20, 20)
    );
    assert!(ran.most_at_once <= 8);
    let registered = fake.world(|world| missing.iter().map(|group| world.registered(group).len()).sum::<usize>());
    assert_eq!(registered, 600 + 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_clusters_is_read_once() {
    let fake = cluster(200).await;
    fake.world(|world| {
        world.add_cluster("second");
        world.add_cluster("third");
    });
    for arguments in [&["status"][..], &["reconcile", "--dry-run"]] {
        let before = fake.calls().len();
        let run = Run::new(&fake, arguments).env("ALLOWED_CLUSTERS", "engines,second,third");
        run.end().await.must(3);
        let calls = fake.calls().split_off(before);
        let of = |name: &str| calls.iter().filter(|call| call.operation == name).count();
        assert_eq!((of("ListTasks"), of("DescribeTasks")), (2 + 5, 2), "{arguments:?}");
    }
    // A cluster whose tasks may own targets need not exist; one that is to be shown must.
    let gone = ("ALLOWED_CLUSTERS", "engines,nowhere");
    Run::new(&fake, &STATUS).env(gone.0, gone.1).end().await.must(3);
    let ended = Run::new(&fake, &["status"]).env(gone.0, gone.1).end().await.must(1);
    assert!(ended.err.contains("nowhere: cluster_not_found"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_on_a_terminal_and_never_besides_json() {
    let fake = cluster(200).await;
    fake.set_latency(LATENCY);
    let (status, shown) = on_a_terminal(&fake, "status --cluster engines", "").await;
    assert_eq!(status, Some(3), "{shown}");
    for part in ["reading: ", "of 200 tasks described", "of 20 target groups read"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let (status, shown) = on_a_terminal(&fake, "status --cluster engines --output json", "").await;
    assert_eq!(status, Some(3), "{shown}");
    assert!(!shown.contains("described") && !shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_while_tasks_are_read_ends_the_command_with_nothing_printed() {
    let fake = cluster(600).await;
    for arguments in [&STATUS[..], &["reconcile", "--cluster", "engines", "--yes"]] {
        let (sender, mut hangs) = unbounded_channel();
        fake.world(|world| {
            world.fail_after("ecs:DescribeTasks", 2, Fault::Hang, 1);
            let mut calls = 0;
            let hook = move |_: &mut World| {
                calls += 1;
                if calls == 3 {
                    let _ = sender.send(());
                }
            };
            world.before("ecs:DescribeTasks", Box::new(hook));
        });
        let child = Run::new(&fake, arguments).begin();
        timeout(TIME, hangs.recv()).await.expect("a third call").expect("once");
        interrupt(&child).await;
        let ended = end(child).await.must(130);
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", "interrupted\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_while_a_cluster_is_repaired_waits_for_its_end_and_says_so() {
    let fake = cluster(200).await;
    let (sender, mut began) = unbounded_channel();
    fake.world(|world| {
        // The SDK asks again after some seconds.
        world.fail_next("elb:RegisterTargets", Fault::Hang, 1);
        world.before_next("elb:RegisterTargets", move |_| {
            let _ = sender.send(());
        });
    });
    let mut child = Run::new(&fake, &["reconcile", "--cluster", "engines", "--yes"]).begin();
    timeout(TIME, began.recv()).await.expect("a repair").expect("once");
    interrupt(&child).await;
    let mut errors = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let line = timeout(TIME, errors.next_line()).await.expect("a line").expect("text");
    assert_eq!(
        line.as_deref(),
        Some("ending the repair of engines; once more ends it at once")
    );
    let ended = end(child).await.must(130);
    assert!(
        ended.out.contains("Cluster engines: 20 registered, 0 deregistered"),
        "{}",
        ended.out
    );
    assert_eq!(errors.next_line().await.expect("text").as_deref(), Some("interrupted"));
}

/// How much memory a task more may take.
const KIB_OF_A_TASK: usize = 5;

/// Asserts that what is kept of each task is small, and that there is no second copy of it.
fn must_stay_flat((few, of_few): &(usize, Measured), (many, of_many): &(usize, Measured)) {
    let (tasks, memory) = (many - few, of_many.peak.saturating_sub(of_few.peak));
    assert!(
        of_few.peak > 0 && memory <= KIB_OF_A_TASK * tasks,
        "{memory} KiB for {tasks} tasks more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_grows_by_little_for_each_task() {
    // With fewer, the answers that are being read weigh more than what is kept of them. In JSON, both are longer than a
    // pipe holds: their peaks are seen while they print.
    const SIZES: [usize; 2] = [1000, 2500];
    let arguments = [&STATUS[..], &["--output", "json"]].concat();
    let mut rows = Vec::new();
    for tasks in SIZES {
        let ran = measured(&cluster(tasks).await, &arguments).await;
        assert!(ran.ended.out.len() > 100_000);
        rows.push((tasks, ran));
    }
    must_stay_flat(&rows[0], &rows[1]);
}

/// Prints what clusters of these sizes take with 20 ms a call, and asserts calls and memory.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it needs an optimized build: `make command-fleet`"]
#[expect(clippy::print_stdout, reason = "the table is there to be read")]
async fn report() {
    let sizes = std::env::var("TASKS").unwrap_or_else(|_| "1000,10000".to_owned());
    let mut fleets = Vec::new();
    for tasks in sizes.split(',').map(|tasks| tasks.parse().expect("a number of tasks")) {
        fleets.push((tasks, cluster(tasks).await));
    }
    let head = ["command", "tasks", "calls", "at once", "seconds", "CPU s", "MiB"];
    let [command, others @ ..] = head;
    println!("{command:<48}{}", others.map(|name| format!("{name:>9}")).concat());
    for (arguments, is_read_once) in [
        ("status --cluster engines", true),
        ("status --cluster engines --output json", true),
        ("status --cluster engines --service service-03", false),
        ("reconcile --cluster engines --dry-run", true),
        ("reconcile --cluster engines --yes", false),
    ] {
        let mut rows: Vec<(usize, Measured)> = Vec::new();
        for (tasks, fake) in &fleets {
            fake.set_latency(LATENCY);
            let ran = measured(fake, &arguments.split(' ').collect::<Vec<_>>()).await;
            println!(
                "{arguments:<48}{tasks:>9}{:>9}{:>9}{:>9.1}{:>9.1}{:>9.1}",
                ran.calls.values().sum::<usize>(),
                ran.most_at_once,
                ran.took.as_secs_f64(),
                ran.cpu,
                ran.peak as f64 / 1024.0,
            );
            if is_read_once {
                must_read_once(&ran, *tasks);
            }
            rows.push((*tasks, ran));
        }
        rows.windows(2).for_each(|pair| must_stay_flat(&pair[0], &pair[1]));
    }
}
