//! Reads everything that the checks look at, each thing once, in batches where AWS has them.
//!
//! Makes no findings: what could not be read is kept as such.

mod account;
mod answers;
mod deployed;
mod pace;

use serde_json::{Value, json};
use start_engines_core::call::CallError;
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{Cluster, FunctionArn};
use start_engines_core::request::{self, Trigger};

use self::pace::Pace;
use super::fact::Fact;
use super::world::{FromEvent, Looker, Service, World};
use crate::aws::Reads;
use crate::event::operator_source;
use crate::event_file::NO_ID;
use crate::session::now;
use crate::terminal::progress::Counting;

/// What the command was told of the deployment.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) function: FunctionArn,
    pub(crate) request_rule: Option<String>,
    pub(crate) state_change_rule: Option<String>,
    pub(crate) request_queue: Option<String>,
    pub(crate) state_change_queue: Option<String>,
    /// Label and URL of the queues of what failed.
    pub(crate) failed: Vec<(&'static str, String)>,
    pub(crate) alarms: Option<Vec<String>>,
    /// The catalog, as JSON.
    pub(crate) catalog: Option<Value>,
    /// The configuration as the command has it.
    pub(crate) config: Config,
    /// Only this service of the catalog.
    pub(crate) service: Option<String>,
}

/// The reads of one run.
pub(crate) struct Survey<'a> {
    reads: &'a Reads,
    counting: &'a Counting,
    pace: Pace,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(reads: &'a Reads, counting: &'a Counting) -> Self {
        Self {
            reads,
            counting,
            pace: Pace::new(),
        }
    }

    /// Whose eyes it reads with.
    pub(crate) async fn looker(&self) -> Looker {
        self.counting.begin("reading the deployment");
        Looker {
            // Needs no permission (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>).
            account: Fact::of(self.turn(self.reads.caller()).await, "sts:GetCallerIdentity"),
            region: self.reads.region(),
        }
    }

    /// Reads all the rest.
    pub(crate) async fn world(&self, looker: Looker, told: &Told) -> World {
        let deployment = self.deployment(told).await;
        // What the function itself would do, if its settings can be read; else what the command knows of them.
        let mut config = match deployment.config() {
            Some(Ok(config)) => config,
            _ => told.config.clone(),
        };
        // It may be packed with the program.
        if config.catalog.names().next().is_none() {
            config.catalog = told.config.catalog.clone();
        }
        let services = services(told, &config);
        let account = self.account(&deployment, &services).await;
        World {
            looker,
            deployment,
            services,
            account,
        }
    }

    /// Makes a call when it is its turn.
    async fn turn<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        self.pace.turn(call).await
    }
}

/// The services of the catalog, each with its start as the function would do it.
pub(super) fn services(told: &Told, config: &Config) -> Vec<Service> {
    let names: Vec<String> = match &told.service {
        Some(name) => vec![name.clone()],
        None => config.catalog.names().map(str::to_owned).collect(),
    };
    let source = operator_source(&told.function);
    let service = |name: String| {
        let event = json!({
            "version": "0",
            "id": NO_ID,
            "detail-type": "Start ECS Task",
            "source": source,
            "time": now().to_seconds().map(|time| format!("{time}Z")),
            "detail": {"service": name},
        });
        let start = match request::read(event, config, Some(&told.function)) {
            Ok(Trigger::Start(start)) => Ok(start),
            Ok(_) => Err(start_engines_core::input::problem::Problems::new()),
            Err(problems) => Err(problems),
        };
        let overridable = || config.catalog.get(&name).map(|entry| entry.overridable.clone());
        let from_event = if config.catalog_only {
            FromEvent::Only(overridable().unwrap_or_default())
        } else {
            FromEvent::All
        };
        Service {
            start,
            from_event,
            name,
        }
    };
    names.into_iter().map(service).collect()
}

/// The clusters that the configuration names in full.
fn clusters(config: &Config, function: &FunctionArn) -> Vec<Cluster> {
    config.named_clusters(function.scope().as_ref())
}
