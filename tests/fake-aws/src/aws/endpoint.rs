//! A world behind a server.

use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

use super::protocol::Delivery;
use super::world::{Call, World};
use crate::server::{Answer, Server};

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
