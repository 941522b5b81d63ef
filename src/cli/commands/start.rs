//! `start`: checks `Start ECS Task` events and sends them to the function.

use serde_json::{Map, Value, json};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::domain::arn::Cluster;
use start_engines_core::input::problem::Problems;
use start_engines_core::request::Trigger;
use start_engines_core::request::envelope::START;

use crate::args::Start;
use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::event::{self, Checked, Known};
use crate::event_file::{self, Given};
use crate::inventory::Inventory;
use crate::session::{Session, now, read};
use crate::terminal::progress::Counting;
use crate::terminal::screen::{note, note_wrapped, out};
use crate::wait::{Started, Watch};

/// Checks and sends the starts, and waits with `--wait`. Of a file with several starts, sends all, or none if one is wrong.
pub(crate) async fn start(session: &Session, options: Start) -> Result<(), CommandError> {
    let known = session.known()?;
    let starts = checked(session, &options, &known)?;
    let mut wanted = Vec::new();
    for start in &starts {
        wanted.push(if options.wait.wait {
            clusters(session, &start.event, &start.checked, &known)?
        } else {
            Vec::new()
        });
    }
    let clients = session.clients().await?;
    let (mut sent_events, mut watched, mut end) = (Vec::new(), Vec::new(), Ok(()));
    for (start, clusters) in starts.iter().zip(wanted) {
        match clients.put_event(&start.event).await {
            Ok(id) => {
                sent_events.push(sent(session, &start.event, &id, &start.checked));
                watched.push(Started {
                    identity: start.event.detail["idempotencyKey"].as_str().unwrap_or(&id).to_owned(),
                    count: count(&start.event, &start.checked),
                    clusters,
                    until: options.until,
                });
            }
            Err(error) if sent_events.is_empty() => return Err(error.into()),
            Err(error) => {
                let (sent, all) = (sent_events.len(), starts.len());
                end = Err(CommandError::Aws(format!(
                    "{sent} of {all} events were sent, but not {}: {}: {error}",
                    start.place,
                    error.kind.name()
                )));
                break;
            }
        }
    }
    if options.wait.wait {
        let mut left = options.wait.timeout;
        let mut timed_out: Vec<String> = Vec::new();
        for (event_json, wanted) in sent_events.iter_mut().zip(&watched) {
            let calls = Calls::new(clients.clone(), Counting::hidden());
            // One for each start, since a watch keeps every task that it has once printed.
            let mut watch = Watch::new(Inventory::new(calls), &known.config, left);
            let (tasks, ended) = watch.started(wanted).await;
            event_json["tasks"] = tasks;
            left = watch.left();
            drop(watch);
            if matches!(ended, Err(CommandError::TimedOut(_))) {
                let event = event_json["eventId"].as_str().unwrap_or_default();
                // Of the first one only: a story is many reads.
                if timed_out.is_empty() {
                    let mut ids = vec![event, wanted.identity.as_str()];
                    ids.dedup();
                    super::trace::say(session, &known, &ids).await;
                }
                timed_out.push(event.to_owned());
            }
            end = end.and(ended);
        }
        if let [_, others @ ..] = timed_out.as_slice()
            && !others.is_empty()
        {
            note_wrapped(&format!(
                "start-engines trace ID tells of the others that timed out: {}",
                others.join(", ")
            ));
        }
    }
    match (sent_events.as_slice(), starts.as_slice()) {
        ([one], [_]) => session.screen.result("", one),
        (all, _) => session.screen.result("", &json!({"events": all})),
    }
    end
}

/// A start without problems, as far as the command can check it.
struct CheckedStart {
    place: String,
    event: EventEntry,
    checked: Checked,
}

