//! Reads environment variables, each as its own type, and records every problem.

use std::fmt;
use std::str::FromStr;

use super::allow_list::AllowList;
use super::settings::Settings;
use crate::call::schedule::Scheduler;
use crate::domain::deployment::Deployment;
use crate::input::problem::Problems;

/// `true` or `false`.
pub(super) struct Flag(pub(super) bool);

impl FromStr for Flag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            // Not treated as unset: a misspelled protection must not become no protection.
            _ => Err("must be true or false"),
        }
    }
}

/// Seconds, from 0 to one day.
pub(super) struct Seconds(pub(super) u64);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(seconds @ 0..=86_400) => Ok(Self(seconds)),
            _ => Err("must be a whole number of seconds from 0 to 86400"),
        }
    }
}

/// Seconds, from 0 to one hour, as for `healthTimeoutSeconds`.
pub(super) struct HealthTimeout(pub(super) u64);

impl FromStr for HealthTimeout {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(seconds @ 0..=3_600) => Ok(Self(seconds)),
            _ => Err("must be a whole number of seconds from 0 to 3600"),
        }
    }
}

pub(super) struct Environment<'a, G> {
    pub(super) get: &'a G,
    /// The settings file, if there is one: its lists go before those of the environment.
    pub(super) settings: Option<&'a Settings>,
    pub(super) problems: &'a mut Problems,
}

impl<G: Fn(&str) -> Option<String>> Environment<'_, G> {
    /// The variable's value; an empty variable counts as unset.
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn one<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.text(name)?;
        value
            .trim()
            .parse()
            .map_err(|rule| self.problems.invalid_text(name, &value, rule))
            .ok()
    }

    /// `DEPLOYMENT`, else the function's name. Lambda sets [its name](https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
    pub(super) fn deployment(&mut self) -> Option<Deployment> {
        match self.text("DEPLOYMENT") {
            Some(_) => self.one("DEPLOYMENT"),
            None => self.one("AWS_LAMBDA_FUNCTION_NAME"),
        }
    }

    pub(super) fn scheduler(&mut self) -> Option<Scheduler> {
        let role = self.one("SCHEDULER_ROLE_ARN");
        let group = self.one("SCHEDULER_GROUP");
        let dead_letters = self.one("SCHEDULER_DEAD_LETTER_QUEUE_ARN");
        // The old name, which still works.
        let dead_letters = dead_letters.or_else(|| self.one("SCHEDULER_DEAD_LETTER_ARN"));
        if self.text("SCHEDULER_ROLE_ARN").is_none() && (group.is_some() || dead_letters.is_some()) {
            self.problems.missing(
                "SCHEDULER_ROLE_ARN",
                "SCHEDULER_GROUP and SCHEDULER_DEAD_LETTER_QUEUE_ARN require it",
            );
        }
        Some(Scheduler {
            role: role?,
            group,
            dead_letters,
        })
    }

    fn items(&self, name: &str) -> Option<Vec<String>> {
        Some(self.text(name)?.split(',').map(|item| item.trim().to_owned()).collect())
    }

    pub(super) fn list<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, max: usize) -> Option<Vec<T>> {
        let items = self.items(name)?;
        if items.len() > max {
            self.problems
                .invalid_text(name, &items.join(","), format!("must have at most {max} items"));
        }
        let read: Vec<Option<T>> = items
            .iter()
            .map(|item| {
                item.parse()
                    .map_err(|rule| self.problems.invalid_text(name, item, rule))
                    .ok()
            })
            .collect();
        read.into_iter().collect()
    }

    pub(super) fn allow_list(&mut self, name: &str) -> AllowList {
        let items: Vec<String> = match self.settings {
            Some(settings) => settings.list(name).to_vec(),
            // An empty list does not count as unset: a list that is empty by mistake must not allow everything.
            None => match (self.get)(name) {
                Some(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
                None => return AllowList::default(),
            },
        };
        for item in &items {
            if item.is_empty() || item.strip_suffix('*').unwrap_or(item).contains('*') {
                self.problems
                    .invalid_text(name, item, "must be a name or an ARN, with * only at its end");
            }
        }
        AllowList::only(items)
    }

    /// A list of families, which allows all revisions of each. A pattern with a revision is a problem, because it
    /// would seem to allow less than it does.
    pub(super) fn families(&mut self, name: &str) -> AllowList {
        let list = self.allow_list(name);
        for pattern in list.patterns() {
            let family = pattern
                .split_once(":task-definition/")
                .map_or(pattern, |(_, family)| family);
            if family.split_once(':').is_some_and(|(_, revision)| revision != "*") {
                self.problems
                    .invalid_text(name, pattern, "must name a family, without revision");
            }
        }
        list
    }
}
