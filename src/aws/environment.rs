//! The SDK's configuration as Lambda gives it: region and credentials from the environment.
//!
//! The full provider chain of `aws-config` also looks for profiles, SSO, web identities, container and
//! instance credentials, none of which a function has. The credentials are in
//! [the variables that Lambda sets](https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html),
//! and are read for each request, as the chain reads them: whatever refreshes them there is heeded. Lambda itself
//! starts another environment before they expire. Only SnapStart, which functions of this kind (`provided`) do
//! not have, gives credentials that must be asked for (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).

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

/// Reads a variable; one that is empty counts as not set.
pub(super) type Get = fn(&str) -> Option<String>;

/// Region, credentials and endpoints of the environment, and `http` as the client.
pub(super) fn sdk_config(get: Get, http: http::Client) -> SdkConfig {
    let flag = |name| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(get("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(OfEnvironment(get)))
        // To keep what is a look into the environment away would cost more than the look.
        .identity_cache(IdentityCache::no_cache())
        .use_fips(flag("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Endpoints(get))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        // An answer is read as a whole, within the time of its attempt.
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
        // What else clients ask for here is in no variable of a function's, and has a default.
        let service = key.service_id().replace([' ', '-'], "_").to_uppercase();
        (self.0)(&format!("{}_{service}", key.env()))
    }
}
