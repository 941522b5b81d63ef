//! The real handler with the real AWS adapters, before a strict fake of ECS and ELB at the wire.
//!
//! Must not know what any test expects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ecs::config::Credentials;
use serde_json::{Value, json};
use start_engines_aws::AwsClients;
use start_engines_cli::aws::OperatorClients;
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::{Failure, Outcome};
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_core::request::Trigger;
use start_engines_fake_aws::{FakeAws, TargetGroup, TaskDefinition, World};
use start_engines_handler::rate_limit::RateLimited;
use start_engines_handler::{Handler, Invocation};

/// A clock that a test sets.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn at(time: &str) -> Self {
        Self(Arc::new(AtomicI64::new(
            Timestamp::parse(time).expect("a time").millis(),
        )))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_millis()).expect("not that long"), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// When all stories begin.
pub(crate) const BEGIN: &str = "2026-11-20T07:00:00Z";
pub(crate) const AUTH: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

/// The handler as the function has it, with a test's clock.
pub(crate) type TestHandler = Handler<RateLimited<AwsClients>, TestClock>;

/// Handler, fake and clock.
pub(crate) struct Stage {
    pub(crate) fake: FakeAws,
    pub(crate) clock: TestClock,
    pub(crate) group: String,
    endpoint: String,
    handler: TestHandler,
}

impl Stage {
    /// A cluster `engines`, a task definition `auth` and a target group `auth`; the function allows all.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with these environment variables.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let fake = FakeAws::start().await;
        let clock = TestClock::at(BEGIN);
        let group = fake.world(|world| {
            world.clock = time::OffsetDateTime::from_unix_timestamp(clock.now().millis() / 1000).expect("a time");
            world.add_cluster("engines");
            world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080, 9090]));
            world.add_target_group(TargetGroup::ip("auth", 80))
        });
        let endpoint = fake.endpoint();
        let handler = handler(&endpoint, environment, clock.clone()).await;
        Self {
            fake,
            clock,
            group,
            endpoint,
            handler,
        }
    }

    /// A second instance of the function: nothing remembered.
    pub(crate) async fn cold_start(&mut self, environment: &[(&str, &str)]) {
        self.handler = handler(&self.endpoint, environment, self.clock.clone()).await;
    }

    /// Another function in the same account, with the same clock.
    pub(crate) async fn another(&self, environment: &[(&str, &str)]) -> TestHandler {
        handler(&self.endpoint, environment, self.clock.clone()).await
    }

    /// Moves both clocks.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.fake.world(|world| world.clock += time);
    }

    /// Sets both clocks to the system's, for commands that read it. Only before anything has happened.
    #[expect(clippy::disallowed_methods, reason = "the command that is tested reads this clock")]
    pub(crate) fn set_to_now(&self) {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = i64::try_from(since.expect("after 1970").as_secs()).expect("a time");
        self.clock.0.store(seconds * 1000, Ordering::SeqCst);
        self.fake
            .world(|world| world.clock = time::OffsetDateTime::from_unix_timestamp(seconds).expect("a time"));
    }

    /// Moves both clocks back.
    pub(crate) fn go_back(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("not that long");
        self.clock.0.fetch_sub(millis, Ordering::SeqCst);
        self.fake.world(|world| world.clock -= time);
    }

    /// Hands an event to the handler, with a minute of time.
    pub(crate) async fn deliver(&self, event: &Value) -> Handled {
        self.deliver_with(event, Duration::from_secs(60)).await
    }

    /// Hands an event to the handler, with so much time.
    pub(crate) async fn deliver_with(&self, event: &Value, time: Duration) -> Handled {
        self.handler.handle(event.clone(), &invocation(&self.clock, time)).await
    }

    /// Hands events to the handler as one batch, with a minute of time.
    pub(crate) async fn deliver_batch(&self, events: &[Value]) -> Vec<Handled> {
        let invocation = invocation(&self.clock, Duration::from_secs(60));
        self.handler.handle_batch(events.to_vec(), &invocation).await
    }

    /// What no event can ask for: the loop of the operator's command around the same decisions.
    pub(crate) async fn carry_out(&self, trigger: &Trigger) -> Result<Outcome, Failure> {
        let aws = clients(&self.endpoint).await;
        let mut journal = Journal::new(self.clock.now());
        loop {
            match decide(trigger, &config(&[], catalog()), &journal) {
                Step::End(result) => return result,
                Step::Ask(calls) => {
                    for call in calls {
                        let asked_at = self.clock.now();
                        let answer = aws.perform(&call, Duration::from_secs(60)).await;
                        journal.entries.push(Entry {
                            call,
                            asked_at,
                            answered_at: self.clock.now(),
                            calls: 1,
                            answer,
                        });
                    }
                }
            }
        }
    }

    /// Starts a task and brings it to RUNNING; gives its ARN and the RUNNING event.
    pub(crate) async fn running_task(&self, id: &str) -> (String, Value) {
        let handled = self.deliver(&self.start(id, json!({}))).await;
        handled.result.expect("a start");
        let arn = self
            .fake
            .world(|world| world.task_arns().last().expect("a task").clone());
        let event = self.fake.world(|world| world.advance_to(&arn, "RUNNING"));
        (arn, event)
    }

    /// The same, and its target registered.
    pub(crate) async fn registered_task(&self, id: &str) -> String {
        let (arn, event) = self.running_task(id).await;
        self.deliver(&event).await.result.expect("a registration");
        arn
    }

    /// A start event that is whole, with `detail`'s fields over it; a field that is null is removed.
    pub(crate) fn start(&self, id: &str, detail: Value) -> Value {
        start_event(id, &self.group, detail)
    }

    /// Names of the calls since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        let names = self.fake.operations();
        self.fake.world(|world| world.calls.clear());
        names
            .iter()
            .map(|name| name.split_once(':').expect("a service").1.to_owned())
            .collect()
    }

    /// What is in the target group, draining targets aside.
    pub(crate) fn registered(&self) -> Vec<(String, u16)> {
        self.fake.world(|world| world.registered(&self.group))
    }
}

