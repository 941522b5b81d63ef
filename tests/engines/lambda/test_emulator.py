"""The emulator's own start and end."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import modules
import places
import wait
from emulator import Emulator, EmulatorFailed, Ending
from failures import start
from ministack import free_port
from stage import stage

END_SECONDS = 30.0


# A function that returns what it should report: a result of which Lambda does not know that it is an error.
RETURNS_ERRORS = """#!{python}
import http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    event = connection.getresponse()
    event.read()
    path = "/2018-06-01/runtime/invocation/" + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response"
    connection.request("POST", path, '{{"errorType": "invalid_event", "errorMessage": "m"}}')
    connection.getresponse().read()
"""


class TheEmulator(unittest.TestCase):
    def emulator(self, ports: Iterator[int], program: Path | None = None) -> Emulator:
        one = stage()
        program = program or places.emulator()
        made = Emulator(program, one.task, one.layer, one.environment, places.LOGS / "ports", lambda: next(ports))
        self.addCleanup(made.stop)
        return made

    def test_another_port_is_used_for_one_that_is_taken(self) -> None:
        for taken in range(2):
            with self.subTest(taken=taken), socket.create_server(("127.0.0.1", 0)) as other:
                ports = [free_port(), free_port(), free_port(), free_port()]
                ports[taken] = other.getsockname()[1]
                emulator = self.emulator(iter(ports))
                emulator.start()
                self.assertEqual(emulator.invoke(start()).value["outcome"], "started")

    def test_if_every_port_is_taken_it_says_so(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            with self.assertRaisesRegex(EmulatorFailed, "every port tried was taken"):
                self.emulator(iter([taken] * 10)).start()

    def test_one_that_ends_at_once_is_an_error_that_names_its_log(self) -> None:
        ports = iter([free_port(), free_port()])
        with self.assertRaisesRegex(EmulatorFailed, r"is not running; see .*ports\.emulator\.log"):
            self.emulator(ports, Path("/bin/false")).start()

    def test_an_error_that_is_returned_and_not_reported_is_a_success_as_it_is_to_lambda(self) -> None:
        one = stage()
        with tempfile.TemporaryDirectory() as folder:
            bootstrap = Path(folder, "bootstrap")
            bootstrap.write_text(RETURNS_ERRORS.format(python=sys.executable))
            bootstrap.chmod(0o755)
            emulator = Emulator(places.emulator(), Path(folder), one.layer, one.environment, places.LOGS / "returns")
            self.addCleanup(emulator.stop)
            emulator.start()
            for _ in range(2):
                shown = emulator.invoke({})
                self.assertIs(shown.ending, Ending.SUCCESS)
                self.assertEqual(shown.value["errorType"], "invalid_event")
            emulator.stop()

    def test_a_module_that_cannot_be_had_is_an_error_with_the_words_of_go(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            said = r"modules of tests/engines/lambda/go\.mod could not be had(.|\n)*module lookup disabled by GOPROXY=off"
            with self.assertRaisesRegex(modules.Unavailable, said):
                modules.go_tools(places.FOLDER, Path(empty), {**os.environ, "GOPROXY": "off"})

    def test_nothing_of_it_is_left(self) -> None:
        emulator = self.emulator(iter([free_port(), free_port()]))
        emulator.start()
        emulator.invoke(start())
        function = emulator.function()
        emulator.stop()
        # Its parent was ended before it: whoever has it now may not have looked yet.
        wait.until("the function's end", lambda: not Path(f"/proc/{function}").exists(), END_SECONDS)
        with self.assertRaises(EmulatorFailed):
            emulator.invoke(start())


if __name__ == "__main__":
    unittest.main()
