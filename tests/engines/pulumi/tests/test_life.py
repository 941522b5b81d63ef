"""One stack's life under Pulumi's engine, from a preview to nothing left. Asserted by what the engine does."""

from __future__ import annotations

import functools
import json
import unittest
from typing import Any

import artefacts
import small_engine
import wait
from example import EVENT_TARGET, Example, keys, of_aws
from inventory import inventory
from looking import NOT_WELL, Finding, Looking
from provider import Provider
from session import Operation, is_running
from traffic import Traffic, stack_of, usable_port
from world import ROOT, layers_in

SNAPSHOTS = ROOT / "pulumi/tests/snapshots"
FUNCTION = "aws:lambda/function:Function start-engines"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PERMISSION = "aws:lambda/permission:Permission"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
SIDES = ("start-engines-requests", "start-engines-state-change")
BUFFERS = ("start-engines-requests", "start-engines-state-changes")
HELD_SECONDS = 120.0
ENDED_SECONDS = 30.0
# The checks of which `doctor` must say that something is well.
WELL = {
    "account",
    "function",
    "architecture",
    "settings",
    "catalog",
    "permissions",
    "rule",
    "pattern",
    "target",
    "permission",
    "queue",
    "on-failure destination",
    "alarms",
    "schedules",
    "start",
    "cluster",
    "capacity",
    "task definition",
    "port",
    "target group",
    "health check",
    "target health",
    "subnets",
    "security groups",
    "way out",
    "log group",
}
REPLACEMENT = {"replace", "create-replacement", "delete-replaced"}


def reviewed(name: str) -> Any:
    return json.loads((SNAPSHOTS / f"{name}.json").read_text())


