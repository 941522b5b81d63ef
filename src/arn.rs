//! Names and ARNs of AWS resources, checked once when they enter.
//!
//! Must not look anything up: a valid ARN may still name nothing.
//!
//! The forms are those of the [Service Authorization Reference] for ECS and Elastic Load
//! Balancing V2.
//!
//! [Service Authorization Reference]: https://docs.aws.amazon.com/service-authorization/latest/reference/

mod event_bus;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use event_bus::EventBus;

/// Why a text is not the name or ARN it should be: the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// The part that all ARNs of one account and region share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`...
    pub partition: String,
    /// `us-east-1`...
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Scope {
    fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.region, self.account
        )
    }
}

/// Splits an ARN of `service` into its scope and resource.
fn split_arn<'a>(text: &'a str, service: &str) -> Option<(Scope, &'a str)> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, found) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let sound = arn == "arn" && partition.starts_with("aws") && plain(partition) && plain(region) && digits;
    (sound && found == service).then(|| {
        let scope = Scope {
            partition: partition.into(),
            region: region.into(),
            account: account.into(),
        };
        (scope, resource)
    })
}

/// Letters, digits, `-` and `_`, as ECS names have them; at most 255.
fn is_ecs_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

// A copy is a pointer: hundreds of tasks are looked at for each of hundreds of events.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// As it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

use text_type;

text_type! {
    /// A cluster by name or by ARN, as RunTask takes either.
    Cluster
}

impl Cluster {
    /// The cluster's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Account and region, when given as an ARN.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "ecs").map(|(scope, _)| scope)
    }

    /// Whether both name the same cluster, as far as their texts can tell.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        match (self.scope(), other.scope()) {
            (Some(_), Some(_)) => self == other,
            _ => self.name() == other.name(),
        }
    }
}

impl FromStr for Cluster {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let by_arn = || split_arn(text, "ecs")?.1.strip_prefix("cluster/").map(is_ecs_name);
        if is_ecs_name(text) || by_arn() == Some(true) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be a cluster name (letters, digits, - and _) or a cluster ARN",
            ))
        }
    }
}

text_type! {
    /// A task definition as `family`, `family:revision` or ARN.
    TaskDefinition
}

impl TaskDefinition {
    /// The family, without revision.
    #[must_use]
    pub fn family(&self) -> &str {
        let name = self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name);
        name.split_once(':').map_or(name, |(family, _)| family)
    }

    /// Account and region, when given as an ARN.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "ecs").map(|(scope, _)| scope)
    }
}

impl FromStr for TaskDefinition {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let name = match split_arn(text, "ecs") {
            Some((_, resource)) => resource.strip_prefix("task-definition/").unwrap_or_default(),
            None => text,
        };
        let sound = match name.split_once(':') {
            Some((family, revision)) => is_ecs_name(family) && revision.parse::<u32>().is_ok_and(|number| number > 0),
            None => is_ecs_name(name),
        };
        if sound {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a task definition family, family:revision or ARN"))
        }
    }
}

text_type! {
    /// The ARN of a task, with or without the cluster's name in it.
    TaskArn
}

impl TaskArn {
    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Scope {
        // Checked when made, so the empty scope is never seen.
        split_arn(&self.0, "ecs").map_or_else(
            || Scope {
                partition: String::new(),
                region: String::new(),
                account: String::new(),
            },
            |(scope, _)| scope,
        )
    }

    /// The cluster, which ARNs of the long format carry.
    #[must_use]
    pub fn cluster(&self) -> Option<Cluster> {
        let (scope, resource) = split_arn(&self.0, "ecs")?;
        let (cluster, _) = resource.strip_prefix("task/")?.split_once('/')?;
        Some(Cluster(scope.arn("ecs", &format!("cluster/{cluster}")).into()))
    }

    /// The id at its end.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for TaskArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let sound = || {
            let path = split_arn(text, "ecs")?.1.strip_prefix("task/")?;
            Some(match path.split_once('/') {
                Some((cluster, id)) => is_ecs_name(cluster) && is_ecs_name(id),
                None => is_ecs_name(path),
            })
        };
        if sound() == Some(true) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a task ARN"))
        }
    }
}

text_type! {
    /// The ARN of a target group.
    TargetGroupArn
}

impl TargetGroupArn {
    /// From what `startedBy` and a task's ARN tell.
    ///
    /// # Errors
    /// When name or id have characters that no target group has.
    pub fn from_parts(scope: &Scope, name: &str, id: &str) -> Result<Self, Malformed> {
        scope
            .arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}"))
            .parse()
    }

    /// The name, at most 32 characters.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').nth(1).unwrap_or_default()
    }

    /// The id that AWS gave it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "elasticloadbalancing").map(|(scope, _)| scope)
    }
}

impl FromStr for TargetGroupArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let alphanumeric = |b: u8| b.is_ascii_alphanumeric();
        let sound = || {
            let path = split_arn(text, "elasticloadbalancing")?
                .1
                .strip_prefix("targetgroup/")?;
            let (name, id) = path.split_once('/')?;
            let name_is_sound = (1..=32).contains(&name.len()) && name.bytes().all(|b| alphanumeric(b) || b == b'-');
            Some(name_is_sound && (1..=32).contains(&id.len()) && id.bytes().all(alphanumeric))
        };
        if sound() == Some(true) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be a target group ARN (arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID)",
            ))
        }
    }
}

