"""One way to each class of error: an event, and what AWS does about it.

A class is an error type of the table "Error types" in docs/operations.md. Must not assert anything.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws import Answer, Break, Fault, Hang, json_error, xml_error
from events import RUNNING, STOPPED, NetworkInterface, start_event, state_change
from stage import stage

Event = Callable[[], Any]
WORDS = "in the words of AWS"
# What DescribeTargetGroups answers.
TYPE_IP = "<TargetType>ip<"
# An address that nothing listens on.
ADDRESS = "127.0.0.19"


@dataclass(frozen=True)
class Failure:
    """An event that fails. With AWS's faults gone, a retry at once succeeds, or it fails in the same way again."""

    error_type: str
    # A part of the message.
    says: str
    event: Event
    faults: dict[str, Fault] = field(default_factory=dict)
    retry_succeeds: bool = True
    # Variables of the function that are other than those of the deployment.
    variables: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.error_type} ({', '.join(self.faults) or 'by the event'})"


def start(detail: dict[str, Any] | None = None, **envelope: Any) -> Any:
    """A start of the example's service."""
    stack = stage().stack
    return start_event(stack.source, stack.account, stack.region, {"service": "auth"} | (detail or {})) | envelope


def failed_start(error_type: str, code: str) -> Failure:
    """A start that RunTask refuses with this error."""
    says = f"RunTask failed with {code}: {WORDS}"
    return Failure(error_type, says, start, {"RunTask": json_error(code, WORDS)})


def no_room(error_type: str, reason: str) -> Failure:
    """A start to which RunTask answers with failures, which ECS repeats for the same client token."""
    answer = Answer(200, json.dumps({"tasks": [], "failures": [{"arn": "arn", "reason": reason}]}))
    return Failure(error_type, f"ECS says: {reason}", start, {"RunTask": answer}, retry_succeeds=False)


def refused_target(error_type: str, code: str) -> Failure:
    """A registration that RegisterTargets refuses with this error."""
    says = f"RegisterTargets failed with {code}: {WORDS}"
    return Failure(error_type, says, running, {"RegisterTargets": xml_error(code, WORDS)})


def other_group(error_type: str, says: str, now: str, then: str) -> Failure:
    """A registration in target groups of another kind than the task needs, which a warm function remembers."""
    changed = {"DescribeTargetGroups": lambda text: text.replace(now, then)}
    return Failure(error_type, says, running, changed, retry_succeeds=False)


def other_tag(error_type: str, says: str, key: str, value: str) -> Failure:
    """A registration of a task one of whose tags somebody has changed."""

    def change(text: str) -> str:
        answer = json.loads(text)
        for tag in answer["tasks"][0]["tags"]:
            if tag["key"] == key:
                tag["value"] = value
        return json.dumps(answer)

    return Failure(error_type, says, running, {"DescribeTasks": change})


@functools.cache
def task() -> dict[str, Any]:
    """A task of the function's that runs, as DescribeTasks returns it."""
    one = stage()
    one.aws.sets()
    emulator = one.function("the-task")
    emulator.start()
    try:
        arn = emulator.invoke(start()).value["tasks"][0]
    finally:
        emulator.stop()
    return dict(one.ministack.client("ecs").describe_tasks(cluster=one.stack.cluster, tasks=[arn])["tasks"][0])


@functools.cache
def interface() -> NetworkInterface:
    """Its network interface, which EC2 has too."""
    one = stage()
    made = one.ministack.client("ec2").create_network_interface(SubnetId=one.stack.subnet)["NetworkInterface"]
    return NetworkInterface(ADDRESS, one.stack.subnet, interface_id=made["NetworkInterfaceId"])


def running(**detail: Any) -> Any:
    """The event that it is RUNNING, with other values in its detail."""
    event = state_change(task(), RUNNING, interface())
    event["detail"] |= detail
    return event


def without_address(event: Any) -> Any:
    """An event of a task of which nobody says the address."""
    event = copy.deepcopy(event)
    event["detail"]["attachments"] = []
    for container in event["detail"]["containers"]:
        container["networkInterfaces"] = []
    return event


