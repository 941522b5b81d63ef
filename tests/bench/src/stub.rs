//! AWS, as far as the two events need it: canned answers of its services over TLS, and the Runtime API.

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

pub(crate) const TASK: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/b156934a2d0823b5697fab8bb5ccb4dc";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

/// AWS: each service at an address of its own, so that each takes a connection.
pub(crate) struct Stub {
    pub(crate) ecs: u16,
    pub(crate) elb: u16,
    pub(crate) scheduler: u16,
    seen: Arc<Seen>,
}

/// What was asked.
type Seen = Mutex<Vec<String>>;

impl Stub {
    pub(crate) async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fake-aws/tls");
        let chain = CertificateDer::pem_file_iter(folder.join("localhost.pem")).expect("certificates");
        let chain = chain.map(|one| one.expect("a certificate")).collect();
        let key = PrivateKeyDer::from_pem_file(folder.join("localhost.key.pem")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        let tls = TlsAcceptor::from(Arc::new(config));
        let seen = Arc::new(Seen::default());
        Self {
            ecs: listen(tls.clone(), Arc::clone(&seen)).await,
            elb: listen(tls.clone(), Arc::clone(&seen)).await,
            scheduler: listen(tls, Arc::clone(&seen)).await,
            seen,
        }
    }

    /// The calls since the last time.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().expect("no panic"))
    }
}

/// Serves at a port, which it returns.
async fn listen(tls: TlsAcceptor, seen: Arc<Seen>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, seen) = (tls.clone(), Arc::clone(&seen));
            stream.set_nodelay(true).expect("a socket");
            tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    serve(stream, move |request| answer(request, Arc::clone(&seen))).await;
                }
            });
        }
    });
    port
}

async fn serve<S, A>(stream: S, answer: impl Fn(Request<Incoming>) -> A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    // How it ends is the program's business: it is ended between two runs.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Response<Full<Bytes>> {
    let target = request.headers().get("x-amz-target").cloned();
    let is_schedule = request.uri().path().starts_with("/schedules/");
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let body = String::from_utf8_lossy(&body);
    let operation = match &target {
        None if is_schedule => Some("CreateSchedule"),
        Some(target) => target.to_str().expect("text").rsplit('.').next(),
        None => body.split('&').find_map(|one| one.strip_prefix("Action=")),
    };
    let operation = operation.unwrap_or_default().to_owned();
    let (kind, text) = match operation.as_str() {
        "RunTask" => (JSON, json!({"tasks": [task()], "failures": []}).to_string()),
        "DescribeTasks" => (JSON, json!({"tasks": [task()], "failures": []}).to_string()),
        "DescribeTargetGroups" => (
            XML,
            xml(
                &operation,
                &format!(
                    "<TargetGroups><member><TargetGroupArn>{GROUP}</TargetGroupArn><TargetType>ip</TargetType>\
                     <IpAddressType>ipv4</IpAddressType><Protocol>HTTP</Protocol></member></TargetGroups>"
                ),
            ),
        ),
        "CreateSchedule" => (
            JSON,
            json!({"ScheduleArn": "arn:aws:scheduler:us-east-1:111122223333:schedule/default/stop"}).to_string(),
        ),
        "RegisterTargets" => (XML, xml(&operation, "")),
        other => panic!("no answer is made for {other:?}"),
    };
    seen.lock().expect("no panic").push(operation);
    Response::builder()
        .header("content-type", kind)
        .body(Full::from(text))
        .expect("a response")
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

fn xml(operation: &str, result: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>\
         a2b8e0a5-5c4e-4e3c-9d2a-0a1b2c3d4e5f</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn task() -> Value {
    let detail = |name: &str, value: &str| json!({"name": name, "value": value});
    json!({
        "taskArn": TASK,
        "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/engines",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "launchType": "FARGATE",
        "startedBy": "start-engines/auth/73e2d6bc24d8a067/8080",
        "version": 3,
        "tags": [
            {"key": "start-engines:target-group", "value": GROUP},
            {"key": "start-engines:port", "value": "8080"},
        ],
        "attachments": [{
            "id": "02764a21-1465-44b9-9255-47e7d19660a0",
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [
                detail("subnetId", "subnet-0a1b2c3d4e5f60718"),
                detail("networkInterfaceId", "eni-0c1d2e3f4a5b60718"),
                detail("privateIPv4Address", "10.0.1.23"),
            ],
        }],
        "containers": [{
            "name": "auth",
            "lastStatus": "RUNNING",
            "taskArn": TASK,
            "networkInterfaces": [{"privateIpv4Address": "10.0.1.23"}],
        }],
    })
}

/// The Runtime API of one process.
pub(crate) struct RuntimeApi {
    pub(crate) address: String,
    events: mpsc::UnboundedSender<String>,
    signs: mpsc::UnboundedReceiver<(Sign, Instant)>,
    serving: tokio::task::JoinHandle<()>,
}

/// What the process said.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    /// It asks for an event.
    Next,
    /// The event is handled.
    Response,
    /// It failed, with this.
    Error(String),
}

impl RuntimeApi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (events, waiting) = mpsc::unbounded_channel::<String>();
        let (sign, signs) = mpsc::unbounded_channel();
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket");
                let (sign, waiting) = (sign.clone(), Arc::clone(&waiting));
                tokio::spawn(serve(stream, move |request: Request<Incoming>| {
                    let (sign, waiting) = (sign.clone(), Arc::clone(&waiting));
                    async move {
                        if request.method() == Method::GET {
                            let _ = sign.send((Sign::Next, Instant::now()));
                            let event = waiting.lock().await.recv().await.unwrap_or_default();
                            return Response::builder()
                                .header("content-type", "application/json")
                                .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                                .header("lambda-runtime-deadline-ms", "4102444800000")
                                .header(
                                    "lambda-runtime-invoked-function-arn",
                                    "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
                                )
                                .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
                                .body(Full::from(event))
                                .expect("a response");
                        }
                        let good = request.uri().path().ends_with("/response");
                        let body = request.into_body().collect().await.expect("a body").to_bytes();
                        let text = String::from_utf8_lossy(&body).into_owned();
                        let said = if good { Sign::Response } else { Sign::Error(text) };
                        let _ = sign.send((said, Instant::now()));
                        Response::builder()
                            .status(202)
                            .body(Full::default())
                            .expect("a response")
                    }
                }));
            }
        });
        Self {
            address,
            events,
            signs,
            serving,
        }
    }

    async fn hear(&mut self, wanted: Sign) -> Instant {
        let (said, when) = self.signs.recv().await.expect("it serves");
        assert_eq!(said, wanted);
        when
    }

    /// Until it asks for an event.
    pub(crate) async fn idle(&mut self) -> Instant {
        self.hear(Sign::Next).await
    }

    /// Hands out an event, and waits until it is handled.
    pub(crate) async fn handle(&mut self, event: String) -> Instant {
        self.events.send(event).expect("it serves");
        self.hear(Sign::Response).await
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
