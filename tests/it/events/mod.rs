//! What each event does, by the real handler with the real adapters, against the fake of AWS at the wire.

mod bad_input;
mod batches;
mod cells;
mod deadlines;
mod deployments;
mod field_cases;
mod fixtures;
mod groups;
mod hosts;
mod instances;
mod interfaces;
mod ladder;
mod lost_instances;
mod outcome_events;
mod overdue;
mod races;
mod readiness;
mod reconcile;
mod searches;
mod shapes;
mod start_times;
mod starts;
mod stop_times;
mod stops;
mod stops_of_many;
