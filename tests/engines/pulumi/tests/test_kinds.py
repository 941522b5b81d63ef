"""What the provider knows of each type is about inputs that the type has."""

from __future__ import annotations

import re
import unittest

from install import ROOT
from kinds import KINDS
from provider import MAKERS

AWS = ROOT / "pulumi/node_modules/@pulumi/aws"


def inputs_of(type: str) -> set[str]:
    """The inputs of a type, from the declarations of `@pulumi/aws`."""
    _, module, _ = type.split(":")
    text = (AWS / f"{module}.d.ts").read_text()
    arguments = re.search(r"export interface \w+Args \{(.*)", text, re.DOTALL)
    assert arguments is not None, type
    return set(re.findall(r"^    (\w+)\??: ", arguments[1], re.MULTILINE))


class Kinds(unittest.TestCase):
    def test_every_type_that_is_made_is_known(self) -> None:
        self.assertEqual(KINDS.keys(), MAKERS.keys())

    def test_what_replaces_is_an_input_and_has_a_source(self) -> None:
        for type, kind in KINDS.items():
            with self.subTest(type):
                self.assertEqual(kind.replaces - inputs_of(type), set())
                self.assertRegex(kind.source, r"^https://registry\.terraform\.io/.*/resources/[a-z_]+$")

    def test_a_type_that_gets_a_name_has_one(self) -> None:
        for type, kind in KINDS.items():
            with self.subTest(type):
                if kind.is_named:
                    self.assertIn("name", inputs_of(type))
                    self.assertIn("name", kind.replaces)

    def test_only_a_type_of_which_everything_replaces_has_no_update(self) -> None:
        for type, kind in KINDS.items():
            with self.subTest(type):
                self.assertTrue(kind.update is not None or kind.replaces)


if __name__ == "__main__":
    unittest.main()
