"""The playground as a person has it: a process, the lines that it prints, and a shell that follows them.

One with each fault and one without run beside each other, since each takes seconds to start and to show what it shows.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3

import wait
from events import start_event
from faults import Fault
from gaps import PLAYGROUND_GAPS
from tests.left_behind import listening, processes, sockets
from tests.test_provider import PACKED

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ROOT / "tests" / "local"
LINES = 10
LAST = "start-engines stop --service billing --drain 0 --wait"
START_SECONDS, LINE_SECONDS, END_SECONDS = 90.0, 90.0, 30.0
# What `trace` has of the check, where there is one: no task is RUNNING without its image, and none is checked that a
# reconcile has registered.
CHECKED = {
    None: "all targets are healthy",
    Fault.HEALTH_CHECK: "unhealthy Target.ResponseCodeMismatch",
}
MADE = re.compile(r"task (\S+): its check, planned for \S+ UTC, is made now")
# How each ends that has a fault.
ENDS = {Fault.RULE_OFF: signal.SIGTERM, Fault.HEALTH_CHECK: signal.SIGINT, Fault.IMAGE: signal.SIGHUP}
# As in the shell of somebody who works on other deployments; nothing listens there.
ELSEWHERE = {
    "AWS_ENDPOINT_URL_ECS": "http://127.0.0.1:9",
    "AWS_PROFILE": "production",
    "START_ENGINES_SOURCE": "another.source",
    "SETTINGS_FILE": "/of/another/deployment.json",
}


@dataclass
class Playground:
    """One process, and what its lines have shown: exit status and output by line."""

    fault: Fault | None
    folder: Path
    process: subprocess.Popen[str] | None = None
    printed: list[str] = field(default_factory=list)
    shown: dict[str, tuple[int, str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    status: int | None = None

    def play(self) -> None:
        """Starts it, and follows its lines."""
        self._start()
        _, shown = self.run("env")
        pairs = (line.partition("=") for line in shown.splitlines())
        self.variables = {name: value for name, _, value in pairs}
        for line in self.commands()[1:]:
            self.shown[line] = self._traced(line) if line.startswith("start-engines trace") else self.run(line)

    def _traced(self, line: str) -> tuple[int, str]:
        """What the line shows once the check is in it: it may still be made."""
        expected = CHECKED.get(self.fault)
        if expected is None:
            return self.run(line)

        def told() -> tuple[int, str] | None:
            status, shown = self.run(line)
            return (status, shown) if expected in joined(shown) else None

        return wait.until(f"{expected} in {line}", told, LINE_SECONDS)

    @property
    def temporary(self) -> Path:
        """The only folder for temporary files that it, and what it starts, know of: their mark, too."""
        return self.folder / "temporary"

    def commands(self) -> list[str]:
        """What it tells to try."""
        return [line.strip() for line in self.printed if line.startswith("  ")]

    def run(self, line: str) -> tuple[int, str]:
        """Exit status and output of one line, in a shell that has followed the first one."""
        ended = subprocess.run(
            ["bash", "-c", f"{self.commands()[0]}\n{line}"],
            cwd=ROOT,
            env=os.environ | ELSEWHERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LINE_SECONDS,
            check=False,
        )
        return ended.returncode, ended.stdout

    def client(self, service: str) -> Any:
        """A client with the variables of its file."""
        return boto3.client(
            service,
            region_name=self.variables["AWS_REGION"],
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ends it, as Ctrl-C does or by another signal, once."""
        if self.process is not None and self.status is None:
            self.process.send_signal(number)
            self.status = self.process.wait(END_SECONDS)

    def _start(self) -> None:
        self.begin()
        wait.until("the last line", lambda: LAST in "\n".join(self.printed), START_SECONDS, self._alive)

    def _alive(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError("it has ended: " + "\n".join(self.printed))

    def begin(self) -> None:
        """Starts the process."""
        self.temporary.mkdir(parents=True)
        fault = [] if self.fault is None else ["--fault", self.fault.value]
        self.process = process = subprocess.Popen(
            [
                sys.executable,
                str(LOCAL / "playground.py"),
                *("--zip", str(PACKED), "--folder", str(self.folder)),
                *fault,
            ],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

        def read() -> None:
            assert process.stdout is not None
            with process.stdout as lines:
                for line in lines:
                    self.printed.append(line.rstrip("\n"))

        threading.Thread(target=read, daemon=True).start()


def joined(shown: str) -> str:
    """Without the breaks of the table's lines."""
    return re.sub(r"\s+", " ", shown)


@dataclass
class Sound(Playground):
    """The one without a fault, with what takes its time in it beside the others."""

    sent: str = ""
    kept: list[dict[str, Any]] = field(default_factory=list)

    def play(self) -> None:
        super().play()
        self._send_what_fails()
        self._schedule_a_stop()

    def _send_what_fails(self) -> None:
        """An event that no retry helps, until `redrive` lists it."""
        events = self.client("events")
        [bus] = events.list_event_buses(NamePrefix="engines")["EventBuses"]
        entry = {"Source": "example.app", "DetailType": "Start ECS Task", "Detail": '{"count": 0}'}
        answer = events.put_events(Entries=[entry | {"EventBusName": bus["Name"]}])
        self.sent = answer["Entries"][0]["EventId"]

        def listed() -> list[dict[str, Any]]:
            _, shown = self.run("start-engines redrive --output json 2>/dev/null")
            messages: list[dict[str, Any]] = json.loads(shown)["messages"]
            return messages

        self.kept = wait.until("the event in its queue", listed, LINE_SECONDS)

    def _schedule_a_stop(self) -> None:
        """A task, and a one-time schedule of its stop that is due now; waits until the task has stopped."""
        function = self.variables["START_ENGINES_FUNCTION"]
        region, account = function.split(":")[3:5]
        name = function.rsplit(":", 1)[-1]
        status, shown = self.run("start-engines start auth --wait --until registered")
        assert status == 0, shown
        configuration = self.client("lambda").get_function_configuration(FunctionName=name)
        environment = configuration["Environment"]["Variables"]
        detail = {"service": "auth", "drainSeconds": 0}
        event = start_event(f"start-engines.schedules.{name}", account, region, detail)
        # Later than the start in whole seconds: in the same one, a stop spares the task.
        at = datetime.now(timezone.utc) + timedelta(seconds=2)
        event["time"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        self.client("scheduler").create_schedule(
            Name="playground-stop",
            GroupName=environment["SCHEDULER_GROUP"],
            ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": function,
                "RoleArn": environment["SCHEDULER_ROLE_ARN"],
                "Input": json.dumps(event | {"detail-type": "Stop ECS Task"}),
            },
        )

        def stopped() -> bool:
            _, shown = self.run("start-engines status --service auth")
            return "(no task)" in shown

        wait.until("the stop at its time", stopped, LINE_SECONDS)


class APlayground(unittest.TestCase):
    playgrounds: dict[Fault | None, Playground]
    sound: Sound

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(tempfile.mkdtemp(prefix="start-engines-playground-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.sound = Sound(None, folder / "sound")
        cls.playgrounds = {fault: Playground(fault, folder / fault.value) for fault in Fault}
        cls.playgrounds[None] = cls.sound
        for one in cls.playgrounds.values():
            cls.addClassCleanup(one.end)
        with ThreadPoolExecutor(len(cls.playgrounds)) as pool:
            for done in [pool.submit(one.play) for one in cls.playgrounds.values()]:
                done.result()

    def expect(self, one: Playground, begin: str, status: int, *texts: str) -> str:
        """The output of the line that begins so, which has this exit status and these texts."""
        [line] = [line for line in one.shown if line.startswith(begin)]
        ended, shown = one.shown[line]
        self.assertEqual(ended, status, f"{line}\n{shown}")
        for text in texts:
            self.assertIn(text, joined(shown), f"{line}\n{shown}")
        return shown

    def test_it_is_told_in_ten_lines(self) -> None:
        for fault, one in self.playgrounds.items():
            told = [line for line in one.printed if not line.startswith("task ")]
            self.assertLessEqual(len(told), LINES, told)
            self.assertRegex(told[0], r"^The stack of pulumi/example runs in MiniStack \S+ until Ctrl-C")
            if fault is not None:
                self.assertIn(fault.words, told[0])
            differences = one.folder / "playground.txt"
            self.assertIn(str(differences), told[0])
            written = differences.read_text()
            self.assertEqual([gap for gap in PLAYGROUND_GAPS if gap not in written], [])

    def test_checks_are_made_before_their_time_and_said_to_be(self) -> None:
        for fault, one in self.playgrounds.items():
            # The service of the printed lines is started first.
            tasks = [line.split()[1] for line in one.printed if line.startswith("task ") and " on 127.0.0." in line]
            made = [found[1] for found in map(MADE.match, one.printed) if found]
            self.assertEqual(made[:1], tasks[:1] if fault in CHECKED else [], one.printed)

    def test_the_readme_has_the_same_lines(self) -> None:
        readme = (ROOT / "README.md").read_text()
        shown = [line for line in self.sound.commands() if line.startswith("start-engines")]
        self.assertIn("\n".join(["source target/playground/playground.sh", *shown]), readme)

    def test_without_a_fault_every_command_works_as_on_aws(self) -> None:
        one = self.sound
        self.expect(one, "start-engines start", 0, "RUNNING and registered, 1 of 1 targets healthy")
        self.expect(one, "start-engines trace", 0, "RunTask", "Diagnosis: it serves: healthy in billing")
        doctor = self.expect(one, "start-engines doctor", 0, "0 failures, 0 warnings, 1 not checked")
        self.assertIn("registry.example/engine:1 is in another registry", doctor)
        self.expect(one, "start-engines status", 0, "1 task, 0 targets drifted", "healthy")
        self.expect(one, "curl", 0, "engine billing of task")
        self.expect(one, "start-engines reconcile", 0, "0 to register, 0 to deregister, 0 unknown")
        self.expect(one, "start-engines redrive", 0, "the queues are empty")
        self.expect(one, "start-engines stop", 0, "STOPPED")
        # All of the deployment, and the service behind two load balancers too.
        status, shown = one.run("start-engines doctor --quiet")
        self.assertEqual(status, 0, shown)
        self.assertIn("0 failures, 0 warnings, 2 not checked", shown)

    def test_an_event_that_fails_is_tried_again_and_kept(self) -> None:
        [message] = self.sound.kept
        self.assertEqual(message["event"]["id"], self.sound.sent)
        self.assertEqual((message["queue"], message["code"]), ("on-failure-queue", "invalid_event"))
        self.assertEqual(message["condition"], "RetriesExhausted")

    def test_a_rule_that_is_off(self) -> None:
        one = self.playgrounds[Fault.RULE_OFF]
        why = "no RUNNING event was handled: a rule that is off, or may not invoke the function"
        self.expect(one, "start-engines start", 4, "0 of 1 targets registered", why)
        self.expect(one, "start-engines trace", 3, "missing: no RUNNING event of task", why)
        rule = "FAILURE rule: start-engines-state-change is DISABLED: its events are lost"
        self.expect(one, "start-engines doctor", 3, "1 failure, 0 warnings", rule)
        self.expect(one, "start-engines status", 3, "1 target drifted", "MISSING")
        self.expect(one, "start-engines reconcile", 0, "1 registered, 0 deregistered")
        self.expect(one, "curl", 0, "engine billing of task")
        self.expect(one, "start-engines stop", 0, "STOPPED")

    def test_a_health_check_that_fails(self) -> None:
        one = self.playgrounds[Fault.HEALTH_CHECK]
        words = "its answer to health checks has a code that does not pass"
        begun = "its first health checks are under way"
        shown = self.expect(one, "start-engines start", 4, begun, f"0 of 1 targets healthy: unhealthy ({words})")
        self.assertLess(shown.index(begun), shown.index(words), "unhealthy before it was initial")
        self.expect(one, "start-engines trace", 3, f"unhealthy: {words} (Target.ResponseCodeMismatch)")
        self.expect(one, "start-engines doctor", 3, "1 failure, 0 warnings", "failed with these codes: [404]")
        self.expect(one, "start-engines status", 0, "unhealthy (Target.ResponseCodeMismatch)", words)
        # All its target group's targets are unhealthy, so that requests go to them as on AWS.
        self.expect(one, "curl", 0, "engine billing of task")
        self.expect(one, "start-engines stop", 0, "STOPPED")

    def test_an_image_that_cannot_be_pulled(self) -> None:
        one = self.playgrounds[Fault.IMAGE]
        why = "TaskFailedToStart: CannotPullContainerError: pull image manifest has been retried 1 time(s)"
        self.expect(one, "start-engines start", 3, f"STOPPED: {why}", "1 of 1 tasks did not start, or stopped again")
        shown = self.expect(one, "start-engines trace", 3, f"Diagnosis: its image could not be pulled: {why}")
        self.assertNotIn("RUNNING", shown)
        self.expect(one, "start-engines status", 0, "0 tasks, 0 targets drifted")
        # It looks into no registry but ECR, and would find nothing.
        self.assertNotIn("doctor", "".join(one.commands()))

    def test_it_leaves_nothing_behind_whatever_ends_it(self) -> None:
        for fault, number in ENDS.items():
            one = self.playgrounds[fault]
            # Else no engine listens by now.
            one.run("start-engines start auth")
            with self.subTest(fault=fault, number=number.name):
                # The emulator, what stands before it, and an engine, if the image is there.
                self.end_and_look(one, number, 2 if fault is Fault.IMAGE else 3)
                self.assertEqual(one.status, 0, one.printed)

    def test_it_leaves_nothing_behind_when_it_ends_before_it_is_up(self) -> None:
        with tempfile.TemporaryDirectory(prefix="start-engines-playground-") as folder:
            one = Playground(None, Path(folder) / "early")
            self.addCleanup(one.end)
            one.begin()
            self.end_and_look(one, signal.SIGTERM, 2)
            self.assertEqual(one.status, 128 + signal.SIGTERM, one.printed)
            self.assertEqual(one.commands(), [], "it was up")

    def end_and_look(self, one: Playground, number: signal.Signals, listeners: int) -> None:
        """Ends it when it has so many listeners, and looks for what it has left behind."""
        mark = str(one.temporary)

        def up() -> set[str] | None:
            found = sockets(processes(mark))
            return found if len(found) >= listeners else None

        listened = wait.until(f"{listeners} listeners", up, START_SECONDS)
        # Its own process, and the emulator's.
        self.assertGreaterEqual(len(processes(mark)), 2)
        one.end(number)
        self.assertEqual(processes(mark), set(), one.printed)
        self.assertEqual(listened & listening(), set(), one.printed)
        self.assertEqual(list(one.temporary.rglob("*")), [])
        self.assertFalse((one.folder / "playground.sh").exists(), "the file would name a port of others")
        with (one.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_a_fault_that_is_none_is_refused_before_anything_is_built(self) -> None:
        # With -j make would begin with all that it needs at once.
        ended = subprocess.run(
            ["make", "-j", "playground", "FAULT=colour"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        self.assertEqual(ended.returncode, 2, ended.stdout + ended.stderr)
        self.assertIn('FAULT = "colour": must be one of', ended.stderr)
        for fault in Fault:
            self.assertIn(f"FAULT={fault.value}: {fault.words}", ended.stderr)
        self.assertNotIn("building", ended.stdout)


if __name__ == "__main__":
    unittest.main()
