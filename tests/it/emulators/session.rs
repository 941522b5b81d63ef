//! A test's session: the adapters under test, plain SDK clients for set-up and checks, an emulator.
//!
//! Set-up and checks use the SDK directly, never the adapters.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode, PortMapping};
use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetGroupIpAddressTypeEnum, TargetTypeEnum};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use start_engines_aws::AwsClients;
use start_engines_cli::aws::OperatorClients;
use start_engines_core::call::run_task::{Awsvpc, Launch, Options, RunTask};
use start_engines_core::call::{Answer, Call, CallError, ErrorKind, TaskPage};
use start_engines_core::domain::arn::{
    Cluster, SecurityGroupId, SubnetId, TargetGroupArn, TaskArn, TaskDefinition, VpcId,
};
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::target::{Target, TargetGroup, TargetHealth, Zone};
use start_engines_core::domain::task::Task;
use start_engines_core::ports::Aws;

use super::process::Emulator;

/// The only region in which MiniStack's load balancers answer unsigned requests.
pub(super) const REGION: &str = "us-east-1";
/// The container of every task definition here, and its port.
pub(super) const CONTAINER: &str = "app";
pub(super) const PORT: i32 = 8080;

/// Time for one call; an emulator may load a whole service at its first request.
const CALL_TIME: Duration = Duration::from_secs(30);

/// One test's view of an emulator.
pub(super) struct Session {
    /// The emulator of this session.
    pub(super) emulator: &'static Emulator,
    /// A subnet of the default VPC.
    pub(super) subnet: SubnetId,
    /// A plain client of ECS, for set-up and checks.
    pub(super) ecs: aws_sdk_ecs::Client,
    /// The adapters under test.
    adapters: AwsClients,
    elbv2: aws_sdk_elasticloadbalancingv2::Client,
    vpc: String,
}

impl Session {
    /// A session with its own clients, since connections end with a test's runtime.
    pub(super) async fn with(emulator: &'static Emulator) -> Self {
        let config = config(emulator);
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(emulator.endpoint())
            .credentials_provider(credentials());
        let subnets = ec2(emulator, "Action=DescribeSubnets");
        let first = |tag: &str| first(&subnets, tag);
        Self {
            emulator,
            subnet: first("subnetId")
                .and_then(|id| id.parse().ok())
                .expect("a subnet of the default VPC"),
            ecs: aws_sdk_ecs::Client::new(&config),
            adapters: OperatorClients::load(loader).await.expect("a region").function(),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            vpc: first("vpcId").expect("a default VPC"),
        }
    }

    /// Creates a cluster and a Fargate task definition with that name.
    pub(super) async fn make_cluster(&self, name: &str) -> Cluster {
        let made = self.ecs.create_cluster().cluster_name(name).send().await;
        made.expect("the emulator makes a cluster");
        let port = PortMapping::builder().container_port(PORT).build();
        // moto answers RunTask with status 500 where the container sets no memory.
        let container = ContainerDefinition::builder()
            .name(CONTAINER)
            .image("engine:1")
            .memory(512)
            .essential(true)
            .port_mappings(port)
            .build();
        let made = self
            .ecs
            .register_task_definition()
            .family(name)
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await;
        made.expect("the emulator makes a task definition");
        name.parse().expect("a cluster name")
    }

    /// Creates an HTTP target group of target type `ip`.
    pub(super) async fn make_target_group(&self, name: &str, family: TargetGroupIpAddressTypeEnum) -> TargetGroupArn {
        let made = self
            .elbv2
            .create_target_group()
            .name(name)
            .protocol(ProtocolEnum::Http)
            .port(PORT)
            .vpc_id(&self.vpc)
            .target_type(TargetTypeEnum::Ip)
            .ip_address_type(family)
            .send()
            .await
            .expect("the emulator makes a target group");
        let arn = made.target_groups()[0].target_group_arn().expect("an ARN");
        arn.parse().expect("the emulator's ARN is one of a target group")
    }

