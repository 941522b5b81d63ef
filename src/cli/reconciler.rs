//! Runs a reconcile in this process: the same decisions as the function's own for a `Reconcile ECS Targets` event.

use std::time::Duration;

use start_engines_aws::AwsClients;
use start_engines_core::domain::arn::Cluster;
use start_engines_core::domain::target::GroupTarget;
use start_engines_core::outcome::plan::Plan;
use start_engines_core::outcome::{Failure, Outcome, Repairs};
use start_engines_core::ports::Clock;
use start_engines_core::request::Trigger;
use start_engines_core::request::reconcile::ReconcileRequest;
use start_engines_handler::Handler;

use crate::command_error::CommandError;
use crate::event::Known;
use crate::session::{SystemClock, home};

/// Time limit of the comparison, and of the repair, of one cluster.
const MAX_TIME: Duration = Duration::from_secs(900);

/// Compares and repairs with the function's own handler.
pub(crate) struct Reconciler {
    known: Known,
    handler: Handler<AwsClients, SystemClock>,
}

impl Reconciler {
    pub(crate) fn new(known: Known, clients: AwsClients) -> Self {
        let handler = Handler::new(known.config.clone(), clients, SystemClock);
        Self { known, handler }
    }

    fn request(&self, cluster: &Cluster, service: Option<&str>) -> ReconcileRequest {
        let home = cluster.scope().or_else(|| home(&self.known));
        let (cluster, service) = (cluster.clone(), service.map(str::to_owned));
        let identity = "start-engines reconcile".to_owned();
        let config = &self.known.config;
        ReconcileRequest {
            deregisters_nothing: !config.names_all_clusters(),
            ..ReconcileRequest::new(cluster, service, identity, home.as_ref(), config)
        }
    }

    async fn run(&self, request: ReconcileRequest) -> Result<Outcome, Failure> {
        let deadline = SystemClock.now().after(MAX_TIME);
        self.handler
            .carry_out(Trigger::Reconcile(Box::new(request)), deadline)
            .await
    }

    /// Compares, and returns the plan without carrying it out.
    pub(crate) async fn plan(&self, cluster: &Cluster, service: Option<&str>) -> Result<Plan, CommandError> {
        let request = ReconcileRequest {
            dry_run: true,
            ..self.request(cluster, service)
        };
        match self.run(request).await {
            Ok(Outcome::Planned(plan)) => Ok(*plan),
            Ok(other) => Err(CommandError::Aws(format!(
                "expected a plan, got the outcome {}",
                other.name()
            ))),
            Err(failure) => Err(aws_error(cluster, &failure)),
        }
    }

    /// Compares again, and repairs. Returns what was done, also after an error.
    pub(crate) async fn repair(
        &self,
        cluster: &Cluster,
        service: Option<&str>,
        prune: Vec<GroupTarget>,
    ) -> (Repairs, Result<(), CommandError>) {
        let request = ReconcileRequest {
            prune,
            ..self.request(cluster, service)
        };
        match self.run(request).await {
            Ok(Outcome::Reconciled(repairs)) => (*repairs, Ok(())),
            Ok(other) => {
                let message = format!("expected repairs, got the outcome {}", other.name());
                (Repairs::default(), Err(CommandError::Aws(message)))
            }
            Err(failure) => {
                let error = aws_error(cluster, &failure);
                (failure.repairs.map(|repairs| *repairs).unwrap_or_default(), Err(error))
            }
        }
    }
}

pub(crate) fn aws_error(cluster: &Cluster, failure: &Failure) -> CommandError {
    CommandError::Aws(format!("{cluster}: {}: {}", failure.category, failure.message))
}
