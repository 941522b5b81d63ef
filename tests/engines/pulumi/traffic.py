"""Starts, all the while: an event each moment, and all that follows from it.

Each event goes to whatever its rule has for a target at that moment. The demo's delivery puts it there: the emulator's
own invokes a function once, and kills it in the middle when its settings are updated; EventBridge invokes it
asynchronously, and Lambda tries again. The demo's bridge does the same with what ECS would send. Must not know how the
stack is deployed, or that it is changed meanwhile.
"""

from __future__ import annotations

import functools
import threading
from types import SimpleNamespace
from typing import Any

import deployed
import wait
from bridge import Bridge
from delivery import Delivery
from engine import usable_port
from events import start_event
from ministack import MiniStack
from provider import Resource

PERIOD_SECONDS = 1.0
# Each of them has an address of its own until the end, and the demo's engines have 231: on a slow machine it is enough then.
MAX_STARTS = 200
HANDLED_SECONDS = 120.0
SERVICE = "billing"


class Traffic:
    """Begins with `start`; `stop` says what was sent and what came of it."""

    def __init__(self, emulator: MiniStack, stack: deployed.Stack) -> None:
        self._ecs, self._elb = emulator.client("ecs"), emulator.client("elbv2")
        self._delivery = Delivery(emulator.client)
        self._stack = stack
        self.bridge = Bridge(emulator.client, stack.cluster, stack.state_rule, stack.subnet, stack.port)
        self.sent: list[str] = []
        # What happens to the stack meanwhile.
        self.step = "start"
        self.failure: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="traffic", daemon=True)

    @property
    def start_rule(self) -> deployed.Rule:
        """The rule that takes the starts."""
        return self._stack.start_rule

    def start(self) -> None:
        """Sends until `stop`."""
        self.bridge.start()
        self._thread.start()

    def _send(self) -> None:
        try:
            while not self._stopping.is_set():
                if len(self.sent) < MAX_STARTS:
                    self.send_one()
                self._stopping.wait(PERIOD_SECONDS)
        except BaseException as error:
            self.failure = error

    def send_one(self) -> None:
        """One start, which has a key of its own."""
        key = f"{self.step}-{len(self.sent)}"
        detail = {"service": SERVICE, "idempotencyKey": key, "tags": [{"key": "sent", "value": key}]}
        stack = self._stack
        event = start_event(stack.source, stack.account, stack.region, detail)
        if not self._delivery.deliver(stack.start_rule, event):
            raise RuntimeError(f"{stack.start_rule} does not match {event}")
        self.sent.append(key)

    def pause(self) -> None:
        """Sends no more."""
        self._stopping.set()
        self._thread.join(timeout=30)
        self.check()

    def check(self) -> None:
        """Raises what has failed in a thread."""
        for failure in (self.failure, self.bridge.failure):
            if failure is not None:
                raise failure

    def until_handled(self, target_group: str) -> None:
        """Waits until each start has its task, and each task its target, and nothing else is registered.

        A start that is delivered twice has two tasks here, since MiniStack ignores RunTask's clientToken; on AWS it has
        one.
        """
        sent = set(self.sent)
        try:
            wait.until("a task for each start", lambda: self.started() == sent, HANDLED_SECONDS, self.check)
        except wait.DeadlineExceeded as error:
            started = self.started()
            found = f"starts without a task: {sent - started}, tasks of no start: {started - sent}"
            raise AssertionError(found) from error
        registered = functools.partial(self._registered, target_group)
        wait.until("a target for each task", lambda: registered() == self._addresses(), HANDLED_SECONDS, self.check)

    def started(self) -> set[str]:
        """The keys of the starts that have a task."""
        arns = [arn for page in self._pages() for arn in page]
        tasks = [task for first in range(0, len(arns), 100) for task in self._describe(arns[first : first + 100])]
        tags = [{tag["key"]: tag["value"] for tag in task.get("tags", [])} for task in tasks]
        return {each["sent"] for each in tags if "sent" in each}

    def _pages(self) -> Any:
        for page in self._ecs.get_paginator("list_tasks").paginate(cluster=self._stack.cluster):
            yield page["taskArns"]

    def _describe(self, arns: list[str]) -> Any:
        return self._ecs.describe_tasks(cluster=self._stack.cluster, tasks=arns, include=["TAGS"])["tasks"]

    def _addresses(self) -> set[str]:
        return {task.engine.address for task in self.bridge.tasks()}

    def _registered(self, target_group: str) -> set[str]:
        answer = self._elb.describe_target_health(TargetGroupArn=target_group)
        return {each["Target"]["Id"] for each in answer["TargetHealthDescriptions"]}


def stack_of(outputs: dict[str, Any], deployment: dict[str, Any]) -> deployed.Stack:
    """The deployed stack, as the engine's own state has it."""
    made = [
        Resource(each["type"], each["urn"].split("::", 3)[3], each["id"], each["outputs"])
        for each in deployment["resources"]
        if each["custom"] and each["type"].startswith("aws:")
    ]
    return deployed.read(outputs, SimpleNamespace(resources=made))  # type: ignore[arg-type]


__all__ = ["SERVICE", "Traffic", "stack_of", "usable_port"]
