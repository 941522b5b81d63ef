//! A late stop that goes on later.

use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;

/// A late stop that goes on later, with a scheduled event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Continued {
    /// The targets in question: they are still registered.
    pub targets: Vec<GroupTarget>,
    /// The number of the continuation.
    pub count: i32,
    /// When the event is sent.
    pub at: Timestamp,
    /// Why it goes on later.
    pub why: WhyLater,
}

/// Why a late stop goes on later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyLater {
    /// The search for the task that has an address now did not fit into the invocation.
    OwnerSearch,
    /// An address has a network interface whose task ECS may not show yet.
    OwnerNotShown,
}

impl WhyLater {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::OwnerSearch, Self::OwnerNotShown];

    /// The fixed name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OwnerSearch => "owner_search",
            Self::OwnerNotShown => "owner_not_shown",
        }
    }
}
