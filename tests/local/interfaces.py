"""ECS with network interfaces, for clients that read tasks. Local only.

On AWS, DescribeTasks tells a task's network interface and each step of its life; the emulator's tasks have no
interface without a container engine, and are RUNNING at once. What is added to DescribeTasks' answer is what the
bridge gave each task, and what the events that it has sent say. Must not change anything else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any

from bridge import Watched
from events import STARTING, described
from stand_in import Answer, Answerer, Call, PassOn, StandIn

Tasks = Callable[[], Iterable[Watched]]


class EcsWithInterfaces(StandIn):
    """The emulator's ECS with interfaces, for `AWS_ENDPOINT_URL_ECS`."""

    def __init__(self, emulator_port: int, tasks: Tasks) -> None:
        super().__init__(lambda: emulator_port, {"DescribeTasks": describe_tasks(tasks)})


def describe_tasks(tasks: Tasks) -> Answerer:
    """DescribeTasks with what the bridge knows of each task."""

    def answer(call: Call, pass_on: PassOn) -> Answer:
        told = pass_on(call)
        if told.status != 200:
            return told
        body = json.dumps(with_interfaces(json.loads(told.body), tasks())).encode()
        return dataclasses.replace(told, body=body)

    return answer


def with_interfaces(answer: dict[str, Any], tasks: Iterable[Watched]) -> dict[str, Any]:
    """DescribeTasks' answer as ECS would give it: a task that the bridge has not seen yet is PROVISIONING."""
    known = {watched.arn: watched for watched in tasks}

    def told(task: dict[str, Any]) -> dict[str, Any]:
        watched = known.get(task.get("taskArn", ""))
        if watched is None:
            return described(task, STARTING[0], None)
        return described(task, watched.stage, watched.interface)

    return answer | {"tasks": [told(task) for task in answer.get("tasks", [])]}