    /// Starts an EC2 instance; returns its id and its private address.
    pub(super) fn run_instance(&self) -> (String, Ipv4Addr) {
        let subnet = &self.subnet;
        let query = format!("Action=RunInstances&ImageId=ami-12c6146b&MinCount=1&MaxCount=1&SubnetId={subnet}");
        let started = ec2(self.emulator, &query);
        let id = first(&started, "instanceId").expect("an instance's id");
        let address = first(&started, "privateIpAddress").and_then(|text| text.parse().ok());
        (id, address.expect("its private address"))
    }

    /// Calls DescribeInstances through the adapters.
    pub(super) async fn instance(&self, id: &str) -> Option<Ec2Instance> {
        let call = Call::DescribeInstance {
            id: id.to_owned(),
            recall: Recall::IfGone,
        };
        match self.perform(&call).await {
            Ok(Answer::Instance(instance)) => instance,
            other => panic!("DescribeInstances brought {other:?}"),
        }
    }

    /// The default VPC, in which target groups are made.
    pub(super) fn vpc(&self) -> VpcId {
        self.vpc.parse().expect("a VPC id")
    }

    /// Calls DescribeNetworkInterfaces through the adapters.
    pub(super) async fn interfaces(&self, query: InterfaceQuery) -> Vec<Arc<NetworkInterface>> {
        match self.perform(&Call::DescribeNetworkInterfaces(query)).await {
            Ok(Answer::Interfaces(found)) => found,
            other => panic!("DescribeNetworkInterfaces brought {other:?}"),
        }
    }

    /// Calls DescribeContainerInstances through the adapters.
    pub(super) async fn container_instance(&self, cluster: &Cluster, arn: &str) -> Option<ContainerInstance> {
        let call = Call::DescribeContainerInstance {
            cluster: cluster.clone(),
            arn: arn.to_owned(),
            recall: Recall::IfGone,
        };
        match self.perform(&call).await {
            Ok(Answer::ContainerInstance(instance)) => instance,
            other => panic!("DescribeContainerInstances brought {other:?}"),
        }
    }

    /// The smallest RunTask call that both emulators accept: Fargate, in the default VPC.
    pub(super) fn start_of(&self, cluster: &Cluster) -> RunTask {
        // moto needs a security group, and accepts any.
        let security_group: SecurityGroupId = "sg-0123456789abcdef0".parse().expect("a security group id");
        RunTask {
            cluster: cluster.clone(),
            task_definition: cluster.name().parse::<TaskDefinition>().expect("a family"),
            count: 1,
            client_token: format!("{}#0", cluster.name()),
            started_by: "start-engines/-".to_owned(),
            tags: Vec::new(),
            network: Some(Awsvpc {
                subnets: vec![self.subnet.clone()],
                security_groups: vec![security_group],
                assign_public_ip: Some("DISABLED"),
            }),
            launch: Launch::Type("FARGATE"),
            platform_version: None,
            options: Options::default(),
        }
    }

    /// Performs a call as the function does.
    pub(super) async fn perform(&self, call: &Call) -> Result<Answer, CallError> {
        self.adapters.perform(call, CALL_TIME).await
    }

    /// The kind of error that a call ends with.
    pub(super) async fn error_of(&self, call: &Call) -> ErrorKind {
        match self.perform(call).await {
            Err(error) => error.kind,
            Ok(answer) => panic!("{} was to fail, and brought {answer:?}", call.operation()),
        }
    }

    /// Starts tasks, which must succeed, all of them.
    pub(super) async fn run_task(&self, start: RunTask) -> Vec<TaskArn> {
        let count = usize::try_from(start.count).expect("a count");
        let call = Call::RunTask(Box::new(start));
        match self.perform(&call).await {
            Ok(Answer::Started(started)) => {
                assert_eq!(started.failures, [], "the emulators' RunTask knows no failures");
                assert_eq!(started.tasks.len(), count, "each task has an ARN that can be read");
                started.tasks
            }
            other => panic!("RunTask brought {other:?}"),
        }
    }

