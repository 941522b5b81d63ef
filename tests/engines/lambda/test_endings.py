"""Invocations that end in other ways than by the function's answer, and payloads that are no events."""

from __future__ import annotations

import json
import os
import signal
import threading
import unittest
import uuid
from typing import Any

import places
from aws import Hang
from emulator import Emulator, EmulatorDied, Ending, Shown
from failures import start
from stage import stage

# The emulator's `interop.MaxPayloadSize`, of which the event may be all: AWS's 6 MB, and 100 bytes.
SIX_MEGABYTES = 6 * 1024 * 1024
# When the function dies while the first event is handed to it, the emulator may panic itself: `trySendDefaultErrorResponse` in
# its `internal/lambda/rapidcore/server.go`, if the answer to that event is not expected yet or any more.
ATTEMPTS = 5
MAX_BYTES = SIX_MEGABYTES + 100


class Endings(unittest.TestCase):
    def setUp(self) -> None:
        self.aws = stage().aws
        self.aws.sets()

    def function(self, **variables: str | None) -> Emulator:
        emulator = stage().function("endings", **variables)
        self.addCleanup(emulator.stop)
        emulator.start()
        return emulator

    def test_a_function_that_is_killed_in_a_call_has_died_and_a_retry_does_what_it_had_begun(self) -> None:
        shown = self.assert_dies(signal.SIGKILL)
        self.assertIn("signal: killed", shown.error_message)

    def test_a_panic_has_died_too(self) -> None:
        """No event is known that makes one. Where nothing more can be opened there is one before the first event."""
        shown, emulator = self.instead('#!/bin/sh\nulimit -n 3\nexec "{bootstrap}"\n')
        self.assertEqual((shown.ending, shown.body), (Ending.DIED, ""))
        self.assertRegex(emulator.output.read_text(), "panicked at .*\nFailed building the Runtime")
        log = emulator.log.read_text()
        # The fields of a line are in any order.
        self.assertRegex(log, "Invoke failed .*error=Runtime exited with error: signal: aborted")
        self.assertIn("Sending Error Response: Runtime.ExitError", log)

    def test_what_ends_by_a_panics_signal_in_a_call_has_died_and_a_retry_does_what_it_had_begun(self) -> None:
        """The signal is all that Lambda sees of one: the function is built to abort."""
        shown = self.assert_dies(signal.SIGABRT)
        self.assertIn("signal: aborted", shown.error_message)

    def assert_dies(self, number: signal.Signals) -> Shown:
        emulator, event, request_id = self.function(), start(), str(uuid.uuid4())
        begun = self.hang("RunTask")
        shown = self.while_calling(
            "RunTask", begun, emulator, event, request_id, lambda: os.kill(emulator.function(), number)
        )
        self.assertIs(shown.ending, Ending.DIED, shown.body)
        self.assertEqual(shown.error_type, "Runtime.ExitError")
        self.assert_retried(emulator, event, request_id, begun)
        return shown

    def test_at_its_deadline_the_function_has_ended_by_itself_with_an_error_that_says_so(self) -> None:
        emulator, event, request_id = self.function(AWS_LAMBDA_FUNCTION_TIMEOUT="5"), start(), str(uuid.uuid4())
        begun = self.hang("RunTask")
        shown = emulator.invoke(event, request_id)
        self.assertIs(shown.ending, Ending.ERROR, shown.body)
        self.assertEqual(shown.error_type, "timed_out")
        self.assertIn("RunTask failed with timed_out", shown.error_message)
        self.assert_retried(emulator, event, request_id, begun)

    def test_a_function_that_is_stuck_is_ended_by_lambda_and_a_retry_does_what_it_had_begun(self) -> None:
        emulator, event, request_id = self.function(AWS_LAMBDA_FUNCTION_TIMEOUT="5"), start(), str(uuid.uuid4())
        begun = self.hang("RunTask")
        stuck: list[int] = []

        def stop() -> None:
            stuck.append(emulator.function())
            os.kill(stuck[0], signal.SIGSTOP)

        shown = self.while_calling("RunTask", begun, emulator, event, request_id, stop)
        self.assertIs(shown.ending, Ending.TIMED_OUT, shown.body)
        self.assertEqual(shown.body, "Task timed out after 5.00 seconds")
        self.assert_retried(emulator, event, request_id, begun)
        self.assertNotEqual(emulator.function(), stuck[0], "the next invocation has a new process")

    def hang(self, operation: str) -> int:
        """Has all calls of an operation unanswered; the number of those before."""
        begun = len(self.aws.received(operation))
        self.aws.sets(**{operation: Hang()})
        return begun

    def while_calling(
        self, operation: str, begun: int, emulator: Emulator, event: Any, request_id: str, act: Any
    ) -> Shown:
        """Invokes, and acts as soon as the function waits for its call's answer."""
        shown: list[Shown] = []
        invoking = threading.Thread(target=lambda: shown.append(emulator.invoke(event, request_id)), daemon=True)
        invoking.start()
        self.aws.wait_for(operation, begun + 1)
        act()
        invoking.join()
        self.assertEqual(len(shown), 1, "the emulator gave no answer")
        return shown[0]

    def assert_retried(self, emulator: Emulator, event: Any, request_id: str, begun: int) -> None:
        """The next attempt starts the task, with the token of the first one."""
        self.aws.sets()
        shown = emulator.invoke(event, request_id)
        self.assertIs(shown.ending, Ending.SUCCESS, shown.body)
        self.assertEqual((shown.value["outcome"], len(shown.value["tasks"])), ("started", 1))
        tokens = {call.value["clientToken"] for call in self.aws.received("RunTask")[begun:]}
        self.assertEqual(len(tokens), 1)

    def test_an_event_that_is_no_json_is_an_error_and_the_function_lives_on(self) -> None:
        """Lambda itself refuses one, with InvalidRequestContentException; the emulator hands it on."""
        emulator = self.function()
        process = None
        for payload in (b"{ no JSON", b"\xff\xfe", b"", b'{"detail": NaN}'):
            with self.subTest(payload):
                shown = emulator.invoke_raw(payload)
                self.assertIs(shown.ending, Ending.ERROR, shown.body)
                self.assertIn("failed to deserialize the incoming data", shown.error_message)
                process = process or emulator.function()
                self.assertEqual(emulator.function(), process)

    def test_json_that_is_no_event_is_an_error(self) -> None:
        emulator = self.function()
        for event in (None, True, 7, "text", [], {}, {"detail": []}, [[]]):
            with self.subTest(event):
                shown = emulator.invoke(event)
                self.assertIs(shown.ending, Ending.ERROR, shown.body)
                self.assertEqual(shown.error_type, "invalid_event")

    def test_an_event_of_six_megabytes_is_refused_with_its_problem_and_not_repeated(self) -> None:
        emulator, event = self.function(), start({"tags": [{"key": "k", "value": ""}]})
        room = SIX_MEGABYTES - len(json.dumps(event))
        event["detail"]["tags"][0]["value"] = "v" * room
        shown = emulator.invoke(event)
        self.assertIs(shown.ending, Ending.ERROR, shown.body[:500])
        self.assertEqual(shown.error_type, "invalid_event")
        self.assertIn("detail.tags[0].value", shown.error_message)
        # The on-failure queue takes a message of 1 MB, with the event in it: the error must add little.
        self.assertLess(len(shown.body), 1000)

    def test_six_megabytes_that_do_no_harm_are_read(self) -> None:
        emulator, event = self.function(), start() | {"unknown": ""}
        event["unknown"] = "v" * (SIX_MEGABYTES - len(json.dumps(event)))
        shown = emulator.invoke(event)
        self.assertIs(shown.ending, Ending.SUCCESS, shown.body[:500])
        self.assertEqual(shown.value["outcome"], "started")

    def test_what_is_cut_off_after_six_megabytes_is_an_error(self) -> None:
        event = start() | {"unknown": "v" * MAX_BYTES}
        shown = self.function().invoke(event)
        self.assertIs(shown.ending, Ending.ERROR, shown.body[:500])
        self.assertIn("EOF while parsing a string", shown.error_message)

    def test_wrong_settings_are_an_error_of_each_event_that_lists_them_all(self) -> None:
        emulator = self.function(TASK_WAIT_TIMEOUT="soon", CATALOG_ONLY="perhaps", API_RATES="RunTask=0")
        for _ in range(2):
            shown = emulator.invoke(start())
            self.assertIs(shown.ending, Ending.ERROR, shown.body)
            self.assertEqual(shown.error_type, "invalid_configuration")
            for part in ('TASK_WAIT_TIMEOUT = "soon"', 'CATALOG_ONLY = "perhaps"', "API_RATES"):
                self.assertIn(part, shown.error_message)
        lines = [line for line in emulator.lines() if line.get("message") == "event handled"]
        self.assertEqual([line["reason"] for line in lines], ["invalid_configuration"] * 2)

    def test_without_credentials_each_call_is_an_error_that_says_so(self) -> None:
        emulator = self.function(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None)
        shown = emulator.invoke(start())
        self.assertEqual((shown.ending, shown.error_type), (Ending.ERROR, "credentials"), shown.body)

    def test_a_program_that_cannot_be_started_is_not_the_functions_error(self) -> None:
        """What a package for another architecture would show."""
        shown, emulator = self.instead("no program")
        self.assertEqual((shown.ending, shown.body), (Ending.DIED, ""))
        self.assertIn("Sending Error Response: Runtime.InvalidEntrypoint", emulator.log.read_text())

    def instead(self, bootstrap: str) -> tuple[Shown, Emulator]:
        """The first invocation of a function with this text as its program, in which `{bootstrap}` is the packed one."""
        one = stage()
        folder = one.task.parent / "instead"
        folder.mkdir(exist_ok=True)
        path = folder / "bootstrap"
        path.write_text(bootstrap.format(bootstrap=one.task / "bootstrap"))
        path.chmod(0o755)
        for attempt in range(ATTEMPTS):
            emulator = Emulator(places.emulator(), folder, one.layer, one.environment, places.LOGS / "instead")
            self.addCleanup(emulator.stop)
            emulator.start()
            try:
                return emulator.invoke(start()), emulator
            except EmulatorDied:
                if attempt + 1 == ATTEMPTS:
                    raise
        raise AssertionError("there is one attempt at least")


if __name__ == "__main__":
    unittest.main()
