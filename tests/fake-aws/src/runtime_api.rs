//! The Lambda Runtime API: what stands between Lambda and a function's process.
//!
//! [`RuntimeApi::invoke`] queues an event, hands it to whoever asks for the next one, and
//! resolves with what the function posts back. Nothing here waits for a clock: channels
//! only. How the process is run is `function`'s business.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot, watch};

use super::server::{Answer, Server};

const PREFIX: &str = "/2018-06-01/runtime/";

/// What a function posts back for one event.
#[derive(Debug, Clone, PartialEq)]
pub enum InvocationResult {
    /// It succeeded with this.
    Response(Value),
    /// It failed, which makes Lambda try again.
    Error {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        error_message: String,
    },
}

impl InvocationResult {
    /// The response; panics with the error when it failed.
    pub fn expect_response(self) -> Value {
        match self {
            Self::Response(value) => value,
            Self::Error {
                error_type,
                error_message,
            } => {
                panic!("the function failed with {error_type}: {error_message}")
            }
        }
    }

    /// (`errorType`, `errorMessage`); panics when it succeeded.
    pub fn expect_error(self) -> (String, String) {
        match self {
            Self::Response(value) => panic!("the function succeeded with {value}"),
            Self::Error {
                error_type,
                error_message,
            } => (error_type, error_message),
        }
    }
}

/// An invocation that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Died(
    /// How the process ended.
    pub String,
);

/// When an invocation must be done.
#[derive(Debug, Clone, Copy)]
pub enum Deadline {
    /// So long after it was handed to the function.
    In(Duration),
    /// Milliseconds since 1970.
    At(u64),
}

struct Invocation {
    id: String,
    event: Vec<u8>,
}

struct State {
    queue: VecDeque<Invocation>,
    running: BTreeMap<String, oneshot::Sender<InvocationResult>>,
    invocations: u64,
    births: u64,
    deadline: Deadline,
}

pub(super) struct Shared {
    state: Mutex<State>,
    queued: Notify,
    idle: watch::Sender<usize>,
    died: watch::Sender<Option<Died>>,
    init_error: watch::Sender<Option<(String, String)>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the fake panicked: its message is above")
    }

    /// Queues an event and gives the invocation's id.
    fn queue(&self, event: Vec<u8>, sender: oneshot::Sender<InvocationResult>) -> String {
        let mut state = self.state();
        state.invocations += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", state.invocations);
        state.running.insert(id.clone(), sender);
        state.queue.push_back(Invocation { id: id.clone(), event });
        drop(state);
        self.queued.notify_one();
        id
    }

    /// Forgets an invocation, so that the next process does not get it.
    fn withdraw(&self, id: &str) {
        let mut state = self.state();
        state.running.remove(id);
        state.queue.retain(|invocation| invocation.id != id);
    }

    /// The process has ended; every invocation under way ends with that. Late news of an
    /// earlier process is no news.
    pub(super) fn report_death(&self, birth: u64, how: String) {
        if self.state().births == birth {
            self.died.send_replace(Some(Died(how)));
        }
    }

    /// Another process takes over; gives the number to report its death with.
    pub(super) fn report_birth(&self) -> u64 {
        let mut state = self.state();
        state.births += 1;
        self.died.send_replace(None);
        self.init_error.send_replace(None);
        state.births
    }
}

