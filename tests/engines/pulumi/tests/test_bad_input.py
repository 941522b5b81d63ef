"""What is missing or hangs is said, with the words of the tool."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import install
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

    def test_no_go(self) -> None:
        with (
            mock.patch.multiple(install, TOOLS=self.folder, BIN=self.folder),
            mock.patch("shutil.which", return_value=None),
            self.assertRaisesRegex(install.InstallFailed, "Go 1.26 is missing: https://go.dev/dl/"),
        ):
            install.install()

    def test_a_module_that_cannot_be_had(self) -> None:
        # Nothing downloaded, and nowhere to download from.
        nowhere = {"GOPROXY": "off", "GOMODCACHE": str(self.folder / "modules"), "GOFLAGS": "-modcacherw"}
        with (
            mock.patch.multiple(install, TOOLS=self.folder, BIN=self.folder),
            mock.patch.dict(os.environ, nowhere),
            self.assertRaisesRegex(install.InstallFailed, "(?s)go build .*module lookup disabled by GOPROXY=off"),
        ):
            install.install()

    def test_an_engine_that_hangs_is_ended_and_what_it_said_is_shown(self) -> None:
        session = Session(self.folder, dict(os.environ), [sys.executable, "-c", SAYS_AND_HANGS])
        self.addCleanup(session.close)
        with self.assertRaisesRegex(EngineHung, "did not end within 3 s; it said:\n.*so far so good"):
            session.attempt("up", seconds=3)

    def test_an_engine_that_cannot_be_started(self) -> None:
        fails = [sys.executable, "-c", "import sys; sys.exit('no such engine')"]
        session = Session(self.folder, dict(os.environ), fails)
        self.addCleanup(session.close)
        with self.assertRaisesRegex(OperationFailed, "no such engine"):
            session.attempt("up")


if __name__ == "__main__":
    unittest.main()
