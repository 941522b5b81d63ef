//! Lambda: who runs, who is warm, what it costs, and what is tried again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use start_engines_core::config::Config;
use start_engines_core::ports::Clock;
use start_engines_core::report::handled::Handled;
use start_engines_handler::rate_limit::RateLimited;
use start_engines_handler::{Handler, Invocation};
use tokio::time::{Instant, sleep, timeout};

use crate::parameters as p;
use crate::port::{Account, Client};
use crate::processor::Processor;
use crate::world::{ACCOUNT, REGION};

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The name of the function.
pub(crate) const FUNCTION: &str = "start-engines";

/// Why an event failed whose invocation took longer than its timeout.
pub(crate) const KILLED: &str = "killed";

/// How a program is run, and what it takes beside its calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// MB.
    pub(crate) memory: f64,
    pub(crate) timeout: u64,
    /// From the request to the handler, of a new instance.
    pub(crate) cold_start: Duration,
    /// CPU of a core for every invocation; `None` if it is measured.
    pub(crate) cpu: Option<Duration>,
}

impl Program {
    pub(crate) const RUST: Self = Self {
        memory: p::MEMORY,
        timeout: p::TIMEOUT,
        cold_start: Duration::from_millis(p::COLD_START),
        cpu: None,
    };
    pub(crate) const PYTHON: Self = Self {
        cold_start: Duration::from_millis(p::COLD_START_PYTHON),
        cpu: Some(p::CPU_OF_PYTHON),
        timeout: p::LONGEST_TIMEOUT,
        ..Self::RUST
    };

    /// Of a core.
    pub(crate) fn share(&self) -> f64 {
        self.memory / p::MEMORY_OF_A_CORE
    }
}

/// A function that is warm.
pub(crate) struct Instance<A: Account> {
    pub(crate) handler: Handler<RateLimited<Client<A>>, Client<A>>,
    pub(crate) client: Client<A>,
    timeout: u64,
}

impl<A: Account> Instance<A> {
    /// What Lambda passes with an invocation that begins now.
    pub(crate) fn invocation(&self) -> Invocation {
        Invocation {
            deadline: self.client.now().after(millis(self.timeout)),
            function: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}")
                .parse()
                .ok(),
        }
    }

    /// One event, as the function's binary handles it: from its text to its log lines.
    pub(crate) async fn handle(&self, text: &str) -> Handled {
        let event = serde_json::from_str(text).expect("an event");
        let handled = self.handler.handle(event, &self.invocation()).await;
        self.log(&handled);
        handled
    }

    /// A batch of events, in the same way.
    pub(crate) async fn handle_batch(&self, texts: &[String]) -> Vec<Handled> {
        let events = texts.iter().map(|text| serde_json::from_str(text).expect("an event"));
        let all = self.handler.handle_batch(events.collect(), &self.invocation()).await;
        all.iter().for_each(|handled| self.log(handled));
        all
    }

    /// What the function's binary writes for an event.
    fn log(&self, handled: &Handled) {
        let [line, metrics] = [Value::Object(handled.summary()), handled.metrics(FUNCTION)];
        let written = line.to_string().len() + metrics.to_string().len();
        self.client.account.count(|figures| {
            figures.log_bytes += written as u64;
            figures.end(handled);
        });
    }
}

/// Lambda with one function.
pub(crate) struct Lambda<A: Account> {
    pub(crate) account: A,
    program: Program,
    config: Config,
    attempts: u32,
    warm: Rc<RefCell<Vec<Rc<Instance<A>>>>>,
    running: Rc<Cell<usize>>,
}

impl<A: Account> Clone for Lambda<A> {
    fn clone(&self) -> Self {
        Self {
            account: self.account.clone(),
            program: self.program,
            config: self.config.clone(),
            attempts: self.attempts,
            warm: Rc::clone(&self.warm),
            running: Rc::clone(&self.running),
        }
    }
}

impl<A: Account> Lambda<A> {
    pub(crate) fn new(account: &A, config: Config, program: Program, attempts: u32) -> Self {
        account.count(|figures| figures.memory_gb = program.memory / 1024.0);
        Self {
            account: account.clone(),
            program,
            config,
            attempts,
            warm: Rc::default(),
            running: Rc::default(),
        }
    }

