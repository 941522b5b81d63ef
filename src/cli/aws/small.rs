//! Reads of services that the command asks a question or two: without the SDK's crate of each.
//!
//! Their crates were measured before: on two cores, in debug, `aws-sdk-iam` 1.133 took 75 s, and three more (CloudWatch,
//! ECR, Secrets Manager) would come on top. So they are asked as EC2 is, on the SDK's own parts
//! (`start_engines_aws::signed`): by the JSON protocol, or by the query protocol with XML. The protocols and target
//! prefixes are those of botocore's service models (`botocore/data/*/*/service-2.json`).

use std::fmt;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use serde_json::Value;
use start_engines_aws::ec2;
use start_engines_aws::error::call_error;
use start_engines_aws::signed::{self, Place, endpoint_url};
use start_engines_core::call::CallError;

use super::tree::{self, Node};

/// A service that is asked in JSON, by its target prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonService {
    CloudWatch,
    Ecr,
    SecretsManager,
}

impl JsonService {
    /// `signingName`, the first label of its hosts, `sdkId`, `targetPrefix` and the JSON version, of its model.
    fn model(self) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::CloudWatch => (
                "monitoring",
                "monitoring",
                "CloudWatch",
                "GraniteServiceVersion20100801",
                "1.0",
            ),
            Self::Ecr => ("ecr", "api.ecr", "ECR", "AmazonEC2ContainerRegistry_V20150921", "1.1"),
            Self::SecretsManager => (
                "secretsmanager",
                "secretsmanager",
                "Secrets Manager",
                "secretsmanager",
                "1.1",
            ),
        }
    }
}

/// What is sent: a body, its type, and the header that names the operation of a JSON protocol.
#[derive(Clone, Debug)]
struct Sent {
    target: Option<String>,
    content_type: String,
    body: String,
}

fn request(sent: &Sent) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(sent.body.as_str()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.try_insert("content-type", sent.content_type.clone())?;
    if let Some(target) = &sent.target {
        headers.try_insert("x-amz-target", target.clone())?;
    }
    Ok(request)
}

/// Makes one call of a JSON service.
pub(super) async fn json(
    config: &SdkConfig,
    service: JsonService,
    operation: &'static str,
    input: &Value,
) -> Result<Value, CallError> {
    let (name, host, id, prefix, version) = service.model();
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let place = Place {
        name,
        endpoint: endpoint(config, id, || {
            format!("https://{host}.{region}.{}", ec2::dns_suffix(&region))
        }),
        region,
    };
    let sent = Sent {
        target: Some(format!("{prefix}.{operation}")),
        content_type: format!("application/x-amz-json-{version}"),
        body: input.to_string(),
    };
    let read = |response: &HttpResponse| {
        let body = response.body().bytes().unwrap_or_default();
        let parsed: Result<Value, _> = serde_json::from_slice(body);
        if response.status().is_success() {
            return parsed.map_err(OrchestratorError::other);
        }
        let text = |name: &str| parsed.as_ref().ok()?.get(name)?.as_str();
        // `Namespace#Code`, or the code alone.
        let code = text("__type").map(|code| code.rsplit('#').next().unwrap_or(code));
        let mut error = ErrorMetadata::builder();
        if let Some(code) = code {
            error = error.code(code);
        }
        if let Some(message) = text("message").or_else(|| text("Message")) {
            error = error.message(message);
        }
        Err(OrchestratorError::operation(SmallError(error.build())))
    };
    let call = signed::operation(config, place, operation, request, read);
    call.invoke(sent).await.map_err(|error| call_error(operation, &error))
}

/// Makes one call of EC2.
pub(super) async fn ec2(
    config: &SdkConfig,
    operation: &'static str,
    fields: &[(String, String)],
) -> Result<Node, CallError> {
    query(config, ec2::place(config), "2016-11-15", operation, fields).await
}

