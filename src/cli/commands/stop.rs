//! `stop`: checks a `Stop ECS Task` event and sends it to the function.

use serde_json::{Map, Value};
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::request::Trigger;
use start_engines_core::request::envelope::STOP;
use start_engines_core::request::stop::Selector;

use super::start::{check, sent};
use crate::args::Stop;
use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::event::Known;
use crate::inventory::Inventory;
use crate::session::{Session, home};
use crate::terminal::progress::Counting;
use crate::terminal::screen::{confirm, note_wrapped};
use crate::wait::{Stopping, Watch};

/// Checks and sends the stop, and waits with `--wait`.
pub(crate) async fn stop(session: &Session, options: Stop) -> Result<(), CommandError> {
    let known = session.known()?;
    let event = session.event(&known, STOP, detail(session, &options, &known)?)?;
    let checked = check(&event, &known)?;
    if let Some(cluster) = &options.all_of_cluster {
        agreed(session, cluster, options.yes).await?;
    }
    let which = if options.wait.wait {
        Some(match &checked.trigger {
            Some(Trigger::Stop(request)) => request.selector.clone(),
            // The catalog or the settings are not known here.
            _ => Selector::Service {
                name: options.service.clone().ok_or_else(|| {
                    let message = "--wait needs to know the task's cluster: give --cluster; nothing was sent";
                    CommandError::Usage(message.to_owned())
                })?,
                clusters: session.clusters(&known)?,
            },
        })
    } else {
        None
    };
    let clients = session.clients().await?;
    let calls = Calls::new(clients.clone(), Counting::hidden());
    let mut watch = Watch::new(Inventory::new(calls), &known.config, options.wait.timeout);
    // Before the event: StopTask deletes the tag with a task's service.
    let tasks = match &which {
        Some(which) => watch.which(which).await?,
        None => Stopping::default(),
    };
    let id = clients.put_event(&event).await?;
    let mut event_json = sent(session, &event, &id, &checked);
    let Some(which) = which else {
        session.screen.result("", &event_json);
        return Ok(());
    };
    match &which {
        Selector::Task { arn, cluster } if !watch.has_seen(arn) => note_wrapped(&format!(
            "nothing to stop: ECS knows no task {} in {}; it is looked for 10 s, as it may have been started just now",
            arn.id(),
            cluster.name()
        )),
        which if tasks.values().all(Vec::is_empty) => {
            note_wrapped(&format!("nothing to stop: ECS lists no live task of {}", words(which)));
        }
        _ => {}
    }
    let (tasks, end) = watch.stopped(tasks).await;
    event_json["tasks"] = tasks;
    session.screen.result("", &event_json);
    end
}

/// What a stop of several tasks selects.
fn words(which: &Selector) -> String {
    let names = |clusters: &[Cluster]| clusters.iter().map(Cluster::name).collect::<Vec<_>>().join(", ");
    match which {
        Selector::Service { name, clusters } => format!("the service {name} in {}", names(clusters)),
        Selector::Cluster(cluster) => format!("this deployment in {}", cluster.name()),
        Selector::Task { arn, .. } => arn.id().to_owned(),
    }
}

fn detail(session: &Session, options: &Stop, known: &Known) -> Result<Map<String, Value>, CommandError> {
    let mut detail = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            detail.insert(name.to_owned(), value);
        }
    };
    if let Some(task) = &options.task {
        put("taskArn", Some(Value::from(task_arn(session, task, known)?)));
    }
    put("service", options.service.clone().map(Value::from));
    put("cluster", session.global.cluster.clone().map(Value::from));
    if let Some(cluster) = &options.all_of_cluster {
        put("cluster", Some(Value::from(cluster.clone())));
        put("all", Some(Value::from(true)));
    }
    put("drainSeconds", options.drain.map(Value::from));
    put("reason", options.reason.clone().map(Value::from));
    put("correlationId", options.correlation_id.clone().map(Value::from));
    Ok(detail)
}

/// A task's ARN; an id is completed with the known account, region and cluster.
fn task_arn(session: &Session, text: &str, known: &Known) -> Result<String, CommandError> {
    let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_id {
        return Ok(text.to_owned());
    }
    let clusters = session.clusters(known)?;
    let [cluster] = clusters.as_slice() else {
        let message =
            format!("--task = {text:?}: the settings name several clusters, so give the task's ARN, or --cluster");
        return Err(CommandError::Usage(message));
    };
    let Some(scope) = cluster.scope().or_else(|| home(known)) else {
        let message =
            format!("--task = {text:?}: the account is not known here, so give the task's ARN, or --function");
        return Err(CommandError::Usage(message));
    };
    let (partition, region, account) = (&scope.partition, &scope.region, &scope.account);
    let arn = format!("arn:{partition}:ecs:{region}:{account}:task/{}/{text}", cluster.name());
    // A wrong id is refused by the function's own rules.
    Ok(arn.parse::<TaskArn>().map_or(text.to_owned(), |arn| arn.to_string()))
}

/// Asks before all tasks of a cluster are stopped.
async fn agreed(session: &Session, cluster: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !session.screen.is_interactive() {
        let message = format!("--all-of-cluster {cluster} needs --yes where there is no terminal; nothing was sent");
        return Err(CommandError::Usage(message));
    }
    let question = format!("Stop all tasks in {cluster} that start-engines has started?");
    if confirm(&question).await {
        Ok(())
    } else {
        Err(CommandError::Usage("nothing was sent".to_owned()))
    }
}
