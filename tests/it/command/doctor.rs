//! `doctor`: a sound deployment, and what the looker cannot see, at the wire. `planted` has one fault at a time.

mod planted;
mod seen;

use std::path::PathBuf;

use serde_json::{Value, json};
use start_engines_fake_aws::{Fault, TargetGroup, World};

use super::{Ended, FUNCTION, Run};
use crate::stage::Stage;

const ROLE: &str = "arn:aws:iam::111122223333:role/start-engines";
const LATER: &str = "arn:aws:iam::111122223333:role/start-engines-later";
const EXECUTION: &str = "arn:aws:iam::111122223333:role/execution";
const LAYER: &str = "arn:aws:lambda:us-east-1:111122223333:layer:start-engines:1";
const CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";
const DEFINITION: &str = "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:1";
const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/auth:7";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:auth-a1b2c3";
const SUBNETS: [&str; 2] = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5a60718"];
const TASKS: &str = "sg-0a1b2c3d4e5f60718";
const OF_BALANCER: &str = "sg-0b1c2d3e4f5a60718";
const LOGS: &str = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/start-engines:*";
/// That of the fake.
const VPC: &str = "vpc-0a1b2c3d4e5f60718";
const REQUESTS: &str = "arn:aws:events:us-east-1:111122223333:rule/engines/start-engines-requests";
const CHANGES: &str = "arn:aws:events:us-east-1:111122223333:rule/start-engines-state-change";
const QUEUES: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/start-engines-";

/// The first bytes of a program for x86_64.
const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0and so on";

/// A deployment in which all is well, and the catalog that the command has.
struct Deployed {
    stage: Stage,
    catalog: PathBuf,
}

impl Drop for Deployed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.catalog);
    }
}

fn queue_arn(suffix: &str) -> String {
    format!("arn:aws:sqs:us-east-1:111122223333:start-engines-{suffix}")
}

fn entry(group: &str) -> Value {
    json!({
        "cluster": "engines", "taskDefinition": "auth:1", "targetGroupArn": group, "port": 8080,
        "subnets": SUBNETS, "securityGroups": [TASKS], "launchType": "FARGATE",
    })
}

impl Deployed {
    /// A deployment whose only service has these fields besides its usual ones.
    async fn with(name: &str, change: Value) -> Self {
        let stage = Stage::new().await;
        let mut service = entry(&stage.group);
        for (field, value) in change.as_object().expect("an object") {
            service[field] = value.clone();
        }
        service
            .as_object_mut()
            .expect("an object")
            .retain(|_, value| !value.is_null());
        let catalog = json!({"auth": service}).to_string();
        stage.fake.world(|world| {
            function(world, &stage.group, &catalog);
            messaging(world);
            services(world, &stage.group);
            network(world);
            permits(world, &stage.group);
        });
        let file = std::env::temp_dir().join(format!("start-engines-doctor-{}-{name}.json", std::process::id()));
        std::fs::write(&file, catalog).expect("a file");
        Self { stage, catalog: file }
    }

    async fn sound(name: &str) -> Self {
        Self::with(name, json!({})).await
    }

    fn change(self, change: impl FnOnce(&mut World)) -> Self {
        self.stage.fake.world(change);
        self
    }

    async fn doctor(&self, arguments: &[&str]) -> Ended {
        let run = Run::new(&self.stage.fake, &[&["doctor"][..], arguments].concat());
        run.env("SERVICES_FILE", self.catalog.to_str().expect("a path"))
            .env("START_ENGINES_REQUEST_RULE", REQUESTS)
            .env("START_ENGINES_STATE_CHANGE_RULE", CHANGES)
            .env("START_ENGINES_ON_FAILURE_QUEUE_URL", &format!("{QUEUES}failures"))
            .env(
                "START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL",
                &format!("{QUEUES}undelivered"),
            )
            .env("START_ENGINES_ALARMS", "start-engines-errors,start-engines-lag")
            .env("ALLOWED_CLUSTERS", CLUSTER)
            .env("ALLOWED_SOURCES", "app.tenants,start-engines.operator.start-engines")
            .end()
            .await
    }

