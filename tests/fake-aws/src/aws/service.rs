//! The services, and an error as one of them answers it.

use serde_json::{Map, Value};

/// A service of this fake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// ECS.
    Ecs,
    /// EC2.
    Ec2,
    /// ELBv2.
    Elb,
    /// EventBridge.
    Events,
    /// EventBridge Scheduler.
    Scheduler,
    /// SQS.
    Sqs,
    /// Lambda, and S3 for the zips that it points to.
    Lambda,
    /// IAM.
    Iam,
    /// CloudWatch.
    CloudWatch,
    /// CloudWatch Logs.
    Logs,
    /// ECR.
    Ecr,
    /// Secrets Manager.
    Secrets,
    /// STS.
    Sts,
}

/// An error as a service answers it.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The error code.
    pub code: String,
    /// The message.
    pub message: String,
    /// Further members (JSON only), such as ConflictException's `resourceIds`.
    pub members: Map<String, Value>,
}

impl ApiError {
    /// An error with HTTP status 400, as both services answer nearly all of theirs.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.to_owned(),
            message: message.into(),
            members: Map::new(),
        }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }
}
