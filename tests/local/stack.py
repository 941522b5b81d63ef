"""What the demo deploys: a network, a cluster, a load balancer, the function and its rules.

Only AWS API calls, so that another deployer can take this module's place; the demo knows
nothing but the `Stack` it returns. Must not start tasks, register targets or send events.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wait

CLUSTER, SERVICE, FUNCTION = "engines", "auth", "start-engines"
SOURCE = "demo.app"
START_RULE, STATE_RULE = "start-engines-start", "start-engines-state-change"
RETRIES = 2
ACTIVE_SECONDS = 20.0


@dataclass(frozen=True)
class Stack:
    """Names, ARNs and addresses of what was deployed."""

    region: str
    account: str
    source: str
    cluster: str
    task_family: str
    subnet: str
    container: str
    port: int
    target_group_arn: str
    load_balancer_dns: str
    function: str
    log_group: str
    start_rule: str
    state_rule: str
    retries: int
    failure_queue_url: str
    rule_queue_url: str


def create(client: Callable[[str], Any], endpoint: str, bundle: Path, port: int) -> Stack:
    """Creates everything, and returns when the function can be invoked."""
    account = client("sts").get_caller_identity()["Account"]
    vpc, subnets, security_group = _network(client("ec2"))
    cluster_arn = _cluster(client("ecs"), port)
    target_group_arn, dns = _load_balancer(client("elbv2"), vpc, subnets, security_group, port)
    sqs = client("sqs")
    failure_queue = _queue(sqs, "start-engines-failures")
    rule_queue = _queue(sqs, "start-engines-undelivered")
    environment = {
        "ECS_CLUSTER": CLUSTER,
        "TASK_DEFINITION": SERVICE,
        "TARGET_GROUP_ARN": target_group_arn,
        "SUBNETS": ",".join(subnets),
        "SECURITY_GROUPS": security_group,
        "CONTAINER_PORT": str(port),
        "ALLOWED_CLUSTERS": CLUSTER,
        "ALLOWED_TARGET_GROUPS": target_group_arn,
        "ALLOWED_TASK_FAMILIES": SERVICE,
        "ALLOWED_SOURCES": SOURCE,
        "LOG_LEVEL": "info",
        # The emulator does not set it for a function.
        "AWS_ENDPOINT_URL": endpoint,
    }
    lambda_ = client("lambda")
    function_arn = _function(lambda_, _role(client("iam")), bundle, environment, failure_queue[1])
    events = client("events")
    for name, pattern in (
        (START_RULE, start_pattern([SOURCE])),
        (STATE_RULE, state_change_pattern([cluster_arn])),
    ):
        _rule(events, lambda_, name, pattern, function_arn, rule_queue[1])
    return Stack(
        region=events.meta.region_name,
        account=account,
        source=SOURCE,
        cluster=CLUSTER,
        task_family=SERVICE,
        subnet=subnets[0],
        container=SERVICE,
        port=port,
        target_group_arn=target_group_arn,
        load_balancer_dns=dns,
        function=FUNCTION,
        log_group=f"/aws/lambda/{FUNCTION}",
        start_rule=START_RULE,
        state_rule=STATE_RULE,
        retries=RETRIES,
        failure_queue_url=failure_queue[0],
        rule_queue_url=rule_queue[0],
    )


def start_pattern(sources: list[str]) -> dict[str, Any]:
    """The rule for start events: only from the applications allowed to send them."""
    return {"source": sources, "detail-type": ["Start ECS Task"]}


def state_change_pattern(cluster_arns: list[str]) -> dict[str, Any]:
    """The rule for state changes: our tasks, once they run and from when they stop."""
    return {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "startedBy": [{"prefix": "start-engines/"}],
            "clusterArn": cluster_arns,
            "$or": [
                {"lastStatus": ["RUNNING"], "desiredStatus": ["RUNNING"]},
                {"desiredStatus": ["STOPPED"]},
            ],
        },
    }


def _network(ec2: Any) -> tuple[str, list[str], str]:
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(zones[:2])
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="engines", Description="engines")
    return vpc, subnets, group["GroupId"]


def _cluster(ecs: Any, port: int) -> str:
    ecs.register_task_definition(
        family=SERVICE,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": SERVICE,
                "image": "registry.example/auth:1",
                "essential": True,
                "portMappings": [{"containerPort": port, "protocol": "tcp"}],
            }
        ],
    )
    return str(ecs.create_cluster(clusterName=CLUSTER)["cluster"]["clusterArn"])


def _load_balancer(
    elb: Any, vpc: str, subnets: list[str], group: str, port: int
) -> tuple[str, str]:
    balancer = elb.create_load_balancer(
        Name="engines",
        Type="application",
        Scheme="internal",
        Subnets=subnets,
        SecurityGroups=[group],
    )["LoadBalancers"][0]
    target_group = elb.create_target_group(
        Name=SERVICE, Protocol="HTTP", Port=port, VpcId=vpc, TargetType="ip", HealthCheckPath="/"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    return target_group, balancer["DNSName"]


def _queue(sqs: Any, name: str) -> tuple[str, str]:
    """The URL and the ARN."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def _role(iam: Any) -> str:
    """A role without policies: the emulator does not enforce them."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=json.dumps(trust))
    return str(role["Role"]["Arn"])


def _function(
    lambda_: Any, role: str, bundle: Path, environment: dict[str, str], failure_queue: str
) -> str:
    arm = platform.machine() in ("aarch64", "arm64")
    arn = lambda_.create_function(
        FunctionName=FUNCTION,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Architectures=["arm64" if arm else "x86_64"],
        Role=role,
        Code={"ZipFile": bundle.read_bytes()},
        Timeout=30,
        MemorySize=128,
        Environment={"Variables": environment},
    )["FunctionArn"]
    lambda_.put_function_event_invoke_config(
        FunctionName=FUNCTION,
        MaximumRetryAttempts=RETRIES,
        DestinationConfig={"OnFailure": {"Destination": failure_queue}},
    )
    wait.until(
        "the function to be active",
        lambda: lambda_.get_function_configuration(FunctionName=FUNCTION)["State"] == "Active",
        ACTIVE_SECONDS,
    )
    return str(arn)


def _rule(
    events: Any, lambda_: Any, name: str, pattern: dict[str, Any], function_arn: str, queue_arn: str
) -> None:
    rule_arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")[
        "RuleArn"
    ]
    lambda_.add_permission(
        FunctionName=FUNCTION,
        StatementId=name,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )
    answer = events.put_targets(
        Rule=name,
        Targets=[{"Id": "function", "Arn": function_arn, "DeadLetterConfig": {"Arn": queue_arn}}],
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"PutTargets failed for {name}: {answer['FailedEntries']}")
