//! The endpoint of EC2, by the rules of the SDK's other clients.

use aws_types::SdkConfig;

use crate::transport::endpoint::endpoint_url;

/// The endpoint of EC2, by the rules of the SDK's other clients: the configured one, else the region's, with FIPS and
/// dual-stack if these are set.
///
/// Follows the `endpoint-rule-set-1.json` of EC2 in botocore (`botocore/data/ec2/2016-11-15`).
pub(super) fn endpoint(config: &SdkConfig) -> Result<String, &'static str> {
    let region = config.region().map(AsRef::as_ref).unwrap_or_default();
    let (fips, dual_stack) = (config.use_fips() == Some(true), config.use_dual_stack() == Some(true));
    match endpoint_url(config, "ec2") {
        Some(_) if fips => Err("FIPS and a custom endpoint are not supported together"),
        Some(_) if dual_stack => Err("dual-stack and a custom endpoint are not supported together"),
        Some(url) => Ok(url),
        None if region.is_empty() => Err("the region is missing"),
        None => Ok(endpoint_in(region, fips, dual_stack)),
    }
}

fn endpoint_in(region: &str, fips: bool, dual_stack: bool) -> String {
    let [plain, dual] = dns_suffixes(region);
    match (fips, dual_stack) {
        // The plain name is FIPS already; only dual-stack has another one.
        (true, false) if region.starts_with("us-gov-") => format!("https://ec2.{region}.{plain}"),
        (true, false) => format!("https://ec2-fips.{region}.{plain}"),
        (true, true) => format!("https://ec2-fips.{region}.{dual}"),
        (false, true) => format!("https://ec2.{region}.{dual}"),
        (false, false) => format!("https://ec2.{region}.{plain}"),
    }
}

/// The plain DNS suffix of a region's partition.
pub(super) fn dns_suffix(region: &str) -> &'static str {
    dns_suffixes(region)[0]
}

/// The DNS suffixes of a region's partition: plain and dual-stack
/// ([partitions](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html)). In
/// the table of the SDK's own clients, all partitions have both, and FIPS.
fn dns_suffixes(region: &str) -> [&'static str; 2] {
    let partitions = [
        ("cn-", ["amazonaws.com.cn", "api.amazonwebservices.com.cn"]),
        ("eusc-", ["amazonaws.eu", "api.amazonwebservices.eu"]),
        ("us-iso-", ["c2s.ic.gov", "api.aws.ic.gov"]),
        ("us-isob-", ["sc2s.sgov.gov", "api.aws.scloud"]),
        ("us-isof-", ["csp.hci.ic.gov", "api.aws.hci.ic.gov"]),
        ("eu-isoe-", ["cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"]),
    ];
    let found = partitions.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or(["amazonaws.com", "api.aws"], |(_, suffixes)| *suffixes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::Client;
    use crate::transport::{environment, http, tls};

    #[test]
    fn each_partition_has_its_names_of_fips_and_dual_stack() {
        // From the SDKs' tests of EC2's rules, `endpoint-tests-1.json`.
        for (region, fips, dual_stack, host) in [
            ("us-east-1", false, false, "ec2.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "ec2-fips.us-east-1.amazonaws.com"),
            ("us-east-1", false, true, "ec2.us-east-1.api.aws"),
            ("us-east-1", true, true, "ec2-fips.us-east-1.api.aws"),
            ("cn-north-1", false, false, "ec2.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", true, false, "ec2-fips.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "ec2.cn-north-1.api.amazonwebservices.com.cn"),
            (
                "cn-north-1",
                true,
                true,
                "ec2-fips.cn-north-1.api.amazonwebservices.com.cn",
            ),
            ("us-gov-west-1", false, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", false, true, "ec2.us-gov-west-1.api.aws"),
            ("us-gov-west-1", true, true, "ec2-fips.us-gov-west-1.api.aws"),
            ("us-iso-east-1", true, false, "ec2-fips.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", true, false, "ec2-fips.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!(endpoint_in(region, fips, dual_stack), format!("https://{host}"));
        }
    }

    /// Elastic Container Service has the same rules, but for the plain name in us-gov.
    #[tokio::test]
    async fn all_partitions_are_those_of_the_other_clients() {
        use aws_sdk_ecs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        let regions = [
            "us-east-1",
            "mx-central-1",
            "cn-northwest-1",
            "us-gov-east-1",
            "eusc-de-east-1",
            "us-iso-west-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
        ];
        for region in regions {
            for (fips, dual_stack) in [(false, false), (false, true), (true, false), (true, true)] {
                let params = Params::builder()
                    .region(region)
                    .use_fips(fips)
                    .use_dual_stack(dual_stack);
                let resolved = DefaultResolver::new().resolve_endpoint(&params.build().unwrap()).await;
                let ecs = resolved.unwrap().url().replace("://ecs", "://ec2");
                let is_plain = region.starts_with("us-gov-") && fips && !dual_stack;
                let expected = if is_plain { ecs.replace("ec2-fips", "ec2") } else { ecs };
                assert_eq!(endpoint_in(region, fips, dual_stack), expected);
            }
        }
    }

    #[tokio::test]
    async fn what_the_settings_ask_for_is_heeded_and_what_no_client_takes_is_an_error_without_a_call() {
        const IN: (&str, &str) = ("AWS_REGION", "eu-west-1");
        const FIPS: (&str, &str) = ("AWS_USE_FIPS_ENDPOINT", "true");
        const DUAL_STACK: (&str, &str) = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
        const CUSTOM: (&str, &str) = ("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:1");
        let sdk = |get: fn(&str) -> Option<String>| {
            environment::sdk_config(get, http::Client::new(tls::client_config(None, None).unwrap()))
        };
        macro_rules! with {
            ($($variable:expr),*) => {
                sdk(|name| [$($variable),*].iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
            };
        }
        assert_eq!(
            endpoint(&with!(IN, FIPS, DUAL_STACK)).unwrap(),
            "https://ec2-fips.eu-west-1.api.aws"
        );
        assert_eq!(endpoint(&with!(IN)).unwrap(), "https://ec2.eu-west-1.amazonaws.com");
        assert_eq!(endpoint(&with!(IN, CUSTOM)).unwrap(), CUSTOM.1);
        for (sdk, word) in [
            (with!(IN, FIPS, CUSTOM), "FIPS"),
            (with!(IN, DUAL_STACK, CUSTOM), "dual-stack"),
            (with!(FIPS), "region"),
        ] {
            let error = Client::new(&sdk)
                .describe_instance("i-0123456789abcdef0")
                .await
                .unwrap_err();
            assert!(!error.kind.is_transient() && error.message.contains(word), "{error:?}");
        }
    }
}
