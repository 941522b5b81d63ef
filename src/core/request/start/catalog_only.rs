//! `CATALOG_ONLY`: senders of events can only start services of the catalog, configured as in the catalog.
//!
//! A start must name a service. It may give the fields of a single start, and the fields that the service's entry
//! lists as `overridable`.

use serde_json::Value;

use crate::config::Config;
use crate::input::problem::{Problems, shorten};
use crate::spec::overridable::{ALWAYS, FIELDS};

/// Adds a problem for every field that the `detail` of a start may not give. Must run after the reader has reported
/// unknown fields.
pub fn check(detail: &Value, config: &Config, problems: &mut Problems) {
    let (true, Some(given)) = (config.catalog_only, detail.as_object()) else {
        return;
    };
    let service = given.get("service").and_then(Value::as_str);
    let entry = service.and_then(|name| config.catalog.get(name));
    let overridable = entry.map_or(&[][..], |entry| entry.overridable.as_slice());
    if given.get("service").is_none_or(Value::is_null) {
        let rule = format!(
            "CATALOG_ONLY is set, so a start must name a service: {}",
            config.catalog.rule()
        );
        problems.missing_not_allowed("detail.service", rule);
    }
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let place = format!("detail.{}", shorten(name));
        let is_allowed = ALWAYS.contains(&name.as_str()) || overridable.contains(&name.as_str());
        // Unknown fields are reported already. A field that is missing in FIELDS is still refused.
        let is_reported = !FIELDS.contains(&name.as_str()) && problems.mentions(&place);
        if !is_allowed && !is_reported {
            let rule = match (service, entry) {
                (Some(service), Some(_)) => {
                    format!("CATALOG_ONLY is set, and the catalog entry {service} does not list it as overridable")
                }
                (_, _) => "CATALOG_ONLY is set: only the catalog can give this field".to_owned(),
            };
            problems.field_not_allowed(place, value, rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec;

    fn config(catalog: &Value) -> Config {
        let get = |name: &str| (name == "CATALOG_ONLY").then(|| "true".to_owned());
        Config::read(get, None, Some(&catalog.to_string())).unwrap()
    }

    fn messages(detail: &Value, config: &Config) -> Vec<String> {
        let mut problems = Problems::new();
        check(detail, config, &mut problems);
        assert!(problems.is_empty() || problems.only_not_allowed(), "{problems}");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_start_may_give_the_fields_of_a_single_start_and_what_its_entry_lists() {
        let config = config(&json!({"auth": {"overridable": ["overrides", "cluster"]}, "billing": {}}));
        let mut detail: Value = ALWAYS.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
        detail["service"] = json!("auth");
        detail["overrides"] = json!({"cpu": "256"});
        detail["cluster"] = json!("engines");
        detail["subnets"] = Value::Null;
        assert_eq!(messages(&detail, &config), [""; 0]);
        detail["service"] = json!("billing");
        detail["tags"] = json!([]);
        let rule = "CATALOG_ONLY is set, and the catalog entry billing does not list it as overridable";
        assert_eq!(
            messages(&detail, &config),
            [
                format!("detail.cluster = \"engines\": {rule}"),
                format!("detail.overrides = an object of 1 fields: {rule}"),
                format!("detail.tags = an array of 0: {rule}"),
            ]
        );
    }

    #[test]
    fn a_start_without_a_service_is_not_allowed_and_all_problems_are_reported_at_once() {
        let config = config(&json!({"auth": {}}));
        let messages = messages(&json!({"cluster": "engines", "port": 80}), &config);
        assert_eq!(
            messages,
            [
                "detail.service is missing: CATALOG_ONLY is set, so a start must name a service: must be a service of \
                 the catalog: auth",
                "detail.cluster = \"engines\": CATALOG_ONLY is set: only the catalog can give this field",
                "detail.port = 80: CATALOG_ONLY is set: only the catalog can give this field",
            ]
        );
    }

    #[test]
    fn without_the_setting_everything_may_be_given() {
        assert_eq!(messages(&json!({"cluster": "engines"}), &Config::default()), [""; 0]);
    }

    #[test]
    fn a_field_missing_in_the_list_is_refused_and_an_unknown_one_is_reported_once() {
        let config = config(&json!({"auth": {}}));
        let detail = json!({"service": "auth", "newField": 1});
        assert_eq!(messages(&detail, &config).len(), 1);
        let mut problems = Problems::new();
        let _ = spec::of_event(&detail, &mut problems);
        check(&detail, &config, &mut problems);
        assert_eq!(
            problems.to_string(),
            "1 problem: detail.newField = a number: is not a field of this object"
        );
    }
}