def in_bridge_mode() -> Any:
    """The event of a task on a container instance that ECS does not know."""
    event = without_address(running(launchType="EC2"))
    region, account = event["region"], event["account"]
    cluster = stage().stack.cluster.rsplit("/", 1)[-1]
    instance = f"arn:aws:ecs:{region}:{account}:container-instance/{cluster}/0123456789abcdef0123456789abcdef"
    event["detail"]["containerInstanceArn"] = instance
    for container in event["detail"]["containers"]:
        binding = {"bindIP": "0.0.0.0", "containerPort": stage().stack.port, "hostPort": 32768, "protocol": "tcp"}
        container["networkBindings"] = [binding]
    return event


def without_definition() -> Any:
    """The event of a task in bridge mode of which nobody says the host ports, and whose task definition is gone."""
    event = in_bridge_mode()
    event["detail"]["taskDefinitionArn"] = f"{task()['taskDefinitionArn'].rsplit('/', 1)[0]}/gone:1"
    for container in event["detail"]["containers"]:
        del container["networkBindings"]
    return event


def gone_with_its_instance() -> Any:
    """The last event of a task that ECS has forgotten with its container instance and its task definition.

    Its target groups have a target that may be its own.
    """
    one = stage()
    for group in one.stack.target_groups:
        target = {"Id": "127.0.0.18", "Port": 32768}
        one.ministack.client("elbv2").register_targets(TargetGroupArn=group, Targets=[target])
    event = in_bridge_mode()
    event["detail"] |= {
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "version": 9,
        "taskArn": f"{task()['taskArn'][:-4]}ffff",
        "taskDefinitionArn": f"{task()['taskDefinitionArn'].rsplit('/', 1)[0]}/gone:1",
    }
    for container in event["detail"]["containers"]:
        del container["networkBindings"]
    return event


def stop_of_foreign() -> Any:
    """A request to stop a task that others have started."""
    one = stage()
    answer = one.ministack.client("ecs").run_task(
        cluster=one.stack.cluster, taskDefinition=task()["taskDefinitionArn"], startedBy="someone"
    )
    arn = answer["tasks"][0]["taskArn"]
    return start() | {"detail-type": "Stop ECS Task", "detail": {"taskArn": arn, "drainSeconds": 0}}


