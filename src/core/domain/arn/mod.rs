//! Names and ARNs of AWS resources, validated when they are parsed.
//!
//! Must not call AWS: a resource with a valid ARN may not exist.
//!
//! The formats are those of the [Service Authorization Reference] for ECS and Elastic Load
//! Balancing V2.
//!
//! [Service Authorization Reference]: https://docs.aws.amazon.com/service-authorization/latest/reference/

mod ecs;
mod elbv2;
mod event_bus;
mod form;
mod network;
mod services;

pub use self::ecs::{Cluster, ContainerName, TaskArn, TaskDefinition};
pub use self::elbv2::TargetGroupArn;
pub use self::event_bus::EventBus;
pub use self::form::{Malformed, Scope};
pub use self::network::{InterfaceId, Port, SecurityGroupId, SubnetId, VpcId};
pub use self::services::{FunctionArn, QueueArn, RoleArn, ScheduleGroup};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_names_or_arns() {
        for good in [
            "engines",
            "a-b_c",
            "arn:aws-cn:ecs:cn-north-1:111122223333:cluster/engines",
        ] {
            assert_eq!(good.parse::<Cluster>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a b",
            "arn:aws:ecs:us-east-1:1:cluster/x",
            "arn:aws:ecs:us-east-1:111122223333:task/x",
        ] {
            assert!(bad.parse::<Cluster>().is_err(), "{bad}");
        }
        let arn: Cluster = "arn:aws:ecs:us-east-1:111122223333:cluster/engines".parse().unwrap();
        assert_eq!(arn.name(), "engines");
        assert!(arn.same_as(&"engines".parse().unwrap()));
        assert!(!arn.same_as(&"arn:aws:ecs:us-west-2:111122223333:cluster/engines".parse().unwrap()));
    }

    #[test]
    fn task_definitions_give_their_family() {
        for text in [
            "auth",
            "auth:7",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7",
        ] {
            assert_eq!(text.parse::<TaskDefinition>().unwrap().family(), "auth");
        }
        for bad in [
            "auth:0",
            "auth:x",
            "auth:7:8",
            "a/b",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/",
        ] {
            assert!(bad.parse::<TaskDefinition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn functions_give_scope_and_name_whatever_their_version() {
        for text in [
            "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
            "arn:aws:lambda:us-east-1:111122223333:function:start-engines:live",
        ] {
            let arn: FunctionArn = text.parse().unwrap();
            assert_eq!(arn.scope().unwrap().account, "111122223333");
            assert_eq!(arn.name(), "start-engines");
            let other: FunctionArn = text.replace("us-east-1", "us-east-2").parse().unwrap();
            assert!(arn.same_as(&format!("{arn}:live").parse().unwrap()) && !arn.same_as(&other));
        }
        for bad in ["", "start-engines", "arn:aws:lambda:us-east-1:111122223333:layer:x"] {
            assert!(bad.parse::<FunctionArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn target_group_arns_give_name_and_id() {
        let text = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
        let arn: TargetGroupArn = text.parse().unwrap();
        assert_eq!((arn.name(), arn.id()), ("auth", "73e2d6bc24d8a067"));
        assert_eq!(
            TargetGroupArn::from_parts(&arn.scope().unwrap(), "auth", "73e2d6bc24d8a067").unwrap(),
            arn
        );
        for bad in [
            "",
            "auth",
            &text.replace("targetgroup", "loadbalancer"),
            &text.replace("elasticloadbalancing", "ecs"),
        ] {
            assert!(bad.parse::<TargetGroupArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn task_arns_give_scope_and_cluster() {
        let arn: TaskArn = "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef"
            .parse()
            .unwrap();
        assert_eq!(
            arn.cluster().unwrap().as_str(),
            "arn:aws:ecs:us-east-1:111122223333:cluster/engines"
        );
        assert_eq!(arn.scope().region, "us-east-1");
        let old: TaskArn = "arn:aws:ecs:us-east-1:111122223333:task/0123456789abcdef"
            .parse()
            .unwrap();
        assert_eq!(old.cluster(), None);
    }

    #[test]
    fn ports_are_1_to_65535() {
        assert_eq!("8080".parse::<Port>().unwrap().number(), 8080);
        for bad in ["", "0", "65536", "-1", "+80", "080", "8o"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }
}
