//! What a simulation came by, so that one sees that the interesting cases were reached.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics(BTreeMap<String, u64>);

impl Statistics {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, others: &Self) {
        for (what, count) in &others.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.0 {
            writeln!(f, "{count:>9} {what}")?;
        }
        Ok(())
    }
}