    /// The findings that are not ok, in JSON.
    async fn unwell(&self, status: i32) -> Vec<Value> {
        let json = self.doctor(&["--quiet", "--output", "json"]).await.must(status).json();
        json["findings"].as_array().expect("findings").clone()
    }
}

fn function(world: &mut World, group: &str, catalog: &str) {
    let settings = json!({
        "ALLOWED_CLUSTERS": [CLUSTER],
        "ALLOWED_TARGET_GROUPS": [group],
        "ALLOWED_TASK_FAMILIES": ["auth"],
        "ALLOWED_SOURCES": ["app.tenants", "start-engines.operator.start-engines"],
    });
    let variables = json!({
        "SETTINGS_FILE": "/opt/settings.json", "SERVICES_FILE": "/opt/services.json", "DEPLOYMENT": "start-engines",
        "SCHEDULER_ROLE_ARN": LATER, "SCHEDULER_GROUP": "start-engines", "LOG_LEVEL": "info",
    });
    world.describe(
        "function",
        "start-engines",
        json!({"Configuration": {
            "FunctionName": "start-engines", "FunctionArn": FUNCTION, "Runtime": "provided.al2023", "Role": ROLE,
            "Handler": "bootstrap", "State": "Active", "LastUpdateStatus": "Successful", "Architectures": ["x86_64"],
            "Layers": [{"Arn": LAYER, "CodeSize": 300}], "Environment": {"Variables": variables},
            "LoggingConfig": {"LogGroup": "/aws/lambda/start-engines"},
        }}),
    );
    world.put_files("start-engines", &[("bootstrap", PROGRAM)]);
    let settings = settings.to_string();
    world.put_files(
        LAYER,
        &[
            ("settings.json", settings.as_bytes()),
            ("services.json", catalog.as_bytes()),
        ],
    );
    let permission = |sid: &str, rule: &str| {
        json!({"Sid": sid, "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION, "Condition": {"ArnLike": {"AWS:SourceArn": rule}}})
    };
    let policy = json!({"Version": "2012-10-17", "Id": "default",
        "Statement": [permission("requests", REQUESTS), permission("changes", CHANGES)]});
    world.describe(
        "policy",
        "start-engines",
        json!({"Policy": policy.to_string(), "RevisionId": "1"}),
    );
    let destination = json!({"DestinationConfig": {"OnFailure": {"Destination": queue_arn("failures")}}});
    world.describe("invoke config", "start-engines", destination);
    world.add_schedule_group("start-engines");
    let trust = json!({"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
        "Principal": {"Service": "scheduler.amazonaws.com"}, "Condition": {"StringEquals": {
            "aws:SourceAccount": "111122223333",
            "aws:SourceArn": "arn:aws:scheduler:us-east-1:111122223333:schedule-group/start-engines"}}}]}});
    world.describe("role", "start-engines-later", trust);
    world.describe(
        "role",
        "start-engines",
        json!({"AssumeRolePolicyDocument": {"Statement": []}}),
    );
}

fn messaging(world: &mut World) {
    let requests = json!({"source": ["app.tenants", "start-engines.operator.start-engines"],
        "detail-type": ["Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"]});
    let changes = json!({
        "source": ["aws.ecs"], "detail-type": ["ECS Task State Change"],
        "detail": {"startedBy": [{"prefix": "start-engines/"}], "clusterArn": [CLUSTER], "$or": [
            {"lastStatus": ["RUNNING"], "desiredStatus": ["RUNNING"]},
            {"desiredStatus": ["STOPPED"], "lastStatus": [{"anything-but": ["DEPROVISIONING"]}]},
        ]},
    });
    for (name, pattern) in [
        ("engines/start-engines-requests", requests),
        ("default/start-engines-state-change", changes),
    ] {
        world.describe(
            "rule",
            name,
            json!({"Name": name, "State": "ENABLED", "EventPattern": pattern.to_string()}),
        );
        let target =
            json!([{"Id": "function", "Arn": FUNCTION, "DeadLetterConfig": {"Arn": queue_arn("undelivered")}}]);
        world.describe("targets", name, target);
    }
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
        "Principal": {"Service": "events.amazonaws.com"}, "Resource": queue_arn("undelivered"),
        "Condition": {"ArnEquals": {"aws:SourceArn": [REQUESTS, CHANGES]}}}]});
    for (suffix, policy) in [("failures", json!({})), ("undelivered", policy)] {
        let attributes =
            json!({"QueueArn": queue_arn(suffix), "SqsManagedSseEnabled": "true", "Policy": policy.to_string()});
        world.describe("queue", &format!("{QUEUES}{suffix}"), attributes);
    }
    for name in ["start-engines-errors", "start-engines-lag"] {
        let alarm = json!({"AlarmName": name, "ActionsEnabled": true, "StateValue": "OK",
            "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:people"]});
        world.describe("alarm", name, alarm);
    }
}