/// Makes one call of IAM, which has one endpoint for all regions of a partition
/// (<https://docs.aws.amazon.com/general/latest/gr/iam-service.html>).
pub(super) async fn iam(
    config: &SdkConfig,
    operation: &'static str,
    fields: &[(String, String)],
) -> Result<Node, CallError> {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let (host, signing_region) = match region.as_str() {
        region if region.starts_with("cn-") => ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        region if region.starts_with("us-gov-") => ("https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        region if ec2::dns_suffix(region) == "amazonaws.com" => ("https://iam.amazonaws.com", "us-east-1"),
        _ => ("", ""),
    };
    let place = Place {
        name: "iam",
        endpoint: match endpoint(config, "IAM", || host.to_owned()) {
            Ok(host) if host.is_empty() => {
                Err("IAM's endpoint of this partition is not known here: set AWS_ENDPOINT_URL_IAM")
            }
            other => other,
        },
        // A custom endpoint is signed for as the region says: emulators check the one that they are told.
        region: if endpoint_url(config, "IAM").is_some() {
            region
        } else {
            signing_region.to_owned()
        },
    };
    query(config, place, "2010-05-08", operation, fields).await
}

/// Makes one call of STS, in its region
/// (<https://docs.aws.amazon.com/general/latest/gr/sts.html>).
pub(super) async fn sts(config: &SdkConfig, operation: &'static str) -> Result<Node, CallError> {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let place = Place {
        name: "sts",
        endpoint: endpoint(config, "STS", || {
            format!("https://sts.{region}.{}", ec2::dns_suffix(&region))
        }),
        region,
    };
    query(config, place, "2011-06-15", operation, &[]).await
}

async fn query(
    config: &SdkConfig,
    place: Place,
    version: &str,
    operation: &'static str,
    fields: &[(String, String)],
) -> Result<Node, CallError> {
    let mut form = format!("Action={operation}&Version={version}");
    for (name, value) in fields {
        form.push('&');
        form.push_str(&encoded(name));
        form.push('=');
        form.push_str(&encoded(value));
    }
    let sent = Sent {
        target: None,
        content_type: "application/x-www-form-urlencoded".to_owned(),
        body: form,
    };
    let read = |response: &HttpResponse| {
        let body = response.body().bytes().unwrap_or_default();
        let node = tree::parse(body).map_err(OrchestratorError::other)?;
        if response.status().is_success() {
            return Ok(node);
        }
        // EC2: Response/Errors/Error; the others: ErrorResponse/Error.
        let found = node.find("Error");
        let mut error = ErrorMetadata::builder();
        if let Some(code) = found.and_then(|error| error.text("Code")) {
            error = error.code(code);
        }
        if let Some(message) = found.and_then(|error| error.text("Message")) {
            error = error.message(message);
        }
        Err(OrchestratorError::operation(SmallError(error.build())))
    };
    let call = signed::operation(config, place, operation, request, read);
    call.invoke(sent).await.map_err(|error| call_error(operation, &error))
}

/// The configured endpoint, else the region's plain one.
fn endpoint(config: &SdkConfig, id: &str, plain: impl FnOnce() -> String) -> Result<String, &'static str> {
    match endpoint_url(config, id) {
        Some(url) => Ok(url),
        None if config.use_fips() == Some(true) || config.use_dual_stack() == Some(true) => {
            Err("FIPS and dual-stack endpoints of this service are not known here: set its AWS_ENDPOINT_URL_...")
        }
        None => Ok(plain()),
    }
}

/// As in a form: everything but RFC 3986's unreserved characters is encoded.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An error that a service has answered.
#[derive(Debug)]
struct SmallError(ErrorMetadata);

impl fmt::Display for SmallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SmallError {}

impl ProvideErrorMetadata for SmallError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_has_cannot_become_another_field() {
        assert_eq!(encoded("a&Action=Stop b/é"), "a%26Action%3DStop%20b%2F%C3%A9");
        assert_eq!(encoded("vpc-1_2.3~"), "vpc-1_2.3~");
    }
}
