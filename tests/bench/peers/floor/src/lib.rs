//! What both floors need: HTTP/1.1 on one connection, and the loop of the Runtime API.

use std::future::Future;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// One connection.
pub type Connection = SendRequest<Full<Bytes>>;

/// Speaks HTTP/1.1 on `stream`.
pub async fn speak(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Connection {
    let (connection, driver) = handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(driver);
    connection
}

/// Sends a request and reads the whole answer.
pub async fn send(connection: &mut Connection, request: Request<Full<Bytes>>) -> Response<Bytes> {
    connection.ready().await.expect("a connection");
    let response = connection.send_request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a body").to_bytes())
}

/// Asks for events and posts what `handle` makes of them, for ever.
pub async fn serve<H: Future<Output = Vec<u8>>>(mut handle: impl FnMut(Bytes) -> H) {
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("the Runtime API");
    let stream = TcpStream::connect(&host).await.expect("the Runtime API");
    stream.set_nodelay(true).expect("a socket");
    let mut connection = speak(stream).await;
    let request = |method: &str, path: &str, body: Vec<u8>| {
        Request::builder()
            .method(method)
            .uri(format!("/2018-06-01/runtime/invocation/{path}"))
            .header("host", &host)
            .body(Full::from(body))
            .expect("a request")
    };
    loop {
        let event = send(&mut connection, request("GET", "next", Vec::new())).await;
        let id = &event.headers()["lambda-runtime-aws-request-id"];
        let path = format!("{}/response", id.to_str().expect("text"));
        let answer = handle(event.into_body()).await;
        send(&mut connection, request("POST", &path, answer)).await;
    }
}