fn services(world: &mut World, group: &str) {
    let container = json!({
        "name": "auth", "image": IMAGE, "essential": true,
        "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/auth"}},
        "secrets": [{"name": "TOKEN", "valueFrom": format!("{SECRET}:token::")}],
    });
    let fields = json!({"containerDefinitions": [container], "executionRoleArn": EXECUTION});
    world.describe("task definition", DEFINITION, fields);
    let balancer = world.load_balancer_arn(group).expect("one");
    let zones = ["us-east-1a", "us-east-1b"];
    let zones = zones
        .iter()
        .zip(SUBNETS)
        .map(|(zone, subnet)| json!({"ZoneName": zone, "SubnetId": subnet}));
    world.describe(
        "load balancer",
        &balancer,
        json!({"LoadBalancerArn": balancer, "LoadBalancerName": "main", "Type": "application", "State": {"Code": "active"},
            "AvailabilityZones": zones.collect::<Value>(), "SecurityGroups": [OF_BALANCER], "VpcId": VPC}),
    );
    let check = json!({"VpcId": VPC, "HealthCheckEnabled": true, "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/health", "Matcher": {"HttpCode": "200"}, "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 5});
    world.describe("target group", group, check);
    world.describe("image", "auth:7", json!({"imageTags": ["7"]}));
    world.describe("log group", "/ecs/auth", json!({}));
    world.describe("secret", SECRET, json!({"ARN": SECRET, "Name": "auth"}));
}

fn network(world: &mut World) {
    for (n, (id, zone)) in SUBNETS.into_iter().zip(["us-east-1a", "us-east-1b"]).enumerate() {
        let subnet =
            json!({"subnetId": id, "vpcId": VPC, "availabilityZone": zone, "cidrBlock": format!("10.0.{n}.0/24")});
        world.describe("subnet", id, subnet);
    }
    let all = json!([{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]);
    let from_balancer =
        json!([{"ipProtocol": "tcp", "fromPort": 8080, "toPort": 8080, "groups": [{"groupId": OF_BALANCER}]}]);
    let from_world =
        json!([{"ipProtocol": "tcp", "fromPort": 80, "toPort": 80, "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]);
    for (id, ingress) in [(TASKS, from_balancer), (OF_BALANCER, from_world)] {
        let group =
            json!({"groupId": id, "groupName": id, "vpcId": VPC, "ipPermissions": ingress, "ipPermissionsEgress": all});
        world.describe("security group", id, group);
    }
    let routes = json!([
        {"destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "state": "active"},
        {"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-0a1b2c3d4e5f60718", "state": "active"},
    ]);
    let table = json!({"routeTableId": "rtb-0a1b2c3d4e5f60718", "vpcId": VPC, "routeSet": routes,
        "associationSet": [{"main": true}]});
    world.describe("route table", "rtb-0a1b2c3d4e5f60718", table);
}

fn permits(world: &mut World, group: &str) {
    let in_cluster = json!({"ecs:cluster": CLUSTER});
    let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/*";
    let schedule = "arn:aws:scheduler:us-east-1:111122223333:schedule/start-engines/start-engines-*";
    let passed = |service: &str| json!({"iam:PassedToService": service});
    let permits = [
        (
            ROLE,
            "ecs:RunTask",
            "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:*",
            in_cluster.clone(),
        ),
        (ROLE, "ecs:TagResource", task, json!({"ecs:CreateAction": "RunTask"})),
        (ROLE, "ecs:DescribeTasks", task, json!({})),
        (ROLE, "ecs:StopTask", task, json!({})),
        (ROLE, "ecs:ListTasks", "*", in_cluster),
        (ROLE, "ecs:DescribeTaskDefinition", "*", json!({})),
        (ROLE, "iam:PassRole", EXECUTION, passed("ecs-tasks.amazonaws.com")),
        (ROLE, "iam:PassRole", LATER, passed("scheduler.amazonaws.com")),
        (ROLE, "scheduler:CreateSchedule", schedule, json!({})),
        (ROLE, "elasticloadbalancing:RegisterTargets", group, json!({})),
        (ROLE, "elasticloadbalancing:DeregisterTargets", group, json!({})),
        (
            ROLE,
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "*",
            json!({}),
        ),
        (ROLE, "elasticloadbalancing:DescribeTargetGroups", "*", json!({})),
        (ROLE, "elasticloadbalancing:DescribeTargetHealth", "*", json!({})),
        (ROLE, "ec2:DescribeNetworkInterfaces", "*", json!({})),
        (ROLE, "sqs:SendMessage", &queue_arn("failures"), json!({})),
        (ROLE, "logs:CreateLogStream", LOGS, json!({})),
        (ROLE, "logs:PutLogEvents", LOGS, json!({})),
        (LATER, "lambda:InvokeFunction", FUNCTION, json!({})),
    ];
    for (role, action, resource, context) in permits {
        let permit = json!({"role": role, "action": action, "resource": resource, "context": context});
        world.describe("permit", &format!("{action} {resource}"), permit);
    }
    let of_drain = json!({"role": ROLE, "action": "ecs:TagResource", "resource": task,
        "context": {"aws:TagKeys": ["start-engines:stop-at"]}});
    world.describe("permit", "ecs:TagResource of a drain", of_drain);
}

#[tokio::test]
async fn a_sound_deployment_gives_no_failure_and_no_warning_and_only_reads() {
    let deployed = Deployed::sound("sound").await;
    assert_eq!(deployed.unwell(0).await, Vec::<Value>::new());
    let ended = deployed.doctor(&["auth"]).await.must(0);
    assert!(
        ended
            .out
            .starts_with("Deployment start-engines and 1 service: 0 failures, 0 warnings, 0 not checked, "),
        "{}",
        ended.out
    );
    for line in ended.out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for call in deployed.stage.calls() {
        let is_read = ["Describe", "List", "Get", "Simulate", "TestEventPattern", "Download"]
            .iter()
            .any(|begin| call.starts_with(begin));
        assert!(is_read, "{call}");
    }
}

#[tokio::test]
async fn what_the_looker_may_not_call_is_not_checked_and_nothing_at_all_is_exit_status_1() {
    let deployed = Deployed::sound("denied").await;
    let denied = || Fault::error(403, "AccessDenied", "not authorized");
    for (call, check) in [
        ("events:DescribeRule", "rule"),
        ("iam:SimulatePrincipalPolicy", "permissions"),
        ("cloudwatch:DescribeAlarms", "alarms"),
        ("ec2:DescribeSecurityGroups", "security groups"),
        ("ecr:DescribeImages", "image"),
    ] {
        deployed.stage.fake.world(|world| world.fail_next(call, denied(), 100));
        let found = deployed.unwell(0).await;
        assert!(
            found.iter().any(|finding| finding["check"] == check),
            "{call}: {found:#?}"
        );
        for finding in &found {
            assert_eq!(finding["level"], "not_checked", "{call}: {finding:#}");
            let message = finding["message"].as_str().unwrap();
            assert!(
                message.contains("you may not call") || message.contains("could not be read"),
                "{finding:#}"
            );
        }
        let names = |finding: &Value| finding["message"].as_str().unwrap().contains("you may not call");
        assert!(found.iter().any(names), "{call}: {found:#?}");
        deployed.stage.fake.world(World::forget_faults);
    }
    deployed
        .stage
        .fake
        .world(|world| world.fail_next("*", denied(), 10_000));
    let ended = deployed.doctor(&[]).await.must(1);
    assert!(ended.err.contains("nothing could be looked at"), "{}", ended.err);
    assert!(
        ended.out.contains("not checked") && !ended.out.contains("FAILURE"),
        "{ended:#?}"
    );
}

#[tokio::test]
async fn a_deployment_that_is_not_there_is_told_and_bad_input_is_exit_status_2() {
    let deployed = Deployed::sound("missing")
        .await
        .change(|world| world.take_away("function", "start-engines"));
    let found = deployed.unwell(3).await;
    let message = found[0]["message"].as_str().unwrap();
    assert_eq!(message, format!("the function {FUNCTION} does not exist"), "{found:#?}");
    let ended = deployed.doctor(&["nobody"]).await.must(2);
    assert!(
        ended
            .err
            .contains("SERVICE = \"nobody\": must be a service of the catalog: auth"),
        "{}",
        ended.err
    );
    let ended = deployed
        .doctor(&["--request-rule", "start-engines-requests"])
        .await
        .must(2);
    assert!(
        ended
            .err
            .contains("--request-rule = \"start-engines-requests\": must be the ARN of a rule"),
        "{}",
        ended.err
    );
    let ended = Run::offline(&["doctor"]).end().await.must(2);
    assert!(ended.err.contains("no deployment is given"), "{}", ended.err);
}

/// As many target groups as take three calls to describe.
const GROUPS: usize = 45;

#[tokio::test]
async fn five_hundred_services_are_read_in_batches_each_thing_once() {
    let deployed = Deployed::sound("many").await;
    let first = deployed.stage.group.clone();
    let groups: Vec<String> = deployed.stage.fake.world(|world| {
        let check = world.described_mut("target group", &first).clone();
        let balancer = world.load_balancer_arn(&first).expect("one");
        let permit = |world: &mut World, action: &str, group: &str| {
            let action = format!("elasticloadbalancing:{action}");
            let permit = json!({"role": ROLE, "action": action, "resource": group, "context": {}});
            world.describe("permit", &format!("{action} {group}"), permit);
        };
        let more = (1..GROUPS).map(|n| {
            let arn = world.add_target_group(TargetGroup::ip(&format!("auth-{n}"), 80));
            let mut check = check.clone();
            check["LoadBalancerArns"] = json!([balancer]);
            world.describe("target group", &arn, check);
            permit(world, "RegisterTargets", &arn);
            permit(world, "DeregisterTargets", &arn);
            arn
        });
        std::iter::once(first.clone()).chain(more.collect::<Vec<_>>()).collect()
    });
    let services = (0..500).map(|n| (format!("auth-{n}"), entry(&groups[n % GROUPS])));
    let catalog = Value::Object(services.collect()).to_string();
    std::fs::write(&deployed.catalog, &catalog).unwrap();
    let deployed = deployed.change(|world| {
        let settings =
            json!({"ALLOWED_CLUSTERS": [CLUSTER], "ALLOWED_TARGET_GROUPS": groups, "ALLOWED_TASK_FAMILIES": ["auth"],
            "ALLOWED_SOURCES": ["start-engines.operator.start-engines"]})
            .to_string();
        world.put_files(
            LAYER,
            &[
                ("settings.json", settings.as_bytes()),
                ("services.json", catalog.as_bytes()),
            ],
        );
    });
    assert_eq!(deployed.unwell(0).await, Vec::<Value>::new());
    let described = deployed.stage.fake.calls_to("elb:DescribeTargetGroups");
    let mut sizes: Vec<usize> = described
        .iter()
        .map(|call| call.input["TargetGroupArns"].as_array().map_or(0, Vec::len))
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 20, 20]);
    let calls_to = |call: &str| deployed.stage.fake.calls_to(call).len();
    assert_eq!(calls_to("elb:DescribeTargetHealth"), GROUPS);
    for once in [
        "ecs:DescribeClusters",
        "ecs:DescribeTaskDefinition",
        "ec2:DescribeSubnets",
        "ecr:DescribeImages",
    ] {
        assert_eq!(calls_to(once), 1, "{once}");
    }
    let calls = deployed.stage.calls();
    assert!(calls.len() < 70 + GROUPS, "{}: {calls:?}", calls.len());
    assert!(deployed.stage.fake.most_at_once() <= 8);
}
