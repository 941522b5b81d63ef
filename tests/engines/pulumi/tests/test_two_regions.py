"""One function's name in two regions of an account, which have one IAM and one set of dashboards."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from inventory import inventory
from world import ACCOUNT, World

PROGRAM = "./programs/twoRegions.ts"
REGIONS = ("us-east-1", "eu-west-1")


class TwoRegions(World):
    before: dict[str, frozenset[tuple[str, str]]]

    def settings(self) -> dict[str, str]:
        return self.config(account=ACCOUNT, regions=",".join(REGIONS))

    def there(self) -> dict[str, frozenset[tuple[str, str]]]:
        """All that is in each region; what is in IAM is in both."""
        return {region: inventory(lambda service: self.emulator.client(service, region)) for region in REGIONS}

    def test_01_a_preview_shows_both(self) -> None:
        type(self).before = self.there()
        preview = self.session.run("preview", config=self.settings(), program=PROGRAM)
        self.assertEqual((preview.warnings, {step.op for step in preview.steps}), ([], {"create"}))
        names = [step.inputs["name"] for step in preview.steps if step.type in ("aws:iam/role:Role", "aws:iam/policy:Policy")]
        self.assertEqual(len(set(names)), 2 * (3 + 5), names)
        self.assertEqual(self.there(), self.before)

    def test_02_an_update_makes_both(self) -> None:
        up = self.session.run("up", config=self.settings(), program=PROGRAM)
        self.assertEqual((up.warnings, {step.op for step in up.steps}), ([], {"create"}))
        outputs = self.session.run("outputs").result
        arns = [f"arn:aws:lambda:{region}:{ACCOUNT}:function:engines" for region in REGIONS]
        self.assertEqual(outputs["functions"], arns)
        self.assertEqual(len(set(outputs["roles"])), len(REGIONS))

    def test_03_each_has_names_of_its_own_where_all_regions_share_them(self) -> None:
        one, other = self.there().values()
        for kind, count in (("role", 3), ("policy", 5)):
            names = {name for found, name in one if found == kind}
            self.assertEqual(names, {name for found, name in other if found == kind})
            made = {name for name in names if name.rsplit("/", 1)[-1].startswith("engines-")}
            self.assertEqual(len(made), count * len(REGIONS), names)
        dashboards = {name for found, name in one | other if found == "dashboard"}
        self.assertEqual(dashboards, {f"engines-{region}" for region in REGIONS})

    def test_04_each_function_has_its_own_role_and_lists(self) -> None:
        roles = self.session.run("outputs").result["roles"]
        for region, role in zip(REGIONS, roles, strict=True):
            found = self.emulator.client("lambda", region).get_function_configuration(FunctionName="engines")
            self.assertEqual(found["Role"].rsplit("/", 1)[-1], role)
            lists = json.loads(Path(found["Environment"]["Variables"]["SETTINGS_FILE"]).read_text())
            self.assertEqual(lists["ALLOWED_CLUSTERS"], [f"arn:aws:ecs:{region}:{ACCOUNT}:cluster/engines"])

    def test_05_a_second_preview_changes_nothing(self) -> None:
        again = self.session.run("preview", config=self.settings(), program=PROGRAM)
        self.assertEqual([(step.op, step.key, step.diffs) for step in again.steps], [])

    def test_06_nothing_is_left(self) -> None:
        self.session.run("destroy")
        self.assertEqual(self.there(), self.before)


if __name__ == "__main__":
    unittest.main()
