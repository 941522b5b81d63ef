//! `Start ECS Task`: from an event's `detail` to a request that is whole and allowed.
//!
//! [`detail`] reads the fields that a start event, a catalog entry or the environment gives;
//! [`resolve`] lays the three over each other and checks the result, with `placements` for where it is tried;
//! [`request`] turns it into the RunTask calls. Nothing here calls AWS.

pub mod catalog_only;
pub mod detail;
mod network;
mod options;
pub(crate) mod overridable;
pub(crate) mod placements;
pub mod request;
pub mod resolve;
pub(crate) mod tag;
