"""A task's whole life, with the packed function in the emulator of Lambda and the demo's stack in MiniStack.

It comes first, by its name: the bridge sends the events of all tasks in the cluster, and other tests start some.
"""

from __future__ import annotations

import functools
import http.client
import unittest
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import wait
from asynchronous import Asynchronous, Attempt
from bridge import Bridge
from delivery import Delivery
from deployed import SERVICE
from emulator import Ending
from events import DEPROVISIONING, RUNNING, STARTING, STOPPED, STOPPING, start_event
from stage import stage

SECONDS = 60.0


class ALife(unittest.TestCase):
    def setUp(self) -> None:
        self.stage = stage()
        self.stack = self.stage.stack
        self.stage.aws.sets()
        emulator = self.stage.function("life")
        self.addCleanup(emulator.stop)
        emulator.start()
        self.invoked = Asynchronous(emulator, self.stage.function_arn, self.stack.retries)
        self.invoked.start()
        self.addCleanup(self.invoked.close)
        client = functools.cache(self.stage.ministack.client)
        # What a rule sends to the function goes to the emulator of Lambda.
        to_emulator: Callable[[str], Any] = lambda name: self.invoked if name == "lambda" else client(name)
        self.elb, self.delivery = client("elbv2"), Delivery(to_emulator)
        stack = self.stack
        others = client("ecs").list_tasks(cluster=stack.cluster)["taskArns"]
        self.assertEqual(others, [], "other tests were first")
        self.bridge = Bridge(to_emulator, stack.cluster, stack.state_rule, stack.subnet, stack.port)
        self.bridge.start()
        self.addCleanup(self.bridge.close)

    def test_starts_registers_answers_refuses_stops_and_deregisters(self) -> None:
        self.assertEqual(self.registered(), set())

        # A stop in the second in which the start was requested leaves the task alone, so it was requested before.
        requested = (datetime.now(timezone.utc) - timedelta(seconds=10)).isoformat(timespec="seconds")
        self.send("Start ECS Task", {"service": SERVICE, "correlationId": "c1", "requestedAt": requested})
        task = self.until("a task", lambda: next(iter(self.bridge.tasks()), None))
        self.until("two registered targets", lambda: self.registered() == self.targets(task.engine.address))
        status, body = self.ask()
        self.assertEqual((status, task.id in body), (200, True), body)

        self.send("Start ECS Task", {"service": SERVICE, "count": 0})
        failed = self.until("the refused start", lambda: next(iter(self.invoked.on_failure), None))
        tried = [attempt for attempt in self.invoked.attempts if attempt.request_id == failed.request_id]
        self.assertEqual(len(tried), 1 + self.stack.retries)
        for attempt in tried:
            self.assertEqual(attempt.shown.error_type, "invalid_event")
            self.assertIn("detail.count = 0", attempt.shown.error_message)

        self.send("Stop ECS Task", {"service": SERVICE, "drainSeconds": 0})
        self.until("the end of the task", lambda: task.stopped)
        # Its last event is invoked with at this point, or waits.
        self.until("all events", lambda: len(self.succeeded()) >= 5)
        self.assertEqual(self.registered(), set())
        self.assertEqual(self.ask()[0], 503)

        self.assertEqual(tuple(task.delivered), (RUNNING, STOPPING, STOPPED))
        self.assertEqual(tuple(task.held_back), (*STARTING, DEPROVISIONING))
        outcomes = [attempt.shown.value["outcome"] for attempt in self.succeeded()]
        self.assertEqual(outcomes[:2], ["started", "registered"])
        # Which of the stop and the first sign of it deregisters is a race on AWS too.
        self.assertEqual(outcomes.count("stopped"), 1, outcomes)
        self.assertIn("deregistered", outcomes)
        self.assertEqual(len(self.invoked.attempts), 5 + len(tried))

    def succeeded(self) -> list[Attempt]:
        return [attempt for attempt in self.invoked.attempts if attempt.shown.ending is Ending.SUCCESS]

    def send(self, detail_type: str, detail: dict[str, Any]) -> None:
        """An application's event, by way of the deployed rule."""
        stack = self.stack
        event = start_event(stack.source, stack.account, stack.region, detail) | {"detail-type": detail_type}
        self.assertTrue(self.delivery.deliver(stack.start_rule, event), "the rule does not match")

    def targets(self, address: str) -> set[tuple[str, str, int]]:
        return {(group, address, self.stack.port) for group in self.stack.target_groups}

    def registered(self) -> set[tuple[str, str, int]]:
        return {
            (group, entry["Target"]["Id"], entry["Target"]["Port"])
            for group in self.stack.target_groups
            for entry in self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        }

    def ask(self) -> tuple[int, str]:
        """A request to the load balancer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stage.ministack.port, timeout=SECONDS)
        try:
            connection.request("GET", self.stack.path, headers={"Host": self.stack.load_balancer_dns})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def until(self, what: str, probe: Callable[[], Any]) -> Any:
        return wait.until(what, probe, SECONDS, self.alive)

    def alive(self) -> None:
        self.stage.ministack.check()
        for one in (self.bridge, self.invoked):
            if one.failure is not None:
                raise one.failure


if __name__ == "__main__":
    unittest.main()
