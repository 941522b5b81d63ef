//! The commands, one file each.

pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod local;
pub(crate) mod reconcile;
pub(crate) mod redrive;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod trace;
pub(crate) mod validate;
