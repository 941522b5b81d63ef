//! Allow-lists: which clusters, task definition families, target groups and sources an event may
//! name. Events are untrusted input.
//!
//! Must not be the only protection: the function's IAM policy is the other one.

use crate::domain::arn::{Cluster, TargetGroupArn, TaskDefinition};

/// A list of names or ARNs, each with an optional `*` at its end; an unset list allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Option<Vec<String>>);

impl AllowList {
    /// A list that allows only what one of these patterns matches.
    #[must_use]
    pub fn only(patterns: Vec<String>) -> Self {
        Self(Some(patterns))
    }

    /// The patterns; none if everything is allowed.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(String::as_str)
    }

    /// Whether the list is unset, so that everything is allowed.
    #[must_use]
    pub fn allows_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a plain name is allowed, as an event source is.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.any(|pattern| fits(pattern, name))
    }

    /// Whether a cluster is allowed. If either the cluster or the pattern is a name, only names are compared.
    #[must_use]
    pub fn allows_cluster(&self, cluster: &Cluster) -> bool {
        self.any(|pattern| match (pattern.split_once(":cluster/"), cluster.scope()) {
            (Some(_), Some(_)) => fits(pattern, cluster.as_str()),
            (Some((_, name)), None) => fits(name, cluster.name()),
            (None, _) => fits(pattern, cluster.name()),
        })
    }

    /// Whether a task definition is allowed, by its family.
    #[must_use]
    pub fn allows_family(&self, definition: &TaskDefinition) -> bool {
        self.any(|pattern| {
            let name = pattern
                .split_once(":task-definition/")
                .map_or(pattern, |(_, name)| name);
            fits(
                name.split_once(':').map_or(name, |(family, _)| family),
                definition.family(),
            )
        })
    }

    /// Whether a target group is allowed: by its ARN if the pattern is one, else by its name.
    #[must_use]
    pub fn allows_target_group(&self, group: &TargetGroupArn) -> bool {
        self.any(|pattern| {
            fits(
                pattern,
                if pattern.starts_with("arn:") {
                    group.as_str()
                } else {
                    group.name()
                },
            )
        })
    }

    fn any(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.0
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| fits(pattern)))
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == text, |prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> AllowList {
        AllowList::only(patterns.iter().map(|&pattern| pattern.to_owned()).collect())
    }

    #[test]
    fn unset_allows_all_and_empty_allows_none() {
        assert!(AllowList::default().allows("anything"));
        assert!(!list(&[]).allows("anything"));
    }

    #[test]
    fn clusters_fit_by_name_or_arn() {
        let arn = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";
        let other = "arn:aws:ecs:us-west-2:111122223333:cluster/engines";
        for (pattern, cluster, fits) in [
            ("engines", "engines", true),
            ("eng*", arn, true),
            (arn, "engines", true),
            (arn, arn, true),
            (arn, other, false),
            ("engine", "engines", false),
            ("*", "engines", true),
        ] {
            assert_eq!(
                list(&[pattern]).allows_cluster(&cluster.parse().unwrap()),
                fits,
                "{pattern} {cluster}"
            );
        }
    }

    #[test]
    fn families_fit_whatever_the_revision() {
        for pattern in [
            "auth",
            "au*",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:*",
        ] {
            assert!(list(&[pattern]).allows_family(&"auth:7".parse().unwrap()), "{pattern}");
            assert!(
                !list(&[pattern]).allows_family(&"billing:7".parse().unwrap()),
                "{pattern}"
            );
        }
    }

    #[test]
    fn target_groups_fit_by_name_or_arn() {
        let text = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
        let arn: TargetGroupArn = text.parse().unwrap();
        for pattern in [
            text,
            "auth",
            "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/*",
        ] {
            assert!(list(&[pattern]).allows_target_group(&arn), "{pattern}");
        }
        assert!(!list(&["auth2", "arn:aws:*:targetgroup/x/*"]).allows_target_group(&arn));
    }
}
