//! `reconcile`: compares tasks with targets, prints a plan, and repairs.
//!
//! The same decisions as the function's own for a `Reconcile ECS Targets` event, made in this process: it works
//! while the function does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use start_engines_core::domain::arn::Cluster;
use start_engines_core::domain::target::GroupTarget;
use start_engines_core::outcome::Repairs;
use start_engines_core::outcome::plan::Plan;

use crate::args::Reconcile;
use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::event::Known;
use crate::reconciler::Reconciler;
use crate::session::Session;
use crate::terminal::interrupt::Interrupt;
use crate::terminal::progress::Counting;
use crate::terminal::screen::{confirm, note, out, out_by, out_json};
use crate::terminal::table::counted;
use crate::view::plan::{self, Counts, WITHHELD};

/// Prints the plans of all clusters, asks, and carries them out.
pub(crate) async fn reconcile(
    session: &Session,
    options: Reconcile,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let known = session.known()?;
    let is_sure = known.config.names_all_clusters();
    if options.prune && !is_sure {
        return Err(CommandError::Usage(format!("--prune: {WITHHELD}; nothing was changed")));
    }
    let service = options.service.as_deref();
    let clusters = match service {
        Some(service) => clusters_of(session, &known, service)?,
        None => session.clusters(&known)?,
    };
    let counting = Counting::on(session.screen);
    let calls = Arc::new(Calls::new(session.clients().await?, counting));
    let reconciler = Reconciler::new(known, Arc::clone(&calls));
    let plans: Vec<(Cluster, Plan)> = tokio::select! {
        plans = plans(&reconciler, clusters, service, &calls) => plans?,
        () = interrupt.requested() => return Err(CommandError::Interrupted),
    };
    calls.counting.end();
    print_plans(session, &plans);
    let is_whole = plans
        .iter()
        .all(|(_, plan)| plan.failures.is_empty() && plan.unreached.is_empty());
    let drift = plans.iter().any(|(_, plan)| Counts::of(plan).is_drift());
    let withheld = plans.iter().any(|(_, plan)| Counts::of(plan).withheld > 0);
    if options.dry_run {
        finish(session, &plans, None);
        return match (is_whole, drift, withheld) {
            (false, _, _) => Err(not_whole()),
            (true, _, true) => Err(CommandError::NotWell(WITHHELD.to_owned())),
            (true, true, false) => Err(CommandError::NotWell(String::new())),
            (true, false, false) => Ok(()),
        };
    }
    let agreed = tokio::select! {
        agreed = agreements(session, &plans, &options) => agreed?,
        () = interrupt.requested() => return Err(CommandError::Interrupted),
    };
    // From here on an interrupt waits for the current cluster: a repair that is cut off would skip its second check.
    let mut done = Vec::new();
    let mut result = Ok(());
    for ((cluster, plan), agreed) in plans.iter().zip(agreed) {
        if interrupt.is_requested() || result.is_err() {
            break;
        }
        let Some(prune) = agreed else {
            continue;
        };
        let mut repair = std::pin::pin!(reconciler.repair(cluster, service, prune));
        let (repairs, ended) = tokio::select! {
            ended = &mut repair => ended,
            () = interrupt.requested() => {
                calls.counting.line(&format!("ending the repair of {cluster}; once more ends it at once"));
                repair.await
            }
        };
        calls.counting.end();
        done.push(print_repairs(session, cluster, plan, &repairs));
        result = ended;
    }
    finish(session, &plans, Some(done));
    result?;
    match (interrupt.is_requested(), is_whole, withheld) {
        (true, _, _) => Err(CommandError::Interrupted),
        (false, false, _) => Err(not_whole()),
        (false, true, true) => Err(CommandError::NotWell(WITHHELD.to_owned())),
        (false, true, false) => Ok(()),
    }
}

/// Reads the clusters, and compares.
async fn plans(
    reconciler: &Reconciler,
    clusters: Vec<Cluster>,
    service: Option<&str>,
    calls: &Calls,
) -> Result<Vec<(Cluster, Plan)>, CommandError> {
    let mut reading = reconciler.read(&clusters, service).await?;
    let compared = clusters
        .iter()
        .flat_map(|cluster| reconciler.compared(cluster, service, &reading));
    let compared = compared.collect();
    reading.read_groups(&compared, &BTreeSet::new(), calls).await;
    let mut plans = Vec::new();
    for cluster in clusters {
        let plan = reconciler.plan(&cluster, service, &mut reading).await?;
        plans.push((cluster, plan));
    }
    Ok(plans)
}

