//! How the function's binary connects: whom it trusts, what init opens, and what becomes of connections that end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use start_engines_fake_aws::function::FunctionConfig;
use start_engines_fake_aws::runtime_api::RuntimeApi;
use start_engines_fake_aws::tls::{AMAZON, AUTHORITY, CHAIN, KEY};
use start_engines_fake_aws::{FakeAws, TargetGroup, TaskDefinition};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::stage::start_event;

const BINARY: &str = env!("CARGO_BIN_EXE_start-engines-lambda");

/// The fake's own clusters and groups, and an event that starts a task there.
async fn fake() -> (FakeAws, Value) {
    let fake = FakeAws::start().await;
    let group = fake.world(|world| {
        world.clock = time::OffsetDateTime::now_utc();
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
        world.add_target_group(TargetGroup::ip("auth", 80))
    });
    let mut event = start_event("e1", &group, json!({}));
    // The binary reads the real clock, to which the story's time is years away.
    event["time"] = Value::Null;
    (fake, event)
}

/// A door to the fake, whose connections can be counted and cut.
pub(crate) struct Door {
    pub(crate) port: u16,
    links: Arc<Mutex<Vec<JoinHandle<()>>>>,
    opened: watch::Receiver<usize>,
}

impl Door {
    pub(crate) fn open(listener: TcpListener, fake: &FakeAws, tls: Option<TlsAcceptor>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let to: SocketAddr = fake.endpoint().trim_start_matches("http://").parse().unwrap();
        let links = Arc::new(Mutex::new(Vec::new()));
        let (count, opened) = watch::channel(0);
        let kept = Arc::clone(&links);
        tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                let tls = tls.clone();
                kept.lock().unwrap().push(tokio::spawn(async move {
                    let Some(tls) = tls else { return carry(inner, to).await };
                    // A client that does not trust us hangs up.
                    if let Ok(inner) = tls.accept(inner).await {
                        carry(inner, to).await;
                    }
                }));
                count.send_modify(|count| *count += 1);
            }
        });
        Self { port, links, opened }
    }

    /// Closes all connections; when it returns, the other side knows.
    async fn cut(&self) {
        let links = std::mem::take(&mut *self.links.lock().unwrap());
        for link in links {
            link.abort();
            let _ = link.await;
        }
    }

    fn opened(&self) -> usize {
        *self.opened.borrow()
    }
}

async fn carry(mut inner: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) {
    let mut outer = TcpStream::connect(to).await.unwrap();
    // How a connection ends is its ends' affair.
    let _ = copy_bidirectional(&mut inner, &mut outer).await;
}

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub(crate) fn tls() -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(CHAIN);
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_private_authority_is_trusted_through_its_bundle_or_ssl_cert_file_only() {
    let (fake, event) = fake().await;
    let door = Door::open(listener().await, &fake, Some(tls()));
    let config = FunctionConfig::new(BINARY, &format!("https://localhost:{}", door.port));
    // With certificates of others, which must not do.
    for (variable, bundle, trusted) in [
        ("AWS_CA_BUNDLE", AUTHORITY, true),
        ("SSL_CERT_FILE", AUTHORITY, true),
        ("AWS_CA_BUNDLE", AMAZON, false),
        ("SSL_CERT_FILE", AMAZON, false),
    ] {
        let runtime = RuntimeApi::start().await;
        let function = config.clone().env(variable, bundle).spawn(&runtime);
        runtime.idle().await.expect("it initializes, whoever is trusted");
        let answer = runtime.invoke(&event).await.expect("an answer");
        if trusted {
            answer.expect_response();
        } else {
            let (category, message) = answer.expect_error();
            assert_eq!(category, "unreachable", "{message}");
            assert!(message.contains("UnknownIssuer"), "{message}");
        }
        assert_eq!(!fake.calls().is_empty(), trusted, "{variable}={bundle}");
        fake.world(|world| world.calls.clear());
        function.stop().await;
    }
}

