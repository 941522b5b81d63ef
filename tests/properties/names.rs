//! Names, ARNs, ports and times: sound ones are kept as written, damaged ones are refused.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use proptest::prelude::*;
use start_engines_core::domain::arn::{
    Cluster, ContainerName, FunctionArn, Port, QueueArn, RoleArn, ScheduleGroup, Scope, SecurityGroupId, SubnetId,
    TargetGroupArn, TaskArn, TaskDefinition,
};
use start_engines_core::domain::started_by;
use start_engines_core::domain::target::Attachment;
use start_engines_core::domain::timestamp::Timestamp;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT`.
fn arn(service: &'static str) -> impl Strategy<Value = String> {
    let partition = prop::sample::select(vec!["aws", "aws-cn", "aws-us-gov", "aws-iso-b"]);
    (partition, "[a-z]{2}-[a-z]{4,9}-[1-9]", "[0-9]{12}")
        .prop_map(move |(partition, region, account)| format!("arn:{partition}:{service}:{region}:{account}"))
}

const NAME: &str = "[A-Za-z0-9_-]{1,255}";

/// Reads back what it reads.
fn is_kept<T: FromStr + Display>(text: &str) -> Result<T, TestCaseError> {
    let read = text
        .parse::<T>()
        .map_err(|_| TestCaseError::fail(format!("{text} is refused")))?;
    prop_assert_eq!(read.to_string(), text);
    Ok(read)
}

/// With a character in it that no name of AWS has.
fn damaged(text: &str, place: prop::sample::Index, wrong: char) -> String {
    let mut text = text.to_owned();
    text.insert(place.index(text.len() + 1), wrong);
    text
}

const WRONG: [char; 8] = [' ', '\n', '\0', '"', 'ä', '%', '*', ','];

proptest! {
    #[test]
    fn clusters_are_kept(name in NAME, arn in arn("ecs"), place: prop::sample::Index, wrong in prop::sample::select(&WRONG[..])) {
        for text in [name.clone(), format!("{arn}:cluster/{name}")] {
            let cluster: Cluster = is_kept(&text)?;
            prop_assert_eq!(cluster.name(), &name);
            prop_assert!(damaged(&text, place, wrong).parse::<Cluster>().is_err());
        }
    }

    #[test]
    fn task_definitions_are_kept(family in NAME, revision in 1..=u32::MAX, arn in arn("ecs"), place: prop::sample::Index, wrong in prop::sample::select(&WRONG[..])) {
        for name in [family.clone(), format!("{family}:{revision}")] {
            for text in [name.clone(), format!("{arn}:task-definition/{name}")] {
                let definition: TaskDefinition = is_kept(&text)?;
                prop_assert_eq!(definition.family(), &family);
                prop_assert!(damaged(&text, place, wrong).parse::<TaskDefinition>().is_err());
            }
        }
    }

    #[test]
    fn task_arns_are_kept(cluster in NAME, id in "[0-9a-f]{32}", arn in arn("ecs"), place: prop::sample::Index, wrong in prop::sample::select(&WRONG[..])) {
        let long: TaskArn = is_kept(&format!("{arn}:task/{cluster}/{id}"))?;
        prop_assert_eq!(long.cluster().unwrap().to_string(), format!("{arn}:cluster/{cluster}"));
        let short: TaskArn = is_kept(&format!("{arn}:task/{id}"))?;
        prop_assert_eq!(short.cluster(), None);
        prop_assert_eq!(short.scope(), long.scope());
        prop_assert!(damaged(long.as_str(), place, wrong).parse::<TaskArn>().is_err());
    }

    #[test]
    fn target_group_arns_are_kept_and_made_again_from_their_parts(
        name in "[A-Za-z0-9-]{1,32}", id in "[0-9a-f]{16}", arn in arn("elasticloadbalancing"),
        place: prop::sample::Index, wrong in prop::sample::select(&WRONG[..]),
    ) {
        let group: TargetGroupArn = is_kept(&format!("{arn}:targetgroup/{name}/{id}"))?;
        prop_assert_eq!((group.name(), group.id()), (name.as_str(), id.as_str()));
        let scope = group.scope().unwrap();
        prop_assert_eq!(TargetGroupArn::from_parts(&scope, &name, &id), Ok(group.clone()));
        prop_assert!(damaged(group.as_str(), place, wrong).parse::<TargetGroupArn>().is_err());
    }

    #[test]
    fn functions_give_their_scope_and_name(arn in arn("lambda"), name in "[A-Za-z0-9_-]{1,64}") {
        let function: FunctionArn = is_kept(&format!("{arn}:function:{name}"))?;
        let scope = function.scope().unwrap();
        prop_assert_eq!(format!("arn:{}:lambda:{}:{}", scope.partition, scope.region, scope.account), arn);
    }

    #[test]
    fn roles_queues_and_schedule_groups_are_kept(
        account in "[0-9]{12}", name in "[A-Za-z0-9+=,.@_-]{1,64}", group in "[A-Za-z0-9._-]{1,64}", queue in arn("sqs"),
    ) {
        is_kept::<RoleArn>(&format!("arn:aws:iam::{account}:role/engines/{name}"))?;
        is_kept::<QueueArn>(&format!("{queue}:{name}"))?;
        is_kept::<ScheduleGroup>(&group)?;
        let too_long = group.repeat(65);
        prop_assert!(too_long.parse::<ScheduleGroup>().is_err());
    }

    #[test]
    fn ids_and_container_names_are_kept(id in "[0-9a-f]{17}", name in NAME, place: prop::sample::Index, wrong in prop::sample::select(&WRONG[..])) {
        let subnet: SubnetId = is_kept(&format!("subnet-{id}"))?;
        let group: SecurityGroupId = is_kept(&format!("sg-{id}"))?;
        is_kept::<ContainerName>(&name)?;
        prop_assert!(damaged(subnet.as_str(), place, wrong).parse::<SubnetId>().is_err());
        prop_assert!(damaged(group.as_str(), place, wrong).parse::<SecurityGroupId>().is_err());
        prop_assert!(damaged(&name, place, wrong).parse::<ContainerName>().is_err());
    }

    #[test]
    fn ports_are_kept_as_number_and_as_text(number in any::<i64>()) {
        let near = number.rem_euclid(70_000) - 1_000;
        for number in [number, near] {
            let is_port = (1..=65_535).contains(&number);
            prop_assert_eq!(Port::try_from(number).is_ok(), is_port);
            prop_assert_eq!(number.to_string().parse::<Port>().is_ok(), is_port);
            if is_port {
                prop_assert_eq!(i64::from(is_kept::<Port>(&number.to_string())?.number()), number);
            }
        }
    }

    #[test]
    fn what_started_by_is_read_from_is_what_would_be_written(text in "(start-engines/)?[A-Za-z0-9/_-]{0,60}", port in 1..=65_535_i64) {
        let home = Scope { partition: "aws".into(), region: "us-east-1".into(), account: "111122223333".into() };
        if let Ok(attachments) = started_by::decode(&text, &home) {
            prop_assert_eq!(started_by::encode(&attachments).unwrap(), text);
        }
        let group = TargetGroupArn::from_parts(&home, "auth", "73e2d6bc24d8a067").unwrap();
        let attachment = Attachment { group, port: Port::try_from(port).unwrap(), container: None };
        let written = started_by::encode(std::slice::from_ref(&attachment)).unwrap();
        prop_assert_eq!(started_by::decode(&written, &home).unwrap(), vec![attachment]);
    }

    #[test]
    fn no_text_makes_a_parser_of_names_panic(text in "\\PC*") {
        let home = Scope { partition: "aws".into(), region: "us-east-1".into(), account: "111122223333".into() };
        let _ = (text.parse::<Cluster>(), text.parse::<TaskDefinition>(), text.parse::<TaskArn>());
        let _ = (text.parse::<TargetGroupArn>(), text.parse::<Port>(), text.parse::<SubnetId>());
        let _ = (TargetGroupArn::from_parts(&home, &text, &text), Timestamp::parse(&text));
        let _ = (text.parse::<FunctionArn>(), text.parse::<RoleArn>(), text.parse::<QueueArn>(), text.parse::<ScheduleGroup>());
    }

    #[test]
    fn times_are_read_to_the_millisecond_in_any_zone(millis in -60_000_000_000_000..200_000_000_000_000_i64, hours in -12..=14_i8) {
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
        let zone = time::UtcOffset::from_hms(hours, 0, 0).unwrap();
        let text = time.to_offset(zone).format(&time::format_description::well_known::Rfc3339).unwrap();
        prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp::from_millis(millis)), "{}", text);
    }

    #[test]
    fn time_goes_forward_and_never_overflows(a in any::<i64>(), b in any::<i64>(), wait in any::<u64>()) {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        prop_assert!(a.after(Duration::from_millis(wait)) >= a);
        prop_assert!(a.since(b) == Duration::ZERO || b.since(a) == Duration::ZERO);
    }
}
