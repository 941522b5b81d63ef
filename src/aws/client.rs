//! Sends the SDK's operations, by the SDK's orchestrator, without the clients of its crates.
//!
//! A client of the SDK reads a table of all partitions when it is built, whatever endpoint it is given:
//! `DefaultResolver::new()` is called in any case, and holds the table. For two clients that was more than half of the
//! instructions of a cold start. So the plugins that the crates give to their clients are put together here, from the
//! SDK's public parts, around the crates' own operations with their serializers, parsers and classifiers of errors. The
//! tests compare what is sent, and how often, with the SDK's own clients, so that an update that adds a plugin is noticed.
//!
//! Left out: metrics and telemetry, for which nothing listens, and the codes in the user agent that tell AWS which
//! features of the SDK are used.

mod request;

use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_json::protocol::aws_json_rpc::AwsJsonRpcProtocol;
use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::{AuthSchemeAndEndpointOrchestrationV2, invoke};
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{SharedAuthScheme, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{CreateUnhandledError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{RuntimePlugins, StaticRuntimePlugin};
use aws_smithy_schema::protocol::{
    ServiceShapeName, ServiceShapeNamespace, ServiceVersion, ServiceXmlNamespace, SharedClientProtocol,
};
use aws_smithy_types::config_bag::{Layer, Storable, StoreReplace};
use aws_smithy_types::error::operation::BuildError;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::endpoint_config::{EndpointUrl, UseDualStack, UseFips};
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};

pub use self::request::Request;
use crate::transport::endpoint::{Service, endpoint_url};

/// The answer to a request of this type.
pub type Answered<R> = Result<<R as Request>::Output, SdkError<<R as Request>::Error, HttpResponse>>;

/// A client of one service.
#[derive(Clone, Debug)]
pub struct Client {
    service: Service,
    plugins: RuntimePlugins,
}

impl Client {
    /// With region, credentials, endpoint, HTTP client, retries and time limits of `config`.
    pub(crate) fn new(service: Service, config: &SdkConfig) -> Self {
        let name = service.module();
        let partition = config
            .region()
            .map_or_else(|| name.to_owned(), |region| format!("{name}-{region}"));
        let defaults = DefaultPluginParams::new()
            .with_retry_partition_name(partition)
            .with_behavior_version(config.behavior_version().unwrap_or_else(BehaviorVersion::latest))
            .with_is_aws_sdk(true);
        let plugins = RuntimePlugins::new()
            .with_client_plugins(default_plugins(defaults))
            .with_client_plugin(
                StaticRuntimePlugin::new()
                    .with_config(settings(service, config).freeze())
                    .with_runtime_components(components(service, config)),
            );
        Self { service, plugins }
    }

    /// Sends a request that was built, and waits for the answer. Repeats it as `config` says.
    ///
    /// # Errors
    /// As the SDK's clients: also if it could not be built.
    pub async fn send<R: Request>(&self, request: Result<R, BuildError>) -> Answered<R> {
        let plugins = self.plugins.clone().with_operation_plugin(R::Operation::default());
        self.invoke(request, plugins).await
    }

    /// The same, with other time limits.
    ///
    /// # Errors
    /// The same.
    pub(crate) async fn send_within<R: Request>(
        &self,
        request: Result<R, BuildError>,
        timeouts: TimeoutConfig,
    ) -> Answered<R> {
        let mut layer = Layer::new("time limits");
        layer.store_put(timeouts);
        let plugins = self
            .plugins
            .clone()
            .with_operation_plugin(R::Operation::default())
            .with_operation_plugin(StaticRuntimePlugin::new().with_config(layer.freeze()));
        self.invoke(request, plugins).await
    }

    async fn invoke<R: Request>(&self, request: Result<R, BuildError>, plugins: RuntimePlugins) -> Answered<R> {
        let input = Input::erase(request.map_err(SdkError::construction_failure)?);
        let other = "the SDK answered with another operation's type";
        match invoke(self.service.id(), R::NAME, input, &plugins).await {
            Ok(output) => output.downcast().map_err(|_| SdkError::construction_failure(other)),
            Err(error) => Err(error.map_service_error(|error| {
                let unhandled = |_| R::Error::create_unhandled_error(other.into(), None);
                error.downcast().unwrap_or_else(unhandled)
            })),
        }
    }
}

/// What the crates' `Config` and `ServiceRuntimePlugin` put into the bag.
fn settings(service: Service, config: &SdkConfig) -> Layer {
    let mut layer = Layer::new(service.id());
    put(&mut layer, config.region().cloned());
    put(&mut layer, config.region().cloned().map(SigningRegion::from));
    put(&mut layer, config.use_fips().map(UseFips));
    put(&mut layer, config.use_dual_stack().map(UseDualStack));
    put(&mut layer, endpoint_url(config, service.id()).map(EndpointUrl));
    put(&mut layer, config.retry_config().cloned());
    put(&mut layer, config.timeout_config().cloned());
    put(&mut layer, config.stalled_stream_protection());
    put(&mut layer, config.app_name().cloned());
    layer.store_put(SigningName::from_static(service.signing_name()));
    layer.store_put(ApiMetadata::new(service.module(), version(service)));
    layer.store_put(AuthSchemeAndEndpointOrchestrationV2);
    if service == Service::Ecs {
        // The other crates have their protocols in their operations.
        layer.store_put(ServiceShapeName::new("AmazonEC2ContainerServiceV20141113"));
        layer.store_put(ServiceShapeNamespace::new("com.amazonaws.ecs"));
        layer.store_put(ServiceVersion::new("2014-11-13"));
        layer.store_put(ServiceXmlNamespace::new(
            "http://ecs.amazonaws.com/doc/2014-11-13/",
            None,
        ));
        layer.store_put(SharedClientProtocol::new(
            AwsJsonRpcProtocol::aws_json_1_1().with_default_namespace("com.amazonaws.ecs"),
        ));
    }
    layer
}

/// The version of its crate.
fn version(service: Service) -> &'static str {
    match service {
        Service::Ecs => aws_sdk_ecs::meta::PKG_VERSION,
        Service::Elbv2 => aws_sdk_elasticloadbalancingv2::meta::PKG_VERSION,
        Service::EventBridge => aws_sdk_eventbridge::meta::PKG_VERSION,
        Service::Scheduler => aws_sdk_scheduler::meta::PKG_VERSION,
    }
}

/// What `config` does not say stays as the defaults have it.
fn put<T>(layer: &mut Layer, value: Option<T>)
where
    T: Storable<Storer = StoreReplace<T>>,
{
    if let Some(value) = value {
        layer.store_put(value);
    }
}

/// What they put into the components.
fn components(service: Service, config: &SdkConfig) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new("client")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_endpoint_resolver(Some(service.resolver(config)))
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_interceptor(SharedInterceptor::permanent(ConnectionPoisoningInterceptor::new()))
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_interceptor(SharedInterceptor::permanent(RecursionDetectionInterceptor::new()))
        .with_time_source(Some(config.time_source().unwrap_or_default()));
    // Where `config` has none, the defaults' stays.
    if let Some(http) = config.http_client() {
        components = components.with_http_client(Some(http));
    }
    if let Some(sleep) = config.sleep_impl() {
        components = components.with_sleep_impl(Some(sleep));
    }
    if let Some(cache) = config.identity_cache() {
        components = components.with_identity_cache(Some(cache));
    }
    if let Some(credentials) = config.credentials_provider() {
        components = components.with_identity_resolver(SCHEME_ID, credentials);
    }
    components
}

#[cfg(test)]
mod tests;
