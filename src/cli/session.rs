//! What every command needs: the global options, the function's settings, the AWS clients.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
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
use crate::command_error::CommandError;
use crate::event::{self, Known};
use crate::terminal::screen::Screen;

/// The variables that the component sets for every deployed function.
const ALLOW_LISTS: [&str; 4] = [
    "ALLOWED_CLUSTERS",
    "ALLOWED_TARGET_GROUPS",
    "ALLOWED_TASK_FAMILIES",
    "ALLOWED_SOURCES",
];

/// EventBridge says nothing of an event that no rule matches:
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
const NO_SOURCE: &str = "neither --function nor --source is given, and START_ENGINES_FUNCTION is not set: give the function's ARN, from which the source of its operators follows; an event from another source would be accepted, and no rule would match it. Nothing was sent";

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

    /// The function's configuration, as far as the environment and the catalog have it.
    pub(crate) fn known(&self) -> Result<Known, CommandError> {
        let text = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
        let (settings, catalog) = (text(&self.global.settings)?, text(&self.global.services)?);
        let get = |name: &str| std::env::var(name).ok();
        let mut config = Config::read(get, settings.as_deref(), catalog.as_deref())
            .map_err(|problems| CommandError::Usage(format!("the configuration has {problems}")))?;
        let function: Option<FunctionArn> = parsed("--function", self.global.function.as_deref())?;
        if config.deployment.is_none() {
            config.deployment = function.as_ref().and_then(|function| function.name().parse().ok());
        }
        Ok(Known {
            config,
            catalog: catalog.is_some(),
            variables: settings.is_some() || ALLOW_LISTS.iter().any(|name| std::env::var_os(name).is_some()),
            function,
        })
    }

    /// `--cluster`.
    pub(crate) fn cluster(&self) -> Result<Option<Cluster>, CommandError> {
        parsed("--cluster", self.global.cluster.as_deref())
    }

    /// The clusters to read: `--cluster`, else all that the settings and the catalog name.
    pub(crate) fn clusters(&self, known: &Known) -> Result<Vec<Cluster>, CommandError> {
        if let Some(cluster) = self.cluster()? {
            return Ok(vec![cluster]);
        }
        let clusters = known.config.named_clusters(home(known).as_ref());
        if clusters.is_empty() {
            let message = "no cluster is given: give --cluster, or the function's settings (docs/command.md)";
            return Err(CommandError::Usage(message.to_owned()));
        }
        Ok(clusters)
    }

    /// An event from `--source`, or from the operators of `--function`, to `--event-bus`.
    ///
    /// # Errors
    /// Without both: PutEvents accepts an event that no rule matches, and nobody would hear it.
    pub(crate) fn event(
        &self,
        known: &Known,
        detail_type: &'static str,
        detail: Map<String, Value>,
    ) -> Result<EventEntry, CommandError> {
        let given = self.global.source.clone().filter(|source| !source.is_empty());
        let source = given.or_else(|| known.function.as_ref().map(event::operator_source));
        Ok(EventEntry {
            bus: parsed("--event-bus", self.global.event_bus.as_deref())?,
            source: source.ok_or_else(|| CommandError::Usage(NO_SOURCE.to_owned()))?,
            detail_type,
            time: None,
            resources: Vec::new(),
            detail: Value::Object(detail),
        })
    }

    /// The AWS clients, configured by the options, then like the AWS CLI.
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

/// The account and region: the function's, else those of the first cluster that is given by ARN.
pub(crate) fn home(known: &Known) -> Option<Scope> {
    let config = &known.config;
    let listed = config.allowed.clusters.patterns().filter_map(|text| text.parse().ok());
    let in_catalog = config.catalog.entries().filter_map(|entry| entry.cluster.clone());
    let mut clusters = listed.chain(in_catalog).chain(config.defaults.cluster.clone());
    let of_function = known.function.as_ref().and_then(FunctionArn::scope);
    of_function.or_else(|| clusters.find_map(|cluster: Cluster| cluster.scope()))
}

/// Parses an option's value; an empty one counts as not given.
pub(crate) fn parsed<T: FromStr<Err: Display>>(option: &str, text: Option<&str>) -> Result<Option<T>, CommandError> {
    let read = |text: &str| {
        let value = text.parse();
        value.map_err(|rule| CommandError::Usage(format!("{option} = {text:?}: {rule}")))
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

/// Reads a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))
}

/// The system clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Reads the system's clock; a clock that is set to before 1970 counts as 1970.
#[expect(clippy::disallowed_methods, reason = "the command reads the clock here only")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
