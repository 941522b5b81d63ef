//! The function's configuration: the environment and the service catalog, checked whole at start-up.
//!
//! Must not read the environment itself: the shell passes a look-up in, so that tests need no
//! process of their own.

pub mod allow_list;
pub mod catalog;
mod environment;
pub mod rates;

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use self::allow_list::AllowList;
use self::catalog::Catalog;
use self::environment::{Environment, Flag, Seconds};
use self::rates::Rates;
use crate::call::run_task::{MAX_SECURITY_GROUPS, MAX_SUBNETS};
use crate::call::schedule::Scheduler;
use crate::domain::arn::{Cluster, EventBus, Scope, TargetGroupArn};
use crate::domain::deployment::Deployment;
use crate::input::problem::Problems;
use crate::spec::{SingleTarget, StartDetail};

/// Everything that the function has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What a start takes where neither event nor catalog say otherwise.
    pub defaults: StartDetail,
    /// Named starts.
    pub catalog: Catalog,
    /// What events may name.
    pub allowed: Allowed,
    /// `DEPLOYMENT`, else the function's name: what the tasks that it starts are tagged with, and known by.
    /// `None` where nobody tells it.
    pub deployment: Option<Deployment>,
    /// `CATALOG_ONLY`: a start names a service of the catalog, and may give only what its entry lets it.
    pub catalog_only: bool,
    /// `TASK_WAIT_TIMEOUT`: for how long a task may not be RUNNING; zero is for ever. Without a
    /// scheduler it has no effect. If it is not set, a start has a default of its own.
    pub start_timeout: Option<Duration>,
    /// Without it, nothing can be done later: a stop cannot wait for connections to end.
    pub scheduler: Option<Scheduler>,
    /// `OUTCOME_EVENT_BUS`: where outcome events go; without it there are none.
    pub outcome_bus: Option<EventBus>,
    /// `API_RATES`: how many calls a second an instance of the function makes.
    pub api_rates: Rates,
    /// `LOG_LEVEL`.
    pub log_level: LogLevel,
}

/// The allow-lists.
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

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what should be looked at.
    Warn,
    /// And one line per event.
    #[default]
    Info,
    /// And each AWS call.
    Debug,
}

/// `LOG_LEVEL` is none of these.
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
    /// Reads the environment through `get`, and the catalog's text if there is a catalog.
    ///
    /// # Errors
    /// With everything that is wrong, each named by its variable or its place in the catalog.
    pub fn read(get: impl Fn(&str) -> Option<String>, catalog: Option<&str>) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut env = Environment {
            get: &get,
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
            start_timeout: env
                .one("TASK_WAIT_TIMEOUT")
                .map(|Seconds(seconds)| Duration::from_secs(seconds)),
            scheduler: env.scheduler(),
            outcome_bus: env.one("OUTCOME_EVENT_BUS"),
            api_rates: env.one("API_RATES").unwrap_or_default(),
            log_level: env.one("LOG_LEVEL").unwrap_or_default(),
            catalog: Catalog::default(),
        };
        let catalog = catalog.map_or_else(Catalog::default, |text| Catalog::read(text, &mut problems));
        problems.into_result(Self { catalog, ..config })
    }

    /// The clusters to look for a newer owner of an address in: the task's own, and all that the
    /// configuration names in full.
    ///
    /// A pattern with `*` names none: clusters that only a pattern allows are not searched. Nor are
    /// those of other accounts and regions, which have other addresses.
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

    /// All clusters of `home` that the configuration names in full, each once.
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

    /// All target groups of `home` that the configuration names in full, in order.
    #[must_use]
    pub fn named_target_groups(&self, home: Option<&Scope>) -> BTreeSet<TargetGroupArn> {
        let listed = self.allowed.target_groups.patterns();
        let listed = listed.filter_map(|pattern| pattern.parse().ok());
        let starts = std::iter::once(&self.defaults).chain(self.catalog.entries());
        let named = listed.chain(starts.flat_map(StartDetail::target_groups));
        named.filter(|group| is_at(group, home)).collect()
    }

    /// The target groups of `home` that starts of a service of the catalog have, in order: its own, or
    /// the default one if it names none.
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

    /// Whether it names in full every cluster in which there can be tasks of ours: `ALLOWED_CLUSTERS` does.
    #[must_use]
    pub fn names_all_clusters(&self) -> bool {
        let clusters = &self.allowed.clusters;
        !clusters.allows_all() && !clusters.patterns().any(|pattern| pattern.ends_with('*'))
    }

    /// What an operator should know about a sound configuration.
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
mod tests;
