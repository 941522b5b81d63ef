//! `doctor`: what is wrong with a deployment and its services, check by check.
//!
//! Reads first (`survey`), each thing once; then every check is a pure function of what was read (`world`). A check must
//! not guess: what could not be read is `not checked`, with the permission or the setting that is missing.

pub(crate) mod checks;
pub(crate) mod fact;
pub(crate) mod policy;
pub(crate) mod samples;
pub(crate) mod survey;
pub(crate) mod world;

#[cfg(test)]
mod doctor_tests;
#[cfg(test)]
mod sound;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Could not be looked at.
    NotChecked,
    /// Works, but not as it was probably meant.
    Warning,
    /// Does not work.
    Failure,
}

impl Level {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotChecked => "not_checked",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What one check has found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The fixed name of the check.
    pub(crate) check: &'static str,
    /// How it ended.
    pub(crate) level: Level,
    /// What it is about: the function, a rule, a service.
    pub(crate) about: String,
    /// What was found, in one line.
    pub(crate) message: String,
    /// What to do about it; empty if nothing is to be done.
    pub(crate) repair: String,
}

/// The findings of one check about one thing.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    check: &'static str,
    about: String,
    findings: &'a mut Vec<Finding>,
    before: usize,
}

impl<'a> Report<'a> {
    pub(crate) fn new(check: &'static str, about: impl Into<String>, findings: &'a mut Vec<Finding>) -> Self {
        Self {
            check,
            about: about.into(),
            before: findings.len(),
            findings,
        }
    }

    fn add(&mut self, level: Level, message: impl Into<String>, repair: impl Into<String>) {
        let finding = Finding {
            check: self.check,
            level,
            about: self.about.clone(),
            message: message.into(),
            repair: repair.into(),
        };
        // Two placements of a service with the same subnets have the same finding.
        if !self.findings[self.before..].contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(crate) fn failure(&mut self, message: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Failure, message, repair);
    }

    pub(crate) fn warning(&mut self, message: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Warning, message, repair);
    }

    pub(crate) fn not_checked(&mut self, message: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::NotChecked, message, repair);
    }

    /// What this check depends on could not be read; why is in the finding of the check that asks for it.
    pub(crate) fn unread(&mut self, what: impl std::fmt::Display) {
        self.not_checked(format!("{what} could not be read"), "see the other checks");
    }

    /// Ends the check: where nothing was found, it is well.
    pub(crate) fn well(mut self, message: impl Into<String>) {
        if self.findings.len() == self.before {
            self.add(Level::Ok, message, "");
        }
    }
}
