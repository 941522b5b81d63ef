//! Names and ARNs of Lambda, IAM, SQS and EventBridge Scheduler.

use std::str::FromStr;

use super::form::{Malformed, Scope, split_arn, text_type};

text_type! {
    /// The ARN of a Lambda function, with or without a version or an alias.
    FunctionArn
}

impl FunctionArn {
    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "lambda").map(|arn| arn.scope())
    }

    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split(':').nth(6).unwrap_or_default()
    }

    /// Whether both are the same function, in any version or alias.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.scope() == other.scope() && self.name() == other.name()
    }
}

impl FromStr for FunctionArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match split_arn(text, "lambda") {
            Some(arn) if arn.resource.starts_with("function:") => Ok(Self(text.into())),
            _ => Err(Malformed("must be the ARN of a Lambda function")),
        }
    }
}

text_type! {
    /// The ARN of an IAM role.
    RoleArn
}

impl FromStr for RoleArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (arn, partition, service) = (next(), next(), next());
        let (region, account, resource) = (next(), next(), next());
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let role = resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
        if arn == "arn" && partition.starts_with("aws") && service == "iam" && region.is_empty() && digits && role {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be the ARN of an IAM role (arn:aws:iam::ACCOUNT:role/NAME)",
            ))
        }
    }
}

text_type! {
    /// The ARN of an SQS queue.
    QueueArn
}

impl FromStr for QueueArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match split_arn(text, "sqs") {
            Some(arn) if !arn.resource.is_empty() => Ok(Self(text.into())),
            _ => Err(Malformed("must be the ARN of an SQS queue")),
        }
    }
}

text_type! {
    /// The name of a schedule group of EventBridge Scheduler.
    ScheduleGroup
}

impl FromStr for ScheduleGroup {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be the name of a schedule group (letters, digits and -_., at most 64)",
            ))
        }
    }
}
