"""What the provider knows of each type is about inputs that the type has."""

from __future__ import annotations

import json
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


def given(type: str) -> set[str]:
    """The inputs that the example gives to resources of a type, in either mode."""
    some = [json.loads((ROOT / f"pulumi/tests/snapshots/{name}.json").read_text()) for name in ("up", "buffered")]
    registered = [*some[0], *some[1]["newOrChanged"]]
    return {name for each in registered if each["resource"].startswith(f"{type}::") for name in each.get("inputs", {})}


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
            if kind.update is None:
                with self.subTest(type):
                    self.assertEqual(given(type) - kind.replaces, set())

    def test_sets_documents_and_what_is_computed_are_inputs(self) -> None:
        for type, kind in KINDS.items():
            with self.subTest(type):
                named = {path.split(".")[0] for path in kind.sets | kind.documents | kind.computed}
                self.assertEqual(named - inputs_of(type), set())

    def test_the_order_of_a_list_means_something_and_that_of_a_set_does_not(self) -> None:
        group = KINDS["aws:ec2/securityGroup:SecurityGroup"]
        one, other = {"securityGroups": ["a", "b"], "fromPort": 1}, {"securityGroups": ["c"], "fromPort": 2}
        turned = one | {"securityGroups": ["b", "a"]}
        self.assertTrue(group.is_same("ingress", [one, other], [other, turned]))
        self.assertFalse(group.is_same("ingress", [one], [one, one]))
        self.assertFalse(group.is_same("ingress", [{"cidrBlocks": ["a", "b"]}], [{"cidrBlocks": ["b", "a"]}]))
        self.assertFalse(KINDS["aws:lambda/function:Function"].is_same("architectures", ["a", "b"], ["b", "a"]))

    def test_only_a_document_is_compared_by_what_its_json_says(self) -> None:
        policy = KINDS["aws:iam/policy:Policy"]
        self.assertTrue(policy.is_same("policy", '{"a": [1, 2], "b": 1}', '{"b":1,"a":[1,2]}'))
        self.assertFalse(policy.is_same("policy", '{"a": [1, 2]}', '{"a": [2, 1]}'))
        self.assertFalse(policy.is_same("policy", '{"a": true}', '{"a": 1}'))
        self.assertFalse(policy.is_same("description", "{}", "{ }"))


if __name__ == "__main__":
    unittest.main()
