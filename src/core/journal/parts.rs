//! What a decision has made of a part of its journal, so that it is not made again after each answer.
//!
//! Only a memory: a decision that has forgotten it comes to the same end from the answers themselves. So journals with
//! different memories are equal.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::arn::TaskDefinition;

/// Where a part begins, what is made of it, and how many parts of this type began there before it, reading nothing.
pub(super) type Key = (usize, TypeId, usize);

/// What was made of a part so far.
pub(super) struct Part {
    /// The entries that were read by then.
    pub(super) read: usize,
    /// The definitions that were described by then ([`super::Reader`]).
    pub(super) definitions: HashMap<TaskDefinition, usize>,
    pub(super) state: Arc<dyn Any + Send + Sync>,
    pub(super) is_finished: bool,
}

/// The parts of a journal.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<Key, Part>>);

impl Parts {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut HashMap<Key, Part>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Parts {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Parts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.with(|parts| write!(f, "{} parts", parts.len()))
    }
}