/// A start event that is whole, with `detail`'s fields over it; a field that is null is removed.
pub(crate) fn start_event(id: &str, group: &str, detail: Value) -> Value {
    let mut whole = json!({
        "cluster": "engines",
        "taskDefinition": "auth",
        "targetGroupArn": group,
        "port": 8080,
        "launchType": "FARGATE",
        "subnets": ["subnet-0a1b2c3d4e5f60718"],
    });
    let fields = whole.as_object_mut().expect("an object");
    for (name, value) in detail.as_object().expect("an object").clone() {
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
    json!({
        "version": "0", "id": id, "detail-type": "Start ECS Task", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": whole,
    })
}

/// An invocation with so much time, of a function where all fixtures are at home.
pub(crate) fn invocation(clock: &TestClock, time: Duration) -> Invocation {
    let function = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";
    Invocation {
        deadline: clock.now().after(time),
        function: Some(function.parse().expect("the ARN of a function")),
    }
}

/// The configuration that these variables make.
pub(crate) fn config(environment: &[(&str, &str)], catalog: Option<&str>) -> Config {
    let variables: BTreeMap<&str, &str> = environment.iter().copied().collect();
    Config::read(|name| variables.get(name).map(|&value| value.to_owned()), None, catalog)
        .expect("a sound configuration")
}

fn catalog() -> Option<&'static str> {
    Some(include_str!("../../fixtures/services.json"))
}

async fn clients(endpoint: &str) -> AwsClients {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "not-a-secret", None, None, "tests"));
    OperatorClients::load(loader).await.expect("a region").function()
}

async fn handler(endpoint: &str, environment: &[(&str, &str)], clock: TestClock) -> TestHandler {
    let config = config(environment, catalog());
    let aws = RateLimited::new(clients(endpoint).await, config.api_rates.clone());
    Handler::new(config, aws, clock)
}

/// The first sign of a stop: its event.
pub(crate) fn stop(world: &mut World, task: &str) -> Value {
    world.stop(task, "UserInitiated", "Task stopped by user");
    world.event(task)
}

/// How the handling of an event ends; it must not fail.
pub(crate) async fn outcome(stage: &Stage, event: &Value) -> Outcome {
    stage.deliver(event).await.result.expect("an outcome")
}

/// The category of the failure in which the handling of an event ends.
pub(crate) async fn category(stage: &Stage, event: &Value) -> &'static str {
    stage
        .deliver(event)
        .await
        .result
        .expect_err("a failure")
        .category
        .name()
}