/// The clusters of a service: `--cluster`, else the one that the catalog has for it, else all.
pub(super) fn clusters_of(session: &Session, known: &Known, service: &str) -> Result<Vec<Cluster>, CommandError> {
    let Some(entry) = known.config.catalog.get(service) else {
        let rule = known.config.catalog.rule();
        return Err(CommandError::Usage(format!("--service = {service:?}: {rule}")));
    };
    let own = entry.cluster.clone().or_else(|| known.config.defaults.cluster.clone());
    match (session.cluster()?, own) {
        (Some(cluster), _) | (None, Some(cluster)) => Ok(vec![cluster]),
        (None, None) => session.clusters(known),
    }
}

fn not_whole() -> CommandError {
    CommandError::Aws("not everything could be read: see above".to_owned())
}

fn print_plans(session: &Session, plans: &[(Cluster, Plan)]) {
    let screen = session.screen;
    if screen.is_json() {
        return;
    }
    for (cluster, plan) in plans {
        out_by(|out| plan::write_table(cluster, plan, out));
    }
}

/// The JSON that `docs/command.md` documents.
#[derive(Serialize)]
struct Report<'a> {
    done: Option<Vec<Value>>,
    note: Option<&'static str>,
    plans: Vec<plan::Json<'a>>,
}

fn finish(session: &Session, plans: &[(Cluster, Plan)], done: Option<Vec<Value>>) {
    if session.screen.is_json() {
        let withheld = plans.iter().any(|(_, plan)| Counts::of(plan).withheld > 0);
        out_json(&Report {
            done,
            note: withheld.then_some(WITHHELD),
            plans: plans.iter().map(|(cluster, plan)| plan::Json(cluster, plan)).collect(),
        });
    }
}

/// Asks for each cluster: the unknown targets to deregister in the repair, or none if there is nothing to do.
async fn agreements(
    session: &Session,
    plans: &[(Cluster, Plan)],
    options: &Reconcile,
) -> Result<Vec<Option<Vec<GroupTarget>>>, CommandError> {
    let mut agreed = Vec::new();
    for (cluster, plan) in plans {
        let counts = Counts::of(plan);
        let mut is_agreed = None;
        if counts.is_drift() {
            if !options.yes {
                let question = format!("Repair {} in {cluster}?", counts.repairs());
                ask(session, &question, "--yes where there is no terminal").await?;
            }
            is_agreed = Some(Vec::new());
        }
        if counts.unknown > 0 && options.prune {
            // Others may need them, so --yes does not answer this.
            let question = format!("Deregister {} in {cluster}?", counted(counts.unknown, "unknown target"));
            ask(session, &question, "a terminal, because of --prune").await?;
            is_agreed = Some(plan::unknown(plan));
        } else if counts.unknown > 0 {
            let unknown = counted(counts.unknown, "unknown target");
            note(&format!(
                "note: {unknown} in {cluster} left alone (--prune deregisters them)"
            ));
        }
        agreed.push(is_agreed);
    }
    Ok(agreed)
}

async fn ask(session: &Session, question: &str, needs: &str) -> Result<(), CommandError> {
    if !session.screen.is_interactive() {
        let message = format!("{question} This needs {needs}; nothing was changed");
        return Err(CommandError::Usage(message));
    }
    if confirm(question).await {
        Ok(())
    } else {
        Err(CommandError::Usage("nothing was changed".to_owned()))
    }
}

/// Prints what was done; with `--output json` the value to print later.
fn print_repairs(session: &Session, cluster: &Cluster, plan: &Plan, repairs: &Repairs) -> Value {
    if !session.screen.is_json() {
        let (up, down) = (repairs.registered.len(), repairs.deregistered.len());
        let stopped = match repairs.stopped.len() {
            0 => String::new(),
            stopped => format!(", {} stopped", counted(stopped, "task")),
        };
        out(&format!(
            "Cluster {}: {up} registered, {down} deregistered{stopped}\n",
            cluster.name()
        ));
        let counts = Counts::of(plan);
        if up != counts.register || down < counts.deregister {
            out("Some targets have changed since the plan: start-engines status shows them\n");
        }
        return Value::Null;
    }
    json!({
        "cluster": cluster.as_str(),
        "registered": repairs.registered.iter().map(|(_, target)| target.to_string()).collect::<Vec<_>>(),
        "deregistered": repairs.deregistered.iter().map(|(_, target)| target.to_string()).collect::<Vec<_>>(),
        "unknown": repairs.unknown.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "stopped": repairs.stopped.iter().map(|task| task.as_str()).collect::<Vec<_>>(),
    })
}
