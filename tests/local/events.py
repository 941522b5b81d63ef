"""The events that AWS would send and the emulator does not, in their documented shape.

Pure: values in, an event out. Must not call anything. The shape is that of the schema
`aws.ecs@ECSTaskStateChange` and of the Fargate example in the ECS guide "Amazon ECS task
state change events": the attachment is called `eni` here (`ElasticNetworkInterface` in
the API), numbers such as `cpu` are strings, and there are no tags.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One step of a Fargate task's life, as measured on AWS."""

    version: int
    last_status: str
    desired_status: str
    attachment: str
    # Whether it stops since an image could not be pulled.
    failed: bool = False

    def __str__(self) -> str:
        return f"v{self.version} {self.last_status}/{self.desired_status}"


STARTING = (
    Stage(1, "PROVISIONING", "RUNNING", "PRECREATED"),
    Stage(2, "PENDING", "RUNNING", "ATTACHED"),
)
RUNNING = Stage(3, "RUNNING", "RUNNING", "ATTACHED")
STOPPING = Stage(4, "RUNNING", "STOPPED", "ATTACHED")
DEPROVISIONING = Stage(5, "DEPROVISIONING", "STOPPED", "ATTACHED")
ENDED = ("DEPROVISIONING", "STOPPED")
FAILED_TO_START = "TaskFailedToStart"
STOPPED = Stage(6, "STOPPED", "STOPPED", "DELETED")
# After `STARTING`, of a task whose image cannot be pulled: that the last version is 4 is from the example of the ECS
# guide (fixtures/events/task-failed-to-start.json); what comes before it is an inference from the task lifecycle.
FAILED = (
    Stage(3, "DEPROVISIONING", "STOPPED", "ATTACHED", failed=True),
    Stage(4, "STOPPED", "STOPPED", "DELETED", failed=True),
)


def cannot_pull(image: str) -> str:
    """The `stoppedReason` of a task whose image is not in its registry, in ECS's own words.

    The ECS Developer Guide's "CannotPullContainer task errors", as in fixtures/events/task-failed-to-start.json.
    """
    return (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        f"failed to resolve ref {image}: {image}: not found"
    )


@dataclass(frozen=True)
class NetworkInterface:
    """The elastic network interface that a Fargate task would have."""

    address: str
    subnet: str
    attachment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    interface_id: str = field(default_factory=lambda: f"eni-{uuid.uuid4().hex[:17]}")
    mac_address: str = "0a:98:eb:a7:29:ba"

    def attachment(self, status: str) -> dict[str, Any]:
        """The entry of `attachments`. Before the interface exists only its subnet is known;
        the last event still names the address of an interface that is deleted."""
        details = [{"name": "subnetId", "value": self.subnet}]
        if status != "PRECREATED":
            name = f"ip-{self.address.replace('.', '-')}.ec2.internal"
            details += [
                {"name": "networkInterfaceId", "value": self.interface_id},
                {"name": "macAddress", "value": self.mac_address},
                {"name": "privateDnsName", "value": name},
                {"name": "privateIPv4Address", "value": self.address},
            ]
        return {"id": self.attachment_id, "type": "eni", "status": status, "details": details}


def start_event(source: str, account: str, region: str, detail: dict[str, Any]) -> dict[str, Any]:
    """A `Start ECS Task` event as EventBridge hands it to a target."""
    return _envelope("Start ECS Task", source, account, region, [], detail)


def sent_event(entry: dict[str, Any], id: str, account: str, region: str) -> dict[str, Any]:
    """An entry of PutEvents as EventBridge hands it to a target."""
    return _envelope(
        entry["DetailType"],
        entry["Source"],
        account,
        region,
        entry.get("Resources", []),
        json.loads(entry["Detail"]),
    ) | {"id": id}


