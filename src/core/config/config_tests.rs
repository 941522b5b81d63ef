use serde_json::{Value, json};

use super::*;

fn read(variables: &[(&str, &str)], catalog: Option<&str>) -> Result<Config, Problems> {
    read_with(variables, None, catalog)
}

fn read_with(variables: &[(&str, &str)], settings: Option<&str>, catalog: Option<&str>) -> Result<Config, Problems> {
    let get = |name: &str| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::read(get, settings, catalog)
}

#[test]
fn a_scheduler_has_a_role_and_perhaps_a_group_and_a_queue() {
    const ROLE: (&str, &str) = ("SCHEDULER_ROLE_ARN", "arn:aws:iam::111122223333:role/x/schedules");
    let scheduler = |variables: &[(&str, &str)]| read(variables, None).map(|config| config.scheduler);
    assert_eq!(scheduler(&[]).unwrap(), None);
    assert_eq!(scheduler(&[ROLE]).unwrap().unwrap().group, None);
    let queue = "arn:aws:sqs:us-east-1:111122223333:undelivered";
    let all = [
        ROLE,
        ("SCHEDULER_GROUP", "engines"),
        ("SCHEDULER_DEAD_LETTER_QUEUE_ARN", queue),
    ];
    let whole = scheduler(&all).unwrap().unwrap();
    assert_eq!(whole.group.unwrap().as_str(), "engines");
    assert_eq!(whole.dead_letters.unwrap().as_str(), queue);
    let by_old_name = scheduler(&[ROLE, ("SCHEDULER_DEAD_LETTER_ARN", queue)])
        .unwrap()
        .unwrap();
    assert_eq!(by_old_name.dead_letters.unwrap().as_str(), queue);
    for bad in [
        &[("SCHEDULER_ROLE_ARN", "schedules")][..],
        &[("SCHEDULER_ROLE_ARN", "arn:aws:iam::111122223333:user/x")],
        &[ROLE, ("SCHEDULER_GROUP", "a/b")],
        &[ROLE, ("SCHEDULER_DEAD_LETTER_QUEUE_ARN", "undelivered")],
        &[("SCHEDULER_GROUP", "engines")],
    ] {
        assert!(scheduler(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_empty_environment_is_a_valid_configuration() {
    let config = read(&[], None).unwrap();
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(config.warnings().len(), 1);
}

#[test]
fn all_problems_are_reported_at_once() {
    let variables = [
        ("ECS_CLUSTER", "a b"),
        ("TARGET_GROUP_ARN", "auth"),
        ("SUBNETS", "subnet-0a1b2c3d4e5f60718, nonsense"),
        ("CONTAINER_PORT", "70000"),
        ("TASK_WAIT_TIMEOUT", "soon"),
        ("HEALTH_TIMEOUT", "3601"),
        ("LOG_LEVEL", "loud"),
        ("CATALOG_ONLY", "yes"),
        ("ALLOWED_CLUSTERS", "a*b"),
        ("OUTCOME_EVENT_BUS", "a bus"),
        ("DEPLOYMENT", "aws:x"),
    ];
    let problems = read(&variables, Some(r#"{"auth": {"port": 0, "typo": 1}}"#))
        .unwrap_err()
        .to_string();
    for (name, _) in variables {
        assert!(problems.contains(name), "{name}: {problems}");
    }
    assert!(problems.contains("services.auth.port = 0"), "{problems}");
    assert!(problems.contains("services.auth.typo"), "{problems}");
}

#[test]
fn a_deployment_is_named_by_its_variable_else_by_its_function_else_not_at_all() {
    let name = |variables: &[(&str, &str)]| read(variables, None).unwrap().deployment.map(|it| it.to_string());
    let function = ("AWS_LAMBDA_FUNCTION_NAME", "engines-2");
    assert_eq!(
        name(&[("DEPLOYMENT", " engines "), function]).as_deref(),
        Some("engines")
    );
    assert_eq!(name(&[("DEPLOYMENT", ""), function]).as_deref(), Some("engines-2"));
    assert_eq!(name(&[]), None);
}

#[test]
fn all_clusters_are_named_by_an_allow_list_without_patterns_only() {
    for (variables, is_sure) in [
        (&[][..], false),
        (&[("ECS_CLUSTER", "engines")], false),
        (&[("ALLOWED_CLUSTERS", "engines,dev-*")], false),
        (&[("ALLOWED_CLUSTERS", "engines,workers")], true),
    ] {
        assert_eq!(
            read(variables, None).unwrap().names_all_clusters(),
            is_sure,
            "{variables:?}"
        );
    }
}

#[test]
fn a_late_stop_searches_every_cluster_named_in_full_once() {
    let catalog = r#"{"a": {"cluster": "blue"}, "b": {"cluster": "engines"}}"#;
    let variables = [
        ("ECS_CLUSTER", "engines"),
        (
            "ALLOWED_CLUSTERS",
            "engines,green,dev-*,arn:aws:ecs:eu-west-1:111122223333:cluster/far",
        ),
    ];
    let config = read(&variables, Some(catalog)).unwrap();
    let own = "arn:aws:ecs:us-east-1:111122223333:cluster/engines".parse().unwrap();
    let names: Vec<String> = config
        .clusters_to_search(&own)
        .iter()
        .map(|c| c.name().to_owned())
        .collect();
    assert_eq!(names, ["engines", "blue", "green"]);
}

#[test]
fn an_allow_list_that_is_set_but_empty_is_a_problem() {
    for value in ["", " ", "a,,b"] {
        assert!(read(&[("ALLOWED_CLUSTERS", value)], None).is_err(), "{value:?}");
    }
}

#[test]
fn catalog_only_is_true_or_false_and_nothing_else() {
    let is_set = |text: &str| read(&[("CATALOG_ONLY", text)], None).map(|config| config.catalog_only);
    assert_eq!(
        (is_set("true"), is_set("false"), is_set("")),
        (Ok(true), Ok(false), Ok(false))
    );
    for wrong in ["True", "1", "yes", "on"] {
        assert!(is_set(wrong).is_err(), "{wrong}");
    }
    let catalog = r#"{"auth": {"overridable": ["count", "Subnets", 5, "secret"]}}"#;
    let problems = read(&[], Some(catalog)).unwrap_err().to_string();
    for message in [
        "services.auth.overridable[1] = \"Subnets\": must be the name of a field of a start: did you mean `subnets`?",
        "services.auth.overridable[2] = 5: must be the name of a field of a start",
        "services.auth.overridable[3] = \"secret\": must be the name of a field of a start",
    ] {
        assert!(problems.contains(message), "{message}: {problems}");
    }
}

#[test]
fn a_list_of_families_names_no_revision() {
    let arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/auth";
    for (value, is_valid) in [("auth", true), ("auth:*", true), ("auth:7", false)] {
        assert_eq!(
            read(&[("ALLOWED_TASK_FAMILIES", value)], None).is_ok(),
            is_valid,
            "{value}"
        );
    }
    assert!(read(&[("ALLOWED_TASK_FAMILIES", &format!("{arn}:*"))], None).is_ok());
    assert!(read(&[("ALLOWED_TASK_FAMILIES", &format!("{arn}:7"))], None).is_err());
}

#[test]
fn a_broken_catalog_is_reported_without_its_content() {
    let problems = read(&[], Some(r#"{"PASSWORD": "hunter2""#)).unwrap_err().to_string();
    assert!(
        problems.contains("must be JSON") && !problems.contains("hunter2"),
        "{problems}"
    );
}

#[test]
fn a_catalog_that_is_not_json_is_a_problem() {
    let problems = read(&[], Some("{")).unwrap_err().to_string();
    assert!(problems.contains("must be JSON"), "{problems}");
    assert!(read(&[], Some("[]")).is_err());
}

/// A settings file with these lists, and something sound for the others.
fn settings(lists: &Value) -> String {
    let mut all = json!({
        "ALLOWED_CLUSTERS": ["engines"],
        "ALLOWED_TARGET_GROUPS": ["*"],
        "ALLOWED_TASK_FAMILIES": ["auth", "billing"],
        "ALLOWED_SOURCES": ["app.tenants"],
    });
    for (name, list) in lists.as_object().unwrap() {
        all[name] = list.clone();
    }
    all.to_string()
}

#[test]
fn the_settings_file_has_the_allow_lists_and_goes_before_the_environment() {
    let file = settings(&json!({}));
    let variables = [("ALLOWED_SOURCES", "app.others"), ("ALLOWED_CLUSTERS", "a*b")];
    let allowed = read_with(&variables, Some(&file), None).unwrap().allowed;
    assert!(allowed.sources.allows("app.tenants") && !allowed.sources.allows("app.others"));
    assert_eq!(allowed.clusters.patterns().collect::<Vec<_>>(), ["engines"]);
    assert_eq!(
        allowed.task_families.patterns().collect::<Vec<_>>(),
        ["auth", "billing"]
    );
    assert!(!allowed.target_groups.allows_all());
}

#[test]
fn a_settings_file_has_every_list_and_nothing_else_since_an_unset_list_allows_everything() {
    for (file, named) in [
        ("nonsense".to_owned(), "settings is missing: must be JSON"),
        ("[]".to_owned(), "settings = "),
        (
            settings(&json!({"ALLOWED_CLUSTERS": null})),
            "settings.ALLOWED_CLUSTERS is missing",
        ),
        (settings(&json!({"ALLOWED_SOURCES": []})), "settings.ALLOWED_SOURCES"),
        (settings(&json!({"ALLOWED_SOURCES": "app"})), "settings.ALLOWED_SOURCES"),
        (
            settings(&json!({"ALLOWED_SOURCES": ["app", 3]})),
            "settings.ALLOWED_SOURCES[1]",
        ),
        (
            settings(&json!({"ALLOWED_SOURCES": ["a*b"]})),
            "ALLOWED_SOURCES = \"a*b\"",
        ),
        (settings(&json!({"ALLOWED_SOURCES": [""]})), "ALLOWED_SOURCES = \"\""),
        (
            settings(&json!({"ALLOWED_TASK_FAMILIES": ["auth:7"]})),
            "ALLOWED_TASK_FAMILIES = \"auth:7\"",
        ),
        (settings(&json!({"ALLOWED_TASKS": ["auth"]})), "settings.ALLOWED_TASKS"),
        (settings(&json!({"LOG_LEVEL": "debug"})), "settings.LOG_LEVEL"),
    ] {
        // With the lists in the environment too, as the component sets them: they do not make good for it.
        let variables = [("ALLOWED_CLUSTERS", "engines"), ("ALLOWED_SOURCES", "app.tenants")];
        let problems = read_with(&variables, Some(&file), None).unwrap_err().to_string();
        assert!(problems.contains(named), "{file}: {problems}");
    }
    let nothing = read_with(&[], Some("{}"), None).unwrap_err();
    assert_eq!(nothing.iter().count(), 4, "{nothing}");
}
