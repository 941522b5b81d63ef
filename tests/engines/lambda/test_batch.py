"""A batch of SQS messages, as Lambda's event source mapping hands it over."""

from __future__ import annotations

import json
import unittest
import uuid
from typing import Any

from aws import Break
from emulator import Ending
from failures import start
from stage import stage

QUEUE = "arn:aws:sqs:us-east-1:012345678912:start-engines-requests"


class ABatch(unittest.TestCase):
    def setUp(self) -> None:
        self.stage = stage()
        self.stage.aws.sets()
        self.emulator = self.stage.function("batch")
        self.addCleanup(self.emulator.stop)
        self.emulator.start()

    def test_of_a_batch_just_the_messages_that_failed_are_to_come_again(self) -> None:
        messages = {
            "m1": json.dumps(start()),
            "m2": json.dumps(start({"count": 0})),
            "m3": "no JSON",
            "m4": json.dumps(start({"service": "billing"})),
        }
        begun = len(self.stage.aws.received("RunTask"))
        shown = self.emulator.invoke(batch(messages))
        # To Lambda it is a success, or it would keep all of the messages.
        self.assertIs(shown.ending, Ending.SUCCESS, shown.body)
        self.assertEqual(failed(shown.value), ["m2", "m3"])
        self.assertEqual(len(self.stage.aws.received("RunTask")) - begun, 2)
        logged = {line["messageId"]: line.get("reason") for line in self.emulator.lines() if "messageId" in line}
        self.assertEqual(logged, {"m1": None, "m2": "invalid_event", "m3": "invalid_event", "m4": None})

    def test_a_batch_that_aws_fails_comes_again_as_a_whole_with_the_same_client_tokens(self) -> None:
        messages = {f"m{number}": json.dumps(start()) for number in range(4)}
        begun = len(self.stage.aws.received("RunTask"))
        self.stage.aws.sets(RunTask=Break())
        shown = self.emulator.invoke(batch(messages))
        self.assertIs(shown.ending, Ending.SUCCESS, shown.body)
        self.assertEqual(failed(shown.value), sorted(messages))
        self.stage.aws.sets()
        shown = self.emulator.invoke(batch(messages))
        self.assertEqual((shown.ending, failed(shown.value)), (Ending.SUCCESS, []))
        tokens = {call.value["clientToken"] for call in self.stage.aws.received("RunTask")[begun:]}
        self.assertEqual(len(tokens), len(messages))

    def test_a_batch_without_messages_is_an_error(self) -> None:
        shown = self.emulator.invoke({"Records": []})
        self.assertEqual((shown.ending, shown.error_type), (Ending.ERROR, "invalid_event"))


def batch(messages: dict[str, str]) -> Any:
    """The event of a queue, as the guide "Using Lambda with Amazon SQS" has it."""
    return {
        "Records": [
            {
                "messageId": name,
                "receiptHandle": str(uuid.uuid4()),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1795158000000",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1795158000001",
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": QUEUE,
                "awsRegion": "us-east-1",
            }
            for name, body in messages.items()
        ]
    }


def failed(answer: Any) -> list[str]:
    """The messages that are to come again."""
    return sorted(item["itemIdentifier"] for item in answer["batchItemFailures"])


if __name__ == "__main__":
    unittest.main()
