"""What the demo and the playground say of themselves, beside what they are made of."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

from function_told import API
from gaps import BUFFERED_GAPS, GAPS, PLAYGROUND_GAPS
from told import answerers

LOCAL = Path(__file__).resolve().parents[1]


class WhatIsSaid(unittest.TestCase):
    """`playground.txt` names what answers in the emulator's place, and so does what the demo says in the end."""

    def test_each_stand_in_and_each_operation_is_named(self) -> None:
        # Those are modules here that give answers of their own.
        files = {path.name for path in LOCAL.glob("*.py") if "from stand_in import Answer" in path.read_text()}
        files -= {"told.py"}
        self.assertIn("entrance.py", files)
        said = " ".join(PLAYGROUND_GAPS)
        self.assertEqual({file for file in files if f"({file})" not in said}, set())
        operations = {self.named(each) for each in answerers(lambda _service: None, "us-east-1", "f", list)}
        operations |= {"DescribeTargetHealth", "PutEvents"}
        self.assertEqual({each for each in operations if each not in said}, set())
        # The demo has no entrance.
        of_demo = " ".join(GAPS)
        self.assertEqual({file for file in files - {"entrance.py"} if f"({file})" not in of_demo}, set())

    @staticmethod
    def named(operation: str) -> str:
        """As AWS names it."""
        paths = {f"GET {API}/f": "GetFunction", f"GET {API}/f/configuration": "GetFunctionConfiguration"}
        return paths.get(operation, operation)

    def test_each_file_that_is_named_is_there(self) -> None:
        for said in (*GAPS, *BUFFERED_GAPS, *PLAYGROUND_GAPS):
            for file in re.findall(r"\w+\.py", said):
                self.assertTrue((LOCAL / file).is_file(), said)


if __name__ == "__main__":
    unittest.main()
