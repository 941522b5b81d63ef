"""A stack of version 0.1.0, as that version has registered it (`pulumi/tests/record.ts`), updated with this one's program."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

from events import start_event
from example import Example, keys
from ministack import REGION
from session import Operation
from watched import Watched

RECORDED = Path(__file__).resolve().parents[1] / "upgrade" / "0.1.0.json"
# The account of the recorded ARNs.
ACCOUNT = "111122223333"
FUNCTION = "aws:lambda/function:Function start-engines"
LISTS = ("ALLOWED_CLUSTERS", "ALLOWED_TARGET_GROUPS", "ALLOWED_TASK_FAMILIES", "ALLOWED_SOURCES")
# What this version's operators and schedules send from, beside what those of the version before did.
OWN_SOURCES = {"start-engines.operator.start-engines", "start-engines.schedules.start-engines"}
RULES = ("start-engines-requests", "start-engines-state-change")
REQUEST_RULE = "aws:cloudwatch/eventRule:EventRule start-engines-requests"
SCHEDULE = "aws:scheduler/schedule:Schedule start-engines-"
SCHEDULES = ("auth-office-hours-start", "auth-office-hours-stop", "reconcile")
# Without them no event comes to the function.
WAY = ("aws:cloudwatch/eventRule:", "aws:cloudwatch/eventTarget:", "aws:lambda/permission:", "aws:lambda/function:")
# Its name has the region in it now. It holds nothing.
REPLACED = {"aws:cloudwatch/dashboard:Dashboard start-engines"}
NEW = {
    "aws:lambda/layerVersion:LayerVersion start-engines",
    "aws:iam/policy:Policy start-engines-doctor",
    "aws:cloudwatch/metricAlarm:MetricAlarm start-engines-tasks-unhealthy",
}
REPLACEMENT = {"replace", "create-replacement", "delete-replaced"}


class Upgrade(Example):
    account = ACCOUNT
    variables = {"RECORDED": str(RECORDED)}
    attached: set[tuple[str, str]]
    preview: Operation
    bus: str
    steps: Operation
    # What was there in the moments of the update, in order.
    seen: list[dict[str, Any]]

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
        rules = (each for each in self.made() if each["urn"].endswith(f"::{RULES[0]}") and "eventBusName" in each["inputs"])
        type(self).bus = next(rules)["inputs"]["eventBusName"]

    def test_02_nothing_is_replaced_or_deleted_that_need_not_be(self) -> None:
        type(self).preview = self.session.run("preview", config=self.settings())
        steps = self.preview.steps
        replaced = {step.key: step.diffs for step in steps if step.op in REPLACEMENT}
        self.assertEqual(replaced.keys(), REPLACED, replaced)
        self.assertEqual(keys(steps, "delete"), set())
        self.assertEqual(keys(steps, "create"), NEW)

    def moment(self) -> dict[str, Any]:
        """The function's variables, and of each rule what it lets through and whom it sends it to."""
        events = self.client("events")
        rules = {}
        for name, bus in zip(RULES, (self.bus, "default"), strict=True):
            rule = events.describe_rule(Name=name, EventBusName=bus)
            targets = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
            rules[name] = {"state": rule["State"], "pattern": rule["EventPattern"], "targets": [each["Arn"] for each in targets]}
        return {"variables": self.function()["Environment"]["Variables"], "rules": rules}

    def test_03_the_update_does_what_was_previewed(self) -> None:
        with Watched(self.moment) as watched:
            type(self).steps = self.run_up()
        type(self).seen = watched.answers
        self.assertEqual(
            {(step.op, step.key) for step in self.steps.steps}, {(step.op, step.key) for step in self.preview.steps}
        )

    def test_04_policies_and_roles_are_those_that_are_attached(self) -> None:
        names = self.names()
        self.assertLessEqual(self.attached, names)
        (doctor,) = names - self.attached
        self.assertRegex(doctor[1], r":policy/start-engines-doctor-[0-9a-f]{7}$")

    def test_05_the_function_is_never_without_its_lists(self) -> None:
        """The version before reads the variables alone, and has the new ones for the moment of the update."""
        first, *_, last = all_variables = [moment["variables"] for moment in self.seen]
        self.assertNotIn("SETTINGS_FILE", first)
        for variables in all_variables:
            for name in LISTS:
                given, before = (set(each.get(name, "").split(",")) for each in (variables, first))
                self.assertEqual(given - OWN_SOURCES if name == "ALLOWED_SOURCES" else given, before, name)
        self.assertLessEqual(OWN_SOURCES, set(last["ALLOWED_SOURCES"].split(",")))
        # And in the file, where this one reads them.
        settings = json.loads(Path(last["SETTINGS_FILE"]).read_text())
        self.assertEqual(settings, {name: last[name].split(",") for name in LISTS})

    def matches(self, pattern: str, event: dict[str, Any]) -> bool:
        return bool(self.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"])

    def test_06_no_event_of_an_application_or_of_ecs_is_lost_by_a_rule(self) -> None:
        function = self.function()["FunctionArn"]
        (cluster,) = self.seen[0]["variables"]["ALLOWED_CLUSTERS"].split(",")
        start = start_event("example.app", ACCOUNT, REGION, {"service": "auth"})
        detail = {"startedBy": "start-engines/auth", "clusterArn": cluster, "lastStatus": "RUNNING", "desiredStatus": "RUNNING"}
        running = start | {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": detail}
        for moment in self.seen:
            for name, event in zip(RULES, (start, running), strict=True):
                rule = moment["rules"][name]
                self.assertEqual((rule["state"], rule["targets"]), ("ENABLED", [function]), name)
                self.assertTrue(self.matches(rule["pattern"], event), rule["pattern"])
                self.assertFalse(self.matches(rule["pattern"], event | {"source": "another"}), rule["pattern"])
        self.assertEqual({step.op for step in self.steps.steps if step.key.startswith(WAY)}, {"update"})

    def test_07_a_schedule_sends_from_its_new_source_only_when_the_rule_lets_it_through(self) -> None:
        for name in SCHEDULES:
            self.before_and_after(f"update {REQUEST_RULE}", f"update {SCHEDULE}{name}")
            # The old function knows no reconcile of all clusters.
            self.before_and_after(f"update {FUNCTION}", f"update {SCHEDULE}{name}")

    def test_08_the_layer_is_there_before_the_function_names_it(self) -> None:
        self.before_and_after("create aws:lambda/layerVersion:LayerVersion start-engines", f"update {FUNCTION}")

    def test_09_a_second_preview_changes_nothing(self) -> None:
        self.assert_unchanged()


if __name__ == "__main__":
    unittest.main()
