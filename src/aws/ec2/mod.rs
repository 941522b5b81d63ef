//! The two calls of EC2: about instances, and about network interfaces.
//!
//! Signed calls on the SDK's own parts (its orchestrator, signer, retries, form writer and XML reader), which
//! are dependencies of the other clients anyway. Compared with `aws-sdk-ec2` 1.274 (without default
//! features) in the release profile, on two cores, when DescribeInstances was the only call:
//!
//! | | this module | `aws-sdk-ec2` |
//! | --- | --- | --- |
//! | build | 4 min 41 s, with all dependencies | 10 min 41 s more, on top of these |
//! | stripped | 6,330,504 bytes | 6,693,568 bytes |
//! | zipped | 2,649,572 bytes | 2,772,191 bytes |
//!
//! The build time was the reason, more than the size. In debug that crate took 6 min 39 s and 7.5 GB of
//! memory.
//!
//! [The form of requests and errors](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html).

mod describe_instances;
mod describe_network_interfaces;
mod endpoint;
mod xml;

use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_query::QueryWriter;
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
use aws_smithy_xml::decode::XmlDecodeError;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use start_engines_core::call::CallError;
use start_engines_core::domain::instance::Ec2Instance;
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};

use self::describe_network_interfaces::Page;
use self::xml::Ec2Error;
use crate::error::call_error;

const API_VERSION: &str = "2016-11-15";
const DESCRIBE_INSTANCES: &str = "DescribeInstances";
const DESCRIBE_NETWORK_INTERFACES: &str = "DescribeNetworkInterfaces";

/// A query, and the token of its next page.
type InterfacesInput = (InterfaceQuery, Option<String>);

/// EC2's two calls.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    instances: Operation<String, Option<Ec2Instance>, Ec2Error>,
    interfaces: Operation<InterfacesInput, Page, Ec2Error>,
}

impl Client {
    /// With region, credentials, endpoint, HTTP client, retries and time limits of `config`.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            instances: operation(
                config,
                DESCRIBE_INSTANCES,
                describe_instances::request,
                describe_instances::read,
            ),
            interfaces: operation(
                config,
                DESCRIBE_NETWORK_INTERFACES,
                describe_network_interfaces::request,
                describe_network_interfaces::read,
            ),
        }
    }

    /// An EC2 instance; `None` if EC2 does not know it, or it has no address.
    pub(crate) async fn describe_instance(&self, id: &str) -> Result<Option<Ec2Instance>, CallError> {
        match self.instances.invoke(id.to_owned()).await {
            Ok(instance) => Ok(instance),
            Err(error) if error.as_service_error().is_some_and(Ec2Error::is_unknown_instance) => Ok(None),
            Err(error) => Err(call_error(DESCRIBE_INSTANCES, &error)),
        }
    }

    /// The network interfaces with any of the addresses or ids, of all pages.
    pub(crate) async fn describe_network_interfaces(
        &self,
        query: &InterfaceQuery,
    ) -> Result<Vec<NetworkInterface>, CallError> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .interfaces
                .invoke((query.clone(), next))
                .await
                .map_err(|error| call_error(DESCRIBE_NETWORK_INTERFACES, &error))?;
            all.extend(page.interfaces);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}

fn operation<I, O>(
    config: &SdkConfig,
    name: &'static str,
    form: fn(&I) -> String,
    read: fn(&[u8]) -> Result<O, XmlDecodeError>,
) -> Operation<I, O, Ec2Error>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
{
    // Without a region, calls of ECS fail before this one is made.
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let endpoint = endpoint::endpoint(config);
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
        .operation_name(name)
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
    let serializer = move |input: I| match unreachable {
        // The settings are wrong, as for the other clients: nothing is sent.
        Some(why) => Err(why.into()),
        None => request(form(&input)),
    };
    let deserializer = move |response: &HttpResponse| {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            return read(body).map_err(OrchestratorError::other);
        }
        let error = xml::read_error(body).map_err(OrchestratorError::other)?;
        Err(OrchestratorError::operation(error))
    };
    operation.serializer(serializer).deserializer(deserializer).build()
}

fn request(form: String) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

/// The form of a request of one operation.
fn form(operation: &str, write: impl FnOnce(&mut QueryWriter<'_>)) -> String {
    let mut form = String::new();
    let mut writer = QueryWriter::new(&mut form, operation, API_VERSION);
    // EC2 may hide what a service manages, such as the interfaces of ECS's tasks, from those who do not ask for it
    // (aws-load-balancer-controller#4730).
    writer.prefix("IncludeManagedResources").boolean(true);
    write(&mut writer);
    writer.finish();
    form
}
