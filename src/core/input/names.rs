//! What a field that an object does not have was meant to be: the same name written in another way, or the name that
//! AWS's other interfaces to RunTask have for it.
//!
//! Must not take any of them: a name is answered with ours, and the event is refused all the same.

/// What a name means.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The fields that are not missing since they are there under this name.
    pub ours: Vec<&'static str>,
    /// What to write instead.
    pub says: String,
}

/// Names that others have for fields of ours, without regard to case and separators.
///
/// RunTask's own parameters are ours; the others' are told apart only where their names differ:
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

/// Names in a start for which there is no field, and what to do instead.
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

/// What `name` means in an object that has the `known` fields; `None` if nobody knows.
pub fn meaning(name: &str, known: &[&'static str]) -> Option<Meaning> {
    let plain_name = plain(name);
    let known_one = |is_it: &dyn Fn(&str) -> bool| known.iter().copied().find(|ours| is_it(ours));
    if let Some(ours) = known_one(&|ours| plain(ours) == plain_name) {
        let says = match ours.chars().next() {
            Some(first) if first.is_ascii_lowercase() => format!("did you mean `{ours}`? Names are camelCase"),
            _ => format!("did you mean `{ours}`?"),
        };
        return Some(Meaning {
            ours: with_its_parts(ours),
            says,
        });
    }
    if let Some(ours) = known_one(&|ours| FOREIGN.contains(&(plain_name.as_str(), ours))) {
        return Some(Meaning {
            ours: with_its_parts(ours),
            says: format!("did you mean `{ours}`?"),
        });
    }
    let instead = INSTEAD.iter().find(|(foreign, _)| *foreign == plain_name)?;
    known.contains(&"taskDefinition").then(|| Meaning {
        ours: Vec::new(),
        says: instead.1.to_owned(),
    })
}

/// Whether `name` is another way to write `ours`.
pub fn means(name: &str, ours: &'static str) -> bool {
    name != ours && meaning(name, &[ours]).is_some()
}

/// Whoever writes this field has given what it consists of.
fn with_its_parts(ours: &'static str) -> Vec<&'static str> {
    match ours {
        "networkConfiguration" => vec![ours, "subnets"],
        _ => vec![ours],
    }
}

/// Only the letters and digits, in lower case: `TaskDefinition`, `task_definition`, `task-definition` and
/// `TaskDefinition.$` (a path of Step Functions) are all one.
fn plain(name: &str) -> String {
    let known = name.chars().filter(char::is_ascii_alphanumeric);
    known.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_case_is_answered_with_the_name_and_with_what_it_consists_of() {
        let known = ["taskDefinition", "networkConfiguration", "subnets"];
        for name in [
            "TaskDefinition",
            "task_definition",
            "task-definition",
            "TaskDefinition.$",
            "TASKDEFINITION",
        ] {
            let meaning = meaning(name, &known).unwrap();
            assert_eq!(meaning.ours, ["taskDefinition"], "{name}");
            assert_eq!(meaning.says, "did you mean `taskDefinition`? Names are camelCase");
        }
        let network = meaning("NetworkConfiguration", &known).unwrap();
        assert_eq!(network.ours, ["networkConfiguration", "subnets"]);
        assert_eq!(meaning("source", &["Source"]).unwrap().says, "did you mean `Source`?");
    }

    #[test]
    fn a_foreign_name_is_answered_only_where_the_object_has_the_field() {
        assert_eq!(meaning("TaskCount", &["count"]).unwrap().ours, ["count"]);
        assert_eq!(meaning("TaskCount", &["cluster"]), None);
        assert!(
            meaning("clientToken", &["taskDefinition"])
                .unwrap()
                .says
                .contains("idempotencyKey")
        );
        assert_eq!(meaning("clientToken", &["taskArn"]), None);
        assert_eq!(meaning("typo", &["taskDefinition", "count"]), None);
        assert_eq!(meaning("", &["count"]), None);
    }

    #[test]
    fn the_tables_are_in_plain_writing_and_in_order() {
        for names in [
            FOREIGN.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            INSTEAD.iter().map(|(name, _)| *name).collect(),
        ] {
            assert!(names.is_sorted(), "{names:?}");
            assert!(names.iter().all(|name| plain(name) == *name), "{names:?}");
        }
    }
}