/// A running fake of the Runtime API. Ends when dropped.
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                running: BTreeMap::new(),
                invocations: 0,
                births: 0,
                deadline: Deadline::In(Duration::from_secs(60)),
            }),
            queued: Notify::new(),
            idle: watch::Sender::new(0),
            died: watch::Sender::new(None),
            init_error: watch::Sender::new(None),
        });
        let handler = Arc::clone(&shared);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&handler);
            async move { answer(&shared, &request).await }
        })
        .await;
        Self { server, shared }
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Sets the deadline of the invocations handed out from now on; 60 s at first.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.shared.state().deadline = deadline;
    }

    /// Invokes the function with an event.
    pub async fn invoke(&self, event: &Value) -> Result<InvocationResult, Died> {
        self.invoke_raw(event.to_string().into_bytes()).await
    }

    /// Invokes the function with any bytes.
    pub async fn invoke_raw(&self, event: Vec<u8>) -> Result<InvocationResult, Died> {
        let mut died = self.shared.died.subscribe();
        let (sender, receiver) = oneshot::channel();
        let id = self.shared.queue(event, sender);
        tokio::select! {
            // An answer counts even when the process died right after it.
            biased;
            Ok(result) = receiver => Ok(result),
            Ok(how) = died.wait_for(Option::is_some) => {
                self.shared.withdraw(&id);
                Err(how.clone().unwrap_or_else(|| Died("unknown".to_owned())))
            }
        }
    }

    /// Resolves when the function waits for an event: initialized, or done with the last.
    pub async fn idle(&self) -> Result<(), Died> {
        let mut idle = self.shared.idle.subscribe();
        let mut died = self.shared.died.subscribe();
        tokio::select! {
            biased;
            Ok(_) = idle.wait_for(|waiting| *waiting > 0) => Ok(()),
            Ok(how) = died.wait_for(Option::is_some) => {
                Err(how.clone().unwrap_or_else(|| Died("unknown".to_owned())))
            }
        }
    }

    /// (`errorType`, `errorMessage`) of the function's initialization error, once posted.
    pub async fn init_error(&self) -> (String, String) {
        let mut posted = self.shared.init_error.subscribe();
        let posted = posted.wait_for(Option::is_some).await;
        posted.expect("the sender lives").clone().expect("just looked")
    }

    /// Resolves when the function's process has ended.
    pub async fn closed(&self) -> Died {
        let mut died = self.shared.died.subscribe();
        let died = died.wait_for(Option::is_some).await;
        died.expect("the sender lives").clone().expect("just looked")
    }

    /// For the owner of a function's process.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

async fn answer(shared: &Shared, request: &Request<Bytes>) -> Answer {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => Some(next(shared).await),
        (&Method::POST, ["invocation", id, "response"]) => {
            let result = serde_json::from_slice(request.body()).map(InvocationResult::Response);
            Some(finish(shared, id, result.ok()))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let error = error_of(request.body());
            let result = error.map(|(error_type, error_message)| InvocationResult::Error {
                error_type,
                error_message,
            });
            Some(finish(shared, id, result))
        }
        (&Method::POST, ["init", "error"]) => {
            let Some(error) = error_of(request.body()) else {
                return Some(refuse("InvalidErrorShape"));
            };
            shared.init_error.send_replace(Some(error));
            Some(accepted())
        }
        _ => Some(refuse("UnknownPath")),
    }
}

/// Counts a waiting function for as long as it waits.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|waiting| *waiting += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

async fn next(shared: &Shared) -> Response<Full<Bytes>> {
    let waiting = Waiting::new(&shared.idle);
    let (invocation, deadline) = loop {
        let queued = shared.queued.notified();
        let popped = {
            let mut state = shared.state();
            let deadline = state.deadline;
            state.queue.pop_front().map(|invocation| (invocation, deadline))
        };
        match popped {
            Some(popped) => break popped,
            None => queued.await,
        }
    };
    drop(waiting);
    // One permit may stand for several events.
    shared.queued.notify_one();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", invocation.id)
        .header("lambda-runtime-deadline-ms", millis(deadline))
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        )
        .body(Full::new(Bytes::from(invocation.event)))
        .expect("a valid response")
}

#[allow(
    clippy::disallowed_methods,
    reason = "the function's process compares its deadline with the real clock"
)]
fn millis(deadline: Deadline) -> String {
    match deadline {
        Deadline::At(millis) => millis.to_string(),
        Deadline::In(time) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.expect("a clock after 1970");
            (now + time).as_millis().to_string()
        }
    }
}

fn finish(shared: &Shared, id: &str, result: Option<InvocationResult>) -> Response<Full<Bytes>> {
    let Some(result) = result else {
        return refuse("InvalidBody");
    };
    let sender = shared.state().running.remove(id);
    match sender {
        Some(sender) => {
            // The test may have stopped waiting for it.
            let _ = sender.send(result);
            accepted()
        }
        None => refuse("InvalidRequestID"),
    }
}

fn error_of(body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Some((text("errorType")?, text("errorMessage")?))
}

fn accepted() -> Response<Full<Bytes>> {
    respond(202, &json!({"status": "OK"}))
}

fn refuse(why: &str) -> Response<Full<Bytes>> {
    respond(400, &json!({"errorType": why, "errorMessage": why}))
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("a valid response")
}
