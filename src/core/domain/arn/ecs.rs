//! Names and ARNs of ECS.

use std::str::FromStr;

use super::form::{Malformed, Scope, split_arn, text_type};

text_type! {
    /// A cluster by name or by ARN, as RunTask accepts either.
    Cluster
}

impl Cluster {
    /// The name: the last part of an ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Account and region, when given as an ARN.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "ecs").map(|arn| arn.scope())
    }

    /// Whether both are the same cluster. A name and an ARN are compared by name, because a name has no region
    /// or account.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let is_arn = |cluster: &Self| split_arn(&cluster.0, "ecs").is_some();
        if is_arn(self) && is_arn(other) {
            self == other
        } else {
            self.name() == other.name()
        }
    }
}

impl FromStr for Cluster {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let by_arn = || {
            split_arn(text, "ecs")?
                .resource
                .strip_prefix("cluster/")
                .map(is_ecs_name)
        };
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
    /// The family, without the revision.
    #[must_use]
    pub fn family(&self) -> &str {
        let name = self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name);
        name.split_once(':').map_or(name, |(family, _)| family)
    }

    /// Account and region, when given as an ARN.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        split_arn(&self.0, "ecs").map(|arn| arn.scope())
    }
}

impl FromStr for TaskDefinition {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let name = match split_arn(text, "ecs") {
            Some(arn) => arn.resource.strip_prefix("task-definition/").unwrap_or_default(),
            None => text,
        };
        let is_valid = match name.split_once(':') {
            Some((family, revision)) => is_ecs_name(family) && revision.parse::<u32>().is_ok_and(|number| number > 0),
            None => is_ecs_name(name),
        };
        if is_valid {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a task definition family, family:revision or ARN"))
        }
    }
}

text_type! {
    /// The ARN of a task: in the long format, which contains the cluster's name, or in the old short one.
    TaskArn
}

impl TaskArn {
    /// Partition, region and account.
    #[must_use]
    pub fn scope(&self) -> Scope {
        // The ARN was checked when it was parsed, so the empty scope is never returned.
        split_arn(&self.0, "ecs").map_or_else(
            || Scope {
                partition: String::new(),
                region: String::new(),
                account: String::new(),
            },
            |arn| arn.scope(),
        )
    }

    /// The cluster's ARN, if this ARN has the long format.
    #[must_use]
    pub fn cluster(&self) -> Option<Cluster> {
        let arn = split_arn(&self.0, "ecs")?;
        let (cluster, _) = arn.resource.strip_prefix("task/")?.split_once('/')?;
        Some(Cluster(
            arn.scope().arn("ecs", format_args!("cluster/{cluster}")).into(),
        ))
    }

    /// The task id: the last part of the ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for TaskArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_valid = || {
            let path = split_arn(text, "ecs")?.resource.strip_prefix("task/")?;
            Some(match path.split_once('/') {
                Some((cluster, id)) => is_ecs_name(cluster) && is_ecs_name(id),
                None => is_ecs_name(path),
            })
        };
        if is_valid() == Some(true) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a task ARN"))
        }
    }
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

/// Letters, digits, `-` and `_`, as ECS names have them; at most 255.
fn is_ecs_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
