//! `start-engines` attaches standalone ECS tasks to load balancers, from events alone.
//!
//! [`core`] has the picture.

pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
pub mod core;
pub mod handler;
