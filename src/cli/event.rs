//! The events that the command sends, checked with the function's own rules before they are sent.
//!
//! Must not be stricter than the function. If the command does not have the function's catalog or settings, it does not
//! check what depends on them, and reports that.

use serde_json::{Value, json};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::schedule::Scheduler;
use start_engines_core::config::Config;
use start_engines_core::config::allow_list::AllowList;
use start_engines_core::domain::arn::FunctionArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::input::problem::{Kind, Problem, Problems};
use start_engines_core::request::{self, Trigger};

use crate::event_file::NO_ID;

/// The source of the events of one deployment's operators, which its component allows
/// (`pulumi/component/src/sources.ts`): no other deployment on the same bus hears them.
#[must_use]
pub fn operator_source(function: &FunctionArn) -> String {
    format!("start-engines.operator.{}", function.name())
}

/// The sources that version 0.1 had for all deployments. The function's own settings file lists them still, for what its
/// schedules and dead letters hold (`pulumi/component/src/sources.ts`); but no rule lets them through, and nobody would
/// hear an event that the command sends from them.
const FORMER_SOURCES: [&str; 2] = ["start-engines.operator", "start-engines.schedules"];

/// What the command has of the function's configuration.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The configuration, as far as it was given.
    pub config: Config,
    /// Whether the catalog was given.
    pub catalog: bool,
    /// Whether the function's variables were given: its allow-lists, which a deployed one always has.
    pub variables: bool,
    /// The function's ARN.
    pub function: Option<FunctionArn>,
}

/// The result of a check without problems.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The request; none if it depends on settings that the command does not have.
    pub trigger: Option<Trigger>,
    /// What only the function can check, as notes to print.
    pub unchecked: Vec<&'static str>,
}

const NO_CATALOG: &str =
    "the service catalog is not known here (--services, SERVICES_FILE): only the function checks what it adds";
const NO_VARIABLES: &str = "the function's settings are not known here (docs/command.md): only the function checks its defaults and allow-lists";

/// Checks an event before it is sent.
///
/// # Errors
/// With every problem that the function would also find, whatever its configuration.
pub fn check(event: &EventEntry, known: &Known, now: Timestamp) -> Result<Checked, Problems> {
    let mut config = known.config.clone();
    if !known.variables && config.scheduler.is_none() {
        config.scheduler = some_scheduler();
    }
    let envelope = json!({
        "version": "0",
        "id": NO_ID,
        "detail-type": event.detail_type,
        "source": event.source,
        "time": now.to_seconds().map(|time| format!("{time}Z")),
        "detail": event.detail,
    });
    let by_service = event.detail.get("service").is_some_and(Value::is_string);
    if by_service && !known.catalog {
        // The entry's `overridable` is not known here.
        config.catalog_only = false;
    }
    let mut unchecked = Vec::new();
    if by_service && !known.catalog {
        unchecked.push(NO_CATALOG);
    }
    if !known.variables {
        unchecked.push(NO_VARIABLES);
    }
    let mut former = Problems::default();
    if FORMER_SOURCES.contains(&event.source.as_str()) {
        let rule = "no rule lets this source of version 0.1 through: leave out --source, or name an application's";
        former.not_allowed("event.source", &event.source, rule);
        // Whether it is listed makes no difference.
        config.allowed.sources = AllowList::default();
    }
    let read = request::read(envelope, &config, known.function.as_ref());
    if !former.is_empty() {
        former.extend(read.err().unwrap_or_default());
        return Err(former);
    }
    match read {
        Ok(trigger) => Ok(Checked {
            trigger: Some(trigger),
            unchecked,
        }),
        Err(problems) => {
            let may_be_given = |problem: &Problem| {
                let is_missing = problem.value.is_none();
                let is_unknown_service = problem.kind == Kind::NotInCatalog;
                (is_missing && !unchecked.is_empty()) || (is_unknown_service && !known.catalog)
            };
            let sure = problems.without(may_be_given);
            if sure.is_empty() {
                Ok(Checked {
                    trigger: None,
                    unchecked,
                })
            } else {
                Err(sure)
            }
        }
    }
}

/// A placeholder: a deployed function has a scheduler, and the checks do not depend on its values.
fn some_scheduler() -> Option<Scheduler> {
    Some(Scheduler {
        role: "arn:aws:iam::000000000000:role/unknown".parse().ok()?,
        group: None,
        dead_letters: None,
    })
}