text_type! {
    /// The id of a subnet.
    SubnetId
}

impl FromStr for SubnetId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "subnet-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a subnet id (subnet-...)"))
        }
    }
}

text_type! {
    /// The id of a security group.
    SecurityGroupId
}

impl FromStr for SecurityGroupId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "sg-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a security group id (sg-...)"))
        }
    }
}

fn has_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (8..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

text_type! {
    /// The name of a container in a task definition.
    ContainerName
}

impl FromStr for ContainerName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if is_ecs_name(text) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be a container name (letters, digits, - and _, at most 255)",
            ))
        }
    }
}

text_type! {
    /// The ARN of a function, perhaps with a version or an alias.
    FunctionArn
}

impl FunctionArn {
    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "lambda").map(|(scope, _)| scope)
    }

    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split(':').nth(6).unwrap_or_default()
    }

    /// Whether it is the same function, whatever version or alias is named.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.scope() == other.scope() && self.name() == other.name()
    }
}

impl FromStr for FunctionArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match split_arn(text, "lambda") {
            Some((_, resource)) if resource.starts_with("function:") => Ok(Self(text.into())),
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
            Some((_, name)) if !name.is_empty() => Ok(Self(text.into())),
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
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(sound) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be the name of a schedule group (letters, digits and -_., at most 64)",
            ))
        }
    }
}

/// A port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(u16);

impl Port {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Port {
    type Error = Malformed;

    fn try_from(number: i64) -> Result<Self, Malformed> {
        match u16::try_from(number) {
            Ok(number @ 1..) => Ok(Self(number)),
            _ => Err(Malformed("must be a whole number from 1 to 65535")),
        }
    }
}

impl FromStr for Port {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        // `+80` and `080` are numbers to Rust, but not as a port was written by us.
        let canonical = !text.starts_with(['+', '0']);
        text.parse::<i64>()
            .ok()
            .filter(|_| canonical)
            .map_or_else(|| Self::try_from(0), Self::try_from)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_names_or_arns() {
        for good in [
            "engines",
            "a-b_c",
            "arn:aws-cn:ecs:cn-north-1:111122223333:cluster/engines",
        ] {
            assert_eq!(good.parse::<Cluster>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a b",
            "arn:aws:ecs:us-east-1:1:cluster/x",
            "arn:aws:ecs:us-east-1:111122223333:task/x",
        ] {
            assert!(bad.parse::<Cluster>().is_err(), "{bad}");
        }
        let arn: Cluster = "arn:aws:ecs:us-east-1:111122223333:cluster/engines".parse().unwrap();
        assert_eq!(arn.name(), "engines");
        assert!(arn.same_as(&"engines".parse().unwrap()));
        assert!(!arn.same_as(&"arn:aws:ecs:us-west-2:111122223333:cluster/engines".parse().unwrap()));
    }

    #[test]
    fn task_definitions_give_their_family() {
        for text in [
            "auth",
            "auth:7",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7",
        ] {
            assert_eq!(text.parse::<TaskDefinition>().unwrap().family(), "auth");
        }
        for bad in [
            "auth:0",
            "auth:x",
            "auth:7:8",
            "a/b",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/",
        ] {
            assert!(bad.parse::<TaskDefinition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn functions_tell_where_they_are_whatever_their_version() {
        for text in [
            "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
            "arn:aws:lambda:us-east-1:111122223333:function:start-engines:live",
        ] {
            let arn: FunctionArn = text.parse().unwrap();
            assert_eq!(arn.scope().unwrap().account, "111122223333");
            assert_eq!(arn.name(), "start-engines");
            let other: FunctionArn = text.replace("us-east-1", "us-east-2").parse().unwrap();
            assert!(arn.same_as(&format!("{arn}:live").parse().unwrap()) && !arn.same_as(&other));
        }
        for bad in ["", "start-engines", "arn:aws:lambda:us-east-1:111122223333:layer:x"] {
            assert!(bad.parse::<FunctionArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn target_group_arns_give_name_and_id() {
        let text = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
        let arn: TargetGroupArn = text.parse().unwrap();
        assert_eq!((arn.name(), arn.id()), ("auth", "73e2d6bc24d8a067"));
        assert_eq!(
            TargetGroupArn::from_parts(&arn.scope().unwrap(), "auth", "73e2d6bc24d8a067").unwrap(),
            arn
        );
        for bad in [
            "",
            "auth",
            &text.replace("targetgroup", "loadbalancer"),
            &text.replace("elasticloadbalancing", "ecs"),
        ] {
            assert!(bad.parse::<TargetGroupArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn task_arns_give_scope_and_cluster() {
        let arn: TaskArn = "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef"
            .parse()
            .unwrap();
        assert_eq!(
            arn.cluster().unwrap().as_str(),
            "arn:aws:ecs:us-east-1:111122223333:cluster/engines"
        );
        assert_eq!(arn.scope().region, "us-east-1");
        let old: TaskArn = "arn:aws:ecs:us-east-1:111122223333:task/0123456789abcdef"
            .parse()
            .unwrap();
        assert_eq!(old.cluster(), None);
    }

    #[test]
    fn ports_are_1_to_65535() {
        assert_eq!("8080".parse::<Port>().unwrap().number(), 8080);
        for bad in ["", "0", "65536", "-1", "+80", "080", "8o"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }
}