    /// Waits until there is concurrency for an asynchronous event.
    async fn admit(&self) {
        let (mut wait, most) = p::THROTTLED_WAITS;
        while self.running.get() >= p::CONCURRENCY {
            sleep(millis(wait).mul_f64(0.5 + self.account.part() / 2.0)).await;
            wait = (2 * wait).min(most);
        }
    }

    fn instance(&self) -> Instance<A> {
        let client = Client {
            account: self.account.clone(),
            attempts: self.attempts,
            processor: Processor::new(self.program.share(), self.program.cpu.is_none()),
        };
        let aws = RateLimited::new(client.clone(), self.config.api_rates.clone());
        Instance {
            handler: Handler::new(self.config.clone(), aws, client.clone()),
            client,
            timeout: self.program.timeout,
        }
    }

    /// Runs `work` on a warm instance or a new one, and bills it; `None` if Lambda kills it, since its time is over.
    pub(crate) async fn invoke<T>(&self, work: impl AsyncFnOnce(Rc<Instance<A>>) -> T) -> Option<T> {
        self.running.set(self.running.get() + 1);
        let warm = self.warm.borrow_mut().pop();
        let began_at = Instant::now();
        let is_cold = warm.is_none();
        let instance = match warm {
            Some(instance) => instance,
            None => {
                sleep(self.program.cold_start).await;
                Rc::new(self.instance())
            }
        };
        let processor = instance.client.processor.clone();
        let used_before = processor.used();
        processor.charge_at_once(self.program.cpu.unwrap_or_default());
        let most = millis(self.program.timeout);
        let result = timeout(most, processor.run(work(Rc::clone(&instance)))).await.ok();
        if result.is_some() {
            self.warm.borrow_mut().push(instance);
        }
        self.running.set(self.running.get() - 1);
        self.account.count(|figures| {
            figures.invocations += 1;
            figures.cold_starts += u64::from(is_cold);
            figures.cpu += processor.used() - used_before;
            // Lambda bills whole milliseconds.
            figures.billed += millis(began_at.elapsed().as_micros().div_ceil(1000) as u64);
        });
        result
    }

    /// An asynchronous event of this kind: tried three times, then given to the on-failure queue.
    pub(crate) async fn asynchronous(
        &self,
        kind: &'static str,
        work: impl AsyncFn(Rc<Instance<A>>) -> Result<(), &'static str>,
    ) {
        self.account.count(|figures| figures.event(kind));
        let waits = p::FAILED_WAITS.into_iter().map(Some).chain([None]);
        for (n, wait) in waits.enumerate() {
            self.admit().await;
            let result = self.invoke(async |instance| work(instance).await).await;
            let Err(reason) = result.unwrap_or(Err(KILLED)) else {
                return;
            };
            self.account
                .count(|figures| figures.fail(kind, reason, n == 0, wait.is_none()));
            if let Some(wait) = wait {
                sleep(millis(wait)).await;
            }
        }
    }

    /// The same for an event that the function handles.
    pub(crate) async fn handle_asynchronously(&self, event: Value) {
        let text = event.to_string();
        let work = async |instance: Rc<Instance<A>>| reason(&instance.handle(&text).await);
        self.asynchronous(kind(&event), work).await;
    }
}

/// Why it failed.
pub(crate) fn reason(handled: &Handled) -> Result<(), &'static str> {
    let result = handled.result.as_ref();
    result.map(|_| ()).map_err(|failure| failure.category.name())
}

/// What an event is about.
pub(crate) fn kind(event: &Value) -> &'static str {
    let detail = &event["detail"];
    match event["detail-type"].as_str() {
        Some("Start ECS Task") => "start",
        Some("Stop ECS Task") if detail["unlessRunning"] == true => "deadline",
        Some("Stop ECS Task") => "stop",
        Some("Reconcile ECS Targets") => "reconcile",
        _ if detail["lastStatus"] == "STOPPED" => "STOPPED",
        _ if detail["desiredStatus"] == "STOPPED" => "stopping",
        _ => "RUNNING",
    }
}
