"""What cannot be had or hangs is said, with the words of the tool. What is missing, `prerequisites.py` says first."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import install
import modules
import small_engine
from session import EngineHung, OperationFailed, Session

SAYS_AND_HANGS = """
print('{"event": {"diagnosticEvent": {"severity": "info", "message": "so far so good"}}}', flush=True)
import time
time.sleep(1000)
"""


class BadInput(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="start-engines-bad-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def test_a_module_that_cannot_be_had(self) -> None:
        # Nothing downloaded, and nowhere to download from.
        folders = {"TOOLS": self.folder / "pulumi", "BIN": self.folder / "bin"}
        said = r"(?s)Pulumi's engine v[0-9.]+ could not be had.*module lookup disabled by GOPROXY=off"
        with (
            mock.patch.multiple(install, **folders),
            mock.patch.dict(os.environ, {"GOPROXY": "off"}),
            self.assertRaisesRegex(modules.Unavailable, said),
        ):
            install.install()

    def test_the_small_engine_is_bounded_too(self) -> None:
        """Half a second is not enough for Node to load the program."""
        with (
            mock.patch.object(small_engine, "SECONDS", 0.5),
            self.assertRaisesRegex(AssertionError, "not within 0.5 s; it said:"),
        ):
            small_engine.run({}, lambda _: {}, preview=True)

    def test_an_engine_that_hangs_is_ended_and_what_it_said_is_shown(self) -> None:
        session = Session(self.folder, dict(os.environ), self.folder / "log", [sys.executable, "-c", SAYS_AND_HANGS])
        self.addCleanup(session.close)
        with self.assertRaisesRegex(EngineHung, "did not end within 3 s; it said:\n.*so far so good"):
            session.attempt("up", seconds=3)

    def test_an_engine_that_cannot_be_started(self) -> None:
        fails = [sys.executable, "-c", "import sys; sys.exit('no such engine')"]
        session = Session(self.folder, dict(os.environ), self.folder / "log", fails)
        self.addCleanup(session.close)
        with self.assertRaisesRegex(OperationFailed, "no such engine"):
            session.attempt("up")


if __name__ == "__main__":
    unittest.main()
