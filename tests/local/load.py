"""The steps of the buffered demo: dozens of tasks started, stopped, and one poisoned message."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from bridge import Bridge, Watched
from command import Command
from deployed import SERVICE, Buffers, Stack
from ministack import MiniStack
from screen import Screen
from steps import Steps, group_name

TASKS = 36
# In the emulator only, before the stops.
SHORT_VISIBILITY_SECONDS = 2
# Calls that cannot be coalesced: each is about one task.
ALONE = ("RunTask", "CreateSchedule", "StopTask")
# Calls that a single event makes once per target group.
SHARED = ("RegisterTargets", "DeregisterTargets")
# Of the checks: what a batch registers shares one, and a single event makes one. Their time is not waited for.
CHECKS = "CreateSchedule, for checks"


class Load(Steps):
    """Many tasks at once, through the queues between the rules and the function."""

    seconds = 60.0

    def __init__(
        self, screen: Screen, emulator: MiniStack, stack: Stack, bridge: Bridge, command: Command
    ) -> None:
        super().__init__(screen, emulator, stack, bridge)
        self._command = command
        assert stack.buffers is not None
        self._buffers: Buffers = stack.buffers

    def run(self) -> None:
        """All steps in order. Raises at the first that fails."""
        tasks = self._start()
        self._shorten()
        poisoned = self._stop(tasks)
        self._find(poisoned)
        self._begin("AWS calls")
        self._count()
        self._begin("the end")

    def _start(self) -> list[Watched]:
        screen = self._screen
        screen.heading(f"{TASKS} starts (ms since the first event was sent)")
        self._begin("before the start")
        self._expect_nothing_registered()

        self._begin("events sent")
        screen.zero()
        self._put_events([("Start ECS Task", {"service": SERVICE})] * TASKS)
        screen.mark(self.step, f"{TASKS} times Start ECS Task from {self._stack.source}")

        self._begin("RunTask made")
        self._until(f"{TASKS} tasks", lambda: len(self._bridge.tasks()) >= TASKS)
        screen.mark(self.step, f"{TASKS} tasks", max(each.seen_at for each in self._bridge.tasks()))

        self._begin("RUNNING")
        tasks = self._bridge.tasks()
        self._until("the bridge's events", lambda: all(each.is_running for each in tasks))
        screen.mark(self.step, f"{TASKS} engines", max(each.running_at for each in tasks))

        self._begin("registered")
        groups = self._stack.target_groups
        expected = {(each.engine.address, each.engine.port) for each in tasks}
        self._until(
            "all targets in both target groups",
            lambda: all(set(self._registered(group)) == expected for group in groups),
        )
        names = " and ".join(map(group_name, groups))
        screen.mark(self.step, f"{TASKS} targets in {names}")

        self._begin("all have answered")
        waiting = {each.id for each in tasks}
        requests = 0
        while waiting:
            status, body = self._until("an answer of 200", lambda: self._ask_until(200))
            requests += 1
            waiting -= {each for each in waiting if each in body}
            self._expect(requests < 100 * TASKS, f"nobody asks {len(waiting)} of the tasks")
        screen.mark(self.step, f"each task, in {requests} requests to the load balancer")

        self._settle()
        count = len(self._bridge.tasks())
        self._expect(count == TASKS, f"{count} tasks were started by {TASKS} events")
        return tasks

    def _shorten(self) -> None:
        """Makes failed messages visible again after a short time. Not before the starts: the
        emulator ignores client tokens, so a start that is delivered twice would start two tasks."""
        self._sqs.set_queue_attributes(
            QueueUrl=self._buffers.requests.queue_url,
            Attributes={"VisibilityTimeout": str(SHORT_VISIBILITY_SECONDS)},
        )

    def _stop(self, tasks: list[Watched]) -> str:
        """Sends the stops; returns the id of the poisoned event."""
        screen = self._screen
        screen.heading(f"{TASKS} stops, and a poisoned message among them (ms since they were sent)")
        self._begin("events sent")
        reason = "the demo stops it"
        stop = {"drainSeconds": 0, "reason": reason}
        events: list[tuple[str, dict[str, Any]]]
        events = [("Stop ECS Task", stop | {"taskArn": each.arn}) for each in tasks]
        middle = TASKS // 2
        events.insert(middle, ("Start ECS Task", {"service": SERVICE, "count": 0}))
        screen.zero()
        poisoned = self._put_events(events)[middle]
        screen.mark(self.step, f'{TASKS} times Stop ECS Task, and a start with "count": 0')
        screen.note(
            f"the requests' visibility timeout is shortened from "
            f"{self._buffers.requests.visibility_seconds} s to {SHORT_VISIBILITY_SECONDS} s in the "
            "emulator, so that failed messages are delivered again soon"
        )

        self._begin("StopTask made")
        for each in tasks:
            self._until(f"task {each.id} to stop", lambda: self._stopped_reason(each))
            found = self._stopped_reason(each)
            self._expect(found == reason, f"stoppedReason should not be {found}")
        screen.mark(self.step, f"{TASKS} tasks")

        self._begin("deregistered")
        groups = self._stack.target_groups
        self._until("both target groups to be empty", lambda: not any(map(self._registered, groups)))
        screen.mark(self.step, f"{TASKS} targets have left both target groups")

        self._begin("request refused")
        status, _ = self._until("an answer of 503", lambda: self._ask_until(503))
        screen.mark(self.step, f"{status} from the load balancer")
        self._until("the bridge's last event", lambda: all(each.stopped for each in tasks))
        return poisoned

    def _find(self, poisoned: str) -> None:
        """Exactly the poisoned message ends in the dead-letter queue."""
        self._begin("dead-letter queue")
        stack, buffer = self._stack, self._buffers.requests
        url = buffer.dead_letter_queue_url
        self._until("the message in the queue", lambda: self._waiting(url) == "1")
        self._screen.mark(self.step, f"1 message, after {buffer.max_receives} receives")
        failures = [line for line in self._log.handled() if line["outcome"] == "failed"]
        logged = [(line["messageId"], line["receiveCount"], line["reason"]) for line in failures]
        self._expect(bool(failures), "the log has no failure")
        message = failures[0]["messageId"]
        expected = [(message, n + 1, "invalid_event") for n in range(buffer.max_receives)]
        self._expect(logged == expected, f"the log has other failures: {logged}")
        self._screen.note(f"messageId {message}; in the log with receiveCount 1 to {len(logged)}:")
        self._screen.note(f"{failures[0]['reason']}: {failures[0]['error']}")

        self._begin("redrive")
        listed = json.loads(self._command.run("redrive", "--output", "json", status=3))["messages"]
        found = [(each["id"], each["queue"], each["event"]["id"], each["code"]) for each in listed]
        right = [(message, "request-dead-letter-queue", poisoned, "received_too_often")]
        self._expect(found == right, f"the command lists {found}, instead of {right}")
        self._screen.mark(self.step, "start-engines redrive")
        self._screen.note(f"{listed[0]['code']}: {listed[0]['reason']}")
        self._command.run("redrive", "--discard", message, "--yes")
        self._screen.note("no retry helps it: discarded with --discard")

        self._begin("all events handled")
        self._settle()
        self._expect(not any(map(self._registered, stack.target_groups)), "a target is back")
        self._expect_empty(
            on_failure=stack.on_failure_queue_url,
            rule_dead_letter=stack.rule_dead_letter_queue_url,
            request_dead_letter=buffer.dead_letter_queue_url,
            state_change_dead_letter=self._buffers.state_changes.dead_letter_queue_url,
        )
        self._screen.mark(self.step, "nothing else in any queue")

    def _settle(self) -> None:
        """Waits until the function has handled every message."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        urls = [each.queue_url for each in (self._buffers.requests, self._buffers.state_changes)]
        self._until(
            "the queues to be empty",
            lambda: all(self._attributes(url, *names) == ["0", "0"] for url in urls),
        )

    def _count(self) -> None:
        """Counts the function's calls in its own log."""
        handled = self._log.handled()
        calls = Counter(_named(call, line) for line in handled for call in line.get("calls", ()))
        screen = self._screen
        screen.heading("AWS calls, from the function's log lines")
        for name, count in sorted(calls.items(), key=lambda item: (-item[1], item[0])):
            screen.line(f"  {name:<30}{count:>5}{count / TASKS:>9.2f} for each task")
        shared = sum(count for name, count in calls.items() if name not in ALONE)
        screen.line(f"  {'all but ' + ', '.join(ALONE)}: {shared}, {shared / TASKS:.2f} for each task")
        screen.line(
            f"  {len(handled)} messages in {self._log.finished()} invocations; MiniStack delivers 10 "
            f"at most, as deployed {self._buffers.state_changes.batch_size} state changes"
        )
        for name in ALONE:
            made = calls[name]
            self._expect(made == TASKS, f"{name} was made {made} times for {TASKS} tasks")
        groups = len(self._stack.target_groups)
        for name, alone in ((CHECKS, TASKS), *((name, TASKS * groups) for name in SHARED)):
            self._expect(
                0 < calls[name] < alone,
                f"{calls[name]} {name} calls: events that come alone would take {alone}",
            )


def _named(call: str, line: dict[str, Any]) -> str:
    """The call's name; only a RUNNING event makes the schedule of a check, and all other schedules are a stop's."""
    is_check = call == "CreateSchedule" and line["detailType"] == "ECS Task State Change"
    return CHECKS if is_check else call
