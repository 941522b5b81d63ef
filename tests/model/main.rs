//! Model checking: the crate's own `decide` in small worlds, over every interleaving.
//!
//! [`targets`] checks what must hold of targets, [`starts`] what must hold of starts
//! (`start_engines_core::decide` lists the four). Steps are single AWS calls. Each world comes with
//! mutants, versions of it with one safeguard taken away: a checker that lets one of them live
//! checks nothing.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod starts;
mod targets;

/// The one call that a decision asks for: these worlds have one target group and one schedule.
pub(crate) fn alone(calls: Vec<start_engines_core::call::Call>) -> start_engines_core::call::Call {
    let [call] = calls.try_into().expect("one call at a time");
    call
}
