"""What the steps of each demo share: events that are sent, requests, queues, and bounded waits.

Each step waits for what it expects, for a bounded time, and fails with a reason. Must not
start or end processes, and must talk to the function through events alone.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

import wait
from bridge import Bridge, Watched
from deployed import Stack
from function_log import FunctionLog
from ministack import MiniStack
from screen import Screen

STEP_SECONDS = 20.0
# Maximum entries of one PutEvents call.
MAX_ENTRIES_PER_PUT = 10


class StepFailed(Exception):
    """A step had an unexpected result."""


class Steps:
    """Runs the steps. `step` names the one that runs, or failed."""

    seconds = STEP_SECONDS

    def __init__(self, screen: Screen, emulator: MiniStack, stack: Stack, bridge: Bridge) -> None:
        self.step = "the first step"
        self._screen, self._emulator, self._stack, self._bridge = screen, emulator, stack, bridge
        self._events, self._ecs = emulator.client("events"), emulator.client("ecs")
        self._elb, self._sqs = emulator.client("elbv2"), emulator.client("sqs")
        self._log = FunctionLog(emulator.client("logs"), stack.log_group)

    def run(self) -> None:
        """All steps in order. Raises at the first that fails."""
        raise NotImplementedError

    def _put_events(self, events: list[tuple[str, dict[str, Any]]]) -> list[str]:
        """Sends events, each a detail type and a detail, as an application does; returns their ids."""
        stack = self._stack
        entries = [
            {
                "EventBusName": stack.start_rule.bus,
                "Source": stack.source,
                "DetailType": detail_type,
                "Detail": json.dumps(detail),
            }
            for detail_type, detail in events
        ]
        ids: list[str] = []
        for first in range(0, len(entries), MAX_ENTRIES_PER_PUT):
            answer = self._events.put_events(Entries=entries[first : first + MAX_ENTRIES_PER_PUT])
            refused = answer["FailedEntryCount"]
            self._expect(not refused, f"PutEvents refused {refused}: {answer['Entries']}")
            ids += [str(entry["EventId"]) for entry in answer["Entries"]]
        return ids

    def _stopped_reason(self, watched: Watched) -> str | None:
        answer = self._ecs.describe_tasks(cluster=self._stack.cluster, tasks=[watched.arn])
        task = answer["tasks"][0]
        return str(task.get("stoppedReason")) if task["desiredStatus"] == "STOPPED" else None

    def _registered(self, group: str) -> dict[tuple[str, int], str]:
        """The state of each target of a target group, by address and port."""
        answer = self._elb.describe_target_health(TargetGroupArn=group)
        return {
            (entry["Target"]["Id"], entry["Target"]["Port"]): str(entry["TargetHealth"]["State"])
            for entry in answer["TargetHealthDescriptions"]
        }

    def _ask(self) -> tuple[int, str]:
        """A request to the load balancer, by its DNS name as a browser would send it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator.port, timeout=10)
        try:
            host = {"Host": self._stack.load_balancer_dns}
            connection.request("GET", self._stack.path, headers=host)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def _ask_until(self, status: int) -> tuple[int, str] | None:
        answer = self._ask()
        return answer if answer[0] == status else None

    def _expect_nothing_registered(self) -> None:
        status, _ = self._ask()
        self._expect(
            status == 503, f"{self._stack.path} should be answered with 503 at first, not {status}"
        )

    def _attributes(self, url: str, *names: str) -> list[str]:
        """Attributes of a queue."""
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        return [str(answer["Attributes"][name]) for name in names]

    def _waiting(self, url: str) -> str:
        return self._attributes(url, "ApproximateNumberOfMessages")[0]

    def _expect_empty(self, **queues: str) -> None:
        """Checks these queues, each by its name and URL."""
        for name, url in queues.items():
            waiting = self._waiting(url)
            called = name.replace("_", " ")
            self._expect(waiting == "0", f"{waiting} unexpected messages in the {called} queue")

    def _begin(self, step: str) -> None:
        self.step = step

    def _until(self, what: str, probe: Any) -> Any:
        return wait.until(what, probe, self.seconds, self._alive)

    def _alive(self) -> None:
        self._emulator.check()
        if self._bridge.failure is not None:
            raise StepFailed(f"the bridge failed: {self._bridge.failure!r}")

    @staticmethod
    def _expect(right: bool, otherwise: str) -> None:
        if not right:
            raise StepFailed(otherwise)


def group_name(arn: str) -> str:
    """A target group's name, from its ARN."""
    return arn.split("/")[-2]
