//! ECR's images, CloudWatch's log groups, Secrets Manager's secrets: only whether they are there.

use serde_json::json;
use start_engines_aws::error::call_error;
use start_engines_core::call::CallError;

use super::super::small::{self, JsonService};
use super::Reads;

/// An image of ECR: account, region, repository, and tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EcrImage<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> EcrImage<'a> {
    /// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`, or `@DIGEST`; without both, the tag `latest`
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-pull-ecr-image.html>).
    pub(crate) fn parse(image: &'a str) -> Option<Self> {
        let (host, path) = image.split_once('/')?;
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let region = rest.split('.').next()?;
        let (named, digest) = match path.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = match named.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (named, None),
        };
        Some(Self {
            account,
            region,
            repository,
            tag: if digest.is_some() { None } else { tag.or(Some("latest")) },
            digest,
        })
    }
}

impl Reads {
    pub(crate) async fn image(&self, image: &EcrImage<'_>) -> Result<Option<()>, CallError> {
        let id = match image.digest {
            Some(digest) => json!({"imageDigest": digest}),
            None => json!({"imageTag": image.tag}),
        };
        let input = json!({"registryId": image.account, "repositoryName": image.repository, "imageIds": [id]});
        let answer = small::json(&self.config, JsonService::Ecr, "DescribeImages", &input).await?;
        let details = answer["imageDetails"].as_array();
        Ok(details.is_some_and(|all| !all.is_empty()).then_some(()))
    }

    /// Log groups are found by the beginnings of their names
    /// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>); the group with
    /// exactly this name comes first.
    pub(crate) async fn log_group(&self, name: &str) -> Result<Option<()>, CallError> {
        let asked = self.logs.describe_log_groups().log_group_name_prefix(name).limit(1);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| call_error("DescribeLogGroups", &error))?;
        let mut groups = answer.log_groups().iter();
        Ok(groups.any(|group| group.log_group_name() == Some(name)).then_some(()))
    }

    /// A secret, by its ARN. A container's may go on with a key, a stage and a version
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>).
    pub(crate) async fn secret(&self, arn: &str) -> Result<Option<()>, CallError> {
        let arn: Vec<&str> = arn.split(':').take(7).collect();
        let input = json!({"SecretId": arn.join(":")});
        let answer = small::json(&self.config, JsonService::SecretsManager, "DescribeSecret", &input).await?;
        // One that is to be deleted cannot be read any more.
        Ok(answer
            .get("DeletedDate")
            .is_none_or(serde_json::Value::is_null)
            .then_some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_a_tag_or_a_digest() {
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
        let parse = |rest: &str| {
            let image = format!("{host}/{rest}");
            let found = EcrImage::parse(&image).unwrap();
            (
                found.repository.to_owned(),
                found.tag.map(str::to_owned),
                found.digest.map(str::to_owned),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse("team/auth:7"), ("team/auth".to_owned(), some("7"), None));
        assert_eq!(parse("auth"), ("auth".to_owned(), some("latest"), None));
        assert_eq!(parse("auth:7@sha256:00"), ("auth".to_owned(), None, some("sha256:00")));
        for other in ["nginx", "docker.io/library/nginx:1", "public.ecr.aws/nginx/nginx:1"] {
            assert_eq!(EcrImage::parse(other), None);
        }
    }
}
