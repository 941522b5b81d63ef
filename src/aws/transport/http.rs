//! One HTTP/1.1 client for all services, sized for a function that makes one call after another.
//!
//! `aws-smithy-http-client` brings HTTP/2, proxies and a second set of connection pools, and made the zip 0.3 MB
//! larger. It also cannot open a connection before there is a request, as `Client::open` does. Not supported: proxies,
//! HTTP/2 and streamed answers; AWS's answers to these calls are small.

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

/// Time limit of opening one connection, handshake included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer may have been dropped silently by the other side; the figure is [the Java SDK's](https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/http-configuration-apache.html).
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// An HTTP client that keeps idle connections by origin.
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

/// TCP and TLS connections as one type, so that hyper is compiled into the binary once.
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

    /// Opens a connection for a later request. If that fails, the request reports the error.
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
        // No code under this lock can panic and leave the list inconsistent.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Idle {
            origin,
            since: Instant::now(),
            connection,
        });
    }

    /// The most recently used connection to `origin` that may still be open.
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| one.since.elapsed() < LONGEST_IDLE);
        let last = idle.iter().rposition(|one| one.origin == *origin)?;
        Some(idle.remove(last).connection)
    }

    async fn connect(&self, origin: &Origin) -> Result<Connection, ConnectorError> {
        let connecting = async {
            let tcp = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
            // Requests are sent in two writes: with Nagle's algorithm the second would wait for the first's ACK.
            tcp.set_nodelay(true)?;
            let stream: Box<dyn Stream> = if origin.secure {
                let name = ServerName::try_from(origin.host.clone())?;
                Box::new(self.tls.connect(name, tcp).await?)
            } else {
                Box::new(tcp)
            };
            let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(async move {
                // The request on the connection reports how it ended.
                let _ = driver.await;
            });
            Ok::<_, BoxError>(connection)
        };
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(ConnectorError::io),
            Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
        }
    }

    /// Sends a request on an idle connection if one is still open, else on a new one.
    ///
    /// A request that was not sent because its connection had ended is sent on the next one. A request that was sent and
    /// got no answer is an error, since AWS may have handled it: the SDK decides about a retry.
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
            // Lets the runtime poll the network, so that connections closed meanwhile are detected.
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

    /// Reads the whole answer. Keeps the connection unless the status is 5xx: another server may do better.
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