#[tokio::test]
async fn a_bundle_that_is_none_is_reported_with_all_else_that_is_wrong() {
    let (fake, event) = fake().await;
    for bundle in [
        "/nowhere/bundle.pem",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ] {
        let runtime = RuntimeApi::start().await;
        let config = FunctionConfig::new(BINARY, &fake.endpoint());
        let _function = config
            .env("AWS_CA_BUNDLE", bundle)
            .env("CONTAINER_PORT", "0")
            .spawn(&runtime);
        let (category, message) = runtime.invoke(&event).await.expect("an answer").expect_error();
        assert_eq!(category, "invalid_configuration");
        for part in ["AWS_CA_BUNDLE", bundle, "CONTAINER_PORT"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[tokio::test]
async fn init_opens_the_connection_that_the_first_event_uses() {
    let (fake, event) = fake().await;
    for (kind, in_advance) in [("on-demand", 1), ("provisioned-concurrency", 0)] {
        let door = Door::open(listener().await, &fake, Some(tls()));
        let runtime = RuntimeApi::start().await;
        let _function = FunctionConfig::new(BINARY, &format!("https://localhost:{}", door.port))
            .env("AWS_CA_BUNDLE", AUTHORITY)
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
            .spawn(&runtime);
        runtime.idle().await.expect("it initializes");
        assert_eq!(door.opened(), in_advance, "{kind}");
        runtime.invoke(&event).await.expect("an answer").expect_response();
        assert_eq!(door.opened(), 1, "{kind}");
    }
}

#[tokio::test]
async fn init_opens_a_connection_to_each_service_that_the_configuration_uses() {
    let (fake, _) = fake().await;
    let settings = [
        ("OUTCOME_EVENT_BUS", "outcomes"),
        ("SCHEDULER_ROLE_ARN", "arn:aws:iam::111122223333:role/stops"),
    ];
    let services = ["ECS", "ELASTIC_LOAD_BALANCING_V2", "EVENTBRIDGE", "SCHEDULER"];
    for (settings, expected) in [
        (&settings[..0], [1, 1, 0, 0]),
        (&settings[..1], [1, 1, 1, 0]),
        (&settings[..], [1; 4]),
    ] {
        let mut config = FunctionConfig::new(BINARY, &fake.endpoint()).env("AWS_CA_BUNDLE", AUTHORITY);
        for (name, value) in settings {
            config = config.env(name, value);
        }
        let mut doors = Vec::new();
        for service in services {
            let door = Door::open(listener().await, &fake, Some(tls()));
            let name = format!("AWS_ENDPOINT_URL_{service}");
            config = config.env(&name, &format!("https://localhost:{}", door.port));
            doors.push(door);
        }
        let runtime = RuntimeApi::start().await;
        let _function = config.spawn(&runtime);
        runtime.idle().await.expect("it initializes");
        let opened: Vec<usize> = doors.iter().map(Door::opened).collect();
        assert_eq!(opened, expected, "{settings:?}");
    }
}

#[tokio::test]
async fn init_succeeds_while_aws_cannot_be_reached() {
    let (fake, event) = fake().await;
    let closed = listener().await;
    let address = closed.local_addr().unwrap();
    drop(closed);
    let runtime = RuntimeApi::start().await;
    let _function = FunctionConfig::new(BINARY, &format!("http://{address}")).spawn(&runtime);
    runtime.idle().await.expect("it initializes");
    let (category, message) = runtime.invoke(&event).await.expect("an answer").expect_error();
    assert_eq!(category, "unreachable", "{message}");
    let _door = Door::open(TcpListener::bind(address).await.unwrap(), &fake, None);
    runtime.invoke(&event).await.expect("an answer").expect_response();
}

#[tokio::test]
async fn a_connection_that_ended_between_two_events_is_replaced() {
    let (fake, event) = fake().await;
    let door = Door::open(listener().await, &fake, None);
    let runtime = RuntimeApi::start().await;
    let _function = FunctionConfig::new(BINARY, &format!("http://127.0.0.1:{}", door.port)).spawn(&runtime);
    runtime.idle().await.expect("it initializes");
    for lives in 2..5 {
        door.cut().await;
        runtime.invoke(&event).await.expect("an answer").expect_response();
        assert_eq!(door.opened(), lives);
    }
    assert_eq!(fake.operations(), ["ecs:RunTask"; 3]);
}