class Life(Example):
    traffic: Traffic
    first_preview: Operation
    before: frozenset[tuple[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.port = str(usable_port(8080))
        cls.before = inventory(cls.emulator.client)

    def setUp(self) -> None:
        super().setUp()
        if hasattr(self, "traffic"):
            # A start that is lost can be told by the step in which it was sent.
            self.traffic.step = self.id().rsplit(".", 1)[-1]

    def test_01_a_preview_makes_nothing(self) -> None:
        preview = self.session.run("preview", config=self.settings())
        type(self).first_preview = preview
        self.assertEqual({step.op for step in preview.steps}, {"create"})
        registered = {each["resource"].replace("::", " ", 1) for each in reviewed("up")}
        self.assertEqual(of_aws(keys(preview.steps, "create")), of_aws(registered))
        self.assertEqual(preview.warnings, [])
        self.assertEqual(inventory(self.emulator.client), self.before)

    def test_02_an_update_makes_what_was_previewed(self) -> None:
        up = self.run_up()
        self.assertEqual({step.op for step in up.steps}, {"create"})
        registered = {each["resource"].replace("::", " ", 1) for each in reviewed("up")}
        self.assertEqual(of_aws(keys(up.steps, "create")), of_aws(registered))
        self.before_and_after(
            "create aws:iam/rolePolicy:RolePolicy start-engines",
            f"create {FUNCTION}",
            f"create {PERMISSION} start-engines-requests",
            f"create {EVENT_TARGET} start-engines-requests",
        )

    def test_02_the_small_engine_sees_the_same(self) -> None:
        """`npm test` and the demo go by it."""
        state = self.session.run("export").result
        made = {(each["type"], each["urn"].split("::", 3)[3]): each for each in state["resources"]}
        provider = Provider(functools.cache(self.emulator.client))

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            if "invoke" in request:
                return {"answer": provider.invoke(request["invoke"]["token"], request["invoke"]["args"])}
            found = made[request["create"]["type"], request["create"]["name"]]
            return {"created": {"id": found["id"], "state": found["outputs"]}}

        for preview in (False, True):
            with self.subTest(preview=preview):
                ended = small_engine.run(self.settings(), answer, preview)
                self.assertEqual((ended["errors"], ended["warnings"], ended["exitCode"]), ("", [], 0))
                ours = small_engine.seen_by_small(ended, with_dependencies=not preview)
                theirs = (
                    small_engine.without_random(small_engine.seen_in_preview(self.first_preview))
                    if preview
                    else small_engine.seen_in_state(state, self.session.run("outputs").result)
                )
                self.maxDiff = None
                self.assertEqual(small_engine.without_random(ours) if preview else ours, theirs)

    def test_03_a_second_preview_changes_nothing(self) -> None:
        self.assert_unchanged()

    def test_04_a_refresh_finds_nothing(self) -> None:
        self.assert_refreshed(set())

    def test_05_what_is_changed_by_hand_is_found_and_repaired(self) -> None:
        resources = self.session.run("export").result["resources"]
        state = {f"{each['type']} {each['urn'].split('::', 3)[3]}": each.get("outputs", {}) for each in resources}
        names = {key: value.get("name", "") for key, value in state.items()}
        rule = f"aws:cloudwatch/eventRule:EventRule {SIDES[0]}"
        self.client("events").disable_rule(Name=names[rule], EventBusName=state[rule]["eventBusName"])
        group = "aws:cloudwatch/logGroup:LogGroup start-engines"
        self.client("logs").put_retention_policy(logGroupName=names[group], retentionInDays=1)
        self.client("lambda").update_function_configuration(FunctionName=names[FUNCTION], MemorySize=512)
        engines = "aws:ec2/securityGroup:SecurityGroup engines-engines"
        self.client("ec2").authorize_security_group_ingress(
            GroupId=next(each["id"] for each in resources if each["urn"].endswith("SecurityGroup::engines-engines")),
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        )
        permission = f"{PERMISSION} {SIDES[1]}"
        self.client("lambda").remove_permission(
            FunctionName=state[permission]["function"], StatementId=state[permission]["statementId"]
        )
        updated = {rule, group, FUNCTION, engines}
        self.assert_refreshed({("update", key) for key in updated} | {("delete", permission)})
        repaired = self.run_up()
        self.assertEqual(keys(repaired.steps, "update"), updated)
        self.assertEqual(keys(repaired.steps, "create"), {permission})
        self.assertEqual(len(repaired.steps), len(updated) + 1)
        self.assert_refreshed(set())
        self.assertEqual(
            self.client("events").describe_rule(Name=names[rule], EventBusName=state[rule]["eventBusName"])["State"],
            "ENABLED",
        )

    def test_06_events_begin(self) -> None:
        stack = stack_of(self.session.run("outputs").result, self.session.run("export").result)
        type(self).traffic = Traffic(self.emulator, stack)
        self.addClassCleanup(self.traffic.bridge.close)
        self.traffic.start()
        wait.until("a first start", lambda: len(self.traffic.started()) > 0, 60, self.traffic.check)

    def test_07_a_create_that_fails_leaves_the_events_where_they_were(self) -> None:
        before = self.targets()
        failing = f"create {MAPPING} {BUFFERS[0]}"
        self.orders.give(**{failing: {"fail": "the test wants it so"}})
        failed = self.session.attempt("up", config=self.settings(buffered="true"))
        self.assertIn("the test wants it so", failed.errors)
        # Neither the failed one, nor what comes after it.
        self.assertEqual(self.targets()[SIDES[0]], before[SIDES[0]])
        self.orders.give()

    def test_08_the_next_update_makes_the_rest(self) -> None:
        up = self.run_up(buffered="true")
        self.assertIn(f"{MAPPING} {BUFFERS[0]}", keys(up.steps, "create"))
        # Whichever update made it: a queue has its policy and its reader before a rule sends to it.
        for side, buffer in zip(SIDES, BUFFERS, strict=True):
            self.before_and_after(
                f"create {QUEUE} {buffer}", f"create {QUEUE_POLICY} {buffer}", f"update {EVENT_TARGET} {side}"
            )
            self.before_and_after(f"create {MAPPING} {buffer}", f"update {EVENT_TARGET} {side}")
            # And only then the rule loses its permission to invoke the function.
            self.before_and_after(f"update {EVENT_TARGET} {side}", f"delete {PERMISSION} {side}")
        self.assert_in_queues()
        self.assert_unchanged(buffered="true")
        self.assert_refreshed(set())

    def assert_in_queues(self) -> None:
        """The rules send to the queues, and the function reads both, as the emulator has it."""
        outputs = self.session.run("outputs").result
        urls = (outputs["requestQueueUrl"], outputs["stateChangeQueueUrl"])
        queues = [self.attribute(url, "QueueArn") for url in urls]
        self.assertEqual(self.targets(), dict(zip(SIDES, queues, strict=True)))
        mappings = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        self.assertEqual(sorted(each["EventSourceArn"] for each in mappings), sorted(queues))

    def test_09_killed_after_a_create_of_which_the_state_knows_nothing(self) -> None:
        self.orders.forget()
        made = f"{PERMISSION} {SIDES[0]}"
        self.kill_at(f"create {made}", "after", buffered="true", drain="true")
        pending = self.session.run("export").result["pending_operations"]
        found = [(each["type"], each["resource"]["urn"].split("::", 3)[3]) for each in pending]
        self.assertEqual(found, [("creating", SIDES[0])])
        inputs = pending[0]["resource"]["inputs"]
        permission = {"FunctionName": inputs["function"], "StatementId": inputs["statementId"]}
        policy = json.loads(self.client("lambda").get_policy(FunctionName=inputs["function"])["Policy"])
        self.assertIn(inputs["statementId"], [each["Sid"] for each in policy["Statement"]])
        # As pulumi/README.md has it, "When an update was cut off": AWS says that it exists, and it is deleted by hand.
        failed = self.session.attempt("up", config=self.settings(buffered="true", drain="true"))
        self.assertIn("already exists", failed.errors)
        self.client("lambda").remove_permission(**permission)

    def test_10_killed_before_an_update(self) -> None:
        before = self.targets()
        self.kill_at(f"update {EVENT_TARGET} {SIDES[0]}", "before", buffered="true", drain="true")
        self.assertEqual(self.targets()[SIDES[0]], before[SIDES[0]])

    def kill_at(self, call: str, when: str, **more: str) -> None:
        """Kills the engine of an update while a call of the provider is held; the lock that it leaves is removed."""
        self.orders.give(**{call: {"hold": when}})
        # One at a time: while this one is held, the engine does nothing else. Its file of states is not written in one
        # piece, so an engine that is killed while it writes loses the state, and with it all that this test is about.
        self.session.begin("up", config=self.settings(**more), parallel=1)
        provider = wait.until(f"{call} to be held", lambda: self.orders.holder(call), HELD_SECONDS)
        self.session.kill_engine()
        self.assertTrue(self.session.end().error)
        # Else it would go on with the call, once it is no longer held.
        wait.until("the provider's end", lambda: not is_running(provider), ENDED_SECONDS)
        self.orders.give()
        locked = self.session.attempt("up", config=self.settings(**more))
        self.assertRegex(locked.errors, "locked")
        self.session.run("cancel")

    def test_11_the_next_update_does_the_rest_and_drains(self) -> None:
        up = self.session.run("up", config=self.settings(buffered="true", drain="true"))
        self.assertEqual(len(up.warnings), 1, up.warnings)
        self.assertIn("2 pending operations", up.warnings[0])
        self.assertIn(f"{EVENT_TARGET} {SIDES[0]}", keys(up.steps, "update"))
        # Whichever update made it.
        for side in SIDES:
            self.before_and_after(f"create {PERMISSION} {side}", f"update {EVENT_TARGET} {side}")
        outputs = self.session.run("outputs").result
        self.assertEqual(set(self.targets().values()), {outputs["functionArn"]})
        # It warns until a refresh.
        self.assert_refreshed(set())
        self.assert_unchanged(buffered="true", drain="true")
        urls = [outputs[name] for name in ("requestQueueUrl", "stateChangeQueueUrl")]
        wait.until("empty queues", lambda: not any(map(self.waiting, urls)), 120, self.traffic.check)
        for name in ("requestDeadLetterQueueUrl", "stateChangeDeadLetterQueueUrl"):
            self.assertEqual(self.waiting(outputs[name]), 0, name)

    def test_12_off(self) -> None:
        self.orders.forget()
        up = self.run_up()
        self.assertEqual(keys(up.steps, "create"), set())
        change = reviewed("buffered")
        without = {each["resource"] for each in reviewed("up")}
        only_buffered = {each["resource"] for each in change["newOrChanged"]} - without
        expected = {resource.replace("::", " ", 1) for resource in only_buffered}
        self.assertEqual(keys(up.steps, "delete"), expected)
        for buffer in BUFFERS:
            self.before_and_after(f"delete {MAPPING} {buffer}", f"delete {QUEUE} {buffer}")

    def test_13_every_event_was_handled(self) -> None:
        self.traffic.pause()
        self.assertGreater(len(self.traffic.sent), 10)
        group = next(
            each["outputs"]["arn"]
            for each in self.session.run("export").result["resources"]
            if each["urn"].endswith("TargetGroup::billing")
        )
        self.traffic.until_handled(group)
        outputs = self.session.run("outputs").result
        for name in ("onFailureQueueUrl", "ruleDeadLetterQueueUrl"):
            self.assertEqual(self.waiting(outputs[name]), 0, name)

    def test_13_what_doctor_and_trace_say(self) -> None:
        outputs, tasks = self.session.run("outputs").result, self.traffic.bridge.tasks
        looking = Looking(outputs, self.folder, layers_in(self.folder), self.emulator, tasks)
        self.addCleanup(looking.close)
        status, found = looking.doctor()
        self.assertEqual((status, [each for each in found if each.level in ("failure", "warning")]), (0, []))
        self.assertEqual((artefacts.unexplained(found), artefacts.missing(found)), ([], []))
        well = {each.check for each in found if each.level == "ok"}
        self.assertEqual(WELL - well, set())

        rule = self.traffic.start_rule
        self.client("events").disable_rule(Name=rule.name, EventBusName=rule.bus)
        try:
            off, others = looking.doctor()
        finally:
            self.client("events").enable_rule(Name=rule.name, EventBusName=rule.bus)
        self.assertEqual(off, NOT_WELL)
        named = Finding("request rule", "rule", "failure", f"{rule.name} is DISABLED: its events are lost")
        self.assertEqual(set(others) - set(found), {named})
        self.assertEqual(looking.doctor(), (status, found))

        # By its ARN: the emulator's ids are not those of ECS, which have 32 hexadecimal digits.
        task = self.traffic.bridge.tasks()[0].arn
        status, story = looking.trace(task)
        self.assertEqual((story["kind"], story["id"]), ("task", task))
        self.assertEqual((status, story["diagnosis"]["code"]), (0, "serving"), story)
        told = [moment["what"] for moment in story["moments"]]
        self.assertEqual({"requested", "run_task", "registered", "health"} - set(told), set(), story)

    def test_14_another_function_name(self) -> None:
        self.orders.forget()
        up = self.run_up(functionName="renamed", deployment="start-engines")
        self.assertEqual({step.op for step in up.steps} - REPLACEMENT, {"update"})
        replaced = keys(up.steps, "replace")
        # Names that the program gives are free again before they are taken: of the old ones nothing is left.
        for type in ("lambda/function:Function", "sqs/queue:Queue", "cloudwatch/eventRule:EventRule"):
            self.assertIn(f"aws:{type}", {step.type for step in up.steps if step.op == "replace"})
        for key in (FUNCTION, f"{EVENT_TARGET} {SIDES[0]}", f"{QUEUE} start-engines-failures"):
            self.assertIn(key, replaced)
            self.before_and_after(f"delete {key}", f"create {key}")
        self.before_and_after(f"delete {EVENT_TARGET} {SIDES[0]}", f"delete {FUNCTION}")
        self.before_and_after(f"create {FUNCTION}", f"create {EVENT_TARGET} {SIDES[0]}")
        # What the component only uses stays as it is.
        self.assertEqual({key for key in replaced if not key.split(" ")[1].startswith("start-engines")}, set())
        self.assertEqual(self.session.run("outputs").result["functionName"], "renamed")
        self.assert_unchanged(functionName="renamed", deployment="start-engines")

    def test_15_destroyed(self) -> None:
        ecs = self.client("ecs")
        cluster = self.session.run("outputs").result["clusterArn"]
        tasks = self.traffic.bridge.tasks()
        for task in tasks:
            ecs.stop_task(cluster=cluster, task=task.arn)
        wait.until("no task", lambda: all(each.stopped for each in tasks), 120, self.traffic.check)
        self.orders.forget()
        resources = self.session.run("export").result["resources"]
        made = {f"{each['type']} {each['urn'].split('::', 3)[3]}" for each in resources}
        destroyed = self.session.run("destroy")
        self.assertEqual({step.op for step in destroyed.steps}, {"delete"})
        # The emulator deletes some of them with others; the provider, each by itself.
        calls = (each for each in self.orders.noted() if each.get("method") == "delete")
        self.assertEqual({f"{each['type']} {each['name']}" for each in calls}, of_aws(made))
        self.assertEqual(self.session.run("export").result.get("resources", []), [])
        self.assertEqual(inventory(self.emulator.client) - self.before, set())


if __name__ == "__main__":
    unittest.main()
