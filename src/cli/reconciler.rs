//! Runs a reconcile in this process: the same decisions as the function's own for a `Reconcile ECS Targets` event.
//!
//! A plan is made of what was read before ([`Reading`]), so that nothing is read twice; a repair reads everything itself,
//! right before it changes anything.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::Config;
use start_engines_core::decide::deployment;
use start_engines_core::domain::arn::{Cluster, TargetGroupArn};
use start_engines_core::domain::tags;
use start_engines_core::domain::target::GroupTarget;
use start_engines_core::domain::task::Task;
use start_engines_core::outcome::plan::Plan;
use start_engines_core::outcome::{Failure, Outcome, Repairs};
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::request::Trigger;
use start_engines_core::request::reconcile::ReconcileRequest;
use start_engines_handler::Handler;

use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::event::Known;
use crate::fleet::attachments;
use crate::reading::{Reading, Unread};
use crate::session::{SystemClock, home};

/// Time limit of the comparison, and of the repair, of one cluster.
const MAX_TIME: Duration = Duration::from_secs(900);

/// AWS, as the function's handler knows it: what was read already while a plan is made, and real calls else.
#[derive(Clone, Debug)]
struct Port {
    calls: Arc<Calls>,
    read: Arc<Mutex<Option<Reading>>>,
}

impl Port {
    fn read(&self) -> MutexGuard<'_, Option<Reading>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aws for Port {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        let answer = self.read().as_ref().and_then(|read| read.answer(call));
        if let Some(answer) = answer {
            // So that Ctrl-C is noticed between two decisions.
            tokio::task::yield_now().await;
            return answer;
        }
        self.calls.perform(call, within).await
    }
}

/// Compares and repairs with the function's own handler.
pub(crate) struct Reconciler {
    known: Known,
    port: Port,
    handler: Handler<Port, SystemClock>,
}

impl Reconciler {
    pub(crate) fn new(known: Known, calls: Arc<Calls>) -> Self {
        let port = Port {
            calls,
            read: Arc::default(),
        };
        let handler = Handler::new(known.config.clone(), port.clone(), SystemClock);
        Self { known, port, handler }
    }

    fn calls(&self) -> &Calls {
        &self.port.calls
    }

    /// Reads the tasks of these clusters, and of those where other tasks may own their targets.
    pub(crate) async fn read(&self, clusters: &[Cluster], service: Option<&str>) -> Result<Reading, Unread> {
        self.calls().counting.begin("reading");
        let mut others: Vec<Cluster> = Vec::new();
        for cluster in clusters {
            let more = self.request(cluster, service).others;
            others.extend(more.into_iter().filter(|other| !clusters.contains(other)));
        }
        others.sort();
        others.dedup();
        Reading::of_tasks(clusters, &others, self.calls()).await
    }

    /// The target groups that a reconcile of the cluster compares, by the tasks that were read.
    pub(crate) fn compared(
        &self,
        cluster: &Cluster,
        service: Option<&str>,
        reading: &Reading,
    ) -> BTreeSet<TargetGroupArn> {
        let config = &self.known.config;
        let own = reading.tasks(cluster).filter(|task| is_compared(task, service, config));
        let mut groups = named(own);
        groups.extend(self.request(cluster, service).groups);
        groups.retain(|group| config.allowed.target_groups.allows_target_group(group));
        groups
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

    /// Compares what was read, and returns the plan without carrying it out.
    pub(crate) async fn plan(
        &self,
        cluster: &Cluster,
        service: Option<&str>,
        reading: &mut Reading,
    ) -> Result<Plan, CommandError> {
        let request = ReconcileRequest {
            dry_run: true,
            ..self.request(cluster, service)
        };
        self.calls().counting.begin(&format!("comparing {}", cluster.name()));
        *self.port.read() = Some(std::mem::take(reading));
        let planned = self.run(request).await;
        *reading = self.port.read().take().unwrap_or_default();
        match planned {
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
        self.calls().counting.begin(&format!("repairing {}", cluster.name()));
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

/// Whether the targets of a task of the cluster are compared: it is this deployment's, and of the service if one is given.
fn is_compared(task: &Task, service: Option<&str>, config: &Config) -> bool {
    deployment::is_this_deployments(task, config) && service.is_none_or(|service| is_of_service(task, service))
}

/// Whether the task was started for this service, by its tag.
pub(crate) fn is_of_service(task: &Task, service: &str) -> bool {
    tags::decode(&task.tags).service.as_deref() == Some(service)
}

/// The target groups of tasks.
pub(crate) fn named<'t>(tasks: impl Iterator<Item = &'t Task>) -> BTreeSet<TargetGroupArn> {
    let of_task = |task: &Task| attachments(task, &tags::decode(&task.tags));
    tasks.flat_map(of_task).map(|attachment| attachment.group).collect()
}

pub(crate) fn aws_error(cluster: &Cluster, failure: &Failure) -> CommandError {
    CommandError::Aws(format!("{cluster}: {}: {}", failure.category, failure.message))
}
