//! The three ways to do the job: each event to the function, batches from a queue, and the hand-written function that
//! starts a task, waits for it and registers it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::Config;
use start_engines_core::domain::target::Target;
use start_engines_core::domain::target::Zone;
use start_engines_core::domain::task::Status;
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_core::request::{self, Trigger};
use start_engines_handler::rate_limit::RateLimited;
use start_engines_handler::{Handler, Invocation};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::parameters as p;
use crate::port::Client;
use crate::world::{ACCOUNT, REGION, Shared};

/// One warm function.
type Warm = Rc<Handler<RateLimited<Client>, Client>>;

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn invocation(client: &Client, timeout: u64) -> Invocation {
    Invocation {
        deadline: client.now().after(millis(timeout)),
        function: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:start-engines")
            .parse()
            .ok(),
    }
}

/// What a program takes beside its calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// From the request to the handler, of a new instance.
    pub(crate) cold_start: Duration,
    /// Of every invocation.
    pub(crate) overhead: Duration,
}

impl Times {
    pub(crate) const RUST: Self = Self {
        cold_start: Duration::from_millis(p::COLD_START),
        overhead: Duration::from_millis(p::OVERHEAD),
    };
    pub(crate) const PYTHON: Self = Self {
        cold_start: Duration::from_millis(p::COLD_START_PYTHON),
        overhead: Duration::from_millis(p::OVERHEAD),
    };
}

/// Lambda: who runs, who is warm, and what it costs.
#[derive(Clone)]
struct Lambda {
    client: Client,
    times: Times,
    config: Config,
    warm: Rc<RefCell<Vec<Warm>>>,
    running: Rc<Cell<usize>>,
}

impl Lambda {
    fn new(shared: &Shared, config: Config, times: Times, attempts: u32) -> Self {
        Self {
            client: Client {
                shared: shared.clone(),
                attempts,
            },
            times,
            config,
            warm: Rc::default(),
            running: Rc::default(),
        }
    }

    /// Waits until there is concurrency for an asynchronous event.
    async fn admit(&self) {
        let (mut wait, most) = p::THROTTLED_WAITS;
        while self.running.get() >= p::CONCURRENCY {
            let part = self.client.shared.world().random.f64();
            sleep(millis(wait).mul_f64(0.5 + part / 2.0)).await;
            wait = (2 * wait).min(most);
        }
    }

    /// Runs `work` on a warm instance or a new one, and bills it.
    async fn invoke<T>(&self, work: impl AsyncFnOnce(Warm) -> T) -> T {
        self.running.set(self.running.get() + 1);
        let warm = self.warm.borrow_mut().pop();
        let began_at = Instant::now();
        let is_cold = warm.is_none();
        let instance = match warm {
            Some(instance) => instance,
            None => {
                sleep(self.times.cold_start).await;
                let aws = RateLimited::new(self.client.clone(), self.config.api_rates.clone());
                Rc::new(Handler::new(self.config.clone(), aws, self.client.clone()))
            }
        };
        let result = work(Rc::clone(&instance)).await;
        sleep(self.times.overhead).await;
        self.warm.borrow_mut().push(instance);
        self.running.set(self.running.get() - 1);
        let figures = &mut self.client.shared.world().figures;
        figures.invocations += 1;
        figures.cold_starts += u64::from(is_cold);
        // Lambda bills whole milliseconds.
        figures.billed += millis(began_at.elapsed().as_micros().div_ceil(1000) as u64);
        result
    }

    fn count_failure(&self, category: &'static str) {
        let figures = &mut self.client.shared.world().figures;
        figures.failed_invocations += 1;
        *figures.reasons.entry(category).or_default() += 1;
    }

    /// What the function's binary writes for an event.
    fn count_lines(&self, handled: &Handled) {
        let [line, metrics] = [Value::Object(handled.summary()), handled.metrics("start-engines")];
        let written = line.to_string().len() + metrics.to_string().len();
        self.client.shared.world().figures.log_bytes += written as u64;
    }

    fn count_dead(&self) {
        self.client.shared.world().figures.dead += 1;
    }

    /// An asynchronous event: tried three times, then given to the on-failure queue.
    async fn asynchronous(&self, work: impl AsyncFn(Warm) -> Result<(), &'static str>) {
        for wait in p::FAILED_WAITS.into_iter().map(Some).chain([None]) {
            self.admit().await;
            match self.invoke(async |instance| work(instance).await).await {
                Ok(()) => return,
                Err(category) => self.count_failure(category),
            }
            match wait {
                Some(wait) => sleep(millis(wait)).await,
                None => self.count_dead(),
            }
        }
    }
}

fn category(handled: &Handled) -> Result<(), &'static str> {
    handled
        .result
        .as_ref()
        .map(|_| ())
        .map_err(|failure| failure.category.name())
}

/// Each event is an invocation of the function.
pub(crate) fn direct(shared: &Shared, config: Config, times: Times) -> impl Fn(Value) + use<> {
    let lambda = Lambda::new(shared, config, times, p::SDK_ATTEMPTS);
    move |event| {
        let lambda = lambda.clone();
        spawn_local(async move {
            let work = async |instance: Warm| {
                let invocation = invocation(&lambda.client, p::TIMEOUT);
                let handled = instance.handle(event.clone(), &invocation).await;
                lambda.count_lines(&handled);
                category(&handled)
            };
            lambda.asynchronous(work).await;
        });
    }
}

/// A message.
struct Message {
    event: Value,
    receives: u32,
}

/// An SQS queue.
#[derive(Clone, Default)]
struct Queue {
    messages: Rc<RefCell<VecDeque<Message>>>,
    arrived: Rc<Notify>,
}

impl Queue {
    fn send(&self, message: Message) {
        self.messages.borrow_mut().push_back(message);
        self.arrived.notify_one();
    }

