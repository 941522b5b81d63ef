//! EC2 DescribeInstances of one EC2 instance: its private addresses. The only call of EC2.
//!
//! A signed call on the SDK's own parts (its orchestrator, signer, retries and XML reader), which
//! are dependencies of the other clients anyway. Compared with `aws-sdk-ec2` 1.274 (without default
//! features) in the release profile, on two cores:
//!
//! | | this file | `aws-sdk-ec2` |
//! | --- | --- | --- |
//! | build | 4 min 41 s, with all dependencies | 10 min 41 s more, on top of these |
//! | stripped | 6,330,504 bytes | 6,693,568 bytes |
//! | zipped | 2,649,572 bytes | 2,772,191 bytes |
//!
//! The build time was the reason, more than the size. In debug that crate took 6 min 39 s and 7.5 GB of
//! memory.
//!
//! [DescribeInstances](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html),
//! [the form of requests and errors](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html).

use std::fmt;

use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use start_engines_core::call::CallError;
use start_engines_core::domain::instance::Ec2Instance;
use start_engines_core::domain::task::Addresses;

use crate::error::call_error;
use crate::transport::endpoint::endpoint_url;

const OPERATION: &str = "DescribeInstances";
const API_VERSION: &str = "2016-11-15";

/// Calls DescribeInstances.
#[derive(Clone, Debug)]
pub(crate) struct Client(Operation<String, Option<Ec2Instance>, Ec2Error>);

impl Client {
    /// With region, credentials, endpoint, HTTP client, retries and time limits of `config`.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        // Without a region, calls of ECS fail before this one is made.
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let endpoint = endpoint(config);
        let unreachable = endpoint.as_ref().err().copied();
        let mut layer = Layer::new("ec2");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(aws_types::region::Region::new(region.clone()))),
            region_set: None,
            name: Some(SigningName::from_static("ec2")),
            signing_options: SigningOptions::default(),
        });
        let mut components = RuntimeComponentsBuilder::new("ec2")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
                StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
            )))
            .with_identity_cache(config.identity_cache())
            .with_http_client(config.http_client())
            .with_sleep_impl(config.sleep_impl())
            .with_time_source(config.time_source());
        if let Some(credentials) = config.credentials_provider() {
            components = components.with_identity_resolver(SCHEME_ID, credentials);
        }
        let mut operation = Operation::builder()
            .service_name("ec2")
            .operation_name(OPERATION)
            .endpoint_url(endpoint.as_deref().unwrap_or("https://ec2.invalid"))
            .with_connection_poisoning()
            .retry_classifier(TransientErrorClassifier::<Ec2Error>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Ec2Error>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .runtime_plugin(
                StaticRuntimePlugin::new()
                    .with_config(layer.freeze())
                    .with_runtime_components(components),
            );
        if let Some(behavior) = config.behavior_version() {
            operation = operation.behavior_version(behavior);
        }
        if let Some(retries) = config.retry_config() {
            operation = operation.standard_retry(retries);
        }
        if let Some(timeouts) = config.timeout_config() {
            operation = operation.timeout_config(timeouts.clone());
        }
        let request = move |id| match unreachable {
            // The settings are wrong, as for the other clients: nothing is sent.
            Some(why) => Err(why.into()),
            None => request(id),
        };
        Self(operation.serializer(request).deserializer(read).build())
    }

    /// An EC2 instance; `None` if EC2 does not know it, or it has no address.
    pub(crate) async fn describe_instance(&self, id: &str) -> Result<Option<Ec2Instance>, CallError> {
        match self.0.invoke(id.to_owned()).await {
            Ok(instance) => Ok(instance),
            Err(error) if error.as_service_error().is_some_and(Ec2Error::is_unknown_instance) => Ok(None),
            Err(error) => Err(call_error(OPERATION, &error)),
        }
    }
}

/// The endpoint of EC2, by the rules of the SDK's other clients: the configured one, else the region's, with FIPS and
/// dual-stack if these are set.
///
/// Follows the `endpoint-rule-set-1.json` of EC2 in botocore (`botocore/data/ec2/2016-11-15`).
fn endpoint(config: &SdkConfig) -> Result<String, &'static str> {
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

fn request(id: String) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    // An instance id needs no escaping in a form; anything else is not an instance id.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(format!("{id:?} is not an instance id").into());
    }
    let body = format!("Action={OPERATION}&Version={API_VERSION}&InstanceId.1={id}");
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn read(response: &HttpResponse) -> Result<Option<Ec2Instance>, OrchestratorError<Ec2Error>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return read_instance(body).map_err(OrchestratorError::other);
    }
    let error = read_error(body).map_err(OrchestratorError::other)?;
    Err(OrchestratorError::operation(Ec2Error(error)))
}

/// Reads `reservationSet/item/instancesSet/item`, of which there is at most one.
fn read_instance(body: &[u8]) -> Result<Option<Ec2Instance>, XmlDecodeError> {
    // The reader accepts a truncated body, and half an answer must not make an EC2 instance count as gone.
    if !body.trim_ascii_end().ends_with(b"</DescribeInstancesResponse>") {
        return Err(XmlDecodeError::custom("the answer is truncated"));
    }
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    if !root.start_el().matches("DescribeInstancesResponse") {
        return Err(XmlDecodeError::custom("expected DescribeInstancesResponse"));
    }
    let mut found = None;
    each(&mut root, "reservationSet", |reservations| {
        each(reservations, "item", |reservation| {
            each(reservation, "instancesSet", |instances| {
                each(instances, "item", |instance| {
                    found = one_instance(instance)?;
                    Ok(())
                })
            })
        })
    })?;
    Ok(found)
}