    /// Calls DescribeTasks through the adapters.
    pub(super) async fn describe_tasks(&self, cluster: &Cluster, tasks: &[TaskArn]) -> Vec<Task> {
        let call = Call::DescribeTasks {
            cluster: cluster.clone(),
            tasks: tasks.to_vec(),
        };
        match self.perform(&call).await {
            Ok(Answer::Tasks(tasks)) => tasks.iter().map(|task| Task::clone(task)).collect(),
            other => panic!("DescribeTasks brought {other:?}"),
        }
    }

    /// One page of ListTasks.
    pub(super) async fn list_tasks(&self, cluster: &Cluster, page: Option<String>) -> TaskPage {
        let call = Call::ListTasks {
            cluster: cluster.clone(),
            desired: start_engines_core::call::Desired::Running,
            container_instance: None,
            page,
        };
        match self.perform(&call).await {
            Ok(Answer::TaskPage(page)) => TaskPage::clone(&page),
            other => panic!("ListTasks brought {other:?}"),
        }
    }

    /// The facts about a target group.
    pub(super) async fn facts_of(&self, group: &TargetGroupArn) -> TargetGroup {
        let call = Call::DescribeTargetGroup { group: group.clone() };
        match self.perform(&call).await {
            Ok(Answer::TargetGroup(facts)) => facts,
            other => panic!("DescribeTargetGroups brought {other:?}"),
        }
    }

    /// The health of targets in a target group.
    pub(super) async fn health_of(&self, group: &TargetGroupArn, targets: &[Target]) -> Vec<TargetHealth> {
        match self.perform(&describe_health(group, targets)).await {
            Ok(Answer::Health(health)) => health,
            other => panic!("DescribeTargetHealth brought {other:?}"),
        }
    }

    /// Performs a call whose answer is empty.
    pub(super) async fn done(&self, call: &Call) {
        assert_eq!(self.perform(call).await, Ok(Answer::Done), "{}", call.operation());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.emulator.log();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            #[expect(clippy::print_stderr, reason = "shown by the test runner, for failed tests only")]
            {
                eprintln!("the emulator's last lines:\n{}", last.join("\n"));
            }
        }
    }
}

/// RegisterTargets.
pub(super) fn register(group: &TargetGroupArn, targets: &[Target]) -> Call {
    Call::RegisterTargets {
        group: group.clone(),
        targets: targets.to_vec(),
        zone: Zone::Own,
    }
}

/// DeregisterTargets.
pub(super) fn deregister(group: &TargetGroupArn, targets: &[Target]) -> Call {
    Call::DeregisterTargets {
        group: group.clone(),
        targets: targets.to_vec(),
        within: CALL_TIME,
    }
}

/// DescribeTargetHealth.
pub(super) fn describe_health(group: &TargetGroupArn, targets: &[Target]) -> Call {
    Call::DescribeTargetHealth {
        group: group.clone(),
        targets: targets.to_vec(),
    }
}

/// A target.
pub(super) fn target(id: &str, port: i64) -> Target {
    Target {
        id: id.to_owned(),
        port: port.try_into().expect("a port"),
    }
}

/// The configuration of the plain clients. Nothing comes from the environment, and nothing is retried, so that an
/// emulator's error is visible.
fn config(emulator: &Emulator) -> SdkConfig {
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .region(Region::new(REGION))
        .endpoint_url(emulator.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .retry_config(RetryConfig::disabled())
        .build()
}

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// A call of EC2 without an SDK: the crate has none for EC2. The emulators read the service
/// from the signature's scope and do not check the signature.
fn ec2(emulator: &Emulator, query: &str) -> String {
    let scope = format!("test/20260101/{REGION}/ec2/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let headers = [
        ("Authorization", signature.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("{query}&Version=2016-11-15");
    let answer = emulator.post("/", &headers, &body).expect("an answer from EC2");
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.body
}

/// The content of the first element with this name.
fn first(xml: &str, tag: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once('<')?.0.to_owned())
}
