"""The events that AWS would send and the emulator does not, in their documented shape.

Pure: values in, an event out. Must not call anything. The shape is that of the schema
`aws.ecs@ECSTaskStateChange` and of the Fargate example in the ECS guide "Amazon ECS task
state change events": the attachment is called `eni` here (`ElasticNetworkInterface` in
the API), numbers such as `cpu` are strings, and there are no tags.
"""

from __future__ import annotations

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

    def __str__(self) -> str:
        return f"v{self.version} {self.last_status}/{self.desired_status}"


STARTING = (
    Stage(1, "PROVISIONING", "RUNNING", "PRECREATED"),
    Stage(2, "PENDING", "RUNNING", "ATTACHED"),
)
RUNNING = Stage(3, "RUNNING", "RUNNING", "ATTACHED")
STOPPING = Stage(4, "RUNNING", "STOPPED", "ATTACHED")
DEPROVISIONING = Stage(5, "DEPROVISIONING", "STOPPED", "ATTACHED")
STOPPED = Stage(6, "STOPPED", "STOPPED", "DELETED")


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
        detail |= {
            name: _time(task.get(name)) for name in ("pullStartedAt", "pullStoppedAt", "startedAt")
        }
    if stage.desired_status == "STOPPED":
        detail |= {
            "stopCode": task.get("stopCode") or "UserInitiated",
            "stoppedReason": task.get("stoppedReason", ""),
            "stoppingAt": _time(task.get("stoppingAt")),
        }
    if stage.version >= DEPROVISIONING.version:
        detail["executionStoppedAt"] = _time(task.get("executionStoppedAt"))
    if stage.last_status == "STOPPED":
        detail["stoppedAt"] = _time(task.get("stoppedAt"))
    return _envelope("ECS Task State Change", "aws.ecs", account, region, [task["taskArn"]], detail)


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
        "lastStatus": "PENDING" if stage.version < RUNNING.version else stage.last_status,
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
    if stage.version >= DEPROVISIONING.version:
        entry |= {"lastStatus": "STOPPED", "exitCode": container.get("exitCode", 0)}
    return entry


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
