"""Load balancers, their listeners and target groups."""

from __future__ import annotations

import copy
from typing import Any

from kinds.kind import Clients, Kind, State, camel, given_only, mapping, only
from provider.balancing import BALANCER_ATTRIBUTES, action_of, condition_of
from provider.resource import pairs


def _read_balancer(clients: Clients, id: str, state: State) -> State | None:
    elb = clients("elbv2")
    found = only(elb.describe_load_balancers(LoadBalancerArns=[id])["LoadBalancers"])
    attributes = mapping(elb.describe_load_balancer_attributes(LoadBalancerArn=id)["Attributes"]) or {}
    # Each type has attributes that the other has not, and defaults of its own.
    asked = {name: attributes.get(key) == "true" for name, key in BALANCER_ATTRIBUTES.items() if name in state}
    return asked | {
        "name": found["LoadBalancerName"],
        "loadBalancerType": found["Type"],
        "subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
        "securityGroups": found.get("SecurityGroups"),
    }


def _update_balancer(clients: Clients, id: str, _old: State, new: State) -> None:
    elb = clients("elbv2")
    elb.set_subnets(LoadBalancerArn=id, Subnets=new["subnets"])
    elb.set_security_groups(LoadBalancerArn=id, SecurityGroups=new["securityGroups"])
    texts = {key: str(new[name]).lower() for name, key in BALANCER_ATTRIBUTES.items() if name in new}
    elb.modify_load_balancer_attributes(LoadBalancerArn=id, Attributes=pairs(texts))


def _read_group(clients: Clients, id: str, _state: State) -> State | None:
    elb = clients("elbv2")
    found = only(elb.describe_target_groups(TargetGroupArns=[id])["TargetGroups"])
    attributes = mapping(elb.describe_target_group_attributes(TargetGroupArn=id)["Attributes"]) or {}
    return {
        "name": found["TargetGroupName"],
        "vpcId": found["VpcId"],
        "targetType": found["TargetType"],
        "protocol": found["Protocol"],
        "port": found["Port"],
        "deregistrationDelay": int(attributes["deregistration_delay.timeout_seconds"]),
        "healthCheck": {
            "protocol": found["HealthCheckProtocol"],
            "interval": found["HealthCheckIntervalSeconds"],
            "timeout": found["HealthCheckTimeoutSeconds"],
            "healthyThreshold": found["HealthyThresholdCount"],
            "unhealthyThreshold": found["UnhealthyThresholdCount"],
        },
    }


def _update_group(clients: Clients, id: str, _old: State, new: State) -> None:
    elb = clients("elbv2")
    health = new["healthCheck"]
    elb.modify_target_group(
        TargetGroupArn=id,
        HealthCheckProtocol=health["protocol"],
        HealthCheckIntervalSeconds=health["interval"],
        HealthCheckTimeoutSeconds=health["timeout"],
        HealthyThresholdCount=health["healthyThreshold"],
        UnhealthyThresholdCount=health["unhealthyThreshold"],
    )
    delay = pairs({"deregistration_delay.timeout_seconds": str(new["deregistrationDelay"])})
    elb.modify_target_group_attributes(TargetGroupArn=id, Attributes=delay)


def _read_listener(clients: Clients, id: str, _state: State) -> State | None:
    found = only(clients("elbv2").describe_listeners(ListenerArns=[id])["Listeners"])
    return {
        "loadBalancerArn": found["LoadBalancerArn"],
        "port": found["Port"],
        "protocol": found["Protocol"],
        "defaultActions": [_action(each) for each in found["DefaultActions"]],
    }


def _update_listener(clients: Clients, id: str, _old: State, new: State) -> None:
    actions = [action_of(action) for action in copy.deepcopy(new["defaultActions"])]
    clients("elbv2").modify_listener(
        ListenerArn=id, Port=new["port"], Protocol=new["protocol"], DefaultActions=actions
    )


def _read_rule(clients: Clients, id: str, state: State) -> State | None:
    rules = clients("elbv2").describe_rules(ListenerArn=state["listenerArn"])["Rules"]
    found = next((rule for rule in rules if rule["RuleArn"] == id), None)
    if found is None:
        return None
    paths = (each["PathPatternConfig"]["Values"] for each in found["Conditions"])
    return {
        "listenerArn": state["listenerArn"],
        "priority": int(found["Priority"]),
        "conditions": [{"pathPattern": {"values": values}} for values in paths],
        "actions": [_action(each) for each in found["Actions"]],
    }


def _update_rule(clients: Clients, id: str, old: State, new: State) -> None:
    elb, given = clients("elbv2"), copy.deepcopy(new)
    if old["priority"] != new["priority"]:
        elb.set_rule_priorities(RulePriorities=[{"RuleArn": id, "Priority": new["priority"]}])
    elb.modify_rule(
        RuleArn=id,
        Conditions=[condition_of(each) for each in given["conditions"]],
        Actions=[action_of(each) for each in given["actions"]],
    )


def _action(kept: dict[str, Any]) -> dict[str, Any]:
    return given_only(
        type=kept["Type"],
        targetGroupArn=kept.get("TargetGroupArn"),
        fixedResponse=camel(kept.get("FixedResponseConfig")),
    )


KINDS = {
    "aws:lb/loadBalancer:LoadBalancer": Kind(
        document="lb",
        # `subnets` and `securityGroups` too, of a Network Load Balancer and in one direction: not used here.
        replaces=frozenset({"name", "loadBalancerType"}),
        sets=frozenset({"subnets", "securityGroups"}),
        read=_read_balancer,
        update=_update_balancer,
        delete=lambda clients, id, _: clients("elbv2").delete_load_balancer(LoadBalancerArn=id),
    ),
    "aws:lb/targetGroup:TargetGroup": Kind(
        document="lb_target_group",
        replaces=frozenset({"name", "vpcId", "targetType", "protocol", "port"}),
        read=_read_group,
        update=_update_group,
        delete=lambda clients, id, _: clients("elbv2").delete_target_group(TargetGroupArn=id),
    ),
    "aws:lb/listener:Listener": Kind(
        document="lb_listener",
        replaces=frozenset({"loadBalancerArn"}),
        read=_read_listener,
        update=_update_listener,
        delete=lambda clients, id, _: clients("elbv2").delete_listener(ListenerArn=id),
        is_named=False,
    ),
    "aws:lb/listenerRule:ListenerRule": Kind(
        document="lb_listener_rule",
        replaces=frozenset({"listenerArn"}),
        sets=frozenset({"conditions", "conditions.pathPattern.values"}),
        read=_read_rule,
        update=_update_rule,
        delete=lambda clients, id, _: clients("elbv2").delete_rule(RuleArn=id),
        is_named=False,
    ),
}
