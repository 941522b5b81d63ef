//! Environment, catalog and allow-lists.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_core::config::allow_list::AllowList;
use start_engines_core::domain::arn::{Cluster, TaskDefinition};

use crate::json::{any_json, change};

/// A variable, a value that it cannot have, and one that it can.
const VARIABLES: [(&str, &str, &str); 14] = [
    ("ECS_CLUSTER", "a b", "engines"),
    ("TASK_DEFINITION", "auth:0", "auth:7"),
    (
        "TARGET_GROUP_ARN",
        "auth",
        "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067",
    ),
    ("CONTAINER_PORT", "70000", "8080"),
    ("SUBNETS", "subnet", "subnet-0a1b2c3d4e5f60718,subnet-0b1c2d3e4f5a60718"),
    ("SECURITY_GROUPS", "sg", "sg-0a1b2c3d4e5f60718"),
    ("ALLOWED_CLUSTERS", "a,,b", "engines,blue*"),
    ("ALLOWED_TARGET_GROUPS", ",", "auth*"),
    ("ALLOWED_TASK_FAMILIES", "auth:7", "auth"),
    ("ALLOWED_SOURCES", " ", "app.*"),
    ("TASK_WAIT_TIMEOUT", "soon", "300"),
    ("HEALTH_TIMEOUT", "3601", "300"),
    ("LOG_LEVEL", "loud", "debug"),
    ("CATALOG_ONLY", "yes", "true"),
];

fn read(variables: &BTreeMap<&str, String>, catalog: Option<&str>) -> Result<Config, Vec<String>> {
    let config = Config::read(|name| variables.get(name).cloned(), None, catalog);
    config.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

proptest! {
    #[test]
    fn every_invalid_variable_is_reported_at_once_and_no_valid_one(wrong in prop::collection::vec(any::<bool>(), VARIABLES.len())) {
        let variables = VARIABLES.iter().zip(&wrong);
        let variables = variables.map(|((name, bad, good), wrong)| (*name, if *wrong { *bad } else { *good }.to_owned()));
        let reported = read(&variables.collect(), None).err().unwrap_or_default();
        for ((name, _, _), wrong) in VARIABLES.iter().zip(&wrong) {
            prop_assert_eq!(reported.iter().any(|reported| reported.starts_with(name)), *wrong, "{} in {:?}", name, reported);
        }
    }

    #[test]
    fn no_environment_makes_the_configuration_panic(values in prop::collection::vec("\\PC{0,60}", VARIABLES.len())) {
        let variables = VARIABLES.iter().zip(values).map(|((name, _, _), value)| (*name, value));
        if let Err(reported) = read(&variables.collect(), None) {
            prop_assert!(!reported.is_empty());
        }
    }

    #[test]
    fn no_catalog_makes_the_configuration_panic(catalog in any_json(), text in "\\PC*") {
        for text in [catalog.to_string(), text] {
            if let Err(reported) = read(&BTreeMap::new(), Some(&text)) {
                prop_assert!(reported.iter().all(|reported| reported.starts_with("services")), "{:?}", reported);
            }
        }
    }

    #[test]
    fn a_catalog_with_a_change_in_it_is_read_or_refused(place in any::<u16>(), new in prop::option::of(any_json())) {
        let mut catalog: Value = serde_json::from_str(include_str!("../../fixtures/services.json")).unwrap();
        change(&mut catalog, usize::from(place), new);
        if let Err(reported) = read(&BTreeMap::new(), Some(&catalog.to_string())) {
            prop_assert!(reported.iter().all(|reported| reported.starts_with("services.")), "{:?}", reported);
        }
    }

    #[test]
    fn a_service_is_read_as_it_was_written(name in "[a-z][a-z0-9-]{0,30}", cluster in "[a-z]{1,20}", family in "[a-z]{1,20}", count in 1..=10_i32) {
        let catalog = json!({&name: {"cluster": cluster, "taskDefinition": family, "targets": [], "count": count}});
        let config = read(&BTreeMap::new(), Some(&catalog.to_string())).unwrap();
        let entry = config.catalog.get(&name).unwrap();
        prop_assert_eq!(entry.cluster.as_ref().map(Cluster::as_str), Some(cluster.as_str()));
        prop_assert_eq!(entry.task_definition.as_ref().map(TaskDefinition::as_str), Some(family.as_str()));
        prop_assert_eq!(entry.count, Some(count));
        prop_assert_eq!(config.catalog.names().collect::<Vec<_>>(), vec![name.as_str()]);
    }

    #[test]
    fn a_pattern_allows_what_begins_like_it_and_a_name_only_itself(a in "[a-z]{1,10}", b in "[a-z]{0,10}") {
        let longer = format!("{a}{b}");
        let pattern = AllowList::only(vec![format!("{a}*")]);
        prop_assert!(pattern.allows(&a) && pattern.allows(&longer));
        prop_assert_eq!(pattern.allows(&b), b.starts_with(&a));
        let name = AllowList::only(vec![a.clone()]);
        prop_assert!(name.allows(&a));
        prop_assert_eq!(name.allows(&longer), b.is_empty());
        prop_assert!(AllowList::default().allows(&longer) && !AllowList::only(Vec::new()).allows(&longer));
    }

    #[test]
    fn one_more_pattern_never_forbids(patterns in prop::collection::vec("[a-c*]{1,4}", 0..4), more in "[a-c*]{1,4}", text in "[a-c]{1,6}") {
        let fewer = AllowList::only(patterns.clone());
        let more = AllowList::only(patterns.into_iter().chain([more]).collect());
        prop_assert!(!fewer.allows(&text) || more.allows(&text));
        let cluster: Cluster = text.parse().unwrap();
        prop_assert!(!fewer.allows_cluster(&cluster) || more.allows_cluster(&cluster));
    }
}
