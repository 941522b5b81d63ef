"""The example's stack in a test's world: updated by the engine, and asked in the emulator. Must not change anything else."""

from __future__ import annotations

from typing import Any

from session import Operation, Step
from world import World

EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"


def keys(steps: list[Step], op: str) -> set[str]:
    """The resources with which the engine does this."""
    return {step.key for step in steps if step.op == op}


def of_aws(found: set[str]) -> set[str]:
    """Without the stack and the components, which are in no account."""
    return {key for key in found if key.startswith("aws:")}


class Example(World):
    """What its tests need."""

    port: str

    def settings(self, **more: str) -> dict[str, str]:
        return self.config(port=self.port, **more)

    def run_up(self, **more: str) -> Operation:
        """An update that succeeds and warns of nothing."""
        operation = self.session.run("up", config=self.settings(**more))
        self.assertEqual(operation.warnings, [])
        return operation

    def assert_unchanged(self, **more: str) -> None:
        again = self.session.run("preview", config=self.settings(**more))
        self.assertEqual([(step.op, step.key, step.diffs) for step in again.steps], [])
        self.assertEqual(again.warnings, [])

    def assert_refreshed(self, expected: set[tuple[str, str]]) -> None:
        """A refresh finds this, and nothing else."""
        found = self.session.run("refresh")
        self.assertEqual({(step.op, step.key) for step in found.ended if step.op != "refresh"}, expected)

    def before_and_after(self, *order: str) -> None:
        """Each of these calls of the provider had ended before the next one began: "METHOD TYPE NAME"."""
        calls = (each for each in self.orders.noted() if "method" in each)
        noted = {f"{each['method']} {each['type']} {each['name']}": each for each in calls}
        for first, then in zip(order, order[1:], strict=False):
            self.assertIn(first, noted)
            self.assertIn(then, noted)
            self.assertLessEqual(noted[first]["ended"], noted[then]["began"], f"{first} before {then}")

    def made(self) -> list[dict[str, Any]]:
        """The resources in the engine's state."""
        found: list[dict[str, Any]] = self.session.run("export").result.get("resources", [])
        return found

    def targets(self) -> dict[str, str]:
        """What the two rules have for a target, as the emulator has it."""
        events = self.client("events")
        found = {}
        for each in self.made():
            if each["type"] == EVENT_TARGET:
                rule = {"Rule": each["inputs"]["rule"], "EventBusName": each["inputs"]["eventBusName"]}
                (target,) = events.list_targets_by_rule(**rule)["Targets"]
                found[each["urn"].split("::", 3)[3]] = target["Arn"]
        return found

    def attribute(self, url: str, name: str) -> str:
        """One attribute of a queue."""
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return str(answer["Attributes"][name])

    def waiting(self, url: str) -> int:
        """How many messages a queue has, received or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(self.attribute(url, name)) for name in names)
