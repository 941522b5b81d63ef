//! The endpoints of the services, before a call needs them: the configured ones, else by the SDK's own rules.

use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use start_engines_core::config::Config;

/// The endpoint that is configured for a service, or for all services.
pub(crate) fn endpoint_url(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// A macro, since each client has its own type of parameters with the same fields.
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

/// The services that events need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Ecs,
    Elbv2,
    EventBridge,
    Scheduler,
}

impl Service {
    /// The services that any event may need under `config`. Not EC2, which few target groups need.
    pub(crate) fn used(config: &Config) -> Vec<Self> {
        let mut used = vec![Self::Ecs, Self::Elbv2];
        used.extend(config.scheduler.is_some().then_some(Self::Scheduler));
        used.extend(config.outcome_bus.is_some().then_some(Self::EventBridge));
        used
    }

    /// The endpoint that its client would use; `None` if there is none.
    pub(crate) async fn endpoint(self, config: &SdkConfig) -> Option<String> {
        match self {
            Self::Ecs => endpoint!(aws_sdk_ecs, "ECS", config),
            Self::Elbv2 => endpoint!(aws_sdk_elasticloadbalancingv2, "Elastic Load Balancing v2", config),
            Self::EventBridge => endpoint!(aws_sdk_eventbridge, "EventBridge", config),
            Self::Scheduler => endpoint!(aws_sdk_scheduler, "Scheduler", config),
        }
    }
}
