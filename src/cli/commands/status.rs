//! `status`: shows tasks, targets and their drift.

use start_engines_core::decide::deployment::{self, Whose};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn};

use crate::args::Status;
use crate::command_error::CommandError;
use crate::event::Known;
use crate::fleet::TaskSnapshot;
use crate::inventory::Inventory;
use crate::reconciler::Reconciler;
use crate::session::{Session, home, now};
use crate::view::plan::WITHHELD;
use crate::view::status::{self, ClusterStatus};

/// Prints the status of all clusters.
pub(crate) async fn status(session: &Session, options: Status) -> Result<(), CommandError> {
    let known = session.known()?;
    let clusters = session.clusters(&known)?;
    let groups: Vec<TargetGroupArn> = named_groups(&known);
    let clients = session.clients().await?;
    let reconciler = Reconciler::new(known.clone(), clients.function());
    let mut inventory = Inventory::new(&clients);
    let mut all = Vec::new();
    for cluster in clusters {
        let arns = inventory.list(&cluster).await?;
        let tasks = inventory.tasks(&cluster, &arns).await?;
        // Tasks of other deployments and their targets are not drift of this one.
        let is_anothers =
            |snapshot: &TaskSnapshot| deployment::whose(&snapshot.task, &known.config) == Whose::AnotherDeployments;
        let (others, tasks): (Vec<TaskSnapshot>, Vec<TaskSnapshot>) = tasks.into_iter().partition(is_anothers);
        let others = others.iter().filter(|snapshot| snapshot.task.is_live()).count();
        let fleet = inventory.fleet(tasks, &groups).await?;
        // After the tasks were read: what was repaired meanwhile is not shown as drift.
        let plan = reconciler.plan(&cluster, None).await?;
        let services = services(&known, &cluster);
        let status = ClusterStatus::new(cluster, fleet, plan, &services, options.stopped, now());
        all.push(status.with_other_deployments_tasks(others));
    }
    let screen = session.screen;
    let text = status::table(&all, now());
    screen.result(&text, &status::json(&all));
    let is_whole = all.iter().all(|status| status.plan.failures.is_empty());
    let drifts: usize = all.iter().map(ClusterStatus::drifts).sum();
    let withheld: usize = all.iter().map(ClusterStatus::withheld).sum();
    match (is_whole, drifts, withheld) {
        (false, _, _) => Err(CommandError::Aws("not everything could be read: see above".to_owned())),
        (true, 0, _) => Ok(()),
        (true, _, 0) => Err(CommandError::NotWell(
            "start-engines reconcile repairs the drift".to_owned(),
        )),
        (true, _, _) => Err(CommandError::NotWell(format!(
            "start-engines reconcile repairs what is missing; {WITHHELD}"
        ))),
    }
}

/// Target groups that are read even if no task names them.
fn named_groups(known: &Known) -> Vec<TargetGroupArn> {
    known
        .config
        .named_target_groups(home(known).as_ref())
        .into_iter()
        .collect()
}

/// The services of the catalog that start in this cluster.
fn services(known: &Known, cluster: &Cluster) -> Vec<String> {
    let config = &known.config;
    let of = |name: &&str| {
        let own = config.catalog.get(name).and_then(|entry| entry.cluster.as_ref());
        own.or(config.defaults.cluster.as_ref())
            .is_none_or(|own| own.same_as(cluster))
    };
    config.catalog.names().filter(of).map(str::to_owned).collect()
}
