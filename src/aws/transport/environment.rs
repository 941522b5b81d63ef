//! The SDK's configuration in Lambda: region and credentials from the environment.
//!
//! The full provider chain of `aws-config` also looks for profiles, SSO, web identities, container and
//! instance credentials, none of which a function has. The credentials are in
//! [the variables that Lambda sets](https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html),
//! and are read for each request, as the chain reads them, so that refreshed ones are used. Lambda itself
//! starts another environment before they expire. Only SnapStart, which the runtime `provided` does not have, needs
//! a call for credentials (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::http;

/// Reads a variable; an empty one counts as not set.
pub(crate) type Get = fn(&str) -> Option<String>;

/// The configuration with region, credentials and endpoints from the environment, and `http` as the client.
pub(crate) fn sdk_config(get: Get, http: http::Client) -> SdkConfig {
    let flag = |name| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(get("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(OfEnvironment(get)))
        // A cache would cost more than reading the environment.
        .identity_cache(IdentityCache::no_cache())
        .use_fips(flag("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Endpoints(get))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        // An answer is read in full within the time of its attempt.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(get("AWS_ENDPOINT_URL"));
    config.build()
}

#[derive(Debug)]
struct OfEnvironment(Get);

impl ProvideCredentials for OfEnvironment {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let Self(get) = self;
        future::ProvideCredentials::ready(match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = get("AWS_SESSION_TOKEN");
                Ok(Credentials::new(id, secret, token, None, "environment"))
            }
            _ => Err(CredentialsError::not_loaded(
                "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set",
            )),
        })
    }
}

/// `AWS_ENDPOINT_URL_ECS` and the like
/// ([service-specific endpoints](https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html)).
#[derive(Debug)]
struct Endpoints(Get);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        // The clients' other keys have no variable in Lambda, and have defaults.
        let service = key.service_id().replace([' ', '-'], "_").to_uppercase();
        (self.0)(&format!("{}_{service}", key.env()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::endpoint::{self, Service};
    use super::super::tls;
    use super::*;
    use start_engines_core::call::schedule::Scheduler;
    use start_engines_core::config::Config;

    static ROTATED: AtomicBool = AtomicBool::new(false);

    fn variable(name: &str) -> Option<String> {
        let rotated = ROTATED.load(Ordering::Relaxed);
        let value = match name {
            "AWS_ACCESS_KEY_ID" if rotated => "new",
            "AWS_ACCESS_KEY_ID" => "old",
            "AWS_SECRET_ACCESS_KEY" => "secret",
            "AWS_SESSION_TOKEN" if rotated => "token",
            "AWS_ENDPOINT_URL" => "http://all",
            "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2" => "http://elbv2",
            "AWS_REGION" => "eu-west-1",
            "AWS_USE_FIPS_ENDPOINT" => "True",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn config() -> SdkConfig {
        sdk_config(variable, http::Client::new(tls::client_config(None, None).unwrap()))
    }

    #[tokio::test]
    async fn credentials_are_read_for_each_request() {
        let provider = config().credentials_provider().unwrap();
        let old = provider.provide_credentials().await.unwrap();
        assert_eq!((old.access_key_id(), old.session_token()), ("old", None));
        ROTATED.store(true, Ordering::Relaxed);
        let new = provider.provide_credentials().await.unwrap();
        assert_eq!((new.access_key_id(), new.session_token()), ("new", Some("token")));
        let none = OfEnvironment(|_| None).provide_credentials().await;
        assert!(matches!(none, Err(CredentialsError::CredentialsNotLoaded(_))));
    }

    #[test]
    fn a_services_own_endpoint_goes_before_the_one_of_all_services() {
        let config = config();
        let of = |service| endpoint::endpoint_url(&config, service);
        assert_eq!(of("Elastic Load Balancing v2").as_deref(), Some("http://elbv2"));
        assert_eq!(of("ECS").as_deref(), Some("http://all"));
        assert_eq!(config.region().map(Region::as_ref), Some("eu-west-1"));
        assert_eq!((config.use_fips(), config.use_dual_stack()), (Some(true), Some(false)));
    }

    #[tokio::test]
    async fn without_a_configured_endpoint_it_is_the_regions_own() {
        let region = |name: &str| (name == "AWS_REGION").then(|| "cn-north-1".to_owned());
        let sdk = sdk_config(region, http::Client::new(tls::client_config(None, None).unwrap()));
        let endpoints = async |services: Vec<Service>| {
            let mut found = Vec::new();
            for service in services {
                found.extend(service.endpoint(&sdk).await);
            }
            found
        };
        let mut config = Config::read(|_| None, None, None).unwrap();
        let ecs = "https://ecs.cn-north-1.amazonaws.com.cn";
        let elbv2 = "https://elasticloadbalancing.cn-north-1.amazonaws.com.cn";
        assert_eq!(endpoints(Service::used(&config)).await, [ecs, elbv2]);
        config.outcome_bus = Some("outcomes".parse().unwrap());
        let events = "https://events.cn-north-1.amazonaws.com.cn";
        assert_eq!(endpoints(Service::used(&config)).await, [ecs, elbv2, events]);
        config.scheduler = Some(Scheduler {
            role: "arn:aws-cn:iam::111122223333:role/stops".parse().unwrap(),
            group: None,
            dead_letters: None,
        });
        let scheduler = "https://scheduler.cn-north-1.amazonaws.com.cn";
        assert_eq!(endpoints(Service::used(&config)).await, [ecs, elbv2, scheduler, events]);
    }
}
