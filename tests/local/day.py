"""A day of an operator, on the deployed stack: what people do with the command, step by step.

In the morning two services start by schedule. Then the rule of state changes is deleted for a while, and
a deployment is broken for a while: targets drift, events fail. The operator runs `status`, repairs, sends the
events again, and stops all in the evening. Each step expects an exit status, and waits only for what it
names. Must not start or end processes, and must not know how the function works.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import wait
from bridge import Bridge, Watched
from command import Command
from delivery import Delivery
from deployed import Stack
from events import start_event
from ministack import MiniStack

STEP_SECONDS = 30.0
# `status` shows no drift before that; src/cli/view/status.rs.
SETTLE_SECONDS = 60.0
SERVICES = ("auth", "billing")
SCHEDULE = "auth-office-hours-start"


class DayFailed(Exception):
    """A step had an unexpected result."""


class Day:
    """One day. `report` gets a line for each action, and the command's output."""

    def __init__(
        self,
        emulator: MiniStack,
        stack: Stack,
        bridge: Bridge,
        command: Command,
        report: Callable[[str], None],
    ) -> None:
        self._emulator, self._stack, self._bridge = emulator, stack, bridge
        self._command, self._report = command, report
        client = emulator.client
        self._events, self._scheduler = client("events"), client("scheduler")
        self._lambda, self._ecs, self._elb = client("lambda"), client("ecs"), client("elbv2")
        self._sqs = client("sqs")
        self._delivery = Delivery(client)

    def run(self) -> None:
        """From morning to evening. Raises at the first step that fails."""
        self._before_work()
        self._morning()
        rule = self._lose_events()
        self._break_a_deployment()
        self._redrive()
        self._repair(rule)
        self._evening()

    def _before_work(self) -> None:
        shown = self._run("status")
        self._expect(shown.count("(no task)") == len(SERVICES), "nothing should run yet")

    def _morning(self) -> None:
        """The deployed schedule, and one like it for the other service."""
        of_auth = self._scheduler.get_schedule(Name=SCHEDULE, GroupName=self._stack.function)
        target = of_auth["Target"]
        detail = json.loads(target["Input"])
        of_billing = target | {"Input": json.dumps(detail | {"service": "billing"})}
        self._report("07:00 the schedules start auth and billing")
        for due in (target, of_billing):
            self._fire(due)
        self._until("two registered tasks", lambda: self._registered() == self._running(2))
        shown = self._run("status")
        self._expect("2 tasks, 0 targets drifted" in shown, "both services should be well")

    def _lose_events(self) -> dict[str, Any]:
        """Deletes the rule of state changes; then one task stops and another one starts."""
        rule = self._stack.state_rule
        key = {"Name": rule.name, "EventBusName": rule.bus}
        on_rule = {"Rule": rule.name, "EventBusName": rule.bus}
        kept = self._events.describe_rule(**key)
        targets = self._events.list_targets_by_rule(**on_rule)["Targets"]
        self._report("09:00 somebody deletes the rule of state changes")
        self._events.remove_targets(**on_rule, Ids=[target["Id"] for target in targets])
        self._events.delete_rule(**key)
        stopped = self._task("billing")
        self._ecs.stop_task(cluster=self._stack.cluster, task=stopped.arn, reason="lost")
        self._until("the end of a task whose events are lost", lambda: stopped.stopped)
        before = len(self._bridge.tasks())
        self._run("start", "billing")
        self._until("another task", lambda: len(self._bridge.tasks()) == before + 1)
        self._until("its event, which is lost", lambda: self._bridge.tasks()[-1].is_running)
        return {"rule": kept, "targets": targets}

    def _break_a_deployment(self) -> None:
        """With a wrong setting, every event fails; what fails for good is kept with its reason."""
        name = self._stack.function
        before = self._lambda.get_function_configuration(FunctionName=name)
        variables = before["Environment"]["Variables"]
        self._report("10:00 a deployment with a wrong setting; two starts and a stop follow")
        self._configure(variables | {"TASK_WAIT_TIMEOUT": "soon"})
        for service in SERVICES:
            event = self._event({"service": service})
            self._expect(self._delivery.deliver(self._stack.start_rule, event), "the rule's match")
        self._until("the events in the on-failure queue", lambda: self._waiting() == (2, 0))
        stop = self._event({"service": "auth", "drainSeconds": 0})
        stop["detail-type"] = "Stop ECS Task"
        # The emulator has no dead-letter queue of rules: this is what EventBridge would put there.
        self._sqs.send_message(
            QueueUrl=self._stack.rule_dead_letter_queue_url,
            MessageBody=json.dumps(stop),
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value}
                for key, value in (
                    ("ERROR_CODE", "NO_PERMISSIONS"),
                    ("ERROR_MESSAGE", "not authorized to perform: lambda:InvokeFunction"),
                    ("TARGET_ARN", self._command.variables["START_ENGINES_FUNCTION"]),
                )
            },
        )
        shown = self._run("redrive", status=3)
        for reason in ("invalid_configuration", "TASK_WAIT_TIMEOUT", "NO_PERMISSIONS"):
            self._expect(reason in shown, f"{reason} is not shown")
        self._expect(self._waiting() == (2, 1), "listing deletes nothing from the queues")
        self._configure(variables)

    def _redrive(self) -> None:
        """Sends the stop first, so that it stops none of the tasks that are started now."""
        self._report("10:30 the setting is right again")
        auth = self._task("auth")
        self._run("redrive", "--all", "--reason", "NO_PERMISSIONS")
        self._until("the stop that was sent again", lambda: auth.stopped)
        before = len(self._bridge.tasks())
        self._run("redrive", "--all")
        self._until("the starts", lambda: len(self._bridge.tasks()) == before + 2)
        self._until("empty queues", lambda: self._waiting() == (0, 0))
        self._expect("the queues are empty" in self._run("redrive"), "the queues should be empty")

    def _repair(self, kept: dict[str, Any]) -> None:
        rule = self._stack.state_rule
        self._report("11:00 the rule is back; what was lost stays lost")
        self._events.put_rule(
            Name=rule.name, EventBusName=rule.bus, EventPattern=kept["rule"]["EventPattern"]
        )
        self._events.put_targets(Rule=rule.name, EventBusName=rule.bus, Targets=kept["targets"])
        # RUNNING: two of billing and one of auth, not registered.
        # STOPPED: one of each, still registered.
        # Each is drift once it is old enough, one after the other.
        kinds = ("MISSING", "LEFT BEHIND")
        what = f"status to show {' and '.join(kinds)}"
        shown = self._until(what, lambda: self._drifted(kinds), SETTLE_SECONDS)
        self._report(shown)
        plan = self._run("reconcile", "--dry-run", status=3)
        self._expect(
            re.search(r"4 to register, 3 to deregister, 0 unknown", plan) is not None,
            "the plan should name all drift",
        )
        self._expect(self._registered() != self._running(3), "a dry run should repair nothing")
        self._run("reconcile", "--yes")
        self._expect(self._registered() == self._running(3), "all should be repaired")
        self._run("reconcile", "--dry-run")
        shown = self._run("status")
        self._expect("3 tasks, 0 targets drifted" in shown, "all should be well")

    def _evening(self) -> None:
        self._report("19:00 everything stops")
        cluster = self._stack.cluster
        all_of = ("stop", "--all-of-cluster", cluster, "--drain", "0", "--yes", "--wait")
        self._run(*all_of)
        self._until("the last events", lambda: all(task.stopped for task in self._bridge.tasks()))
        self._until("empty target groups", lambda: not self._registered())
        shown = self._run("status")
        self._expect("0 tasks, 0 targets drifted" in shown, "nothing should run any more")
        self._expect(self._waiting() == (0, 0), "nothing should have failed")

    def _run(self, *arguments: str, status: int = 0) -> str:
        shown = self._command.run(*arguments, status=status)
        self._report(f"$ start-engines {' '.join(arguments)}\n{shown.rstrip()}")
        return shown

    def _drifted(self, kinds: tuple[str, ...]) -> str | None:
        """The output of `status`, if it ends with exit status 3 and shows these kinds of drift."""
        status, shown = self._command.attempt("status")
        self._expect(status in (0, 3), f"status ended with {status}: {shown}")
        is_all = status == 3 and all(kind in shown for kind in kinds)
        return shown if is_all else None

    def _fire(self, target: dict[str, Any]) -> None:
        """Sends the event that Scheduler would send at the scheduled time.

        The emulator's Scheduler sends no EventBridgeParameters, so that no rule matches.
        """
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        parameters = target["EventBridgeParameters"]
        entry = {
            "EventBusName": target["Arn"],
            "Source": parameters["Source"],
            "DetailType": parameters["DetailType"],
            "Detail": target["Input"].replace("<aws.scheduler.scheduled-time>", sent_at),
        }
        answer = self._events.put_events(Entries=[entry])
        self._expect(not answer["FailedEntryCount"], f"PutEvents refused it: {answer['Entries']}")

    def _event(self, detail: dict[str, Any]) -> dict[str, Any]:
        source = f"start-engines.operator.{self._stack.function}"
        return start_event(source, self._stack.account, self._stack.region, detail)

    def _configure(self, variables: dict[str, str]) -> None:
        self._lambda.update_function_configuration(
            FunctionName=self._stack.function, Environment={"Variables": variables}
        )

    def _task(self, service: str) -> Watched:
        """The only running task of a service."""
        running = [task for task in self._bridge.tasks() if not task.stopped]
        found = [task for task in running if f"/{service}-" in task.started_by]
        self._expect(len(found) == 1, f"{len(found)} tasks of {service} run, and not one")
        return found[0]

    def _running(self, number: int) -> set[tuple[str, str]]:
        """Target group and address of every target that should be registered for these tasks."""
        running = [task for task in self._bridge.tasks() if task.is_running and not task.stopped]
        if len(running) != number:
            return {("not", f"{number} tasks but {len(running)}")}
        return {
            (group, task.interface.address)
            for task in running
            for group in re.findall(r"start-engines/(.*)", task.started_by)[0].split("/")[0::3]
        }

    def _registered(self) -> set[tuple[str, str]]:
        """Target group and address of every registered target."""
        found = set()
        for group in self._elb.describe_target_groups()["TargetGroups"]:
            arn = group["TargetGroupArn"]
            answer = self._elb.describe_target_health(TargetGroupArn=arn)
            for entry in answer["TargetHealthDescriptions"]:
                found.add((group["TargetGroupName"], entry["Target"]["Id"]))
        return found

    def _waiting(self) -> tuple[int, int]:
        """Number of messages in the on-failure queue and in the rule dead-letter queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def of(url: str) -> int:
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            return sum(int(answer["Attributes"][name]) for name in names)

        return of(self._stack.on_failure_queue_url), of(self._stack.rule_dead_letter_queue_url)

    def _until(self, what: str, probe: Callable[[], Any], seconds: float = STEP_SECONDS) -> Any:
        return wait.until(what, probe, seconds, self._alive)

    def _alive(self) -> None:
        self._emulator.check()
        if self._bridge.failure is not None:
            raise DayFailed(f"the bridge failed: {self._bridge.failure!r}")

    @staticmethod
    def _expect(right: bool, otherwise: str) -> None:
        if not right:
            raise DayFailed(otherwise)
