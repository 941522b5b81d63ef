//! A strict in-memory ECS, ELBv2, EventBridge, its Scheduler and a bit of EC2, SQS, CloudWatch Logs and Lambda, spoken to over HTTP as an SDK does.
//!
//! What it is for: the rules that no emulator keeps (client tokens with replayed
//! failures, deleted tags, reused addresses, draining, lost answers) and a complete record
//! of the calls made. What it must not do: move by itself. Time, capacity, task states and
//! faults change only when a test says so, through `FakeAws::world` or a hook.
//!
//! All services share one endpoint: ECS, EventBridge, SQS and CloudWatch Logs are identified by their `X-Amz-Target`, ELBv2 and EC2 by
//! their form body, EventBridge Scheduler and Lambda by their paths, and the credential scope of the signature must agree.

mod addresses;
mod arns;
mod definitions;
mod described;
mod ecs;
mod elbv2;
#[cfg(feature = "wire")]
mod endpoint;
mod eventbridge;
mod events;
#[cfg(feature = "wire")]
mod faults;
#[cfg(feature = "wire")]
mod form;
mod instances;
mod interfaces;
mod lifecycle;
mod logs;
mod pattern;
#[cfg(feature = "wire")]
mod protocol;
mod queues;
#[cfg(feature = "wire")]
mod receive;
mod run_task;
mod scheduler;
mod service;
mod shapes;
mod target_groups;
mod tasks;
mod validate;
mod world;
#[cfg(feature = "wire")]
mod xml;

pub use definitions::{NetworkMode, TaskDefinition};
#[cfg(feature = "wire")]
pub use endpoint::FakeAws;
#[cfg(feature = "wire")]
pub use faults::Fault;
pub use run_task::{Failure, RunTaskResult};
pub use service::{ApiError, Service};
pub use target_groups::{Health, TargetGroup};
pub use tasks::Binding;
pub use world::{Call, World};