fn one_instance(instance: &mut ScopedDecoder<'_, '_>) -> Result<Option<Ec2Instance>, XmlDecodeError> {
    let mut addresses = Addresses {
        complete: true,
        ..Addresses::default()
    };
    let mut lives = true;
    while let Some(mut field) = instance.next_tag() {
        match field.start_el().local() {
            "privateIpAddress" => addresses.ipv4 = try_data(&mut field)?.parse().ok(),
            "ipv6Address" => addresses.ipv6 = addresses.ipv6.or(try_data(&mut field)?.parse().ok()),
            "instanceState" => each(&mut field, "name", |name| {
                lives = !matches!(try_data(name)?.as_ref(), "shutting-down" | "terminated");
                Ok(())
            })?,
            "networkInterfaceSet" => each(&mut field, "item", |interface| {
                each(interface, "ipv6AddressesSet", |set| {
                    each(set, "item", |item| {
                        each(item, "ipv6Address", |address| {
                            addresses.ipv6 = addresses.ipv6.or(try_data(address)?.parse().ok());
                            Ok(())
                        })
                    })
                })
            })?,
            _ => {}
        }
    }
    Ok(addresses
        .each()
        .next()
        .is_some()
        .then_some(Ec2Instance { addresses, lives }))
}

/// Calls `read` for every child with this name.
fn each<'inp>(
    parent: &mut ScopedDecoder<'inp, '_>,
    name: &str,
    mut read: impl FnMut(&mut ScopedDecoder<'inp, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    while let Some(mut child) = parent.next_tag() {
        if child.start_el().local() == name {
            read(&mut child)?;
        }
    }
    Ok(())
}

/// Reads `Response/Errors/Error`, the form of errors of EC2 alone.
fn read_error(body: &[u8]) -> Result<ErrorMetadata, XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    let mut error = ErrorMetadata::builder();
    each(&mut root, "Errors", |errors| {
        each(errors, "Error", |found| {
            while let Some(mut field) = found.next_tag() {
                let mut taken = std::mem::take(&mut error);
                match field.start_el().local() {
                    "Code" => taken = taken.code(try_data(&mut field)?),
                    "Message" => taken = taken.message(try_data(&mut field)?),
                    _ => {}
                }
                error = taken;
            }
            Ok(())
        })
    })?;
    Ok(error.build())
}

/// An error that EC2 has answered.
#[derive(Debug)]
struct Ec2Error(ErrorMetadata);

impl Ec2Error {
    fn is_unknown_instance(&self) -> bool {
        self.0.code() == Some("InvalidInstanceID.NotFound")
    }
}

impl fmt::Display for Ec2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ec2Error {}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{environment, http, tls};

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <reservationSet><item><reservationId>r-1</reservationId><groupSet/><instancesSet><item>
    <instanceId>i-0123456789abcdef0</instanceId>
    <instanceState><code>16</code><name>running</name></instanceState>
    <privateIpAddress>10.0.2.7</privateIpAddress>
    <networkInterfaceSet><item>
      <privateIpAddress>10.0.2.7</privateIpAddress>
      <ipv6AddressesSet><item><ipv6Address>2001:db8::7</ipv6Address></item></ipv6AddressesSet>
    </item><item>
      <privateIpAddress>10.0.9.9</privateIpAddress>
      <ipv6AddressesSet><item><ipv6Address>2001:db8::9</ipv6Address></item></ipv6AddressesSet>
    </item></networkInterfaceSet>
  </item></instancesSet></item></reservationSet>
</DescribeInstancesResponse>"#;

    #[test]
    fn an_instance_has_its_primary_addresses() {
        let instance = read_instance(ANSWER.as_bytes()).unwrap().unwrap();
        assert_eq!(instance.addresses.ipv4, Some([10, 0, 2, 7].into()));
        assert_eq!(instance.addresses.ipv6, "2001:db8::7".parse().ok());
        assert!(instance.lives);
    }

    #[test]
    fn an_instance_that_ends_lives_no_more_and_one_without_an_address_is_none() {
        let ending = ANSWER.replace("<name>running<", "<name>shutting-down<");
        assert!(!read_instance(ending.as_bytes()).unwrap().unwrap().lives);
        let terminated = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceState>\
            <name>terminated</name></instanceState></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
        assert_eq!(read_instance(terminated.as_bytes()).unwrap(), None);
        let empty = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
        assert_eq!(read_instance(empty.as_bytes()).unwrap(), None);
    }

    #[test]
    fn an_unreadable_answer_does_not_make_an_instance_count_as_gone() {
        for body in [
            "",
            "}{",
            "<html></html>",
            "<DescribeInstancesResponse><reservationSet><item>",
        ] {
            assert!(read_instance(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn errors_have_an_element_of_their_own() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
            <RequestID>r</RequestID></Response>";
        let error = read_error(body.as_bytes()).unwrap();
        assert_eq!(
            (error.code(), error.message()),
            (Some("UnauthorizedOperation"), Some("no"))
        );
    }

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

    #[test]
    fn what_is_no_instance_id_is_not_sent() {
        assert!(request("i-1&Action=TerminateInstances".into()).is_err());
        assert!(request("i-0123456789abcdef0".into()).is_ok());
    }
}
