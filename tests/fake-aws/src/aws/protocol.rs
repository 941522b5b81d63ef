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
const IAM_VERSION: &str = "2010-05-08";
const STS_VERSION: &str = "2011-06-15";
const SCHEDULE_GROUPS: &str = "/schedule-groups/";
const INVOKE_CONFIGS: &str = "/2019-09-25/functions/";
const MAPPINGS: &str = "/2015-03-31/event-source-mappings";
const LAYERS: &str = "/2018-10-31/layers";
const DOWNLOADS: &str = "/download/";
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
            Self::Lambda => "lambda",
            Self::Iam => "iam",
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::Ecr => "ecr",
            Self::Secrets => "secretsmanager",
            Self::Sts => "sts",
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
            Self::Lambda => "lambda",
            Self::Iam => "iam",
            Self::CloudWatch => "monitoring",
            Self::Logs => "logs",
            Self::Ecr => "ecr",
            Self::Secrets => "secretsmanager",
            Self::Sts => "sts",
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
    pub(super) body: Vec<u8>,
}

/// Which service and operation a request is for, before any check.
pub(super) fn identify(request: &Request<Bytes>) -> Option<(Service, String)> {
    if let Some(target) = header(request.headers(), "x-amz-target") {
        let known = [
            (Service::Ecs, ECS_TARGET),
            (Service::Events, EVENTS_TARGET),
            (Service::Sqs, SQS_TARGET),
            (Service::CloudWatch, "GraniteServiceVersion20100801."),
            (Service::Logs, LOGS_TARGET),
            (Service::Ecr, "AmazonEC2ContainerRegistry_V20150921."),
            (Service::Secrets, "secretsmanager."),
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
    if request.method() == Method::GET {
        let operation = match path {
            path if path.starts_with(SCHEDULE_GROUPS) => {
                return Some((Service::Scheduler, "GetScheduleGroup".to_owned()));
            }
            path if path.starts_with(DOWNLOADS) => "Download",
            path if path.starts_with(INVOKE_CONFIGS) => "GetFunctionEventInvokeConfig",
            path if path.starts_with(MAPPINGS) => "ListEventSourceMappings",
            path if path.starts_with(LAYERS) => "GetLayerVersion",
            path if path.starts_with(FUNCTIONS) && path.ends_with("/policy") => "GetPolicy",
            path if path.starts_with(FUNCTIONS) => "GetFunction",
            _ => return None,
        };
        return Some((Service::Lambda, operation.to_owned()));
    }
    if path.starts_with(FUNCTIONS) && path.ends_with(INVOCATIONS) && request.method() == Method::POST {
        return Some((Service::Lambda, "Invoke".to_owned()));
    }
    let content_type = header(request.headers(), "content-type")?;
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let action = field(request.body(), "Action")?;
    let service = match field(request.body(), "Version").as_deref() {
        Some(EC2_VERSION) => Service::Ec2,
        Some(IAM_VERSION) => Service::Iam,
        Some(STS_VERSION) => Service::Sts,
        _ => Service::Elb,
    };
    Some((service, action))
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(form).find(|(known, _)| known == name)?;
    Some(value.into_owned())
}

/// The input as JSON, whether or not it is allowed. Numbers and booleans of the query
/// protocol are read as the operation's shape has them.
pub(super) fn input(service: Service, operation: &str, request: &Request<Bytes>) -> Result<Value, ApiError> {
    if request.method() == Method::GET && operation != "GetSchedule" {
        return Ok(of_path(request));
    }
    match service {
        Service::Ecs
        | Service::Events
        | Service::Sqs
        | Service::CloudWatch
        | Service::Logs
        | Service::Ecr
        | Service::Secrets => serde_json::from_slice(request.body())
            .map_err(|error| ApiError::new("SerializationException", error.to_string())),
        Service::Elb | Service::Ec2 | Service::Iam | Service::Sts => {
            form::parse(request.body(), shapes::input(service, operation))
        }
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

/// What a GET names in its path and its query, and the host that it was sent to.
fn of_path(request: &Request<Bytes>) -> Value {
    let path = request.uri().path();
    let decoded = |text: &str| {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(format!("a={text}").as_bytes())
            .into_owned()
            .collect();
        pairs.into_iter().next().map(|(_, value)| value).unwrap_or_default()
    };
    let last = |begin: &str, end: &str| {
        let name = path.strip_prefix(begin)?;
        Some(decoded(name.strip_suffix(end).unwrap_or(name)))
    };
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query: std::collections::BTreeMap<String, String> = query.into_owned().collect();
    if let Some(name) = last(SCHEDULE_GROUPS, "").or_else(|| last(DOWNLOADS, "")) {
        return json!({"Name": name});
    }
    let host = header(request.headers(), "host").unwrap_or_default();
    if path.starts_with(LAYERS) {
        return json!({"Arn": query.get("Arn"), "Host": host});
    }
    let name = last(INVOKE_CONFIGS, "/event-invoke-config").or_else(|| last(FUNCTIONS, "/policy"));
    json!({"FunctionName": name.as_ref().or(query.get("FunctionName")), "Host": host})
}

/// Method, path, content type, version, and a signature of the right scope.
pub(super) fn check_envelope(service: Service, region: &str, request: &Request<Bytes>) -> Result<(), ApiError> {
    if request.uri().path().starts_with(DOWNLOADS) {
        // The location is signed itself, and S3 takes one signature only.
        return match header(request.headers(), "authorization") {
            None => Ok(()),
            Some(_) => Err(ApiError::new("InvalidArgument", "Only one auth mechanism allowed")),
        };
    }
    check_signature(service, region, request.headers())?;
    if request.method() == Method::GET {
        return Ok(());
    }
    let is_at_root = request.uri().path() == "/" || matches!(service, Service::Scheduler | Service::Lambda);
    if request.method() != Method::POST || !is_at_root {
        return Err(ApiError::new("InvalidAction", "expected POST /"));
    }
    match service {
        Service::Ecs | Service::Events | Service::Logs | Service::Ecr | Service::Secrets => {
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
        Service::Ec2 | Service::Iam | Service::Sts | Service::Lambda => {}
        Service::Sqs | Service::CloudWatch => {
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
        Service::Ecs | Service::Events => ("MissingAuthenticationTokenException", "InvalidSignatureException"),
        Service::Elb | Service::Iam | Service::Sts => ("MissingAuthenticationToken", "SignatureDoesNotMatch"),
        Service::Ec2 => ("MissingAuthenticationToken", "AuthFailure"),
        Service::Scheduler
        | Service::Sqs
        | Service::Lambda
        | Service::CloudWatch
        | Service::Logs
        | Service::Ecr
        | Service::Secrets => ("MissingAuthenticationTokenException", "InvalidSignatureException"),
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
        Service::Ecs | Service::Events | Service::Logs | Service::Ecr | Service::Secrets => {
            "application/x-amz-json-1.1"
        }
        Service::Elb | Service::Ec2 | Service::Iam | Service::Sts => "text/xml",
        Service::Scheduler | Service::Lambda => "application/json",
        Service::Sqs | Service::CloudWatch => "application/x-amz-json-1.0",
    };
    let (status, body) = match (service, result) {
        // The invocation is accepted, and nobody waits for what comes of it.
        (Service::Lambda, Ok(_)) if operation == "Invoke" => (202, String::new()),
        (Service::Lambda, Ok(value)) if operation == "Download" => {
            let bytes = value.as_array().into_iter().flatten();
            let bytes = bytes.filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
            return Reply {
                status: 200,
                content_type: "application/zip",
                request_id,
                body: bytes.collect(),
            };
        }
        (
            Service::Ecs
            | Service::Events
            | Service::Scheduler
            | Service::Sqs
            | Service::Lambda
            | Service::CloudWatch
            | Service::Logs
            | Service::Ecr
            | Service::Secrets,
            result,
        ) => match result {
            Ok(value) => (200, value.to_string()),
            Err(error) => (error.status, json_error(error).to_string()),
        },
        (Service::Elb | Service::Iam | Service::Sts, Ok(value)) => (200, xml::answer(operation, value, &request_id)),
        (Service::Elb | Service::Iam | Service::Sts, Err(error)) => (error.status, xml::error(error, &request_id)),
        (Service::Ec2, Ok(value)) => (200, xml::ec2_answer(operation, value, &request_id)),
        (Service::Ec2, Err(error)) => (error.status, xml::ec2_error(error, &request_id)),
    };
    Reply {
        status,
        content_type,
        request_id,
        body: body.into_bytes(),
    }
}

fn json_error(error: &ApiError) -> Value {
    let mut body = json!({"__type": error.code, "message": error.message});
    for (name, value) in &error.members {
        body[name] = value.clone();
    }
    body
}
