//! The two wire protocols: requests into (service, operation, input), results into bytes.
//!
//! ECS and EventBridge speak JSON 1.1 with `X-Amz-Target`; ELBv2 speaks the query protocol with XML
//! answers, EC2 a dialect of it that is identified by its version. This module knows no rule of either service.

use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::service::{ApiError, Service};
use super::{form, shapes, xml};

const ECS_TARGET: &str = "AmazonEC2ContainerServiceV20141113.";
const EVENTS_TARGET: &str = "AWSEvents.";
const SQS_TARGET: &str = "AmazonSQS.";
const LOGS_TARGET: &str = "Logs_20140328.";
const SCHEDULES: &str = "/schedules/";
const FUNCTIONS: &str = "/2015-03-31/functions/";
const INVOCATIONS: &str = "/invocations";
const ELB_VERSION: &str = "2015-12-01";
const EC2_VERSION: &str = "2016-11-15";

impl Service {
    /// The name in the record of calls and in scripts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ec2 => "ec2",
            Self::Elb => "elb",
            Self::Events => "events",
            Self::Scheduler => "scheduler",
            Self::Sqs => "sqs",
            Self::Logs => "logs",
            Self::Lambda => "lambda",
        }
    }

    /// The name in the signature's credential scope.
    fn signing_name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ec2 => "ec2",
            Self::Elb => "elasticloadbalancing",
            Self::Events => "events",
            Self::Scheduler => "scheduler",
            Self::Sqs => "sqs",
            Self::Logs => "logs",
            Self::Lambda => "lambda",
        }
    }
}

/// What goes back over the connection.
#[derive(Debug)]
pub(super) enum Delivery {
    Reply(Reply),
    Reset,
    Hang,
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) request_id: String,
    pub(super) body: String,
}

/// Which service and operation a request is for, before any check.
pub(super) fn identify(request: &Request<Bytes>) -> Option<(Service, String)> {
    if let Some(target) = header(request.headers(), "x-amz-target") {
        let known = [
            (Service::Ecs, ECS_TARGET),
            (Service::Events, EVENTS_TARGET),
            (Service::Sqs, SQS_TARGET),
            (Service::Logs, LOGS_TARGET),
        ];
        let of = |(service, prefix)| Some((service, target.strip_prefix(prefix)?.to_owned()));
        return known.into_iter().find_map(of);
    }
    if request.uri().path().starts_with(SCHEDULES) && request.method() == Method::POST {
        return Some((Service::Scheduler, "CreateSchedule".to_owned()));
    }
    if request.uri().path().starts_with(SCHEDULES) && request.method() == Method::GET {
        return Some((Service::Scheduler, "GetSchedule".to_owned()));
    }
    let path = request.uri().path();
    if path.starts_with(FUNCTIONS) && path.ends_with(INVOCATIONS) && request.method() == Method::POST {
        return Some((Service::Lambda, "Invoke".to_owned()));
    }
    let content_type = header(request.headers(), "content-type")?;
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let action = field(request.body(), "Action")?;
    let is_ec2 = field(request.body(), "Version").is_some_and(|version| version == EC2_VERSION);
    Some((if is_ec2 { Service::Ec2 } else { Service::Elb }, action))
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(form).find(|(known, _)| known == name)?;
    Some(value.into_owned())
}

/// The input as JSON, whether or not it is allowed. Numbers and booleans of the query
/// protocol are read as the operation's shape has them.
pub(super) fn input(service: Service, operation: &str, request: &Request<Bytes>) -> Result<Value, ApiError> {
    match service {
        Service::Ecs | Service::Events | Service::Sqs | Service::Logs => serde_json::from_slice(request.body())
            .map_err(|error| ApiError::new("SerializationException", error.to_string())),
        Service::Elb | Service::Ec2 => form::parse(request.body(), shapes::input(service, operation)),
        Service::Scheduler if operation == "GetSchedule" => {
            let mut input = json!({"Name": request.uri().path().trim_start_matches(SCHEDULES)});
            let query = request.uri().query().unwrap_or_default();
            if let Some(group) = field(query.as_bytes(), "groupName") {
                input["GroupName"] = Value::from(group);
            }
            Ok(input)
        }
        Service::Scheduler => {
            let mut input: Value = serde_json::from_slice(request.body())
                .map_err(|error| ApiError::new("ValidationException", error.to_string()))?;
            input["Name"] = Value::from(request.uri().path().trim_start_matches(SCHEDULES));
            Ok(input)
        }
        Service::Lambda => {
            let payload: Value = serde_json::from_slice(request.body())
                .map_err(|error| ApiError::new("InvalidRequestContentException", error.to_string()))?;
            let name = request.uri().path().trim_start_matches(FUNCTIONS);
            let name = name
                .trim_end_matches(INVOCATIONS)
                .replace("%3A", ":")
                .replace("%24", "$");
            let kind = header(request.headers(), "x-amz-invocation-type").unwrap_or("RequestResponse");
            Ok(json!({"FunctionName": name, "InvocationType": kind, "Payload": payload}))
        }
    }
}

