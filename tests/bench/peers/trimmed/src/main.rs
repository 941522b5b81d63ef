//! The same handler as that with all defaults, on the same SDK with the least features: its own HTTP client with ring,
//! no chain of providers, one thread. What start-engines adds to the SDK is to be seen beside it.

#[path = "../../default/src/handler.rs"]
mod handler;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::SdkConfig;
use aws_types::region::Region;
use handler::{Clients, handle};
use lambda_runtime::{Error, run, service_fn};
use tokio::sync::OnceCell;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pem = std::fs::read(variable("AWS_CA_BUNDLE"))?;
    let trust = TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(pem))
        .build()?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trust)
        .build_https();
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        Some(variable("AWS_SESSION_TOKEN")),
        None,
        "environment",
    );
    let config = SdkConfig::builder()
        .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(http)
        .build();
    let at = |config: SdkConfig, url: &str| config.into_builder().endpoint_url(variable(url)).build();
    let clients = Clients {
        ecs: aws_sdk_ecs::Client::new(&at(config.clone(), "AWS_ENDPOINT_URL_ECS")),
        elb: aws_sdk_elasticloadbalancingv2::Client::new(&at(config, "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2")),
        known: OnceCell::new(),
    };
    let service = async |event| {
        let answer = handle(&clients, event).await?;
        println!("{answer}");
        Ok::<_, Error>(answer)
    };
    run(service_fn(service)).await
}
