//! `CATALOG_ONLY`: whoever may send events starts what the catalog has, as the catalog has it.
//!
//! A start names its service, and beside what is of this one start only what the entry lists as `overridable`.

use serde_json::Value;

use crate::config::Config;
use crate::input::problem::{Problems, shorten};
use crate::spec::overridable::{ALWAYS, FIELDS};

/// Notes every field that the owner does not let the `detail` of a start give; after the reader has noted what is no
/// field of it.
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
        // What is no field at all has been told as such. One that the list here lacks is not let through.
        let is_told = !FIELDS.contains(&name.as_str()) && problems.name(&place);
        if !is_allowed && !is_told {
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
        Config::read(get, Some(&catalog.to_string())).unwrap()
    }

    fn told(detail: &Value, config: &Config) -> Vec<String> {
        let mut problems = Problems::new();
        check(detail, config, &mut problems);
        assert!(problems.is_empty() || problems.only_not_allowed(), "{problems}");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_start_gives_what_is_of_it_alone_and_what_its_entry_lists() {
        let config = config(&json!({"auth": {"overridable": ["overrides", "cluster"]}, "billing": {}}));
        let mut detail: Value = ALWAYS.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
        detail["service"] = json!("auth");
        detail["overrides"] = json!({"cpu": "256"});
        detail["cluster"] = json!("engines");
        detail["subnets"] = Value::Null;
        assert_eq!(told(&detail, &config), [""; 0]);
        detail["service"] = json!("billing");
        detail["tags"] = json!([]);
        let rule = "CATALOG_ONLY is set, and the catalog entry billing does not list it as overridable";
        assert_eq!(
            told(&detail, &config),
            [
                format!("detail.cluster = \"engines\": {rule}"),
                format!("detail.overrides = an object of 1 fields: {rule}"),
                format!("detail.tags = an array of 0: {rule}"),
            ]
        );
    }

    #[test]
    fn a_start_of_no_service_is_not_allowed_and_tells_all_at_once() {
        let config = config(&json!({"auth": {}}));
        let told = told(&json!({"cluster": "engines", "port": 80}), &config);
        assert_eq!(
            told,
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
        assert_eq!(told(&json!({"cluster": "engines"}), &Config::default()), [""; 0]);
    }

    #[test]
    fn a_field_that_the_list_lacks_is_not_let_through_and_one_that_is_none_is_told_once() {
        let config = config(&json!({"auth": {}}));
        let detail = json!({"service": "auth", "newField": 1});
        assert_eq!(told(&detail, &config).len(), 1);
        let mut problems = Problems::new();
        let _ = spec::of_event(&detail, &mut problems);
        check(&detail, &config, &mut problems);
        assert_eq!(
            problems.to_string(),
            "1 problem: detail.newField = a number: is not a field of this object"
        );
    }

    #[test]
    fn the_list_has_what_a_start_has() {
        assert!(FIELDS.is_sorted() && ALWAYS.iter().all(|name| FIELDS.contains(name)));
        let mut problems = Problems::new();
        let all: Value = FIELDS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        let _ = spec::of_event(&all, &mut problems);
        assert!(problems.is_empty(), "{problems}");
    }
}
