//! The function's work for a start and for RUNNING without the SDK: hyper, rustls, and requests by hand.
//!
//! Least that the work takes, and no product: it checks nothing, retries nothing and logs one line.

use std::sync::Arc;

use floor::{Connection, send, serve, speak};
use http_body_util::Full;
use hyper::Request;
use ring::digest::{SHA256, digest};
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: impl AsRef<[u8]>, text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), text.as_bytes())
}

struct Service {
    name: &'static str,
    host: String,
    connection: Connection,
}

impl Service {
    async fn open(tls: &TlsConnector, name: &'static str, variable_name: &str) -> Self {
        let url = variable(variable_name);
        let host = url.trim_start_matches("https://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("the service");
        stream.set_nodelay(true).expect("a socket");
        let server = host.split(':').next().unwrap_or_default().to_owned();
        let server = ServerName::try_from(server).expect("a name");
        let stream = tls.connect(server, stream).await.expect("TLS");
        let connection = speak(stream).await;
        Self { name, host, connection }
    }

    /// One signed POST.
    async fn post(&mut self, content_type: &str, target: Option<&str>, body: String) -> String {
        let now = OffsetDateTime::now_utc();
        let date = format!("{:04}{:02}{:02}", now.year(), u8::from(now.month()), now.day());
        let stamp = format!("{date}T{:02}{:02}{:02}Z", now.hour(), now.minute(), now.second());
        let region = variable("AWS_REGION");
        let mut headers = vec![
            ("content-type", content_type.to_owned()),
            ("host", self.host.clone()),
            ("x-amz-date", stamp.clone()),
            ("x-amz-security-token", variable("AWS_SESSION_TOKEN")),
        ];
        headers.extend(target.map(|target| ("x-amz-target", target.to_owned())));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let payload = hex(digest(&SHA256, body.as_bytes()));
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{payload}");
        let scope = format!("{date}/{region}/{}/aws4_request", self.name);
        let hashed = hex(digest(&SHA256, canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}");
        let key = mac(format!("AWS4{}", variable("AWS_SECRET_ACCESS_KEY")), &date);
        let key = mac(mac(mac(key, &region), self.name), "aws4_request");
        let signature = hex(mac(key, &to_sign));
        let id = variable("AWS_ACCESS_KEY_ID");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        let mut request = Request::post("/").header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).expect("a request");
        let response = send(&mut self.connection, request).await;
        assert!(response.status().is_success(), "{}", response.status());
        String::from_utf8(response.into_body().to_vec()).expect("text")
    }

    async fn ecs(&mut self, operation: &str, body: Value) -> Value {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let answer = self
            .post("application/x-amz-json-1.1", Some(&target), body.to_string())
            .await;
        serde_json::from_str(&answer).expect("JSON")
    }

    async fn elb(&mut self, operation: &str, parameters: String) -> String {
        let body = format!("Action={operation}&Version=2015-12-01&{parameters}");
        self.post("application/x-www-form-urlencoded", None, body).await
    }
}

struct Function {
    ecs: Service,
    elb: Service,
    known: Option<String>,
}

impl Function {
    async fn handle(&mut self, event: Value) -> Value {
        let detail = &event["detail"];
        if event["detail-type"] == "Start ECS Task" {
            let group = detail["targetGroupArn"].as_str().expect("a group");
            let parts: Vec<&str> = group.rsplit('/').collect();
            let body = json!({
                "cluster": detail["cluster"],
                "taskDefinition": detail["taskDefinition"],
                "count": 1,
                "launchType": "FARGATE",
                "clientToken": event["id"],
                "startedBy": format!("start-engines/{}/{}/{}", parts[1], parts[0], detail["port"]),
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": detail["subnets"]}},
                "tags": [
                    {"key": "start-engines:target-group", "value": group},
                    {"key": "start-engines:port", "value": detail["port"].to_string()},
                ],
            });
            let answer = self.ecs.ecs("RunTask", body).await;
            return json!({"taskArn": answer["tasks"][0]["taskArn"]});
        }
        let started_by = detail["startedBy"].as_str().expect("startedBy");
        let parts: Vec<&str> = started_by.split('/').collect();
        let arn: Vec<&str> = detail["taskArn"].as_str().expect("an ARN").split(':').collect();
        let group = format!(
            "arn:aws:elasticloadbalancing:{}:{}:targetgroup/{}/{}",
            arn[3], arn[4], parts[1], parts[2]
        );
        let body = json!({"cluster": detail["clusterArn"], "tasks": [detail["taskArn"]], "include": ["TAGS"]});
        let answer = self.ecs.ecs("DescribeTasks", body.clone()).await;
        let details = answer["tasks"][0]["attachments"][0]["details"]
            .as_array()
            .expect("details");
        let address = details
            .iter()
            .find(|one| one["name"] == "privateIPv4Address")
            .expect("an address");
        let escaped = group.replace(':', "%3A").replace('/', "%2F");
        if self.known.as_deref() != Some(&group) {
            let parameters = format!("TargetGroupArns.member.1={escaped}");
            let found = self.elb.elb("DescribeTargetGroups", parameters).await;
            assert!(found.contains("<TargetType>ip</TargetType>"));
            self.known = Some(group);
        }
        let (address, port) = (address["value"].as_str().expect("text"), parts[3]);
        let parameters = format!("TargetGroupArn={escaped}&Targets.member.1.Id={address}&Targets.member.1.Port={port}");
        self.elb.elb("RegisterTargets", parameters).await;
        // As the function does: a stop may have come in between.
        let answer = self.ecs.ecs("DescribeTasks", body).await;
        assert_eq!(answer["tasks"][0]["desiredStatus"], "RUNNING");
        json!({"target": format!("{address}:{port}")})
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pem = std::fs::read(variable("AWS_CA_BUNDLE")).expect("the bundle");
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).map(|one| one.expect("a certificate")));
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(config));
    let (ecs, elb) = tokio::join!(
        Service::open(&tls, "ecs", "AWS_ENDPOINT_URL_ECS"),
        Service::open(
            &tls,
            "elasticloadbalancing",
            "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2"
        ),
    );
    let function = &Mutex::new(Function { ecs, elb, known: None });
    serve(|event| async move {
        let event = serde_json::from_slice(&event).expect("JSON");
        let answer = function.lock().await.handle(event).await.to_string();
        println!("{answer}");
        answer.into_bytes()
    })
    .await;
}
