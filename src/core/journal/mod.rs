//! What was asked of AWS for one event, and what it answered: all that a decision may depend on.
//!
//! [`crate::decide`] runs from its beginning after each answer. A call that the journal holds is
//! answered from it; the first that it does not hold ends the run as the next call to make. So
//! each protocol reads as straight lines, is pure, and can be stopped, copied, compared and
//! resumed between any two AWS calls.
//!
//! Must not make calls or read a clock: time is the time of the latest answer.

mod entries;
mod replay;

pub use self::entries::{Entry, Journal};
pub use self::replay::{Asked, Halt, Reader};
