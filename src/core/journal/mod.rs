//! The calls to AWS for one event, and their answers: all that a decision may depend on.
//!
//! [`crate::decide`] runs from its beginning after each answer. A call that the journal contains is answered from it; the
//! first that it does not contain ends the run, and is the next call to make: alone, or with others that do not depend on
//! its answer. So each protocol reads as straight-line code, is pure, and can be stopped, copied, compared and resumed
//! between any two AWS calls. What was made of a long part is remembered, so that it is not made again after each answer.
//!
//! Must not make calls or read a clock: the present time is the time of the latest answer.

mod calls;
mod entries;
mod halt;
mod parts;
mod replay;

pub use self::entries::{Entry, Journal};
pub use self::halt::{Asked, AskedEach, Halt};
pub use self::replay::Reader;
