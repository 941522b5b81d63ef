//! `start`: a `Start ECS Task` event, checked here, carried out by the function.

use serde_json::{Map, Value, json};
use start_engines::arn::Cluster;
use start_engines::operator::request::{self, Checked, Known, NewEvent};
use start_engines::trigger::{START, Trigger};

use crate::arguments::Start;
use crate::fleet::Lookout;
use crate::screen::{note, out};
use crate::session::{Session, now, read};
use crate::trouble::Trouble;
use crate::watch::{Started, Watch};

/// Checks, sends, and waits if it is asked to.
pub(crate) async fn start(session: &Session, asked: Start) -> Result<(), Trouble> {
    let known = session.known()?;
    let event = session.event(START, detail(session, &asked)?)?;
    let checked = check(&event, &known)?;
    let clusters = if asked.wait.wait {
        clusters(session, &event, &checked, &known)?
    } else {
        Vec::new()
    };
    let clients = session.clients().await?;
    let id = clients.put_event(&event).await?;
    let mut told = sent(session, &event, &id, &checked);
    if !asked.wait.wait {
        session.screen.result("", &told);
        return Ok(());
    }
    let wanted = Started {
        identity: event.detail["idempotencyKey"].as_str().unwrap_or(&id).to_owned(),
        count: count(&event, &checked),
        clusters,
    };
    let mut watch = Watch::new(Lookout::new(&clients), &known.config, asked.wait.timeout);
    let (tasks, end) = watch.started(&wanted).await;
    told["tasks"] = tasks;
    session.screen.result("", &told);
    end
}

fn detail(session: &Session, asked: &Start) -> Result<Map<String, Value>, Trouble> {
    let mut detail = match &asked.file {
        Some(path) => request::detail_of(&read(path)?)
            .map_err(|why| Trouble::Usage(format!("invalid_event: {}: {why}", path.display())))?,
        None => Map::new(),
    };
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            detail.insert(name.to_owned(), value);
        }
    };
    put("service", asked.service.clone().map(Value::from));
    put("cluster", session.global.cluster.clone().map(Value::from));
    put("count", asked.count.map(Value::from));
    put("idempotencyKey", asked.idempotency_key.clone().map(Value::from));
    put("correlationId", asked.correlation_id.clone().map(Value::from));
    detail.extend(asked.set.iter().cloned());
    Ok(detail)
}

/// By the function's own rules; what cannot be checked here is said.
pub(crate) fn check(event: &NewEvent, known: &Known) -> Result<Checked, Trouble> {
    let checked = request::check(event, known, now())
        .map_err(|problems| Trouble::of(&problems, "the event is wrong, and was not sent"))?;
    for what in &checked.unchecked {
        note(&format!("note: {what}"));
    }
    Ok(checked)
}

/// Tells that an event is on its way; gives the same as JSON.
pub(crate) fn sent(session: &Session, event: &NewEvent, id: &str, checked: &Checked) -> Value {
    let bus = event.bus.as_ref().map_or("default", |bus| bus.as_str());
    let line = format!("sent {} as event {id} to the bus {bus}", event.detail_type);
    if session.screen.is_json() {
        note(&line);
    } else {
        out(&format!("{line}\n"));
    }
    json!({
        "eventId": id,
        "detailType": event.detail_type,
        "source": event.source,
        "eventBus": bus,
        "detail": event.detail,
        "unchecked": checked.unchecked,
    })
}

/// Where its tasks can be.
fn clusters(session: &Session, event: &NewEvent, checked: &Checked, known: &Known) -> Result<Vec<Cluster>, Trouble> {
    if let Some(Trigger::Start(request)) = &checked.trigger {
        return Ok(vec![request.cluster.clone()]);
    }
    match event.detail["cluster"].as_str().and_then(|text| text.parse().ok()) {
        Some(cluster) => Ok(vec![cluster]),
        None => session.clusters(known),
    }
}

fn count(event: &NewEvent, checked: &Checked) -> usize {
    let asked = match &checked.trigger {
        Some(Trigger::Start(request)) => i64::from(request.count),
        _ => event.detail["count"].as_i64().unwrap_or(1),
    };
    usize::try_from(asked).unwrap_or(1)
}
