"""What ELB tells of target groups and load balancers, and the emulator does not or wrongly. Local only.

All of it follows from what else the emulator keeps. Must not know the targets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from query_answer import QueryAnswer
from stand_in import Answer, Call, PassOn

Client = Callable[[str], Any]


class Balancing:
    """Answers DescribeTargetGroups and DescribeLoadBalancers."""

    def __init__(self, client: Client) -> None:
        self._elb, self._ec2 = client("elbv2"), client("ec2")

    def target_groups(self, call: Call, pass_on: PassOn) -> Answer:
        """With the load balancers of each; the emulator leaves out those that only rules of listeners name.

        Without path and codes where the health check is not by HTTP: those are of HTTP and gRPC.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroup.html
        """
        told = pass_on(call)
        if told.status != 200:
            return told
        answer, users = QueryAnswer(told.body), users_of_groups(self._elb)
        for group in answer.list("TargetGroups"):
            answer.remove(group, ["LoadBalancerArns"])
            if answer.text(group, "HealthCheckProtocol") not in ("HTTP", "HTTPS"):
                answer.remove(group, ["HealthCheckPath", "Matcher"])
            arns = answer.put(group, "LoadBalancerArns")
            for arn in sorted(users.get(answer.text(group, "TargetGroupArn"), ())):
                answer.put(arns, "member", arn)
        return dataclasses.replace(told, body=answer.body())

    def load_balancers(self, call: Call, pass_on: PassOn) -> Answer:
        """With the zone of each subnet; the emulator names its first zone for all.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AvailabilityZone.html
        """
        told = pass_on(call)
        if told.status != 200:
            return told
        answer = QueryAnswer(told.body)
        subnets = self._ec2.describe_subnets()["Subnets"]
        zone_of = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
        for balancer in answer.list("LoadBalancers"):
            zones = answer.child(balancer, "AvailabilityZones")
            for zone in zones if zones is not None else ():
                right = zone_of.get(answer.text(zone, "SubnetId"))
                if right is not None:
                    answer.remove(zone, ["ZoneName"])
                    answer.put(zone, "ZoneName", right)
        return dataclasses.replace(told, body=answer.body())


def users_of_groups(elb: Any) -> dict[str, set[str]]:
    """The load balancers that forward to each target group, by a listener's default action or by a rule."""
    found: dict[str, set[str]] = {}
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        arn = balancer["LoadBalancerArn"]
        for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            actions = list(listener["DefaultActions"])
            for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                actions += rule["Actions"]
            for group in (group for action in actions for group in _groups(action)):
                found.setdefault(group, set()).add(arn)
    return found


def _groups(action: dict[str, Any]) -> list[str]:
    several = action.get("ForwardConfig", {}).get("TargetGroups", [])
    named = [group["TargetGroupArn"] for group in several]
    return [*named, action["TargetGroupArn"]] if "TargetGroupArn" in action else named
