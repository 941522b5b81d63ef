"""What comes in by PutEvents: it is answered, and then delivered once."""

from __future__ import annotations

import json
import unittest
from typing import Any

from entrance import Entrance
from stand_in import Answer, Call


class Emulator:
    """It has one rule with a pattern, which every event matches, and fails when it is broken."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self) -> None:
        self.invoked: list[str] = []
        self.broken = False

    def list_rules(self, EventBusName: str) -> dict[str, Any]:
        return {"Rules": [{"Name": "all", "EventPattern": "{}"}, {"Name": "by time"}]}

    def describe_rule(self, Name: str, EventBusName: str) -> dict[str, Any]:
        return {"State": "ENABLED", "EventPattern": "{}"}

    def test_event_pattern(self, EventPattern: str, Event: str) -> dict[str, Any]:
        return {"Result": True}

    def list_targets_by_rule(self, Rule: str, EventBusName: str) -> dict[str, Any]:
        return {"Targets": [{"Arn": "arn:aws:lambda:us-east-1:111122223333:function:f"}]}

    def invoke(self, FunctionName: str, InvocationType: str, Payload: str) -> None:
        if self.broken:
            raise ConnectionError("the emulator has gone")
        self.invoked.append(json.loads(Payload)["id"])


class AnEntrance(unittest.TestCase):
    def setUp(self) -> None:
        self.emulator = Emulator()
        self.entrance = Entrance(lambda _service: self.emulator, "engines", "111122223333", "us-east-1")
        self.addCleanup(self.entrance.close)

    def put(self, *ids: str | None) -> Answer:
        """PutEvents, of which the emulator takes the entries that get an id."""
        entry = {"EventBusName": "engines", "Source": "app", "DetailType": "Start ECS Task", "Detail": "{}"}
        body = json.dumps({"Entries": [entry for _ in ids]}).encode()
        told = [{"ErrorCode": "MalformedDetail"} if id is None else {"EventId": id} for id in ids]
        self.sent: list[Call] = []

        def pass_on(this: Call) -> Answer:
            self.sent.append(this)
            return Answer(200, (), json.dumps({"Entries": told}).encode())

        return self.entrance.answer(Call("POST", "/", {"X-Amz-Target": "AWSEvents.PutEvents"}, body), pass_on)

    def test_each_entry_that_was_taken_is_delivered_once_by_each_rule_with_a_pattern(self) -> None:
        self.entrance.start()
        answer = self.put("one", None, "two")
        self.assertEqual(json.loads(answer.body)["Entries"][1], {"ErrorCode": "MalformedDetail"})
        # Not at the bus itself, whose rules the emulator would go by too.
        moved = json.loads(self.sent[0].body)["Entries"]
        self.assertEqual([entry["EventBusName"] for entry in moved], ["default"] * 3)
        self.entrance.close()
        self.assertEqual(self.emulator.invoked, ["one", "two"])

    def test_it_answers_before_it_delivers(self) -> None:
        self.assertEqual(self.put("one").status, 200)
        self.assertEqual(self.emulator.invoked, [])
        self.entrance.start()
        self.entrance.close()
        self.assertEqual(self.emulator.invoked, ["one"])

    def test_a_delivery_that_fails_is_no_answer_that_fails(self) -> None:
        self.emulator.broken = True
        self.entrance.start()
        self.assertEqual(self.put("one").status, 200)
        self.entrance.close()
        self.assertIsInstance(self.entrance.failure, ConnectionError)

    def test_what_is_sent_to_another_bus_is_passed_on(self) -> None:
        entrance = Entrance(lambda _service: None, "engines", "111122223333", "us-east-1")
        body = json.dumps({"Entries": [{"EventBusName": "engines"}, {"EventBusName": "other"}]}).encode()
        call = Call("POST", "/", {"X-Amz-Target": "AWSEvents.PutEvents"}, body)
        passed: list[Call] = []

        def pass_on(this: Call) -> Answer:
            passed.append(this)
            return Answer(200, (), b"{}")

        entrance.answer(call, pass_on)
        self.assertEqual(passed, [call])


if __name__ == "__main__":
    unittest.main()
