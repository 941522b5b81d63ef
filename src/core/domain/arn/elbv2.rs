//! ARNs of Elastic Load Balancing.

use std::str::FromStr;

use super::form::{Malformed, Scope, split_arn, text_type};

text_type! {
    /// The ARN of a target group.
    TargetGroupArn
}

impl TargetGroupArn {
    /// The ARN of the target group with this name and id, as `startedBy` has them, in the scope of the task's ARN.
    ///
    /// # Errors
    /// If the name or id is empty, too long, or has characters that target groups cannot have.
    pub fn from_parts(scope: &Scope, name: &str, id: &str) -> Result<Self, Malformed> {
        scope
            .arn("elasticloadbalancing", format_args!("targetgroup/{name}/{id}"))
            .parse()
    }

    /// The name, at most 32 characters.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').nth(1).unwrap_or_default()
    }

    /// The id that AWS appends to the name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "elasticloadbalancing").map(|arn| arn.scope())
    }
}

impl FromStr for TargetGroupArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let alphanumeric = |b: u8| b.is_ascii_alphanumeric();
        let is_valid = || {
            let path = split_arn(text, "elasticloadbalancing")?
                .resource
                .strip_prefix("targetgroup/")?;
            let (name, id) = path.split_once('/')?;
            let name_is_valid = (1..=32).contains(&name.len()) && name.bytes().all(|b| alphanumeric(b) || b == b'-');
            Some(name_is_valid && (1..=32).contains(&id.len()) && id.bytes().all(alphanumeric))
        };
        if is_valid() == Some(true) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be a target group ARN (arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID)",
            ))
        }
    }
}
