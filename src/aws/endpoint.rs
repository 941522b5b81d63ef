//! Where the services are, before a call asks: what is configured, else what the SDK's own rules say.

use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The endpoint that is configured for a service, or for all.
pub(super) fn endpoint_url(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// A service's endpoint, as its client finds it for a call; `None` where that would fail.
macro_rules! endpoint {
    ($sdk:ident, $service:literal, $config:expr) => {{
        use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        let config: &SdkConfig = $config;
        let params = Params::builder()
            .set_region(config.region().map(ToString::to_string))
            .set_use_fips(config.use_fips())
            .set_use_dual_stack(config.use_dual_stack())
            .set_endpoint(endpoint_url(config, $service))
            .build()
            .ok()?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
        Some(endpoint.url().to_owned())
    }};
}

/// That of ECS.
pub(super) async fn of_ecs(config: &SdkConfig) -> Option<String> {
    endpoint!(aws_sdk_ecs, "ECS", config)
}

/// That of Elastic Load Balancing.
pub(super) async fn of_elbv2(config: &SdkConfig) -> Option<String> {
    endpoint!(aws_sdk_elasticloadbalancingv2, "Elastic Load Balancing v2", config)
}
