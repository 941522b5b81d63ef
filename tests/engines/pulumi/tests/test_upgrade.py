"""A stack of version 0.1.0, as that version has registered it (`pulumi/tests/record.ts`), updated with this one's program."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from example import Example, keys
from session import Operation

RECORDED = Path(__file__).resolve().parents[1] / "upgrade" / "0.1.0.json"
# The account of the recorded ARNs.
ACCOUNT = "111122223333"
FUNCTION = "aws:lambda/function:Function start-engines"
LISTS = ("ALLOWED_CLUSTERS", "ALLOWED_TARGET_GROUPS", "ALLOWED_TASK_FAMILIES", "ALLOWED_SOURCES")
# Its name has the region in it now. It holds nothing.
REPLACED = {"aws:cloudwatch/dashboard:Dashboard start-engines"}
REPLACEMENT = {"replace", "create-replacement", "delete-replaced"}


class Upgrade(Example):
    account = ACCOUNT
    variables = {"RECORDED": str(RECORDED)}
    attached: set[tuple[str, str]]
    preview: Operation

    def settings(self, **more: str) -> dict[str, str]:
        """As they were recorded: the default port."""
        return self.config(**more)

    def function(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName="start-engines")
        return found

    def names(self) -> set[tuple[str, str]]:
        """Roles and policies, which others have attached."""
        iam = self.client("iam")
        roles = {("role", each["RoleName"]) for each in iam.list_roles()["Roles"]}
        return roles | {("policy", each["Arn"]) for each in iam.list_policies(Scope="Local")["Policies"]}

    def test_01_the_version_before_is_deployed(self) -> None:
        up = self.session.run("up", config=self.settings(), program="./programs/replay.ts")
        self.assertEqual({step.op for step in up.steps}, {"create"})
        self.assertNotIn("SETTINGS_FILE", self.function()["Environment"]["Variables"])
        type(self).attached = self.names()

    def test_02_nothing_is_replaced_or_deleted_that_need_not_be(self) -> None:
        type(self).preview = self.session.run("preview", config=self.settings())
        steps = self.preview.steps
        replaced = {step.key: step.diffs for step in steps if step.op in REPLACEMENT}
        self.assertEqual(replaced.keys(), REPLACED, replaced)
        self.assertEqual(keys(steps, "delete"), set())
        self.assertEqual(keys(steps, "create"), {"aws:lambda/layerVersion:LayerVersion start-engines"})

    def test_03_the_update_does_what_was_previewed(self) -> None:
        up = self.run_up()
        self.assertEqual(
            {(step.op, step.key) for step in up.steps}, {(step.op, step.key) for step in self.preview.steps}
        )

    def test_04_policies_and_roles_are_those_that_are_attached(self) -> None:
        self.assertEqual(self.names(), self.attached)

    def test_05_the_function_has_its_lists_where_either_version_reads_them(self) -> None:
        variables = self.function()["Environment"]["Variables"]
        for name in LISTS:
            self.assertNotIn(variables.get(name, ""), ("", "*"), name)
        self.assertTrue(Path(variables["SETTINGS_FILE"]).is_file())

    def test_06_the_layer_is_there_before_the_function_names_it(self) -> None:
        self.before_and_after("create aws:lambda/layerVersion:LayerVersion start-engines", f"update {FUNCTION}")

    def test_07_a_second_preview_changes_nothing(self) -> None:
        self.assert_unchanged()


if __name__ == "__main__":
    unittest.main()
