//! `status`: shows tasks, targets and their drift.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use start_engines_core::call::CallError;
use start_engines_core::config::Config;
use start_engines_core::decide::deployment::{self, Whose};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn};
use start_engines_core::domain::task::Task;

use crate::args::Status;
use crate::aws::HealthCheck;
use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::event::Known;
use crate::fleet::{Fleet, TargetStatus, is_started_by_start_engines};
use crate::reconciler::{Reconciler, is_of_service, named};
use crate::session::{Session, now};
use crate::terminal::progress::Counting;
use crate::terminal::screen::{out_by, out_json};
use crate::view::plan::WITHHELD;
use crate::view::status::{self, ClusterStatus};

/// Prints the status of all clusters.
pub(crate) async fn status(session: &Session, options: Status) -> Result<(), CommandError> {
    let known = session.known()?;
    let service = options.service.as_deref();
    let clusters = match service {
        Some(service) if known.catalog => super::reconcile::clusters_of(session, &known, service)?,
        Some(_) | None => session.clusters(&known)?,
    };
    let counting = Counting::on(session.screen);
    let calls = Arc::new(Calls::new(session.clients().await?, counting));
    let reconciler = Reconciler::new(known.clone(), Arc::clone(&calls));
    let mut reading = reconciler.read(&clusters, service).await?;
    let mut shown = Vec::new();
    let mut compared = BTreeSet::new();
    for cluster in &clusters {
        reading.read_hosts(cluster, &calls).await?;
        let of_cluster = reconciler.compared(cluster, service, &reading);
        let is_shown = |task: &Task| {
            is_started_by_start_engines(task)
                && !is_anothers(task, &known.config)
                && service.is_none_or(|service| is_of_service(task, service))
        };
        // Of the tasks that are shown, also those that this deployment must not touch.
        let mut groups = named(reading.tasks(cluster).filter(|task| is_shown(task)));
        groups.extend(of_cluster.iter().cloned());
        shown.push(groups);
        compared.extend(of_cluster);
    }
    let all_shown = shown.iter().flatten().cloned().collect();
    reading.read_groups(&compared, &all_shown, &calls).await;
    if let Some(error) = reading.unread_group() {
        return Err(error.clone().into());
    }
    let mut plans = Vec::new();
    for cluster in &clusters {
        plans.push(reconciler.plan(cluster, service, &mut reading).await?);
    }
    let mut all = Vec::new();
    for ((cluster, groups), plan) in clusters.into_iter().zip(&shown).zip(plans) {
        let others = reading
            .tasks(&cluster)
            .filter(|task| is_anothers(task, &known.config) && task.is_live());
        let others = others.count();
        let mut fleet = reading.take_fleet(&cluster, groups, |task| !is_anothers(task, &known.config));
        // Only now, as another service's task may own a target.
        fleet
            .tasks
            .retain(|status| service.is_none() || status.service.as_deref() == service);
        let mut services = services(&known, &cluster);
        services.retain(|name| service.is_none_or(|service| service == name));
        let status = ClusterStatus::new(cluster, fleet, plan, &services, options.stopped, now());
        all.push(status.with_other_deployments_tasks(others));
    }
    drop(reading);
    for status in &mut all {
        status.checks = checks(&status.fleet, &calls).await?;
    }
    calls.counting.end();
    if session.screen.is_json() {
        out_json(&status::Json(&all));
    } else {
        out_by(|out| status::write_table(&all, now(), out));
    }
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

/// How the health of targets is checked, of target groups with targets that are `initial`: of the others nothing is shown.
async fn checks(fleet: &Fleet, calls: &Calls) -> Result<BTreeMap<TargetGroupArn, HealthCheck>, CallError> {
    let targets = fleet.tasks.iter().flat_map(|task| &task.targets);
    let is_initial = |target: &&TargetStatus| target.member.as_ref().is_some_and(|member| &*member.state == "initial");
    let groups: BTreeSet<&TargetGroupArn> = targets
        .filter(is_initial)
        .map(|target| &target.attachment.group)
        .collect();
    let mut checks = BTreeMap::new();
    for group in groups {
        if let Some(check) = calls.health_check(group).await? {
            checks.insert(group.clone(), check);
        }
    }
    Ok(checks)
}

/// Whether a task is another deployment's: it and its targets are not drift of this one.
fn is_anothers(task: &Task, config: &Config) -> bool {
    deployment::whose(task, config) == Whose::AnotherDeployments
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
