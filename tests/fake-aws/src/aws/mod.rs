//! A strict in-memory ECS, ELBv2, EventBridge, its Scheduler and a bit of EC2, SQS and Lambda, spoken to over HTTP as an SDK does.
//!
//! What it is for: the rules that no emulator keeps (client tokens with replayed
//! failures, deleted tags, reused addresses, draining, lost answers) and a complete record
//! of the calls made. What it must not do: move by itself. Time, capacity, task states and
//! faults change only when a test says so, through [`FakeAws::world`] or a hook.
//!
//! All services share one endpoint: ECS, EventBridge and SQS are told by their `X-Amz-Target`, ELBv2 and EC2 by
//! their form body, EventBridge Scheduler and Lambda by their paths, and the credential scope of the signature must agree.

mod addresses;
mod arns;
mod definitions;
mod ecs;
mod elbv2;
mod eventbridge;
mod events;
mod faults;
mod form;
mod instances;
mod lifecycle;
mod protocol;
mod queues;
mod run_task;
mod scheduler;
mod shapes;
mod target_groups;
mod tasks;
mod validate;
mod world;
mod xml;

use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use protocol::Delivery;

use crate::server::{Answer, Server};

pub use definitions::{NetworkMode, TaskDefinition};
pub use faults::Fault;
pub use protocol::{ApiError, Service};
pub use run_task::{Failure, RunTaskResult};
pub use target_groups::{Health, TargetGroup};
pub use tasks::Binding;
pub use world::{Call, World};

/// A running fake. It ends, connections and all, when dropped.
#[derive(Debug)]
pub struct FakeAws {
    server: Server,
    world: Arc<Mutex<World>>,
}

impl FakeAws {
    /// Starts a fake with an empty world on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let world = Arc::new(Mutex::new(World::new()));
        let shared = Arc::clone(&world);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&shared);
            async move {
                let delivery = lock(&shared).receive(&request);
                deliver(delivery).await
            }
        })
        .await;
        Self { server, world }
    }

    /// The value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Looks at the world or changes it. No call is answered meanwhile.
    pub fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut lock(&self.world))
    }

    /// Every call so far, refused and failed ones too, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.world(|world| world.calls.clone())
    }

    /// The calls of one operation, named like `"ecs:RunTask"` or `"elb:RegisterTargets"`.
    pub fn calls_to(&self, name: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.name() == name);
        calls
    }

    /// The names of all calls so far, like `["ecs:RunTask", "ecs:DescribeTasks"]`.
    pub fn operations(&self) -> Vec<String> {
        self.calls().iter().map(Call::name).collect()
    }
}

fn lock(world: &Mutex<World>) -> std::sync::MutexGuard<'_, World> {
    world
        .lock()
        .expect("the fake or a hook panicked in an earlier call: its message is above")
}

async fn deliver(delivery: Delivery) -> Answer {
    match delivery {
        Delivery::Reply(reply) => {
            let status = StatusCode::from_u16(reply.status).expect("a valid HTTP status");
            let response = Response::builder()
                .status(status)
                .header("content-type", reply.content_type)
                .header("x-amzn-requestid", reply.request_id)
                .body(Full::new(Bytes::from(reply.body)))
                .expect("a valid response");
            Some(response)
        }
        Delivery::Reset => None,
        // The connection's future is dropped when the client gives up.
        Delivery::Hang => std::future::pending().await,
    }
}
