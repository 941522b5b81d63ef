//! The loop around the decisions of `start-engines`: read the event, decide, call, record the answer, decide again.
//!
//! Must not know the SDK; calls go through the port [`start_engines_core::ports::Aws`].

mod asking;
mod cache;
pub mod coalesce;
mod handler;
mod order;
mod publish;
pub mod rate_limit;
mod rounds;
mod work;

pub use self::handler::{Handler, Invocation};