    async fn receive(&self) -> Message {
        loop {
            let message = self.messages.borrow_mut().pop_front();
            if let Some(message) = message {
                return message;
            }
            self.arrived.notified().await;
        }
    }
}

/// Events go to queues, from which the function is invoked with batches.
pub(crate) fn buffered(shared: &Shared, config: Config, times: Times, is_one_queue: bool) -> impl Fn(Value) + use<> {
    let lambda = Lambda::new(shared, config, times, p::SDK_ATTEMPTS);
    let open = |settings: p::Batches| {
        let queue = Queue::default();
        for _ in 0..p::PULLERS {
            spawn_local(pull(queue.clone(), lambda.clone(), settings));
        }
        queue
    };
    let changes = open(if is_one_queue { p::ONE_QUEUE } else { p::CHANGES });
    let requests = if is_one_queue {
        changes.clone()
    } else {
        open(p::REQUESTS)
    };
    let shared = shared.clone();
    move |event| {
        let queue = if event["source"] == "aws.ecs" {
            &changes
        } else {
            &requests
        };
        let (queue, shared) = (queue.clone(), shared.clone());
        shared.world().figures.sqs_calls += 1;
        spawn_local(async move {
            sleep(shared.some(p::SQS_DELIVERS)).await;
            queue.send(Message { event, receives: 0 });
        });
    }
}

/// One of the concurrent pollers of the event source mapping.
async fn pull(queue: Queue, lambda: Lambda, settings: p::Batches) {
    loop {
        let mut batch = vec![queue.receive().await];
        let window_ends = Instant::now() + millis(settings.window);
        while batch.len() < settings.size {
            tokio::select! {
                biased;
                message = queue.receive() => batch.push(message),
                () = sleep_until(window_ends) => break,
            }
        }
        lambda.client.shared.world().figures.sqs_calls += 2 * batch.len().div_ceil(p::MESSAGES_A_CALL) as u64;
        let visible_at = Instant::now() + millis(p::VISIBILITY_TIMEOUT);
        let events = batch.iter().map(|message| message.event.clone()).collect();
        let work = async |instance: Warm| {
            let invocation = invocation(&lambda.client, p::TIMEOUT);
            instance.handle_batch(events, &invocation).await
        };
        let all = lambda.invoke(work).await;
        for (mut message, handled) in batch.into_iter().zip(all) {
            lambda.count_lines(&handled);
            let Err(category) = category(&handled) else {
                continue;
            };
            lambda.count_failure(category);
            message.receives += 1;
            if message.receives >= p::MAX_RECEIVES {
                lambda.count_dead();
                continue;
            }
            let queue = queue.clone();
            spawn_local(async move {
                sleep_until(visible_at).await;
                queue.send(message);
            });
        }
    }
}

/// The function that most teams write first: start, wait, register; and a rule of its own for STOPPED.
///
/// It is as good as its kind: it names its client token, so that a retry starts nothing twice.
pub(crate) fn polling(shared: &Shared, config: Config, times: Times) -> impl Fn(Value) + use<> {
    let lambda = Lambda::new(shared, config, times, p::BOTO_ATTEMPTS);
    move |event| {
        let lambda = lambda.clone();
        spawn_local(async move {
            let trigger = request::read(event, &lambda.config, None).expect("a sound event");
            let work = async |_| {
                wait_by_hand(&lambda.client, &trigger)
                    .await
                    .map_err(|error| error.kind.name())
            };
            match &trigger {
                Trigger::TaskStateChange(change) if change.task.last_status != Status::Stopped => {}
                _ => lambda.asynchronous(work).await,
            }
        });
    }
}

async fn wait_by_hand(client: &Client, trigger: &Trigger) -> Result<(), CallError> {
    let until = Duration::from_millis(p::LONGEST_TIMEOUT);
    let ask = async |call: &Call| client.perform(call, until).await;
    match trigger {
        Trigger::Start(request) => {
            let call = Call::RunTask(Box::new(request.call(0, 0, 1).expect("a placement")));
            let Answer::Started(started) = ask(&call).await? else {
                panic!("RunTask starts");
            };
            let call = Call::DescribeTasks {
                cluster: request.cluster.clone(),
                tasks: started.tasks,
            };
            for _ in 0..p::WAITER_ATTEMPTS {
                let Answer::Tasks(tasks) = ask(&call).await? else {
                    panic!("DescribeTasks describes");
                };
                let task = tasks.first().expect("the task");
                if task.last_status == Status::Running {
                    let (group, target) = target(task);
                    let zone = Zone::Own;
                    let targets = vec![target];
                    ask(&Call::RegisterTargets { group, targets, zone }).await?;
                    return Ok(());
                }
                sleep(millis(p::WAITER_DELAY)).await;
            }
            Ok(())
        }
        Trigger::TaskStateChange(change) => {
            let (group, target) = target(&change.task);
            let call = Call::DeregisterTargets {
                group,
                targets: vec![target],
                within: until,
            };
            ask(&call).await.map(|_| ())
        }
        _ => Ok(()),
    }
}

fn target(task: &start_engines_core::domain::task::Task) -> (start_engines_core::domain::arn::TargetGroupArn, Target) {
    use start_engines_core::domain::started_by;
    use start_engines_core::domain::task::Network;
    let text = task.started_by.as_deref().expect("a startedBy of start-engines");
    let attachment = started_by::decode(text, &task.arn.scope())
        .expect("a startedBy of start-engines")
        .remove(0);
    let Network::Awsvpc(addresses) = &task.network else {
        panic!("all of them have an interface");
    };
    let target = Target {
        id: addresses.ipv4.expect("an address").to_string(),
        port: attachment.port,
    };
    (attachment.group, target)
}
