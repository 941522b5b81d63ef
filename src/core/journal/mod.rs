//! The calls to AWS for one event, and their answers: all that a decision may depend on.
//!
//! [`crate::decide`] runs from its beginning after each answer. A call that the journal contains is answered from it; the
//! first that it does not contain ends the run, and is the next call to make. So each protocol reads as straight-line
//! code, is pure, and can be stopped, copied, compared and resumed between any two AWS calls.
//!
//! Must not make calls or read a clock: the present time is the time of the latest answer.

mod entries;
mod replay;

pub use self::entries::{Entry, Journal};
pub use self::replay::{Asked, Halt, Reader};