/// Parses `field=JSON`; a value that is not JSON is a text.
///
/// # Errors
/// When there is no `=`, or nothing before it.
pub fn field(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            Ok((name.to_owned(), value))
        }
        _ => Err("must be field=JSON, as in count=2 or tags='[{\"key\": \"team\", \"value\": \"a\"}]'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use start_engines_core::request::envelope::{START, STOP};

    fn event(detail_type: &'static str, detail: Value) -> EventEntry {
        EventEntry {
            bus: None,
            source: "app.tests".into(),
            detail_type,
            time: None,
            resources: Vec::new(),
            detail,
        }
    }

    fn known(variables: &[(&str, &str)], catalog: Option<&str>) -> Known {
        let get = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Known {
            config: Config::read(get, None, catalog).unwrap(),
            catalog: catalog.is_some(),
            variables: !variables.is_empty(),
            function: None,
        }
    }

    fn checked(event: &EventEntry, known: &Known) -> Result<Checked, Problems> {
        check(event, known, Timestamp::from_millis(1_795_158_000_000))
    }

    #[test]
    fn without_the_catalog_a_service_is_checked_as_far_as_it_goes() {
        let start = event(START, json!({"service": "auth", "count": 2}));
        let found = checked(&start, &Known::default()).unwrap();
        assert!(found.trigger.is_none());
        assert_eq!(found.unchecked, [NO_CATALOG, NO_VARIABLES]);
        assert!(checked(&event(STOP, json!({"service": ""})), &Known::default()).is_err());
        let wrong = event(START, json!({"service": "auth", "count": 0, "containerNam": "x"}));
        let problems = checked(&wrong, &Known::default()).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["detail.count", "detail.containerNam"]);
    }

    #[test]
    fn with_the_catalog_an_unknown_service_and_what_is_missing_are_errors() {
        let known = known(&[("ALLOWED_SOURCES", "app.tests")], Some(r#"{"auth": {}}"#));
        let problems = checked(&event(START, json!({"service": "atuh"})), &known).unwrap_err();
        assert!(problems.to_string().contains("must be a service of the catalog: auth"));
        let problems = checked(&event(START, json!({"service": "auth"})), &known).unwrap_err();
        assert!(problems.to_string().contains("detail.cluster is missing"), "{problems}");
    }

    #[test]
    fn a_drain_needs_a_scheduler_only_where_the_function_is_known_to_have_none() {
        let stop = event(STOP, json!({"cluster": "engines", "all": true}));
        assert!(checked(&stop, &Known::default()).unwrap().trigger.is_some());
        let known = known(&[("ALLOWED_CLUSTERS", "engines")], None);
        assert!(checked(&stop, &known).is_err());
    }

    #[test]
    fn what_only_the_catalog_allows_is_refused_only_where_the_catalog_is_known() {
        let variables = [("CATALOG_ONLY", "true"), ("ECS_CLUSTER", "engines")];
        let start = event(START, json!({"service": "auth", "cluster": "engines"}));
        assert!(checked(&start, &known(&variables, None)).is_ok());
        let with = |catalog: &str| checked(&start, &known(&variables, Some(catalog))).map(|found| found.unchecked);
        let entry = r#""taskDefinition": "auth", "targets": []"#;
        assert!(with(&format!(r#"{{"auth": {{{entry}, "overridable": ["cluster"]}}}}"#)).is_ok());
        let refused = with(&format!(r#"{{"auth": {{{entry}}}}}"#)).unwrap_err();
        assert!(refused.only_not_allowed(), "{refused}");
        let of_none = event(START, json!({"cluster": "engines"}));
        assert!(checked(&of_none, &known(&variables, None)).is_err());
    }

    #[test]
    fn a_source_that_is_not_allowed_is_refused_here_already() {
        let known = known(&[("ALLOWED_SOURCES", "app.other")], None);
        let stop = event(STOP, json!({"cluster": "engines", "all": true, "drainSeconds": 0}));
        let problems = checked(&stop, &known).unwrap_err();
        assert!(problems.only_not_allowed(), "{problems}");
    }

    #[test]
    fn a_former_source_is_refused_though_the_functions_settings_list_it() {
        let listed = "app.tests,start-engines.operator,start-engines.schedules";
        for known in [known(&[("ALLOWED_SOURCES", listed)], None), Known::default()] {
            for source in FORMER_SOURCES {
                let mut stop = event(STOP, json!({"cluster": "engines", "all": true, "drainSeconds": -1}));
                stop.source = source.to_owned();
                let problems = checked(&stop, &known).unwrap_err().to_string();
                assert!(
                    problems.contains(&format!("event.source = \"{source}\": no rule lets")),
                    "{problems}"
                );
                assert!(problems.contains("detail.drainSeconds"), "{problems}");
            }
        }
    }

    #[test]
    fn a_field_is_json_or_text() {
        assert_eq!(field("count=2"), Ok(("count".into(), json!(2))));
        assert_eq!(field("cluster=engines"), Ok(("cluster".into(), json!("engines"))));
        assert_eq!(field("group=a=b"), Ok(("group".into(), json!("a=b"))));
        assert!(field("count").is_err() && field("=2").is_err());
    }
}
