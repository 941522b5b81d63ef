//! A world behind a server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

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
    network: Arc<Mutex<Network>>,
}

/// The way to the account and back.
#[derive(Debug, Default)]
struct Network {
    latency: Duration,
    /// Calls that have not been answered yet.
    under_way: usize,
    most_under_way: usize,
}

impl FakeAws {
    /// Starts a fake with an empty world on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let world = Arc::new(Mutex::new(World::new()));
        let network = Arc::new(Mutex::new(Network::default()));
        let shared = (Arc::clone(&world), Arc::clone(&network));
        let server = Server::start(move |request| {
            let (world, network) = shared.clone();
            async move {
                let way = UnderWay::begin(&network);
                if !way.latency.is_zero() {
                    tokio::time::sleep(way.latency).await;
                }
                let delivery = lock(&world).receive(&request);
                deliver(delivery).await
            }
        })
        .await;
        Self { server, world, network }
    }

    /// From now on every call takes so long before the account sees it, side by side with the others.
    pub fn set_latency(&self, latency: Duration) {
        self.network.lock().expect("no panic under this lock").latency = latency;
    }

    /// The greatest number of calls that were under way at the same time.
    pub fn most_at_once(&self) -> usize {
        self.network.lock().expect("no panic under this lock").most_under_way
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

/// One call, from its arrival to its answer, or to the end of its connection.
struct UnderWay {
    network: Arc<Mutex<Network>>,
    latency: Duration,
}

impl UnderWay {
    fn begin(network: &Arc<Mutex<Network>>) -> Self {
        let mut inside = network.lock().expect("no panic under this lock");
        inside.under_way += 1;
        inside.most_under_way = inside.most_under_way.max(inside.under_way);
        Self {
            network: Arc::clone(network),
            latency: inside.latency,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Ok(mut inside) = self.network.lock() {
            inside.under_way -= 1;
        }
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
