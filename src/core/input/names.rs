//! Suggests the right name for an unknown field: the same name in another spelling, or the name that one of AWS's other
//! interfaces to RunTask uses.
//!
//! Must not accept any of them: the suggestion is part of the problem, and the event is refused.

/// What an unknown field name was probably meant to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The known fields that this one stands for, which are not reported as missing; empty if there is no such field.
    pub fields: Vec<&'static str>,
    /// The suggestion, as it is appended to the problem's rule.
    pub suggestion: String,
}

/// Other interfaces' names for our fields: (their name in [`plain`] spelling, our field).
///
/// Our fields have the names of RunTask's parameters. Listed are only names that differ, of
/// [EcsParameters of a rule](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EcsParameters.html),
/// [of a schedule](https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html),
/// [StopTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html),
/// [CreateService](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html). Step Functions'
/// `ecs:runTask` differs in case alone.
const FOREIGN: &[(&str, &str)] = &[
    ("awsvpcconfiguration", "networkConfiguration"),
    ("capacityprovider", "capacityProviderStrategy"),
    ("capacityproviders", "capacityProviderStrategy"),
    ("clusterarn", "cluster"),
    ("clustername", "cluster"),
    ("container", "containerName"),
    ("containeroverrides", "overrides"),
    ("containerport", "port"),
    ("desiredcount", "count"),
    ("drain", "drainSeconds"),
    ("family", "taskDefinition"),
    ("loadbalancers", "targets"),
    ("placementconstraint", "placementConstraints"),
    ("placementstrategies", "placementStrategy"),
    ("securitygroup", "securityGroups"),
    ("securitygroupids", "securityGroups"),
    ("servicename", "service"),
    ("stoppedreason", "reason"),
    ("subnet", "subnets"),
    ("subnetids", "subnets"),
    ("targetgroup", "targetGroupArn"),
    ("targetgrouparns", "targets"),
    ("targetgroups", "targets"),
    ("task", "taskArn"),
    ("taskcount", "count"),
    ("taskdefinitionarn", "taskDefinition"),
    ("taskid", "taskArn"),
];

/// RunTask parameters that are not fields of a start, and what to do instead.
const INSTEAD: &[(&str, &str)] = &[
    (
        "clienttoken",
        "start-engines derives RunTask's clientToken from idempotencyKey: give that instead",
    ),
    (
        "command",
        "give it in overrides.containerOverrides, with the container's name",
    ),
    ("cpu", "give it in overrides"),
    (
        "ecsparameters",
        "give its fields in this object: taskDefinition, count, launchType, networkConfiguration...",
    ),
    (
        "environment",
        "give it in overrides.containerOverrides, with the container's name",
    ),
    ("ephemeralstorage", "give it in overrides"),
    ("executionrolearn", "give it in overrides"),
    ("inferenceacceleratoroverrides", "give it in overrides"),
    ("memory", "give it in overrides"),
    // "This parameter is only used by Amazon ECS" (API reference, RunTask).
    (
        "referenceid",
        "only ECS uses it: give correlationId as an identifier of your own",
    ),
    (
        "startedby",
        "start-engines writes the targets of a task there: use correlationId or tags to show who sent the event",
    ),
    ("taskrolearn", "give it in overrides"),
];

/// What `name` was probably meant to be in an object that has the `known` fields; `None` without a suggestion.
pub fn meaning(name: &str, known: &[&'static str]) -> Option<Meaning> {
    let plain_name = plain(name);
    let find = |matches: &dyn Fn(&str) -> bool| known.iter().copied().find(|field| matches(field));
    if let Some(field) = find(&|field| plain(field) == plain_name) {
        let suggestion = match field.chars().next() {
            Some(first) if first.is_ascii_lowercase() => format!("did you mean `{field}`? Names are camelCase"),
            _ => format!("did you mean `{field}`?"),
        };
        return Some(Meaning {
            fields: with_required_part(field),
            suggestion,
        });
    }
    if let Some(field) = find(&|field| FOREIGN.contains(&(plain_name.as_str(), field))) {
        return Some(Meaning {
            fields: with_required_part(field),
            suggestion: format!("did you mean `{field}`?"),
        });
    }
    let instead = INSTEAD.iter().find(|(foreign, _)| *foreign == plain_name)?;
    known.contains(&"taskDefinition").then(|| Meaning {
        fields: Vec::new(),
        suggestion: instead.1.to_owned(),
    })
}

/// Whether `name` is a wrong name for `field`.
pub fn means(name: &str, field: &'static str) -> bool {
    name != field && meaning(name, &[field]).is_some()
}

/// The field, and the required field that is part of it: neither is reported as missing.
fn with_required_part(field: &'static str) -> Vec<&'static str> {
    match field {
        "networkConfiguration" => vec![field, "subnets"],
        _ => vec![field],
    }
}

/// The ASCII letters and digits of a name, in lower case: `TaskDefinition`, `task_definition`, `task-definition` and
/// `TaskDefinition.$` (a path of Step Functions) are all `taskdefinition`.
fn plain(name: &str) -> String {
    let known = name.chars().filter(char::is_ascii_alphanumeric);
    known.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_is_answered_with_the_right_name_and_its_required_part() {
        let known = ["taskDefinition", "networkConfiguration", "subnets"];
        for name in [
            "TaskDefinition",
            "task_definition",
            "task-definition",
            "TaskDefinition.$",
            "TASKDEFINITION",
        ] {
            let meaning = meaning(name, &known).unwrap();
            assert_eq!(meaning.fields, ["taskDefinition"], "{name}");
            assert_eq!(meaning.suggestion, "did you mean `taskDefinition`? Names are camelCase");
        }
        let network = meaning("NetworkConfiguration", &known).unwrap();
        assert_eq!(network.fields, ["networkConfiguration", "subnets"]);
        assert_eq!(
            meaning("source", &["Source"]).unwrap().suggestion,
            "did you mean `Source`?"
        );
    }

    #[test]
    fn another_interfaces_name_is_answered_only_where_the_object_has_the_field() {
        assert_eq!(meaning("TaskCount", &["count"]).unwrap().fields, ["count"]);
        assert_eq!(meaning("TaskCount", &["cluster"]), None);
        assert!(
            meaning("clientToken", &["taskDefinition"])
                .unwrap()
                .suggestion
                .contains("idempotencyKey")
        );
        assert_eq!(meaning("clientToken", &["taskArn"]), None);
        assert_eq!(meaning("typo", &["taskDefinition", "count"]), None);
        assert_eq!(meaning("", &["count"]), None);
    }

    #[test]
    fn the_tables_are_in_plain_spelling_and_sorted() {
        for names in [
            FOREIGN.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            INSTEAD.iter().map(|(name, _)| *name).collect(),
        ] {
            assert!(names.is_sorted(), "{names:?}");
            assert!(names.iter().all(|name| plain(name) == *name), "{names:?}");
        }
    }
}
