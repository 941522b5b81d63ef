//! Signed calls of services that have no crate here, on the SDK's own parts: its orchestrator, signer and retries.
//!
//! Must not know any service: the callers have its forms, endpoints and errors.

use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
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
use aws_types::region::{Region, SigningRegion};
use aws_types::{SdkConfig, SigningName};
use start_engines_core::call::{CallError, ErrorKind};

use crate::error::call_error;

pub use crate::transport::endpoint::endpoint_url;

/// The service of an operation, and where it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The name that requests are signed with.
    pub name: &'static str,
    /// The region that requests are signed for.
    pub region: String,
    /// Its endpoint, or why it has none: then every call fails, and nothing is sent.
    pub endpoint: Result<String, &'static str>,
}

/// An operation with credentials, HTTP client, retries and time limits of `config`. `write` makes the request, and `read`
/// the answer of a whole response.
pub fn operation<I, O, E>(
    config: &SdkConfig,
    place: Place,
    operation: &'static str,
    write: fn(&I) -> Result<HttpRequest, BoxError>,
    read: impl Fn(&HttpResponse) -> Result<O, OrchestratorError<E>> + Send + Sync + 'static,
) -> Operation<I, O, E>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
    E: std::error::Error + ProvideErrorMetadata + std::fmt::Debug + Send + Sync + 'static,
{
    let unreachable = place.endpoint.as_ref().err().copied();
    let mut layer = Layer::new(place.name);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(Region::new(place.region))),
        region_set: None,
        name: Some(SigningName::from_static(place.name)),
        signing_options: SigningOptions::default(),
    });
    let mut components = RuntimeComponentsBuilder::new(place.name)
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
    let mut builder = Operation::builder()
        .service_name(place.name)
        .operation_name(operation)
        .endpoint_url(place.endpoint.as_deref().unwrap_or("https://nowhere.invalid"))
        .with_connection_poisoning()
        .retry_classifier(TransientErrorClassifier::<E>::new())
        .retry_classifier(AwsErrorCodeClassifier::<E>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .runtime_plugin(
            StaticRuntimePlugin::new()
                .with_config(layer.freeze())
                .with_runtime_components(components),
        );
    if let Some(behavior) = config.behavior_version() {
        builder = builder.behavior_version(behavior);
    }
    if let Some(retries) = config.retry_config() {
        builder = builder.standard_retry(retries);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    let serializer = move |input: I| match unreachable {
        // The settings are wrong, as for the other clients: nothing is sent.
        Some(why) => Err(why.into()),
        None => write(&input),
    };
    builder.serializer(serializer).deserializer(read).build()
}

/// A request of the query protocols: a form that is sent to `/`.
///
/// # Errors
/// None, for these constants.
pub fn form_request(form: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

/// What AWS answers a URL that it has signed itself, such as `Content.Location` of GetLayerVersion. The URL is a secret
/// for as long as it is valid: no message has it.
///
/// # Errors
/// Those of the connection, and any status but success.
pub async fn download(config: &SdkConfig, operation: &'static str, url: &str) -> Result<Vec<u8>, CallError> {
    let unreadable = |message: &str| CallError {
        operation,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message: message.to_owned(),
    };
    let parsed: http::Uri = url
        .parse()
        .map_err(|_| unreadable("AWS has answered a location that is no URL"))?;
    let (Some(scheme), Some(host)) = (parsed.scheme_str(), parsed.authority()) else {
        return Err(unreadable("AWS has answered a location without a host"));
    };
    let components = RuntimeComponentsBuilder::new("download")
        .with_http_client(config.http_client())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source());
    let mut builder = Operation::builder()
        .service_name("download")
        .operation_name(operation)
        .endpoint_url(&format!("{scheme}://{host}"))
        .no_auth()
        .no_retry()
        .runtime_plugin(StaticRuntimePlugin::new().with_runtime_components(components));
    if let Some(behavior) = config.behavior_version() {
        builder = builder.behavior_version(behavior);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    let path = parsed
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    let write = |path: String| -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method("GET")?;
        request.set_uri(path)?;
        Ok(request)
    };
    let read = |response: &HttpResponse| -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
        let status = response.status();
        if !status.is_success() {
            return Err(OrchestratorError::other(format!("HTTP status {status}")));
        }
        Ok(response.body().bytes().unwrap_or_default().to_vec())
    };
    let get = builder.serializer(write).deserializer(read).build();
    get.invoke(path).await.map_err(|error| call_error(operation, &error))
}