FAILURES = (
    Failure("invalid_event", "detail.count = 0", lambda: start({"count": 0}), retry_succeeds=False),
    Failure("not_allowed", "ALLOWED_CLUSTERS", lambda: start({"cluster": "others"}), retry_succeeds=False),
    no_room("capacity_unavailable", "RESOURCE:CPU"),
    no_room("placement_failed", "ATTRIBUTE"),
    Failure(
        "expired",
        "its maxAgeSeconds is 60",
        lambda: start({"maxAgeSeconds": 60}, time="2026-01-01T00:00:00Z"),
        retry_succeeds=False,
    ),
    Failure(
        "client_token_conflict",
        "the client token is in use",
        start,
        {"RunTask": json_error("ConflictException", WORDS)},
    ),
    failed_start("cluster_not_found", "ClusterNotFoundException"),
    failed_start("client_exception", "ClientException"),
    failed_start("invalid_parameter", "InvalidParameterException"),
    failed_start("platform_unsupported", "PlatformUnknownException"),
    failed_start("unsupported_feature", "UnsupportedFeatureException"),
    failed_start("account_blocked", "BlockedException"),
    failed_start("access_denied", "AccessDeniedException"),
    failed_start("credentials", "ExpiredTokenException"),
    refused_target("target_group_not_found", "TargetGroupNotFound"),
    refused_target("invalid_target", "InvalidTarget"),
    refused_target("too_many_targets", "TooManyTargets"),
    other_group("target_type_mismatch", "targets of type instance", TYPE_IP, "<TargetType>instance<"),
    other_group("protocol_unsupported", "the protocol QUIC", "<Protocol>HTTP<", "<Protocol>QUIC<"),
    other_group("address_family_mismatch", "an IPv6 address", TYPE_IP, f"<IpAddressType>ipv6</IpAddressType>{TYPE_IP}"),
    other_tag("container_not_found", "has no container nobody", "start-engines:container-name", "nobody"),
    other_tag("targets_mismatch", "name other targets than its startedBy", "start-engines:port", "9"),
    Failure(
        "external_instance",
        "runs on ECS Anywhere",
        lambda: without_address(running(launchType="EXTERNAL")),
        retry_succeeds=False,
    ),
    Failure("ports_unknown", "was deleted: start it anew", without_definition, retry_succeeds=False),
    Failure(
        "malformed_started_by",
        "startedBy start-engines/auth",
        lambda: running(startedBy="start-engines/auth"),
        retry_succeeds=False,
    ),
    Failure(
        "address_missing", "has no private address yet", lambda: without_address(running()), retry_succeeds=False
    ),
    Failure(
        "task_not_visible",
        "DescribeTasks does not return",
        lambda: running(taskArn=f"{task()['taskArn'][:-4]}ffff"),
        retry_succeeds=False,
    ),
    Failure(
        "address_unknown",
        "deregister its target by hand",
        lambda: without_address(state_change(task(), STOPPED, interface())),
        retry_succeeds=False,
    ),
    Failure("instance_unknown", "container instance", gone_with_its_instance, retry_succeeds=False),
    Failure("instance_not_found", "container-instance", in_bridge_mode, retry_succeeds=False),
    failed_start("throttled", "ThrottlingException"),
    failed_start("server_error", "ServerException"),
    failed_start("unknown_aws_error", "BrandNewException"),
    # At most one call in ten seconds, and the task has two target groups.
    Failure(
        "not_sent",
        "would have to wait too long",
        running,
        retry_succeeds=False,
        variables={"API_RATES": "RegisterTargets=0.1:1", "AWS_LAMBDA_FUNCTION_TIMEOUT": "5"},
    ),
    Failure("timed_out", "RunTask", start, {"RunTask": Hang()}, variables={"AWS_LAMBDA_FUNCTION_TIMEOUT": "5"}),
    Failure("out_of_time", "RunTask", start, retry_succeeds=False, variables={"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"}),
    Failure("unreadable_answer", "RunTask failed", start, {"RunTask": lambda _: "<html>"}),
    Failure("unreachable", "RunTask failed", start, {"RunTask": Break()}),
    Failure(
        "invalid_configuration",
        'TASK_WAIT_TIMEOUT = "soon"',
        start,
        retry_succeeds=False,
        variables={"TASK_WAIT_TIMEOUT": "soon"},
    ),
    Failure("foreign_task", "was not started by start-engines", stop_of_foreign, retry_succeeds=False),
    Failure(
        "resource_not_found",
        f"CreateSchedule failed with ResourceNotFoundException: {WORDS}",
        start,
        {"CreateSchedule": json_error("ResourceNotFoundException", WORDS, 404)},
    ),
    Failure(
        "batch_failed",
        "2 of 2 events failed",
        lambda: [start({"count": 0}), stop_of_foreign()],
        retry_succeeds=False,
    ),
)
# Error types that are not made here, and why.
LEFT_OUT = {
    "internal": "a defect of start-engines: none is known that makes one",
    "owner_not_clear": "it takes a second task with the same address or host port, which MiniStack cannot have; at the "
    "wire tests/it/events/{interfaces,instances,hosts}.rs make it",
    "owner_search_too_slow": "it takes more tasks than there is time to read; at the wire tests/it/events/reconcile/"
    "races.rs makes it",
    "port_ambiguous": "it takes host ports in DescribeTasks, which MiniStack does not have; at the wire "
    "tests/it/events/instances.rs makes it",
    "port_not_published": "the same; at the wire tests/it/events/cells.rs makes it",
    "reconcile_incomplete": "it takes more target groups than there is time for; at the wire "
    "tests/it/events/reconcile/limits.rs makes it",
}
