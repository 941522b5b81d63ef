//! Any text as each of the texts that we read: what is accepted is what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{
    Cluster, ContainerName, FunctionArn, Port, Scope, SecurityGroupId, SubnetId, TargetGroupArn, TaskArn,
    TaskDefinition,
};
use start_engines_core::domain::started_by;
use start_engines_core::domain::timestamp::Timestamp;

fuzz_target!(|text: &str| {
    let home = Scope {
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
        account: "111122223333".to_owned(),
    };
    for text in [text.to_owned(), format!("{}{text}", started_by::PREFIX)] {
        if let Ok(attachments) = started_by::decode(&text, &home) {
            // Only what is longer than RunTask takes cannot be written again.
            match started_by::encode(&attachments) {
                Ok(again) => assert_eq!(again, text),
                Err(started_by::TooLong(length)) => assert_eq!(length, text.len()),
            }
        }
    }
    if let Ok(port) = text.parse::<Port>() {
        assert_eq!(port.to_string(), text);
    }
    if let Ok(arn) = text.parse::<TargetGroupArn>() {
        let scope = arn.scope().expect("a sound ARN has a scope");
        assert_eq!(TargetGroupArn::from_parts(&scope, arn.name(), arn.id()), Ok(arn));
    }
    if let Ok(arn) = text.parse::<TaskArn>() {
        assert!(!arn.scope().account.is_empty());
        if let Some(cluster) = arn.cluster() {
            assert_eq!(cluster.as_str().parse(), Ok(cluster));
        }
    }
    if let Ok(definition) = text.parse::<TaskDefinition>() {
        assert!(!definition.family().is_empty());
    }
    if let Ok(cluster) = text.parse::<Cluster>() {
        assert!(cluster.same_as(&cluster) && !cluster.name().is_empty());
    }
    let _ = (text.parse::<SubnetId>(), text.parse::<SecurityGroupId>());
    let _ = (
        text.parse::<ContainerName>(),
        Timestamp::parse(text),
        text.parse::<FunctionArn>(),
    );
    let _ = Config::read(|_| None, None, Some(text));
    for variable in [
        "ECS_CLUSTER",
        "SUBNETS",
        "ALLOWED_CLUSTERS",
        "ALLOWED_TASK_FAMILIES",
        "TARGET_GROUP_ARN",
    ] {
        let _ = Config::read(|name| (name == variable).then(|| text.to_owned()), None, None);
    }
});
