//! The function's configuration: the environment, the settings file and the service catalog, validated completely at start-up.
//!
//! Must not read the environment itself: the caller passes a function in, so that tests need no process of
//! their own.

pub mod allow_list;
pub mod catalog;
mod environment;
pub mod rates;
mod settings;

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use self::allow_list::AllowList;
use self::catalog::Catalog;
use self::environment::{Environment, Flag, HealthTimeout, Seconds};
use self::rates::Rates;
use self::settings::Settings;
use crate::call::run_task::{MAX_SECURITY_GROUPS, MAX_SUBNETS};
use crate::call::schedule::Scheduler;
use crate::domain::arn::{Cluster, EventBus, Scope, TargetGroupArn};
use crate::domain::deployment::Deployment;
use crate::input::problem::Problems;
use crate::spec::{SingleTarget, StartDetail};

/// The function's configuration. Names in capitals are environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The values of a start that neither the event nor the catalog entry gives: `ECS_CLUSTER`, `TASK_DEFINITION`,
    /// `TARGET_GROUP_ARN`, `CONTAINER_PORT`, `SUBNETS`, `SECURITY_GROUPS`.
    pub defaults: StartDetail,
    /// The service catalog; empty if there is none.
    pub catalog: Catalog,
    /// The allow-lists: what events may name.
    pub allowed: Allowed,
    /// `DEPLOYMENT`, else the function's name: the value of the tag by which this deployment recognizes the tasks that
    /// it started. `None` if neither is known.
    pub deployment: Option<Deployment>,
    /// `CATALOG_ONLY`: whether a start must name a service of the catalog, and may give only the fields that its entry
    /// lists as `overridable`.
    pub catalog_only: bool,
    /// `HEALTH_TIMEOUT`: how long after its registration a target is checked, where a start gives no time; zero for never. It
    /// has no effect without a scheduler.
    pub health_timeout: Option<Duration>,
    /// `TASK_WAIT_TIMEOUT`: how long a task may take to reach RUNNING; zero for no limit. It has no effect without a
    /// scheduler. `None` if unset: a start then has its own default.
    pub start_timeout: Option<Duration>,
    /// `SCHEDULER_ROLE_ARN` and the variables that go with it. Without it nothing can be done later: there are no
    /// deadlines, and a stop cannot wait for connections to end.
    pub scheduler: Option<Scheduler>,
    /// `OUTCOME_EVENT_BUS`: the bus for outcome events; `None` for no outcome events.
    pub outcome_bus: Option<EventBus>,
    /// `API_RATES`: how many calls per second an instance of the function may make.
    pub api_rates: Rates,
    /// `LOG_LEVEL`; `info` if unset.
    pub log_level: LogLevel,
}

/// The allow-lists for the fields of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `ALLOWED_CLUSTERS`.
    pub clusters: AllowList,
    /// `ALLOWED_TARGET_GROUPS`.
    pub target_groups: AllowList,
    /// `ALLOWED_TASK_FAMILIES`.
    pub task_families: AllowList,
    /// `ALLOWED_SOURCES`.
    pub sources: AllowList,
}

/// How much is logged; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Events that failed.
    Error,
    /// What an operator should check.
    Warn,
    /// One line for each event.
    #[default]
    Info,
    /// Each AWS call.
    Debug,
}

/// `LOG_LEVEL` has an unknown value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of error, warn, info, debug")]
pub struct UnknownLogLevel;

impl FromStr for LogLevel {
    type Err = UnknownLogLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLogLevel> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(UnknownLogLevel),
        }
    }
}

fn is_at(group: &TargetGroupArn, home: Option<&Scope>) -> bool {
    home.is_none() || group.scope().as_ref() == home
}

