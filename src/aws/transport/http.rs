//! One HTTP/1.1 client for all services, sized for a function that makes one call after another.
//!
//! `aws-smithy-http-client` brings HTTP/2, proxies and a second set of connection pools: with it in its
//! place the zip had 0.3 MB more. It also has no way to open a connection before there is a request, which
//! is what `Client::open` is for. What is left out: proxies, HTTP/2, and answers that are read while they
//! come; AWS's answers to these calls are small.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// Time for one connection to be made, its handshake included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than this without a request, and the other side may have dropped a connection without a word;
/// the figure is [the Java SDK's](https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/http-configuration-apache.html).
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Connections by where they lead, and how new ones are made.
#[derive(Clone)]
pub(crate) struct Client(Arc<Shared>);

struct Shared {
    tls: TlsConnector,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    origin: Origin,
    since: Instant,
    connection: Connection,
}

type Connection = SendRequest<SdkBody>;

/// Both kinds of connection as one type, so that hyper is in the binary once.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let secure = uri.scheme() != Some(&Scheme::HTTP);
        Some(Self {
            secure,
            host: uri.host()?.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        })
    }
}

impl Client {
    pub(crate) fn new(tls: ClientConfig) -> Self {
        Self(Arc::new(Shared {
            tls: TlsConnector::from(Arc::new(tls)),
            idle: Mutex::new(Vec::new()),
        }))
    }

    /// Opens a connection, for a request to come. That it cannot be opened is for that request to tell.
    pub(crate) async fn open(&self, url: String) {
        if let Some(origin) = url.parse().ok().as_ref().and_then(Origin::of)
            && let Ok(connection) = self.0.connect(&origin).await
        {
            self.0.keep(origin, connection);
        }
    }
}

impl Shared {
    fn keep(&self, origin: Origin, connection: Connection) {
        // No code runs under this lock that could leave the list half-way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Idle {
            origin,
            since: Instant::now(),
            connection,
        });
    }

    /// The connection to `origin` that was used last, of those that may still live.
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| one.since.elapsed() < LONGEST_IDLE);
        let last = idle.iter().rposition(|one| one.origin == *origin)?;
        Some(idle.remove(last).connection)
    }

    async fn connect(&self, origin: &Origin) -> Result<Connection, ConnectorError> {
        let connecting = async {
            let tcp = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
            // Requests go out in two writes: without this the second may wait for the first's receipt.
            tcp.set_nodelay(true)?;
            let stream: Box<dyn Stream> = if origin.secure {
                let name = ServerName::try_from(origin.host.clone())?;
                Box::new(self.tls.connect(name, tcp).await?)
            } else {
                Box::new(tcp)
            };
            let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(async move {
                // How it ended is told to the request on it.
                let _ = driver.await;
            });
            Ok::<_, BoxError>(connection)
        };
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(ConnectorError::io),
            Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
        }
    }

    /// On a connection that is there, if the other side still is, else on a new one.
    ///
    /// A request that was not sent for a connection's end is sent on the next. One that was, and got no
    /// answer, is an error, since it may have had its effect: trying again is the SDK's to decide.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let no_host = || ConnectorError::user("a request without a host".into());
        let origin = Origin::of(request.uri()).ok_or_else(no_host)?;
        let authority = request.uri().authority().ok_or_else(no_host)?.as_str();
        let host = HeaderValue::from_str(authority).map_err(|error| ConnectorError::user(error.into()))?;
        request.headers_mut().entry(HOST).or_insert(host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        while let Some(mut connection) = self.take(&origin) {
            // Has the runtime look at the network, so that what was closed meanwhile is known to be.
            tokio::task::yield_now().await;
            match connection.try_send_request(request).await {
                Ok(response) => return self.receive(origin, connection, response).await,
                Err(mut unsent) => match unsent.take_message() {
                    Some(again) => request = again,
                    None => return Err(ConnectorError::io(unsent.into_error().into())),
                },
            }
        }
        let mut connection = self.connect(&origin).await?;
        let response = connection.send_request(request).await;
        let response = response.map_err(|error| ConnectorError::io(error.into()))?;
        self.receive(origin, connection, response).await
    }

    /// The whole answer. Its connection is kept, unless the server is in trouble: others may fare better.
    async fn receive(
        &self,
        origin: Origin,
        mut connection: Connection,
        response: http::Response<hyper::body::Incoming>,
    ) -> Result<HttpResponse, ConnectorError> {
        let (head, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| ConnectorError::io(error.into()))?.to_bytes();
        if !head.status.is_server_error() && connection.ready().await.is_ok() {
            self.keep(origin, connection);
        }
        HttpResponse::try_from(http::Response::from_parts(head, SdkBody::from(body)))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let shared = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move { shared.send(request).await })
    }
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}
