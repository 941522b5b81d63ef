"""Everything that is in the emulator, by AWS's own lists: the program and the provider have no part in it.

Must not know what should be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Client = Callable[[str], Any]
Entry = tuple[str, str]


def inventory(client: Client) -> frozenset[Entry]:
    """Each resource, as its type and its name or ARN."""
    return frozenset(entry for listed in _LISTS for entry in listed(client))


def _balancing(client: Client) -> Iterator[Entry]:
    elb = client("elbv2")
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        arn = balancer["LoadBalancerArn"]
        yield "load balancer", arn
        for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            yield "listener", listener["ListenerArn"]
            rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            yield from (("listener rule", rule["RuleArn"]) for rule in rules if not rule["IsDefault"])
    yield from (("target group", each["TargetGroupArn"]) for each in elb.describe_target_groups()["TargetGroups"])


def _containers(client: Client) -> Iterator[Entry]:
    ecs = client("ecs")
    for arn in ecs.list_clusters()["clusterArns"]:
        cluster = ecs.describe_clusters(clusters=[arn])["clusters"][0]
        # A deleted cluster is shown for a while, as INACTIVE.
        if cluster["status"] == "ACTIVE":
            yield "cluster", arn
            yield from (("capacity provider", f"{arn} {name}") for name in cluster["capacityProviders"])
    definitions = ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    yield from (("task definition", arn) for arn in definitions)


def _function(client: Client) -> Iterator[Entry]:
    lambda_ = client("lambda")
    for found in lambda_.list_functions()["Functions"]:
        name = found["FunctionName"]
        yield "function", name
        try:
            yield "permissions", lambda_.get_policy(FunctionName=name)["Policy"]
        except lambda_.exceptions.ResourceNotFoundException:
            pass
        configs = lambda_.list_function_event_invoke_configs(FunctionName=name)
        for each in configs["FunctionEventInvokeConfigs"]:
            yield "invoke config", each["FunctionArn"]
    for layer in lambda_.list_layers()["Layers"]:
        versions = lambda_.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]
        yield from (("layer version", each["LayerVersionArn"]) for each in versions)
    for each in lambda_.list_event_source_mappings()["EventSourceMappings"]:
        yield "event source mapping", each["UUID"]


def _identity(client: Client) -> Iterator[Entry]:
    iam = client("iam")
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        yield "role", name
        yield from (("role policy", f"{name} {each}") for each in iam.list_role_policies(RoleName=name)["PolicyNames"])
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        yield from (("attachment", f"{name} {each['PolicyArn']}") for each in attached)
    yield from (("policy", each["Arn"]) for each in iam.list_policies(Scope="Local")["Policies"])


def _messaging(client: Client) -> Iterator[Entry]:
    sqs, sns = client("sqs"), client("sns")
    for url in sqs.list_queues().get("QueueUrls", []):
        yield "queue", url
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield from ((f"queue's {name}", url) for name in ("Policy", "RedriveAllowPolicy") if attributes.get(name))
    yield from (("topic", each["TopicArn"]) for each in sns.list_topics()["Topics"])
    yield from (("subscription", each["Endpoint"]) for each in sns.list_subscriptions()["Subscriptions"])


def _monitoring(client: Client) -> Iterator[Entry]:
    cloudwatch = client("cloudwatch")
    yield from (("log group", each["logGroupName"]) for each in client("logs").describe_log_groups()["logGroups"])
    yield from (("alarm", each["AlarmName"]) for each in cloudwatch.describe_alarms()["MetricAlarms"])
    yield from (("dashboard", each["DashboardName"]) for each in cloudwatch.list_dashboards()["DashboardEntries"])


def _network(client: Client) -> Iterator[Entry]:
    ec2 = client("ec2")
    yield from (("VPC", each["VpcId"]) for each in ec2.describe_vpcs()["Vpcs"])
    gateways = ec2.describe_internet_gateways()["InternetGateways"]
    yield from (("internet gateway", each["InternetGatewayId"]) for each in gateways)
    for table in ec2.describe_route_tables()["RouteTables"]:
        yield "route table", table["RouteTableId"]
        for each in table["Associations"]:
            yield "route table association", each["RouteTableAssociationId"]
    yield from (("subnet", each["SubnetId"]) for each in ec2.describe_subnets()["Subnets"])
    yield from (("security group", each["GroupId"]) for each in ec2.describe_security_groups()["SecurityGroups"])


def _routing(client: Client) -> Iterator[Entry]:
    events, scheduler = client("events"), client("scheduler")
    for bus in events.list_event_buses()["EventBuses"]:
        yield "bus", bus["Name"]
        for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            yield "rule", f"{bus['Name']} {rule['Name']}"
            targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
            yield from (("target", f"{bus['Name']} {rule['Name']} {each['Id']}") for each in targets)
    yield from (("schedule group", each["Name"]) for each in scheduler.list_schedule_groups()["ScheduleGroups"])
    yield from (("schedule", f"{each['GroupName']} {each['Name']}") for each in scheduler.list_schedules()["Schedules"])


_LISTS = (_balancing, _containers, _function, _identity, _messaging, _monitoring, _network, _routing)
