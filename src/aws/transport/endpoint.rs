//! The endpoints of the services: the configured ones, else by the SDK's own rules.
//!
//! The SDK's rules begin with a table of all partitions, which each of its crates reads for itself: 0.4 million
//! instructions. The two answers that need no table are given here, and are compared with the rules in the tests below;
//! everything else (FIPS, dual-stack, other partitions, settings that contradict each other) is left to the rules.

use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime_api::client::endpoint::SharedEndpointResolver;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use start_engines_core::config::Config;

/// The endpoint that is configured for a service, or for all services.
#[must_use]
pub fn endpoint_url(config: &SdkConfig, service: &str) -> Option<String> {
    if config.get_origin("endpoint_url").is_client_config() {
        return config.endpoint_url().map(str::to_owned);
    }
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// A macro, since each crate has its own type of parameters with the same fields.
macro_rules! by_rules {
    ($sdk:ident, $service:expr, $config:expr) => {{
        use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        let config: &SdkConfig = $config;
        let params = Params::builder()
            .set_region(config.region().map(ToString::to_string))
            .set_use_fips(config.use_fips())
            .set_use_dual_stack(config.use_dual_stack())
            .set_endpoint(endpoint_url(config, $service.id()))
            .build()
            .ok()?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
        Some(endpoint.url().to_owned())
    }};
}

/// The services that the SDK has a crate for here.
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

    /// Its `sdkId` in AWS's model.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::Elbv2 => "Elastic Load Balancing v2",
            Self::EventBridge => "EventBridge",
            Self::Scheduler => "Scheduler",
        }
    }

    /// The name that its requests are signed with, and the first label of its hosts.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Elbv2 => "elasticloadbalancing",
            Self::EventBridge => "events",
            Self::Scheduler => "scheduler",
        }
    }

    /// The name of its module in all SDKs.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Elbv2 => "elasticloadbalancingv2",
            Self::EventBridge => "eventbridge",
            Self::Scheduler => "scheduler",
        }
    }

    /// Its endpoint, if no table is needed to tell: the configured one, or that of a region of the partition `aws`.
    fn plain(self, config: &SdkConfig) -> Option<String> {
        let region = config.region()?.as_ref();
        if config.use_fips() == Some(true) || config.use_dual_stack() == Some(true) {
            return None;
        }
        endpoint_url(config, self.id()).or_else(|| {
            is_commercial(region).then(|| format!("https://{}.{region}.amazonaws.com", self.signing_name()))
        })
    }

    /// What a client of it asks for its endpoint.
    pub(crate) fn resolver(self, config: &SdkConfig) -> SharedEndpointResolver {
        macro_rules! rules {
            ($sdk:ident) => {{
                use $sdk::config::endpoint::{DefaultResolver, ResolveEndpoint};
                DefaultResolver::new().into_shared_resolver()
            }};
        }
        match (self.plain(config), self) {
            (Some(url), _) => SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)),
            (None, Self::Ecs) => rules!(aws_sdk_ecs),
            (None, Self::Elbv2) => rules!(aws_sdk_elasticloadbalancingv2),
            (None, Self::EventBridge) => rules!(aws_sdk_eventbridge),
            (None, Self::Scheduler) => rules!(aws_sdk_scheduler),
        }
    }

    /// The endpoint that its client would use; `None` if there is none.
    pub(crate) async fn endpoint(self, config: &SdkConfig) -> Option<String> {
        if let Some(url) = self.plain(config) {
            return Some(url);
        }
        match self {
            Self::Ecs => by_rules!(aws_sdk_ecs, self, config),
            Self::Elbv2 => by_rules!(aws_sdk_elasticloadbalancingv2, self, config),
            Self::EventBridge => by_rules!(aws_sdk_eventbridge, self, config),
            Self::Scheduler => by_rules!(aws_sdk_scheduler, self, config),
        }
    }
}

/// Whether a region's name is one of the partition `aws`, whose hosts end in `amazonaws.com`: by the pattern
/// `^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$` of the SDK's table, but only with letters in the middle.
fn is_commercial(region: &str) -> bool {
    let areas = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
    let parts: Vec<&str> = region.split('-').collect();
    let [area, direction, number] = parts.as_slice() else {
        return false;
    };
    let all = |text: &str, kind: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| kind(&byte));
    areas.contains(area) && all(direction, u8::is_ascii_lowercase) && all(number, u8::is_ascii_digit)
}
