"""The bridge between the emulator's tasks and the function. Local only.

On AWS a task gets a network interface and its containers listen on it, and ECS reports
each change as an event. The emulator does neither, so this thread watches its tasks
through the ECS API, starts an engine for each on an address of its own, and delivers the
events of the task's life. Must not touch target groups or call RunTask and StopTask, which
is for the function and the demo; but a task whose image cannot be pulled is stopped here, as
ECS does it by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery import Delivery
from deployed import Rule
from engine import Engine, EnginePool
from events import (
    DEPROVISIONING,
    FAILED,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    NetworkInterface,
    Stage,
    cannot_pull,
    state_change,
    task_id,
)

LOOK_SECONDS = 0.03
DESCRIBE_AT_ONCE = 100


@dataclass(frozen=True)
class Containers:
    """What is wrong with the tasks' containers, if anything is."""

    # The paths that they answer with 404: those of this name, or all.
    missing: frozenset[str] = frozenset()
    named: str | None = None
    # Whether their image is not in its registry.
    image_is_missing: bool = False

    def missing_of(self, name: str) -> frozenset[str]:
        """The paths that a container answers with 404."""
        return self.missing if self.named in (None, name) else frozenset()


SOUND = Containers()


@dataclass
class Watched:
    """One task that the bridge has found, and the events that it has sent for it.

    The moments are those of the monotonic clock.
    """

    arn: str
    started_by: str
    engine: Engine
    interface: NetworkInterface
    seen_at: float
    # The last one that an event was sent of.
    stage: Stage = STARTING[0]
    running_at: float = 0.0
    delivered: list[Stage] = field(default_factory=list)
    held_back: list[Stage] = field(default_factory=list)
    stopped: bool = False

    @property
    def id(self) -> str:
        """The last part of the task's ARN."""
        return task_id(self.arn)

    @property
    def is_running(self) -> bool:
        """Whether the RUNNING event was sent, matched by the rule or not."""
        return self.running_at > 0


class Bridge:
    """Watches one cluster. An error is in `failure`."""

    def __init__(
        self,
        client: Callable[[str], Any],
        cluster: str,
        rule: Rule,
        subnet: str,
        port: int,
        windows: Mapping[str, float] | None = None,
        containers: Containers = SOUND,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)
        self._ecs, self._ec2 = client("ecs"), client("ec2")
        self._delivery = Delivery(client, windows)
        self._cluster, self._rule = cluster, rule
        self._subnet, self._port = subnet, port
        self._containers, self._look_seconds = containers, look_seconds
        self._pool = EnginePool()
        self._tasks: dict[str, Watched] = {}
        self._closing = threading.Event()

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, whether it has begun or not, and the engines."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for watched in self.tasks():
            if not watched.stopped:
                watched.engine.stop()

    def tasks(self) -> list[Watched]:
        """The tasks found so far, oldest first."""
        return list(self._tasks.values())

    def _run(self) -> None:
        """Polls the tasks until `close`, or until something fails."""
        try:
            while not self._closing.is_set():
                self._look()
                self._delivery.send_gathered()
                self._closing.wait(self._look_seconds)
        except Exception as error:
            self.failure = error

    def _look(self) -> None:
        for task in self._describe():
            watched = self._tasks.get(task["taskArn"])
            if watched is None:
                watched = self._begin(task)
            if task["desiredStatus"] == "STOPPED" and not watched.stopped:
                self._end(watched, task)

    def _describe(self) -> Iterator[dict[str, Any]]:
        pages = self._ecs.get_paginator("list_tasks")
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for page in pages.paginate(cluster=self._cluster, desiredStatus=status)
            for arn in page["taskArns"]
        ]
        arns = [arn for arn in arns if arn not in self._tasks or not self._tasks[arn].stopped]
        for first in range(0, len(arns), DESCRIBE_AT_ONCE):
            some = arns[first : first + DESCRIBE_AT_ONCE]
            yield from self._ecs.describe_tasks(cluster=self._cluster, tasks=some)["tasks"]

    def _begin(self, task: dict[str, Any]) -> Watched:
        seen_at = time.monotonic()
        container = task["containers"][0]["name"]
        missing = self._containers.missing_of(container)
        engine = self._pool.start(container, task_id(task["taskArn"]), self._port, missing)
        # The function asks EC2 whether it exists, by its id.
        made = self._ec2.create_network_interface(SubnetId=self._subnet)["NetworkInterface"]
        interface = NetworkInterface(
            engine.address, self._subnet, interface_id=made["NetworkInterfaceId"]
        )
        watched = Watched(task["taskArn"], task.get("startedBy", ""), engine, interface, seen_at)
        self._tasks[watched.arn] = watched
        for stage in STARTING:
            self._send(watched, task, stage)
        if self._containers.image_is_missing:
            self._fail(watched, task)
        else:
            self._send(watched, task, RUNNING)
            watched.running_at = time.monotonic()
        return watched

    def _fail(self, watched: Watched, task: dict[str, Any]) -> None:
        """Ends a task whose image cannot be pulled."""
        reason = cannot_pull(task["containers"][0].get("image", ""))
        self._ecs.stop_task(cluster=self._cluster, task=watched.arn, reason=reason)
        answer = self._ecs.describe_tasks(cluster=self._cluster, tasks=[watched.arn])
        self._leave(watched, answer["tasks"][0], *FAILED)

    def _end(self, watched: Watched, task: dict[str, Any]) -> None:
        self._send(watched, task, STOPPING)
        self._leave(watched, task, DEPROVISIONING, STOPPED)

    def _leave(
        self, watched: Watched, task: dict[str, Any], deprovisioning: Stage, stopped: Stage
    ) -> None:
        self._send(watched, task, deprovisioning)
        watched.engine.stop()
        self._ec2.delete_network_interface(NetworkInterfaceId=watched.interface.interface_id)
        self._send(watched, task, stopped)
        watched.stopped = True

    def _send(self, watched: Watched, task: dict[str, Any], stage: Stage) -> None:
        watched.stage = stage
        event = state_change(task, stage, watched.interface)
        matched = self._delivery.deliver(self._rule, event)
        (watched.delivered if matched else watched.held_back).append(stage)
