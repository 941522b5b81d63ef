"""Each class of error as Lambda shows it: its type, its message, and what a retry sees."""

from __future__ import annotations

import re
import unittest
import uuid
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

    def test_each_row_of_the_documented_table_has_one(self) -> None:
        made = {failure.error_type for failure in FAILURES}
        left_out = set(LEFT_OUT)
        rows = documented()
        self.assertGreater(len(rows), 20)
        self.assertEqual(made - set().union(*rows), set(), "not documented")
        for row in rows:
            with self.subTest(row=sorted(row)):
                self.assertTrue(row & (made | left_out), "no error of this row is made")
                self.assertFalse(row & made and row & left_out, "left out, and made")

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
        tokens = [call.value["clientToken"] for call in one.aws.received("RunTask")[begun:]]
        if tokens:
            self.assertEqual(tokens[tried], tokens[0], "the retry has another token")
        emulator.stop()


def documented() -> list[set[str]]:
    """The error types of each row of the table."""
    text = OPERATIONS.read_text().split("### Error types")[1].split("###")[0]
    cells = (line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    return [names for cell in cells if (names := set(re.findall(r"`([a-z_]+)`", cell)))]


if __name__ == "__main__":
    unittest.main()
