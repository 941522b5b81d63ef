"""Load balancers, their listeners and target groups."""

from __future__ import annotations

from typing import Any

from provider.resource import Clients, Inputs, Made, given_only, pairs, pascal, physical_name

# The attributes behind the provider's own arguments.
BALANCER_ATTRIBUTES = {
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
}


def load_balancer(clients: Clients, name: str, given: Inputs) -> Made:
    elb = clients("elbv2")
    sent = {
        "Name": physical_name(name, given),
        "Type": given.take("loadBalancerType"),
        "Subnets": given.take("subnets"),
        "SecurityGroups": given.take("securityGroups"),
    }
    arn = elb.create_load_balancer(**sent)["LoadBalancers"][0]["LoadBalancerArn"]
    taken = {key: given.take(argument) for argument, key in BALANCER_ATTRIBUTES.items()}
    texts = {key: str(value).lower() for key, value in taken.items() if value is not None}
    attributes = pairs(texts)
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
    kept = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    kept["Name"] = kept["LoadBalancerName"]
    kept["Subnets"] = [zone["SubnetId"] for zone in kept["AvailabilityZones"]]
    kept |= elb.describe_load_balancer_attributes(LoadBalancerArn=arn)
    outputs = {"arn": arn, "name": sent["Name"], "dnsName": kept["DNSName"]}
    return Made(arn, outputs, sent | {"Attributes": attributes}, kept)


HEALTH_CHECK = {
    "protocol": "HealthCheckProtocol",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthyThreshold": "HealthyThresholdCount",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}


def target_group(clients: Clients, name: str, given: Inputs) -> Made:
    elb = clients("elbv2")
    health = given.take("healthCheck", {})
    delay = given.take("deregistrationDelay")
    sent = {
        "Name": physical_name(name, given),
        "VpcId": given.take("vpcId"),
        "TargetType": given.take("targetType"),
        "Protocol": given.take("protocol"),
        "Port": given.take("port"),
        # What the program leaves out is AWS's.
        **given_only(**{sent: health.pop(key, None) for key, sent in HEALTH_CHECK.items()}),
        # Should the program give more: names that AWS does not know, so that it is noticed.
        **pascal(health),
    }
    arn = elb.create_target_group(**sent)["TargetGroups"][0]["TargetGroupArn"]
    attributes = pairs({"deregistration_delay.timeout_seconds": str(delay)} if delay is not None else {})
    if attributes:
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)
    kept = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    kept["Name"] = kept["TargetGroupName"]
    kept |= elb.describe_target_group_attributes(TargetGroupArn=arn)
    outputs = {"arn": arn, "name": sent["Name"]}
    return Made(arn, outputs, sent | {"Attributes": attributes}, kept)


def listener(clients: Clients, _name: str, given: Inputs) -> Made:
    elb = clients("elbv2")
    sent = {
        "LoadBalancerArn": given.take("loadBalancerArn"),
        "Protocol": given.take("protocol"),
        "Port": given.take("port"),
        "DefaultActions": [action_of(action) for action in given.take("defaultActions")],
    }
    arn = elb.create_listener(**sent)["Listeners"][0]["ListenerArn"]
    kept = elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]
    return Made(arn, {"arn": arn}, sent, kept)


def listener_rule(clients: Clients, _name: str, given: Inputs) -> Made:
    elb = clients("elbv2")
    listener_arn = given.take("listenerArn")
    sent = {
        "Priority": given.take("priority"),
        "Conditions": [condition_of(condition) for condition in given.take("conditions")],
        "Actions": [action_of(action) for action in given.take("actions")],
    }
    arn = elb.create_rule(ListenerArn=listener_arn, **sent)["Rules"][0]["RuleArn"]
    rules = elb.describe_rules(ListenerArn=listener_arn)["Rules"]
    return Made(arn, {"arn": arn}, sent, next(rule for rule in rules if rule["RuleArn"] == arn))


def action_of(action: dict[str, Any]) -> dict[str, Any]:
    fixed = action.pop("fixedResponse", None)
    return pascal(action) | given_only(FixedResponseConfig=pascal(fixed))


def condition_of(condition: dict[str, Any]) -> dict[str, Any]:
    paths = condition.pop("pathPattern")
    return pascal(condition) | {"Field": "path-pattern", "PathPatternConfig": pascal(paths)}


MAKERS = {
    "aws:lb/loadBalancer:LoadBalancer": load_balancer,
    "aws:lb/targetGroup:TargetGroup": target_group,
    "aws:lb/listener:Listener": listener,
    "aws:lb/listenerRule:ListenerRule": listener_rule,
}
