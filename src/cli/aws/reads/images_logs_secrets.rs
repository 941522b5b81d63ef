//! ECR's images, CloudWatch's log groups, Secrets Manager's secrets: only whether they are there.

use serde_json::{Value, json};
use start_engines_aws::error::call_error;
use start_engines_core::call::CallError;

use super::super::small::{self, JsonService};
use super::Reads;

/// Rules on a page.
const MAX_RULES: usize = 1000;

/// An image of a private registry of ECR: account, region, repository, and tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EcrImage<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) host: EcrHost<'a>,
    pub(crate) repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

/// By which of its names a registry is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EcrHost<'a> {
    /// The name without the account: VPC endpoints are for all registries of a region.
    pub(crate) of_region: &'a str,
    /// Whether it has IPv6 addresses too.
    pub(crate) is_dual_stack: bool,
    /// Whether it is one of those with validated cryptography only.
    pub(crate) is_fips: bool,
}

impl<'a> EcrHost<'a> {
    /// ECR's [endpoints](https://docs.aws.amazon.com/general/latest/gr/ecr.html): `dkr.ecr.REGION.amazonaws.com` and
    /// `dkr.ecr-fips.REGION.amazonaws.com`, and for IPv4 and IPv6 `dkr-ecr.REGION.on.aws` and `dkr-ecr-fips.REGION.on.aws`.
    /// What follows the region differs by partition: `amazonaws.com.cn`, `on.amazonwebservices.com.cn`
    /// (<https://github.com/awslabs/amazon-ecr-credential-helper>, `ecrPattern`).
    fn parse(of_region: &'a str) -> Option<(&'a str, Self)> {
        const KINDS: [(&str, bool, bool); 4] = [
            ("dkr.ecr.", false, false),
            ("dkr.ecr-fips.", false, true),
            ("dkr-ecr.", true, false),
            ("dkr-ecr-fips.", true, true),
        ];
        KINDS.into_iter().find_map(|(kind, is_dual_stack, is_fips)| {
            let (region, domain) = of_region.strip_prefix(kind)?.split_once('.')?;
            let host = Self {
                of_region,
                is_dual_stack,
                is_fips,
            };
            (!region.is_empty() && !domain.is_empty()).then_some((region, host))
        })
    }
}

impl<'a> EcrImage<'a> {
    /// `ACCOUNT.HOST/REPOSITORY:TAG`, or `@DIGEST`; without both, the tag `latest`
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-pull-ecr-image.html>).
    pub(crate) fn parse(image: &'a str) -> Option<Self> {
        let (host, path) = image.split_once('/')?;
        let (account, of_region) = host.split_once('.')?;
        let (region, host) = EcrHost::parse(of_region)?;
        if account.len() != 12 || !account.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
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
            host,
            repository,
            tag: if digest.is_some() { None } else { tag.or(Some("latest")) },
            digest,
        })
    }
}

/// A rule of a pull-through cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheRule {
    prefix: String,
    /// The registry that images come from.
    pub(crate) upstream: String,
}

impl CacheRule {
    /// Whether it fills a repository. "There is always an assumed / applied to the end of the prefix", and `ROOT` is for all
    /// repositories (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html>).
    pub(crate) fn is_of(&self, repository: &str) -> bool {
        let prefix = self.prefix.trim_end_matches('/');
        let rest = repository.strip_prefix(prefix);
        prefix == "ROOT" || rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    }
}

impl Reads {
    /// The rules of this account's pull-through caches
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html>).
    pub(crate) async fn pull_through_rules(&self) -> Result<Option<Vec<CacheRule>>, CallError> {
        const OPERATION: &str = "DescribePullThroughCacheRules";
        let (mut rules, mut page) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({"maxResults": MAX_RULES});
            if !page.is_null() {
                input["nextToken"] = page;
            }
            let answer = small::json(&self.config, JsonService::Ecr, OPERATION, &input).await?;
            let text = |rule: &Value, name: &str| rule[name].as_str().unwrap_or_default().to_owned();
            rules.extend(
                answer["pullThroughCacheRules"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|rule| CacheRule {
                        prefix: text(rule, "ecrRepositoryPrefix"),
                        upstream: text(rule, "upstreamRegistryUrl"),
                    }),
            );
            page = answer["nextToken"].clone();
            if page.is_null() {
                return Ok(Some(rules));
            }
        }
    }

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
        Ok(answer.get("DeletedDate").is_none_or(Value::is_null).then_some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_through_cache_has_the_repositories_below_its_prefix() {
        let is_of = |prefix: &str, repository: &str| {
            let rule = CacheRule {
                prefix: prefix.to_owned(),
                upstream: "public.ecr.aws".to_owned(),
            };
            rule.is_of(repository)
        };
        assert!(is_of("public", "public/nginx/nginx") && is_of("public/", "public/nginx"));
        assert!(is_of("team/hub", "team/hub/nginx") && is_of("ROOT", "anything"));
        assert!(
            !is_of("public", "publications/nginx") && !is_of("public", "public") && !is_of("public", "other/public/x")
        );
    }

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
        for other in [
            "nginx",
            "docker.io/library/nginx:1",
            "public.ecr.aws/nginx/nginx:1",
            "ecr-public.aws.com/nginx/nginx:1",
            "dkr.ecr.us-east-1.amazonaws.com/auth:7",
            "1111.dkr.ecr.us-east-1.amazonaws.com/auth:7",
            "111122223333.dkr.ecr.us-east-1/auth:7",
            "111122223333.dkr.s3.us-east-1.amazonaws.com/auth:7",
            "example.com/111122223333.dkr.ecr.us-east-1.amazonaws.com/auth:7",
        ] {
            assert_eq!(EcrImage::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_registry_has_names_for_ipv4_alone_and_for_both_families_and_with_fips() {
        for (host, region, is_dual_stack, is_fips) in [
            ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", false, false),
            ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", false, true),
            ("dkr-ecr.eu-west-2.on.aws", "eu-west-2", true, false),
            ("dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1", true, true),
            ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false),
            (
                "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
                "cn-north-1",
                true,
                false,
            ),
            ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", false, false),
        ] {
            let image = format!("111122223333.{host}/team/auth:7");
            let found = EcrImage::parse(&image).unwrap_or_else(|| panic!("{image}"));
            let wanted = EcrHost {
                of_region: host,
                is_dual_stack,
                is_fips,
            };
            assert_eq!(
                (found.account, found.region, found.host),
                ("111122223333", region, wanted)
            );
            assert_eq!((found.repository, found.tag), ("team/auth", Some("7")));
        }
    }
}
