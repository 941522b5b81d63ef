"""Each class of error as Lambda shows it: its type, its message, and what a retry sees."""

from __future__ import annotations

import re
import unittest
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from emulator import Ending
from failures import FAILURES, LEFT_OUT, Failure
from stage import stage

OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


class Errors(unittest.TestCase):
    def test_each_is_an_error_of_the_invocation_with_its_type_and_its_words(self) -> None:
        for failure in FAILURES:
            with self.subTest(str(failure)):
                self.assert_fails(failure)

    def test_each_of_the_documented_table_is_made_or_left_out_for_a_reason(self) -> None:
        made = {failure.error_type for failure in FAILURES}
        self.assertEqual(made & LEFT_OUT.keys(), set(), "left out, and made")
        self.assertEqual(made | LEFT_OUT.keys(), documented())

    def test_a_start_without_room_is_tried_with_new_tokens_a_minute_later(self) -> None:
        """When Lambda tries it again; ECS still repeats its answers under the tokens of the first attempt."""
        one = stage()
        failure = next(each for each in FAILURES if each.error_type == "capacity_unavailable")
        event, request_id = failure.event(), str(uuid.uuid4())
        emulator = one.function("errors")
        self.addCleanup(emulator.stop)
        emulator.start()
        begun = len(one.aws.received("RunTask"))
        one.aws.sets(**failure.faults)
        self.assertEqual(emulator.invoke(event, request_id).error_type, failure.error_type)
        used = tokens(begun)
        one.aws.sets()
        event["time"] = (datetime.fromisoformat(event["time"]) - timedelta(minutes=1)).isoformat()
        later = emulator.invoke(event, request_id)
        self.assertEqual((later.ending, later.value["outcome"]), (Ending.SUCCESS, "started"), later.body)
        self.assertEqual(tokens(begun)[len(used) : -1], used)
        self.assertNotIn(tokens(begun)[-1], used)

    def assert_fails(self, failure: Failure) -> None:
        one = stage()
        event, request_id = failure.event(), str(uuid.uuid4())
        # A new instance remembers nothing of what AWS has answered before.
        emulator = one.function("errors", **failure.variables)
        self.addCleanup(emulator.stop)
        emulator.start()
        one.aws.sets(**failure.faults)
        begun = len(one.aws.received("RunTask"))

        first = emulator.invoke(event, request_id)
        self.assertIs(first.ending, Ending.ERROR, first.body)
        self.assertEqual(set(first.value), {"errorType", "errorMessage"})
        self.assertEqual(first.error_type, failure.error_type, first.body)
        self.assertIn(failure.says, first.error_message)

        tried = len(one.aws.received("RunTask")) - begun
        one.aws.sets()
        retry = emulator.invoke(event, request_id)
        if failure.retry_succeeds:
            self.assertIs(retry.ending, Ending.SUCCESS, retry.body)
            self.assertIn(retry.value["outcome"], ("started", "registered"))
        else:
            self.assertIs(retry.ending, Ending.ERROR, retry.body)
            self.assertEqual(retry.error_type, failure.error_type, retry.body)
        # RunTask is idempotent by its token: what the first attempt may have started is not started again.
        used = tokens(begun)
        if used:
            self.assertEqual(used[tried], used[0], "the retry has another token")
        emulator.stop()


def tokens(begun: int) -> list[str]:
    """The client tokens of all calls of RunTask after so many."""
    return [call.value["clientToken"] for call in stage().aws.received("RunTask")[begun:]]


def documented() -> set[str]:
    """The error types of the table."""
    text = OPERATIONS.read_text().split("### Error types")[1].split("###")[0]
    cells = (line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


if __name__ == "__main__":
    unittest.main()