/// Method, path, content type, version, and a signature of the right scope.
pub(super) fn check_envelope(service: Service, region: &str, request: &Request<Bytes>) -> Result<(), ApiError> {
    check_signature(service, region, request.headers())?;
    let is_at_root = request.uri().path() == "/" || matches!(service, Service::Scheduler | Service::Lambda);
    let is_read = service == Service::Scheduler && request.method() == Method::GET;
    if (request.method() != Method::POST && !is_read) || !is_at_root {
        return Err(ApiError::new("InvalidAction", "expected POST /"));
    }
    match service {
        Service::Scheduler if is_read => {}
        Service::Ecs | Service::Events | Service::Logs => {
            let content_type = header(request.headers(), "content-type").unwrap_or_default();
            if content_type != "application/x-amz-json-1.1" {
                let message = format!("content type {content_type:?}");
                return Err(ApiError::new("SerializationException", message));
            }
        }
        Service::Elb => {
            if field(request.body(), "Version").as_deref() != Some(ELB_VERSION) {
                return Err(ApiError::new("NoSuchVersion", "expected 2015-12-01"));
            }
        }
        // It was identified by its version; Lambda's payload may be of any type.
        Service::Ec2 | Service::Lambda => {}
        Service::Sqs => {
            let content_type = header(request.headers(), "content-type").unwrap_or_default();
            if content_type != "application/x-amz-json-1.0" {
                let message = format!("content type {content_type:?}");
                return Err(ApiError::new("SerializationException", message));
            }
        }
        Service::Scheduler => {
            let content_type = header(request.headers(), "content-type").unwrap_or_default();
            if content_type != "application/json" {
                let message = format!("content type {content_type:?}");
                return Err(ApiError::new("ValidationException", message));
            }
        }
    }
    Ok(())
}

fn check_signature(service: Service, region: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    let (missing, wrong) = match service {
        Service::Ecs | Service::Events | Service::Logs => {
            ("MissingAuthenticationTokenException", "InvalidSignatureException")
        }
        Service::Elb => ("MissingAuthenticationToken", "SignatureDoesNotMatch"),
        Service::Ec2 => ("MissingAuthenticationToken", "AuthFailure"),
        Service::Scheduler | Service::Sqs | Service::Lambda => {
            ("MissingAuthenticationTokenException", "InvalidSignatureException")
        }
    };
    let Some(authorization) = header(headers, "authorization") else {
        return Err(ApiError::new(missing, "Missing Authentication Token").with_status(403));
    };
    let wrong = |why: String| Err(ApiError::new(wrong, why).with_status(403));
    let Some(parameters) = authorization.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return wrong("expected Signature Version 4".to_owned());
    };
    let parameter = |name: &str| {
        parameters
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let scope: Vec<&str> = parameter("Credential").split('/').collect();
    let expected = [region, service.signing_name(), "aws4_request"];
    if scope.len() != 5 || scope[2..] != expected {
        return wrong(format!("Credential should be scoped to {expected:?}, is {scope:?}"));
    }
    let signed: Vec<&str> = parameter("SignedHeaders").split(';').collect();
    if !signed.contains(&"host") || !signed.contains(&"x-amz-date") {
        return wrong(format!("host and x-amz-date must be signed, are {signed:?}"));
    }
    let signature = parameter("Signature");
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return wrong("the signature is not 64 hex digits".to_owned());
    }
    if header(headers, "x-amz-date").is_none() {
        return wrong("x-amz-date is missing".to_owned());
    }
    Ok(())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The service's own rendering of a result.
pub(super) fn reply(service: Service, operation: &str, result: &Result<Value, ApiError>, request_id: String) -> Reply {
    let content_type = match service {
        Service::Ecs | Service::Events | Service::Logs => "application/x-amz-json-1.1",
        Service::Elb | Service::Ec2 => "text/xml",
        Service::Scheduler | Service::Lambda => "application/json",
        Service::Sqs => "application/x-amz-json-1.0",
    };
    let (status, body) = match (service, result) {
        // The invocation is accepted, and nobody waits for what comes of it.
        (Service::Lambda, Ok(_)) => (202, String::new()),
        (Service::Ecs | Service::Events | Service::Scheduler | Service::Sqs | Service::Logs, Ok(value)) => {
            (200, value.to_string())
        }
        (
            Service::Ecs | Service::Events | Service::Scheduler | Service::Sqs | Service::Logs | Service::Lambda,
            Err(error),
        ) => (error.status, json_error(error).to_string()),
        (Service::Elb, Ok(value)) => (200, xml::answer(operation, value, &request_id)),
        (Service::Elb, Err(error)) => (error.status, xml::error(error, &request_id)),
        (Service::Ec2, Ok(value)) => (200, xml::ec2_answer(operation, value, &request_id)),
        (Service::Ec2, Err(error)) => (error.status, xml::ec2_error(error, &request_id)),
    };
    Reply {
        status,
        content_type,
        request_id,
        body,
    }
}

fn json_error(error: &ApiError) -> Value {
    let mut body = json!({"__type": error.code, "message": error.message});
    for (name, value) in &error.members {
        body[name] = value.clone();
    }
    body
}
