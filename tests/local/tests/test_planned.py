"""The checks that the function has planned: when they are brought forward."""

from __future__ import annotations

import json
import unittest
from typing import Any

from planned import Planner, checked


def schedule(*targets: tuple[str, str]) -> dict[str, Any]:
    """That of one task's check, with these target groups and addresses."""
    asked = [{"targetGroupArn": group, "id": id, "port": 8080} for group, id in targets]
    event = json.dumps({"detail": {"tasks": [{"targets": asked}]}})
    target = {"Arn": "function", "Input": event}
    return {"ScheduleExpression": "at(2026-11-20T07:05:13)", "State": "ENABLED", "Target": target}


class Emulator:
    """It has a check of each of two tasks, one of them behind two target groups."""

    def __init__(self) -> None:
        self.invoked: list[tuple[str, str, Any]] = []
        self.schedules = {
            "start-engines-check-1": schedule(("auth", "10.0.1.11"), ("auth-tcp", "10.0.1.11")),
            "start-engines-check-2": schedule(("billing", "10.0.1.12")),
        }

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def get_paginator(self, operation: str) -> Any:
        return self

    def paginate(self, GroupName: str, NamePrefix: str) -> list[dict[str, Any]]:
        # The last one is sent, and deleted, before it is looked at.
        names = [*self.schedules, "start-engines-check-3"]
        return [{"Schedules": [{"Name": name} for name in names if name.startswith(NamePrefix)]}]

    def get_schedule(self, Name: str, GroupName: str) -> dict[str, Any]:
        if Name not in self.schedules:
            raise self.exceptions.ResourceNotFoundException
        return self.schedules[Name]

    def delete_schedule(self, Name: str, GroupName: str) -> None:
        del self.schedules[Name]

    def invoke(self, FunctionName: str, InvocationType: str, Payload: str) -> None:
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))


class ACheck(unittest.TestCase):
    def setUp(self) -> None:
        self.emulator = Emulator()
        self.planner = Planner(lambda _service: self.emulator, "start-engines")

    def brought(self, *decided: str) -> list[str]:
        """The checks that are brought forward when the targets of these target groups are decided."""
        found = self.planner.bring_decided_forward(lambda group, target: group in decided and target[1] == 8080)
        self.assertEqual({each.at for each in found} - {"2026-11-20T07:05:13"}, set())
        return [each.name for each in found]

    def test_is_sent_once_when_all_its_targets_are_decided(self) -> None:
        self.assertEqual(self.brought("auth"), [])
        self.assertEqual(self.brought("auth", "auth-tcp"), ["start-engines-check-1"])
        [(function, invocation, event)] = self.emulator.invoked
        self.assertEqual((function, invocation), ("function", "Event"))
        self.assertEqual([group for group, _ in checked(event)], ["auth", "auth-tcp"])
        self.assertEqual(self.brought("auth", "auth-tcp"), [])
        self.assertEqual(len(self.emulator.invoked), 1)


if __name__ == "__main__":
    unittest.main()
