//! A bare HTTP/1.1 client for the fakes' own tests: no SDK, no retries, no pooling.
//!
//! It signs nothing: the fakes check that a signature for the right service is there, not
//! that it is right.

use std::fmt::Write as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header lines, as sent.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The text between the first `<tag>` and `</tag>`, for answers in XML.
    pub fn text(&self, tag: &str) -> Option<&str> {
        self.texts(tag).first().copied()
    }

    /// The texts of every `<tag>`.
    pub fn texts(&self, tag: &str) -> Vec<&str> {
        let close = format!("</{tag}>");
        self.body
            .split(&format!("<{tag}>"))
            .skip(1)
            .filter_map(|rest| rest.split(&close).next())
            .collect()
    }
}

/// Sends one ECS call. `None`: the connection was closed without an answer.
pub async fn ecs(endpoint: &str, operation: &str, input: &Value) -> Option<Answer> {
    let headers = [
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        (
            "x-amz-target",
            format!("AmazonEC2ContainerServiceV20141113.{operation}"),
        ),
        ("x-amz-date", "20260101T000000Z".to_owned()),
        ("authorization", authorization("ecs")),
    ];
    let body = input.to_string();
    send(address(endpoint), "POST", "/", &headers, body.as_bytes()).await
}

/// Sends one ELBv2 call. `None`: the connection was closed without an answer.
pub async fn elb(endpoint: &str, operation: &str, fields: &[(&str, &str)]) -> Option<Answer> {
    query(endpoint, ("elasticloadbalancing", "2015-12-01"), operation, fields).await
}

/// Sends one EC2 call. `None`: the connection was closed without an answer.
pub async fn ec2(endpoint: &str, operation: &str, fields: &[(&str, &str)]) -> Option<Answer> {
    query(endpoint, ("ec2", "2016-11-15"), operation, fields).await
}

async fn query(
    endpoint: &str,
    (service, version): (&str, &str),
    operation: &str,
    fields: &[(&str, &str)],
) -> Option<Answer> {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-amz-date", "20260101T000000Z".to_owned()),
        ("authorization", authorization(service)),
    ];
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation)
        .append_pair("Version", version)
        .extend_pairs(fields);
    let body = form.finish();
    send(address(endpoint), "POST", "/", &headers, body.as_bytes()).await
}

/// An `Authorization` header of the right shape for a service in us-east-1.
pub fn authorization(service: &str) -> String {
    let signature = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={signature}"
    )
}

fn address(endpoint: &str) -> &str {
    endpoint.trim_start_matches("http://")
}

/// Sends any request to `127.0.0.1:<port>` and reads to the end of the connection.
pub async fn send(address: &str, method: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Option<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(address).await.expect("a listening fake");
    stream
        .write_all(&[head.as_bytes(), body].concat())
        .await
        .expect("room for the request");
    let mut answer = Vec::new();
    // A reset instead of an end is a connection closed without an answer too.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).expect("an answer in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
