//! Publishes outcome events, up to 10 a call.
//!
//! Runs after everything else; a failure here neither undoes anything nor fails the event.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::{Answer, Call, MAX_ENTRIES_PER_PUT};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::Entry;
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_core::report::outcome_events;

use crate::asking::MAX_AT_ONCE;
use crate::rounds::{Round, Rounds};

/// Time limit of publishing, so that a hanging EventBridge does not make every invocation long.
const PUBLISHING: Duration = Duration::from_secs(5);
/// Total attempts for a failed entry.
const MAX_PUTS: usize = 2;

/// The results of up to 10 outcome events, each with the event that it belongs to.
struct Put {
    entries: Vec<Entry>,
    results: Vec<(usize, Result<(), String>)>,
}

impl<A: Aws, C: Clock> Rounds<A, C> {
    /// Publishes the outcome events, if `OUTCOME_EVENT_BUS` is set.
    pub(crate) async fn publish(&self, all: &mut [Handled], deadline: Timestamp) {
        let Some(bus) = &self.config.outcome_bus else {
            return;
        };
        let deadline = self.clock.now().after(PUBLISHING).min(deadline);
        self.describe_missing(all, deadline).await;
        let events: Vec<(usize, EventEntry)> = all
            .iter()
            .enumerate()
            .flat_map(|(owner, handled)| {
                outcome_events::of(handled, &self.config).into_iter().map(move |event| {
                    let bus = Some(bus.clone());
                    (owner, EventEntry { bus, ..event })
                })
            })
            .collect();
        let puts: Vec<Put> = stream::iter(events.chunks(MAX_ENTRIES_PER_PUT))
            .map(|events| self.put(events.to_vec(), deadline))
            .buffered(MAX_AT_ONCE)
            .collect()
            .await;
        for put in puts {
            // The call is counted once: for the first of the events that it was made for.
            let first = put.results.iter().map(|(owner, _)| *owner).min();
            if let Some(handled) = first.and_then(|owner| all.get_mut(owner)) {
                handled.journal.entries.extend(put.entries);
            }
            for (owner, result) in put.results {
                let Some(Handled { published, .. }) = all.get_mut(owner) else {
                    continue;
                };
                match result {
                    Ok(()) => published.published += 1,
                    Err(error) => {
                        published.unpublished += 1;
                        if !published.errors.contains(&error) {
                            published.errors.push(error);
                        }
                    }
                }
            }
        }
    }

    /// Reads the tags of tasks whose start is not known otherwise, by DescribeTasks.
    async fn describe_missing(&self, all: &mut [Handled], deadline: Timestamp) {
        let missing = all.iter().enumerate();
        let missing =
            missing.filter_map(|(owner, handled)| Some((owner, outcome_events::missing_tags(handled, &self.config)?)));
        let (owners, calls): (Vec<usize>, Vec<Call>) = missing.unzip();
        let round = Round::new(calls, self.clock.now());
        for reply in self.ask_all(&round, deadline).await {
            let owner = owners.get(reply.asker).and_then(|owner| all.get_mut(*owner));
            if let (Some(handled), Some(call), Ok(answer)) = (owner, round.calls.get(reply.asker), reply.answer) {
                handled.journal.entries.push(Entry {
                    call: call.clone(),
                    asked_at: reply.asked_at,
                    answered_at: self.clock.now(),
                    calls: reply.calls,
                    answer,
                });
            }
        }
    }

    /// Puts up to 10 events. Failed entries are put once more.
    async fn put(&self, mut events: Vec<(usize, EventEntry)>, deadline: Timestamp) -> Put {
        let mut put = Put {
            entries: Vec::new(),
            results: Vec::new(),
        };
        let mut errors: Vec<String> = Vec::new();
        for _ in 0..MAX_PUTS {
            let call = Call::PutEvents(events.iter().map(|(_, event)| event.clone()).collect());
            let entry = match self.call_alone(call, deadline).await {
                Ok(entry) => entry,
                Err(failure) => {
                    errors = vec![failure.message; events.len()];
                    break;
                }
            };
            let failed = match &entry.answer {
                Ok(Answer::FailedEntries(failed)) => failed.clone(),
                Ok(_) => Vec::new(),
                Err(error) => {
                    errors = vec![error.to_string(); events.len()];
                    put.entries.push(entry);
                    break;
                }
            };
            put.entries.push(entry);
            let (mut refused, mut reasons) = (Vec::new(), Vec::new());
            for (n, (owner, event)) in events.into_iter().enumerate() {
                match failed.iter().find(|one| one.index == n) {
                    None => put.results.push((owner, Ok(()))),
                    Some(one) => {
                        refused.push((owner, event));
                        reasons.push(one.to_string());
                    }
                }
            }
            (events, errors) = (refused, reasons);
            if events.is_empty() {
                break;
            }
        }
        let failed = events.into_iter().zip(errors);
        put.results
            .extend(failed.map(|((owner, _), error)| (owner, Err(error))));
        put
    }
}
