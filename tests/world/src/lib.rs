//! What AWS answers to the domain's calls, in tests that have no wire between.
//!
//! [`carry_out`] is the port to AWS of the simulation and of the load model: a call is put to the account of
//! `start_engines_fake_aws`, whose rules are those of the fake at the wire, and its answer is read back. Faults and
//! stale answers are the simulation's, limits and latencies the load model's. [`canned`] answers where a test has no
//! world, but says what AWS shows: the fixtures and the fuzzer.
//!
//! Must not do any IO, and must not know any test.

mod calls;
pub mod canned;

pub use calls::{carry_out, failure};
pub use start_engines_fake_aws::World;
