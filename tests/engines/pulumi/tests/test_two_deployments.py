"""Two deployments on one bus and in one cluster: neither starts or stops for the other."""

from __future__ import annotations

import unittest
import uuid
from typing import Any

import wait
from delivery import Delivery
from deployed import Rule
from events import start_event
from ministack import REGION
from world import ACCOUNT, World

PROGRAM = "./programs/twoDeployments.ts"
NAMES = ("dev", "prod")
DEPLOYMENT = "start-engines:deployment"
HANDLED_SECONDS = 60.0


class TwoDeployments(World):
    bus: str
    cluster: str

    def test_01_both_are_made_by_one_program(self) -> None:
        up = self.session.run("up", config=self.config(), program=PROGRAM)
        self.assertEqual((up.warnings, {step.op for step in up.steps}), ([], {"create"}))
        outputs = self.session.run("outputs", program=PROGRAM).result
        type(self).bus, type(self).cluster = outputs["bus"], outputs["clusterArn"]
        self.assertEqual(outputs["functions"], list(NAMES))

    def test_02_an_operators_start_is_heard_by_one_of_them(self) -> None:
        for name in NAMES:
            self.assertEqual(self.send(f"start-engines.operator.{name}", "Start ECS Task", {"service": "auth"}), [name])
        wait.until("a task of each", lambda: self.running() == {"dev": 1, "prod": 1}, HANDLED_SECONDS)

    def test_03_so_is_a_schedules(self) -> None:
        self.assertEqual(self.send("start-engines.schedules.dev", "Start ECS Task", {"service": "auth"}), ["dev"])
        wait.until("its task", lambda: self.running() == {"dev": 2, "prod": 1}, HANDLED_SECONDS)

    def test_04_and_an_applications(self) -> None:
        self.assertEqual(self.send("app.prod", "Start ECS Task", {"service": "auth"}), ["prod"])
        wait.until("its task", lambda: self.running() == {"dev": 2, "prod": 2}, HANDLED_SECONDS)

    def test_05_the_sources_of_version_0_1_are_heard_by_none(self) -> None:
        for source in ("start-engines.operator", "start-engines.schedules"):
            self.assertEqual(self.send(source, "Start ECS Task", {"service": "auth"}), [])

    def test_06_a_stop_of_all_in_the_cluster_ends_the_tasks_of_one(self) -> None:
        detail = {"cluster": self.cluster, "all": True, "drainSeconds": 0}
        self.assertEqual(self.send("start-engines.operator.dev", "Stop ECS Task", detail), ["dev"])
        wait.until("the end of its tasks", lambda: self.running() == {"prod": 2}, HANDLED_SECONDS)

    def test_07_so_does_a_stop_of_a_service_that_both_have(self) -> None:
        self.assertEqual(self.send("app.dev", "Start ECS Task", {"service": "auth"}), ["dev"])
        wait.until("its task", lambda: self.running() == {"dev": 1, "prod": 2}, HANDLED_SECONDS)
        detail = {"service": "auth", "drainSeconds": 0}
        self.assertEqual(self.send("app.dev", "Stop ECS Task", detail), ["dev"])
        wait.until("its end", lambda: self.running() == {"prod": 2}, HANDLED_SECONDS)

    def send(self, source: str, detail_type: str, detail: dict[str, Any]) -> list[str]:
        """Whose rules let the event through."""
        event = start_event(source, ACCOUNT, REGION, detail) | {"detail-type": detail_type, "id": str(uuid.uuid4())}
        delivery = Delivery(self.client)
        return [name for name in NAMES if delivery.deliver(Rule(f"{name}-requests", self.bus), event)]

    def running(self) -> dict[str, int]:
        """The number of running tasks of each deployment, by their tags."""
        ecs = self.client("ecs")
        arns = ecs.list_tasks(cluster=self.cluster, desiredStatus="RUNNING")["taskArns"]
        tasks = ecs.describe_tasks(cluster=self.cluster, tasks=arns, include=["TAGS"])["tasks"] if arns else []
        tags = [{tag["key"]: tag["value"] for tag in task["tags"]} for task in tasks if task["desiredStatus"] == "RUNNING"]
        names = [each[DEPLOYMENT] for each in tags]
        return {name: names.count(name) for name in names}


if __name__ == "__main__":
    unittest.main()
