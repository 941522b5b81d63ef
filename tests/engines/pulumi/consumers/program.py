"""A program in Python that uses the component by its plugin: an inline program of the Automation API.

    python program.py preview|up|destroy FOLDER CONFIG

The last line that it prints is what came of it. The cluster is its own, so that a first preview knows no ARN of it. The
class is what Pulumi's generator would write for it, as short as can be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation

STACK = "test"
AWS_VERSION = "7.48.0"


class StartEngines(pulumi.ComponentResource):
    """The component."""

    functionArn: pulumi.Output[str]
    requestQueueUrl: pulumi.Output[str]

    def __init__(self, name: str, args: Mapping[str, Any]) -> None:
        outputs = {"functionArn": None, "requestQueueUrl": None}
        super().__init__("start-engines:index:StartEngines", name, {**args, **outputs}, remote=True)


def program() -> None:
    """What the program in YAML registers, too."""
    config = pulumi.Config()
    group = config.require("targetGroupArn")
    cluster = pulumi.CustomResource(
        "aws:ecs/cluster:Cluster",
        "consumer",
        {"name": "consumer", "arn": None},
        pulumi.ResourceOptions(version=AWS_VERSION),
    )
    arn = getattr(cluster, "arn")
    service = {
        "cluster": arn,
        "taskDefinition": "auth",
        "targets": [{"targetGroupArn": group, "port": 8080}],
        "subnets": ["subnet-0a1b2c3d4e5f60718"],
        "launchType": "FARGATE",
    }
    office = {"service": "auth", "start": "cron(0 7 ? * MON-FRI *)", "stop": "cron(0 19 ? * MON-FRI *)"}
    args = {
        "architecture": config.require("architecture"),
        "memorySize": config.get_int("memorySize") or 256,
        "clusters": [arn],
        "taskFamilies": ["auth"],
        "targetGroups": {"auth": {"arn": group}},
        "taskRoles": [config.require("taskRoleArn")],
        "sources": ["app.tenants"],
        "services": {"auth": service},
        "schedules": {"office": office},
        "buffered": True,
    }
    engines = StartEngines("engines", args)
    pulumi.export("functionArn", engines.functionArn)
    pulumi.export("requestQueueUrl", engines.requestQueueUrl)
    pulumi.export("clusterArn", arn)


def main() -> int:
    """Runs one command of Pulumi."""
    command, folder, config = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    folder.mkdir(exist_ok=True)
    options = automation.LocalWorkspaceOptions(work_dir=str(folder))
    stack = automation.create_or_select_stack(STACK, project_name="consumer-python", program=program, opts=options)
    stack.set_all_config({name: automation.ConfigValue(value) for name, value in config.items()})
    try:
        ended = getattr(stack, command)()
    except automation.CommandError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    changes = ended.change_summary if command == "preview" else ended.summary.resource_changes
    outputs = {name: output.value for name, output in stack.outputs().items()}
    state = stack.export_stack().deployment or {}
    print(json.dumps({"changes": changes, "outputs": outputs, "resources": state.get("resources", [])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
