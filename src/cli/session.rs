//! What all commands start from: the options that all of them take, the settings, the clients.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region};
use serde_json::{Map, Value};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{Cluster, FunctionArn, Scope};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::Clock;

use crate::args::Global;
use crate::aws::OperatorClients;
use crate::error::CommandError;
use crate::event::Known;
use crate::terminal::screen::Screen;

/// A deployed function has all of them.
const ALLOW_LISTS: [&str; 4] = [
    "ALLOWED_CLUSTERS",
    "ALLOWED_TARGET_GROUPS",
    "ALLOWED_TASK_FAMILIES",
    "ALLOWED_SOURCES",
];

/// One run of the command.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) global: Global,
    pub(crate) screen: Screen,
}

impl Session {
    pub(crate) fn new(global: Global) -> Self {
        let screen = Screen::new(&global);
        Self { global, screen }
    }

    /// What the environment and the catalog tell of the function.
    pub(crate) fn known(&self) -> Result<Known, CommandError> {
        let catalog = match &self.global.services {
            Some(path) => Some(read(path)?),
            None => None,
        };
        let mut config = Config::read(|name| std::env::var(name).ok(), catalog.as_deref())
            .map_err(|problems| CommandError::Usage(format!("the configuration has {problems}")))?;
        let function: Option<FunctionArn> = parsed("--function", self.global.function.as_deref())?;
        if config.deployment.is_none() {
            config.deployment = function.as_ref().and_then(|function| function.name().parse().ok());
        }
        Ok(Known {
            config,
            catalog: catalog.is_some(),
            variables: ALLOW_LISTS.iter().any(|name| std::env::var_os(name).is_some()),
            function,
        })
    }

    /// `--cluster`.
    pub(crate) fn cluster(&self) -> Result<Option<Cluster>, CommandError> {
        parsed("--cluster", self.global.cluster.as_deref())
    }

    /// The clusters to look at: `--cluster`, else all that the settings and the catalog name.
    pub(crate) fn clusters(&self, known: &Known) -> Result<Vec<Cluster>, CommandError> {
        if let Some(cluster) = self.cluster()? {
            return Ok(vec![cluster]);
        }
        let clusters = known.config.named_clusters(home(known).as_ref());
        if clusters.is_empty() {
            let message = "which cluster? Give --cluster, or the function's settings (docs/command.md)";
            return Err(CommandError::Usage(message.to_owned()));
        }
        Ok(clusters)
    }

    /// An event of the command.
    pub(crate) fn event(
        &self,
        detail_type: &'static str,
        detail: Map<String, Value>,
    ) -> Result<EventEntry, CommandError> {
        Ok(EventEntry {
            bus: parsed("--event-bus", self.global.event_bus.as_deref())?,
            source: self.global.source.clone(),
            detail_type,
            time: None,
            resources: Vec::new(),
            detail: Value::Object(detail),
        })
    }

    /// The clients, by the options first, then as the AWS CLI finds them.
    pub(crate) async fn clients(&self) -> Result<OperatorClients, CommandError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(url) = &self.global.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &self.global.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.global.region {
            loader = loader.region(Region::new(region.clone()));
        }
        OperatorClients::load(loader)
            .await
            .map_err(|error| CommandError::Usage(error.to_string()))
    }
}

/// The account and region that all is in: the function's, or else those of a cluster that is named in full.
pub(crate) fn home(known: &Known) -> Option<Scope> {
    let config = &known.config;
    let listed = config.allowed.clusters.patterns().filter_map(|text| text.parse().ok());
    let in_catalog = config.catalog.entries().filter_map(|entry| entry.cluster.clone());
    let mut clusters = listed.chain(in_catalog).chain(config.defaults.cluster.clone());
    let of_function = known.function.as_ref().and_then(FunctionArn::scope);
    of_function.or_else(|| clusters.find_map(|cluster: Cluster| cluster.scope()))
}

/// An option's value in its own type.
pub(crate) fn parsed<T: FromStr<Err: Display>>(option: &str, text: Option<&str>) -> Result<Option<T>, CommandError> {
    let read = |text: &str| {
        let value = text.parse();
        value.map_err(|rule| CommandError::Usage(format!("{option} = {text:?}: {rule}")))
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

/// A file's text; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock for everyone")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