impl Config {
    /// Reads the environment through `get`, and the texts of the settings file and of the catalog, if there are any.
    ///
    /// # Errors
    /// With all problems; each names the variable, or the path in the file.
    pub fn read(
        get: impl Fn(&str) -> Option<String>,
        settings: Option<&str>,
        catalog: Option<&str>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let settings = settings.map(|text| Settings::read(text, &mut problems));
        let mut env = Environment {
            get: &get,
            settings: settings.as_ref(),
            problems: &mut problems,
        };
        let config = Self {
            defaults: StartDetail {
                cluster: env.one("ECS_CLUSTER"),
                task_definition: env.one("TASK_DEFINITION"),
                target: SingleTarget {
                    target_group_arn: env.one("TARGET_GROUP_ARN"),
                    port: env.one("CONTAINER_PORT"),
                    container_name: None,
                },
                subnets: env.list("SUBNETS", MAX_SUBNETS),
                security_groups: env.list("SECURITY_GROUPS", MAX_SECURITY_GROUPS),
                ..StartDetail::default()
            },
            allowed: Allowed {
                clusters: env.allow_list("ALLOWED_CLUSTERS"),
                target_groups: env.allow_list("ALLOWED_TARGET_GROUPS"),
                task_families: env.families("ALLOWED_TASK_FAMILIES"),
                sources: env.allow_list("ALLOWED_SOURCES"),
            },
            deployment: env.deployment(),
            catalog_only: env.one("CATALOG_ONLY").is_some_and(|Flag(flag)| flag),
            health_timeout: env
                .one("HEALTH_TIMEOUT")
                .map(|HealthTimeout(seconds)| Duration::from_secs(seconds)),
            start_timeout: env
                .one("TASK_WAIT_TIMEOUT")
                .map(|Seconds(seconds)| Duration::from_secs(seconds)),
            scheduler: env.scheduler(),
            outcome_bus: env.one("OUTCOME_EVENT_BUS"),
            api_rates: env.one::<Rates>("API_RATES").unwrap_or_default().with_defaults(),
            log_level: env.one("LOG_LEVEL").unwrap_or_default(),
            catalog: Catalog::default(),
        };
        let catalog = catalog.map_or_else(Catalog::default, |text| Catalog::read(text, &mut problems));
        problems.into_result(Self { catalog, ..config })
    }

    /// The clusters in which to search for a newer owner of an address: the task's own, and all that the configuration
    /// names in full.
    ///
    /// Clusters that only a pattern with `*` allows are not searched, because their names are not known; nor are
    /// clusters of other accounts and regions, whose tasks have other addresses.
    #[must_use]
    pub fn clusters_to_search(&self, own: &Cluster) -> Vec<Cluster> {
        let mut clusters = vec![own.clone()];
        for cluster in self.named_clusters(own.scope().as_ref()) {
            if !clusters.iter().any(|known| known.same_as(&cluster)) {
                clusters.push(cluster);
            }
        }
        clusters
    }

    /// All clusters that the configuration names in full, each once. `home` is the account and region of the function;
    /// ARNs of other accounts and regions are left out.
    #[must_use]
    pub fn named_clusters(&self, home: Option<&Scope>) -> Vec<Cluster> {
        let listed = self
            .allowed
            .clusters
            .patterns()
            .filter_map(|pattern| pattern.parse().ok());
        let in_catalog = self.catalog.entries().filter_map(|entry| entry.cluster.clone());
        let default = self.defaults.cluster.clone();
        let mut clusters: Vec<Cluster> = Vec::new();
        for cluster in default.into_iter().chain(in_catalog).chain(listed) {
            let is_elsewhere = cluster.scope().is_some_and(|scope| home != Some(&scope));
            if !is_elsewhere && !clusters.iter().any(|known| known.same_as(&cluster)) {
                clusters.push(cluster);
            }
        }
        clusters
    }

    /// All target groups in `home` that the configuration names by ARN.
    #[must_use]
    pub fn named_target_groups(&self, home: Option<&Scope>) -> BTreeSet<TargetGroupArn> {
        let listed = self.allowed.target_groups.patterns();
        let listed = listed.filter_map(|pattern| pattern.parse().ok());
        let starts = std::iter::once(&self.defaults).chain(self.catalog.entries());
        let named = listed.chain(starts.flat_map(StartDetail::target_groups));
        named.filter(|group| is_at(group, home)).collect()
    }

    /// The target groups in `home` of a service of the catalog: those of its entry, or the default one if the entry
    /// gives none.
    #[must_use]
    pub fn target_groups_of(&self, service: &str, home: Option<&Scope>) -> BTreeSet<TargetGroupArn> {
        let Some(entry) = self.catalog.get(service) else {
            return BTreeSet::new();
        };
        let own: BTreeSet<TargetGroupArn> = entry.target_groups().collect();
        let groups = if own.is_empty() && entry.targets.is_none() {
            self.defaults.target_groups().collect()
        } else {
            own
        };
        groups.into_iter().filter(|group| is_at(group, home)).collect()
    }

    /// Whether `ALLOWED_CLUSTERS` names in full every cluster in which there can be tasks of this deployment.
    #[must_use]
    pub fn names_all_clusters(&self) -> bool {
        let clusters = &self.allowed.clusters;
        !clusters.allows_all() && !clusters.patterns().any(|pattern| pattern.ends_with('*'))
    }

    /// What an operator should know about a valid configuration, to be logged at start-up.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        if !self.names_all_clusters() {
            return vec![
                "ALLOWED_CLUSTERS does not name every cluster in full: a late stop searches for a newer owner of its address, and a stop of a service for its tasks, only in clusters that are named",
            ];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod config_tests;