/// Checks all starts; an error has every problem of each.
fn checked(session: &Session, options: &Start, known: &Known) -> Result<Vec<CheckedStart>, CommandError> {
    let given = given(options)?;
    let all = given.len();
    if all > 1 && options.idempotency_key.is_some() {
        let message = format!("--idempotency-key makes one start of the {all} in the file: write a key into each");
        return Err(CommandError::Usage(message));
    }
    let (mut sound, mut problems, mut wrong) = (Vec::new(), Problems::new(), 0);
    for one in given {
        let found = match one.what {
            Err(found) => Err(found),
            Ok(detail) => {
                let event = session.event(known, START, with_options(detail, session, options))?;
                event::check(&event, known, now()).map(|checked| (event, checked))
            }
        };
        match found {
            Ok((event, checked)) => sound.push(CheckedStart {
                place: one.place,
                event,
                checked,
            }),
            Err(found) => {
                wrong += 1;
                problems.extend(if one.place.is_empty() {
                    found
                } else {
                    found.within(&one.place)
                });
            }
        }
    }
    if wrong > 0 {
        return Err(match all {
            1 => wrong_event(&problems),
            all => CommandError::of(
                &problems,
                &format!("{wrong} of {all} events are wrong, and none was sent"),
            ),
        });
    }
    let mut unchecked: Vec<&str> = sound.iter().flat_map(|one| one.checked.unchecked.clone()).collect();
    unchecked.sort_unstable();
    unchecked.dedup();
    for what in unchecked {
        note_wrapped(&format!("note: {what}"));
    }
    Ok(sound)
}

fn given(options: &Start) -> Result<Vec<Given<Map<String, Value>>>, CommandError> {
    let Some(path) = &options.file else {
        return Ok(vec![Given {
            place: String::new(),
            what: Ok(Map::new()),
            is_entry: false,
        }]);
    };
    let file = serde_json::from_str(&read(path)?)
        .map_err(|error| CommandError::Usage(format!("invalid_event: {} is not JSON: {error}", path.display())))?;
    event_file::starts(file).map_err(|problems| wrong_event(&problems))
}

fn with_options(mut detail: Map<String, Value>, session: &Session, options: &Start) -> Map<String, Value> {
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            detail.insert(name.to_owned(), value);
        }
    };
    put("service", options.service.clone().map(Value::from));
    put("cluster", session.global.cluster.clone().map(Value::from));
    put("count", options.count.map(Value::from));
    put("idempotencyKey", options.idempotency_key.clone().map(Value::from));
    put("correlationId", options.correlation_id.clone().map(Value::from));
    detail.extend(options.set.iter().cloned());
    detail
}

fn wrong_event(problems: &Problems) -> CommandError {
    CommandError::of(problems, "the event is wrong, and was not sent")
}

/// Checks an event with the function's own rules; prints a note of what only the function can check.
pub(crate) fn check(event: &EventEntry, known: &Known) -> Result<Checked, CommandError> {
    let checked = event::check(event, known, now()).map_err(|problems| wrong_event(&problems))?;
    for what in &checked.unchecked {
        note_wrapped(&format!("note: {what}"));
    }
    Ok(checked)
}

/// Prints that an event was sent; returns the same as JSON.
pub(crate) fn sent(session: &Session, event: &EventEntry, id: &str, checked: &Checked) -> Value {
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

/// The clusters that its tasks may run in.
fn clusters(
    session: &Session,
    event: &EventEntry,
    checked: &Checked,
    known: &Known,
) -> Result<Vec<Cluster>, CommandError> {
    if let Some(Trigger::Start(request)) = &checked.trigger {
        return Ok(vec![request.cluster.clone()]);
    }
    match event.detail["cluster"].as_str().and_then(|text| text.parse().ok()) {
        Some(cluster) => Ok(vec![cluster]),
        None => session.clusters(known),
    }
}

fn count(event: &EventEntry, checked: &Checked) -> usize {
    let options = match &checked.trigger {
        Some(Trigger::Start(request)) => i64::from(request.count),
        _ => event.detail["count"].as_i64().unwrap_or(1),
    };
    usize::try_from(options).unwrap_or(1)
}
