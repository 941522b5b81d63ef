"""The steps of the demo: a start, what an operator sees of it, a start that is refused, a stop, and an engine that
does not get healthy."""

from __future__ import annotations

import json
from typing import Any

from bridge import Bridge, Watched
from command import Command
from delivery import Delivery
from deployed import SERVICE, UNSOUND_SERVICE, Stack
from events import DEPROVISIONING, RUNNING, STARTING, STOPPED, STOPPING, Stage, start_event
from ministack import FIRST_RETRY_SECONDS, MiniStack
from outcomes import Outcomes
from planned import Planner
from screen import Screen
from steps import Steps, group_name
from told import Told

CORRELATION_ID = "demo-1"
# So many times faster are the health checks: every 2 s, where the example has 10 s.
FASTER_CHECKS = 5.0
HEALTHY, UNHEALTHY = "ECS Task Healthy", "ECS Task Unhealthy"
NOT_WELL = 3


class Timeline(Steps):
    """One task, from its start to its stop, and another one that does not get healthy."""

    def __init__(
        self,
        screen: Screen,
        emulator: MiniStack,
        stack: Stack,
        bridge: Bridge,
        command: Command,
        told: Told,
    ) -> None:
        super().__init__(screen, emulator, stack, bridge)
        # The emulator's own would say that every target is healthy.
        self._elb = emulator.client("elbv2", endpoint=told.endpoint)
        self._delivery = Delivery(emulator.client)
        self._outcomes = Outcomes(emulator.client, stack.start_rule.bus)
        self._planner = Planner(emulator.client, stack.function)
        self._command, self._told = command, told
        self._invocations = 0

    def run(self) -> None:
        """All steps in order. Raises at the first that fails."""
        self._begin("an application that listens")
        self._outcomes.listen()
        watched = self._start()
        self._get_healthy(watched)
        self._look(watched)
        self._refuse()
        self._stop(watched)
        self._stay_unhealthy()
        self._begin("the end")

    def _start(self) -> Watched:
        self._screen.heading("A start (ms since the event was sent)")
        self._begin("before the start")
        self._expect_nothing_registered()

        self._begin("event sent")
        self._screen.zero()
        event_id = self._put_start_event()
        self._screen.mark("event sent", f"Start ECS Task from {self._stack.source}")
        self._screen.note(f"id {event_id}")
        self._screen.note(f'"service": "{SERVICE}"; all else is in the deployed catalog')

        self._begin("RunTask made")
        watched: Watched = self._until("a task", lambda: next(iter(self._bridge.tasks()), None))
        self._screen.mark(self.step, f"task {watched.id}", watched.seen_at)
        self._screen.note(f"startedBy {watched.started_by}")
        self._check_identity(watched, event_id)

        self._begin("RUNNING")
        self._until("the bridge's events", lambda: watched.is_running)
        self._screen.mark(
            self.step,
            f"engine on {watched.engine.address}:{watched.engine.port}",
            watched.running_at,
        )
        self._check_rule(watched, (RUNNING,), STARTING)

        self._begin("registered")
        groups = self._stack.target_groups
        self._until(
            "the target in both target groups",
            lambda: all(self._health(watched, group) for group in groups),
        )
        where = f"{watched.engine.address}:{watched.engine.port}"
        self._screen.mark(self.step, f"{where} in {' and '.join(map(group_name, groups))}")

        self._begin("first request")
        status, body = self._until("an answer of 200", lambda: self._ask_until(200))
        self._expect(watched.id in body, f"another engine answered: {body!r}")
        self._screen.mark(self.step, f"{status} for {self._stack.path} from the load balancer")
        self._screen.note(f"body: {body.strip()}")
        self._settle(2)
        return watched

    def _get_healthy(self, watched: Watched) -> None:
        """The rest of the start: its targets are healthy, and the check says so."""
        groups = self._stack.target_groups
        self._begin("healthy")
        self._until(
            "healthy targets",
            lambda: all(self._health(watched, group) == "healthy" for group in groups),
        )
        self._screen.mark(self.step, f"in {' and '.join(map(group_name, groups))}")
        self._note_interval(groups[0])
        line = self._check_now(watched)
        self._expect(line.get("healthy") == [watched.arn], f"the task should be healthy: {line}")
        self._hear(watched, HEALTHY)

    def _stay_unhealthy(self) -> None:
        stack, group = self._stack, self._stack.unsound_target_group
        self._screen.heading("A service that does not get healthy (ms since the event was sent)")
        self._begin("event sent")
        self._expect(not self._registered(group), f"{group_name(group)} should be empty at first")
        before = len(self._bridge.tasks())
        self._screen.zero()
        self._put_events([("Start ECS Task", {"service": UNSOUND_SERVICE})])
        self._screen.mark(self.step, f'Start ECS Task, "service": "{UNSOUND_SERVICE}"')
        self._screen.note("its engine answers health checks with 404, and all else with 200")

        self._begin("registered")
        watched: Watched = self._until("a task", lambda: next(iter(self._bridge.tasks()[before:]), None))
        self._until("the target in its target group", lambda: self._health(watched, group))
        where = f"{watched.engine.address}:{watched.engine.port}"
        self._screen.mark(self.step, f"{where} in {group_name(group)}")
        self._settle(2)

        self._begin("unhealthy")
        self._until("an unhealthy target", lambda: self._health(watched, group) == "unhealthy")
        self._screen.mark(self.step, f"{where} in {group_name(group)}")
        self._note_interval(group)

        line = self._check_now(watched)
        reason = "Target.ResponseCodeMismatch"
        self._expect(line.get("unhealthy") == [watched.arn], f"the task should be unhealthy: {line}")
        [told] = line["targetsNotHealthy"]
        self._screen.note(told)
        self._expect(told.endswith(f"unhealthy {reason}"), f"the reason should be {reason}: {told}")
        detail = self._hear(watched, UNHEALTHY)
        self._expect(detail["reason"] == reason, f"its reason should be {reason}: {detail}")
        [target] = detail["targets"]
        self._screen.note(f"{target['state']}, {target['reason']}: {target['description']}")

        self._begin("doctor")
        shown = self._command.run("doctor", "--quiet", UNSOUND_SERVICE, status=NOT_WELL)
        command = f"start-engines doctor --quiet {UNSOUND_SERVICE}"
        self._screen.mark(self.step, f"{command}: exit status {NOT_WELL}")
        for each in shown.splitlines():
            self._screen.line(each)
        said = " ".join(shown.split())
        found = f"target health: {where} in {group_name(group)} is unhealthy"
        self._expect(found in said, f'doctor should say "{found}"')
        self._expect("1 failure, 0 warnings" in said, "doctor should find nothing else")
        self._expect_empty(
            on_failure=stack.on_failure_queue_url,
            rule_dead_letter=stack.rule_dead_letter_queue_url,
        )

    def _check_now(self, watched: Watched) -> dict[str, Any]:
        """Has the task's check made now. Returns the function's log line of it."""
        self._begin("check planned")
        planned = self._planner.bring_forward(f"start-engines-check-{watched.id}")
        self._screen.mark(self.step, f"{planned.name}, at {planned.at} UTC")
        self._screen.note("not waited for: its event is sent now, by an asynchronous Invoke, as Scheduler sends it")
        self._begin("checked")
        self._settle(1)
        lines = [line for line in self._log.handled() if line.get("outcome") == "checked"]
        self._expect(bool(lines), "the function's log should have a line of the check")
        line = lines[-1]
        kinds = ("healthy", "unhealthy", "undecided")
        found = [f"{len(line[kind])} {kind}" for kind in kinds if kind in line]
        self._screen.mark(self.step, f'"outcome": "checked", {", ".join(found)}')
        return line

    def _hear(self, watched: Watched, detail_type: str) -> dict[str, Any]:
        """Waits for the outcome event of the task's check, which must be this one. Returns its detail."""
        self._begin("outcome event")
        event = self._until(
            "an outcome event", lambda: self._outcomes.find(watched.arn, (HEALTHY, UNHEALTHY))
        )
        self._screen.mark(self.step, event["detail-type"])
        self._expect(event["detail-type"] == detail_type, f"it should be {detail_type}: {event}")
        detail: dict[str, Any] = event["detail"]
        return detail

    def _note_interval(self, group: str) -> None:
        [told] = self._elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
        seconds = told["HealthCheckIntervalSeconds"]
        self._screen.note(f"(health checks every {seconds / FASTER_CHECKS:g} s here, {seconds} s on AWS)")

    def _look(self, watched: Watched) -> None:
        self._screen.heading("What an operator sees: start-engines status")
        self._begin("status")
        shown = self._command.run("status")
        for line in shown.splitlines():
            self._screen.line(f"  {line}")
        self._expect(watched.id in shown, "the task is not shown")
        self._expect(" 0 targets drifted" in shown, "something has drifted")

    def _refuse(self) -> None:
        self._screen.heading("A start that is not valid (ms since the event was sent)")
        self._begin("invalid event sent")
        stack = self._stack
        detail = {"service": SERVICE, "count": 0, "containerNam": stack.container}
        event = start_event(stack.source, stack.account, stack.region, detail)
        self._screen.zero()
        delivered = self._delivery.deliver(stack.start_rule, event)
        self._expect(delivered, "the rule for start events should match this event")
        self._screen.mark("event sent", 'Start ECS Task with "count": 0 and a field "containerNam"')

        self._begin("on-failure queue")
        record = self._until("the event in the queue", self._next_failure)
        self._expect(
            record["requestPayload"].get("id") == event["id"], f"another event is there: {record}"
        )
        reason = record["responsePayload"]
        kind = reason.get("errorType")
        tries = self._log.finished() - self._invocations
        self._screen.mark(self.step, f"{kind}, after {tries} tries")
        self._screen.note(str(reason.get("errorMessage")))
        delays = " and ".join(f"{FIRST_RETRY_SECONDS * 2**n:g} s" for n in range(stack.retries))
        self._screen.note(f"(between the tries: {delays} here, 1 and 2 minutes on AWS)")
        self._expect(kind == "invalid_event", f"errorType should be invalid_event, not {kind}")
        self._expect(len(self._bridge.tasks()) == 1, "a task was started all the same")
        self._settle(1 + stack.retries)

    def _stop(self, watched: Watched) -> None:
        self._screen.heading("A stop (ms since the event was sent)")
        self._begin("stop event sent")
        self._screen.zero()
        why = "the demo stops it"
        stopped = self._command.run("stop", "--service", SERVICE, "--drain", "0", "--reason", why)
        self._screen.mark(self.step, f"start-engines stop --service {SERVICE} --drain 0")
        self._screen.note(stopped.strip())

        self._begin("StopTask made")
        self._until("the task to be stopped", lambda: self._stopped_reason(watched) is not None)
        self._screen.mark(self.step, f"task {watched.id}")
        reason = self._stopped_reason(watched)
        self._expect(reason == why, f"stoppedReason should not be {reason}")

        self._begin("deregistered")
        self._until("the target to leave both target groups", lambda: self._is_out(watched))
        where = f"{watched.engine.address}:{watched.engine.port}"
        self._screen.mark(self.step, f"{where} has left both target groups")

        self._begin("request refused")
        status, _ = self._until("an answer of 503", lambda: self._ask_until(503))
        self._screen.mark(self.step, f"{status} from the load balancer")

        self._begin("all events handled")
        self._until("the bridge's last event", lambda: watched.stopped)
        acting = (STOPPING, STOPPED)
        self._check_rule(watched, (RUNNING, *acting), (*STARTING, DEPROVISIONING))
        self._settle(1 + len(acting))
        self._expect(self._is_out(watched), "the target is registered again")
        self._expect_empty(
            on_failure=self._stack.on_failure_queue_url,
            rule_dead_letter=self._stack.rule_dead_letter_queue_url,
        )
        self._screen.mark(
            self.step, f"{self._invocations} invocations, nothing else in the failure queues"
        )

    def _put_start_event(self) -> str:
        detail = {
            "service": SERVICE,
            "correlationId": CORRELATION_ID,
            "tags": [{"key": "team", "value": "demo"}],
        }
        return self._put_events([("Start ECS Task", detail)])[0]

    def _check_identity(self, watched: Watched, event_id: str) -> None:
        """Checks startedBy and the tags, from which the function reads later events."""
        port, groups = self._stack.port, self._stack.target_groups
        tails = (f"{group.split(':targetgroup/')[1]}/{port}" for group in groups)
        started_by = f"start-engines/{'/'.join(tails)}"
        self._expect(watched.started_by == started_by, f"startedBy should be {started_by}")
        answer = self._ecs.describe_tasks(
            cluster=self._stack.cluster, tasks=[watched.arn], include=["TAGS"]
        )
        tags = {tag["key"]: tag["value"] for tag in answer["tasks"][0].get("tags", [])}
        expected = {
            f"start-engines:{key}{number}": value
            for group, number in zip(groups, ("", ":2"), strict=True)
            for key, value in (
                ("target-group-arn", group),
                ("port", str(port)),
                ("container-name", self._stack.container),
            )
        } | {
            "start-engines:service": SERVICE,
            "start-engines:event-id": event_id,
            "start-engines:correlation-id": CORRELATION_ID,
            "team": "demo",
        }
        missing = [f"{key}={value}" for key, value in expected.items() if tags.get(key) != value]
        self._expect(not missing, f"the task lacks the tags {', '.join(missing)}")
        self._screen.note(f"{len(tags)} tags, correlation id {CORRELATION_ID}")

    def _check_rule(
        self, watched: Watched, through: tuple[Stage, ...], held: tuple[Stage, ...]
    ) -> None:
        """Checks that the deployed rule matched the expected events, and no others."""
        self._screen.note("the rule let through " + ", ".join(map(str, watched.delivered)))
        self._screen.note("and held back " + ", ".join(map(str, watched.held_back)))
        right = tuple(watched.delivered) == through and tuple(watched.held_back) == held
        self._expect(right, "the rule for state changes let through the wrong events")

    def _settle(self, invocations: int) -> None:
        """Waits for the end of this number of further invocations."""
        self._invocations += invocations
        what = f"{self._invocations} invocations to end"
        self._until(what, lambda: self._log.finished() >= self._invocations)
        finished = self._log.finished()
        self._expect(
            finished == self._invocations, f"{finished} invocations instead of {self._invocations}"
        )

    def _is_out(self, watched: Watched) -> bool:
        """Whether the target is in neither target group."""
        groups = self._stack.target_groups
        return all(self._health(watched, group) is None for group in groups)

    def _health(self, watched: Watched, group: str) -> str | None:
        """The target's state, or nothing if it is not registered."""
        return self._registered(group).get((watched.engine.address, watched.engine.port))

    def _next_failure(self) -> dict[str, Any] | None:
        url = self._stack.on_failure_queue_url
        for message in self._sqs.receive_message(QueueUrl=url).get("Messages", []):
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            record: dict[str, Any] = json.loads(message["Body"])
            return record
        return None

    def _alive(self) -> None:
        super()._alive()
        self._told.check()