def state_change(task: dict[str, Any], stage: Stage, interface: NetworkInterface) -> dict[str, Any]:
    """The `ECS Task State Change` event of one stage.

    `task` is DescribeTasks' answer. What the emulator knows is taken from there; the
    statuses, the version and the interface come from `stage` and `interface`.
    """
    region, account = task["taskArn"].split(":")[3:5]
    detail = {
        "attachments": [interface.attachment(stage.attachment)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": task.get("availabilityZone", f"{region}a"),
        "clusterArn": task["clusterArn"],
        "containers": [_container(c, task, stage, interface) for c in task["containers"]],
        "cpu": str(task.get("cpu", "256")),
        "createdAt": _time(task.get("createdAt")),
        "desiredStatus": stage.desired_status,
        "enableExecuteCommand": bool(task.get("enableExecuteCommand")),
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": task.get("group") or f"family:{_family(task)}",
        "lastStatus": stage.last_status,
        "launchType": "FARGATE",
        "memory": str(task.get("memory", "512")),
        "overrides": {"containerOverrides": [{"name": c["name"]} for c in task["containers"]]},
        "platformFamily": "Linux",
        "platformVersion": task.get("platformVersion") or "1.4.0",
        "startedBy": task.get("startedBy", ""),
        "taskArn": task["taskArn"],
        "taskDefinitionArn": task["taskDefinitionArn"],
        "updatedAt": _time(None),
        "version": stage.version,
    }
    if stage.version >= STARTING[-1].version:
        detail |= {"connectivity": "CONNECTED", "connectivityAt": _time(task.get("connectivityAt"))}
    if stage.version >= RUNNING.version:
        moments = ("pullStartedAt", "pullStoppedAt") + (() if stage.failed else ("startedAt",))
        detail |= {name: _time(task.get(name)) for name in moments}
    if stage.desired_status == "STOPPED":
        detail |= {
            "stopCode": FAILED_TO_START if stage.failed else task.get("stopCode") or "UserInitiated",
            "stoppedReason": task.get("stoppedReason", ""),
            "stoppingAt": _time(task.get("stoppingAt")),
        }
    if stage.last_status in ENDED:
        detail["executionStoppedAt"] = _time(task.get("executionStoppedAt"))
    if stage.last_status == "STOPPED":
        detail["stoppedAt"] = _time(task.get("stoppedAt"))
    return _envelope("ECS Task State Change", "aws.ecs", account, region, [task["taskArn"]], detail)


def described(
    task: dict[str, Any], stage: Stage, interface: NetworkInterface | None
) -> dict[str, Any]:
    """A task of DescribeTasks' answer, as ECS would describe it at this stage of its life.

    The emulator takes a task from RUNNING to STOPPED in one step, with versions of its own and without a network
    interface. Without an interface here, it has none yet.
    """
    told = task | {
        "lastStatus": stage.last_status,
        "desiredStatus": stage.desired_status,
        "version": stage.version,
        "attachments": [],
    }
    entries = [dict(container) for container in task.get("containers", [])]
    told["containers"] = entries
    has_run = stage.version >= RUNNING.version and not stage.failed
    not_yet = [] if has_run else ["startedAt"]
    if stage.version < RUNNING.version:
        not_yet += ["pullStartedAt", "pullStoppedAt"]
    if stage.desired_status != "STOPPED":
        not_yet += ["stopCode", "stoppedReason", "stoppingAt"]
    if stage.last_status not in ENDED:
        not_yet.append("executionStoppedAt")
    if stage.last_status != "STOPPED":
        not_yet.append("stoppedAt")
    for name in not_yet:
        told.pop(name, None)
    if stage.failed:
        told["stopCode"] = FAILED_TO_START
    for entry in entries:
        entry["lastStatus"] = _container_status(stage)
        if stage.last_status not in ENDED or stage.failed:
            entry.pop("exitCode", None)
        if stage.failed:
            entry["reason"] = task.get("stoppedReason", "")
    if interface is not None:
        attachment = interface.attachment(stage.attachment)
        told["attachments"] = [attachment | {"type": "ElasticNetworkInterface"}]
        if stage.attachment != "PRECREATED":
            address = {
                "attachmentId": attachment["id"],
                "privateIpv4Address": interface.address,
            }
            for entry in entries:
                entry["networkInterfaces"] = [address]
    return told


def task_id(task_arn: str) -> str:
    """The last part of a task's ARN."""
    return task_arn.rsplit("/", 1)[-1]


def _container(
    container: dict[str, Any], task: dict[str, Any], stage: Stage, interface: NetworkInterface
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "containerArn": container.get("containerArn", ""),
        "cpu": "0",
        "image": container.get("image", ""),
        "lastStatus": _container_status(stage),
        "name": container["name"],
        "networkInterfaces": [],
        "taskArn": task["taskArn"],
    }
    if stage.attachment != "PRECREATED":
        entry["networkInterfaces"] = [
            {"attachmentId": interface.attachment_id, "privateIpv4Address": interface.address}
        ]
    if stage.version >= RUNNING.version:
        entry["runtimeId"] = container.get("runtimeId", "")
    if stage.last_status in ENDED:
        entry |= (
            {"reason": task.get("stoppedReason", "")}
            if stage.failed
            else {"exitCode": container.get("exitCode", 0)}
        )
    return entry


def _container_status(stage: Stage) -> str:
    if stage.last_status in ENDED:
        return "STOPPED"
    return "PENDING" if stage.version < RUNNING.version else stage.last_status


def _envelope(
    detail_type: str,
    source: str,
    account: str,
    region: str,
    resources: list[str],
    detail: dict[str, Any],
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": resources,
        "detail": detail,
    }


def _family(task: dict[str, Any]) -> str:
    return str(task["taskDefinitionArn"]).rsplit("/", 1)[-1].split(":")[0]


def _time(value: datetime | None) -> str:
    moment = value.astimezone(timezone.utc) if value else datetime.now(timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
