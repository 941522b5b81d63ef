//! Every default left as it is.

mod handler;

use handler::{Clients, handle};
use lambda_runtime::{Error, run, service_fn, tracing};
use tokio::sync::OnceCell;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_from_env().await;
    let clients = Clients {
        ecs: aws_sdk_ecs::Client::new(&config),
        elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        known: OnceCell::new(),
    };
    let service = async |event| {
        let answer = handle(&clients, event).await?;
        tracing::info!(%answer, "handled");
        Ok::<_, Error>(answer)
    };
    run(service_fn(service)).await
}
