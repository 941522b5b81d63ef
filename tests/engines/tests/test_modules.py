"""How modules are had and compared with their checksums, with a Go and a Maven that do what a test needs."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import modules

# Copies what is in the folder of the pom to where the jars are to be.
BRINGS = """
for word in "$@"; do case "$word" in -DoutputDirectory=*) to="${word#*=}";; esac; done
mkdir -p "$to" && cp *.jar "$to" && echo called >> calls
"""


class Modules(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.programs, self.module, self.tools = (self.root / name for name in ("bin", "module", "tools"))
        self.programs.mkdir()
        self.module.mkdir()
        self.environment = {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}
        # Programs are looked for where this process would, not where its child would.
        patched = mock.patch.dict(os.environ, self.environment)
        patched.start()
        self.addCleanup(patched.stop)

    def program(self, name: str, lines: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)

    def pin(self, **jars: str) -> None:
        """Has Maven bring these jars, and their checksums written down."""
        for name, text in jars.items():
            self.module.joinpath(f"{name}.jar").write_text(text)
        sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in jars.items()}
        lines = (f"{checksum}  {name}.jar\n" for name, checksum in sums.items())
        self.module.joinpath("jars.sha256").write_text("".join(lines))
        self.program("mvn", BRINGS)

    def jars(self) -> list[str]:
        return [path.name for path in modules.jars(self.module, self.tools, self.environment)]

    def assert_unavailable(self, *parts: str) -> None:
        with self.assertRaises(modules.Unavailable) as raised:
            self.jars()
        for part in parts:
            self.assertIn(part, str(raised.exception))

    def test_the_pinned_jars_are_had_once(self) -> None:
        self.pin(one="1", two="2")
        self.assertEqual(self.jars(), ["one.jar", "two.jar"])
        self.assertEqual(self.jars(), ["one.jar", "two.jar"])
        self.assertEqual(self.module.joinpath("calls").read_text(), "called\n")

    def test_another_jar_than_the_pinned_one_is_refused(self) -> None:
        self.pin(one="1", two="2")
        self.module.joinpath("two.jar").write_text("3")
        checksum = hashlib.sha256(b"3").hexdigest()
        self.assert_unavailable(f"two.jar has the checksum {checksum}, and not ")

    def test_one_that_was_changed_afterwards_is_had_again(self) -> None:
        self.pin(one="1")
        self.jars()
        self.tools.joinpath("jars/module/one.jar").write_text("other")
        self.assertEqual(self.jars(), ["one.jar"])
        self.assertEqual(self.tools.joinpath("jars/module/one.jar").read_text(), "1")

    def test_one_that_nothing_pins_and_one_that_did_not_come_are_named(self) -> None:
        self.pin(one="1", two="2")
        self.module.joinpath("two.jar").rename(self.module / "three.jar")
        self.assert_unavailable("two.jar was not among the jars", "three.jar has no checksum in jars.sha256")

    def test_without_a_network_it_says_what_could_not_be_had_and_mavens_words(self) -> None:
        self.pin(one="1")
        self.program("mvn", "echo '[ERROR] Unknown host repo.example'; exit 1")
        self.assert_unavailable(
            "module/pom.xml could not be had", "needs the network", "ended with 1", "[ERROR] Unknown host repo.example"
        )

    def test_one_that_does_not_come_in_time_is_given_up(self) -> None:
        self.pin(one="1")
        # Not the process that was started hangs, but one that it has started.
        self.program("mvn", "echo Downloading from repo.example; sleep 600")
        with mock.patch.object(modules, "FETCH_SECONDS", 2):
            self.assert_unavailable("module/pom.xml could not be had: `mvn ", "did not end within 2 s", "Downloading from")

    def test_go_is_given_folders_of_the_project_and_may_change_neither_itself_nor_the_modules(self) -> None:
        self.program("go", "echo \"$@\" > called; env | grep '^GO' | sort >> called")
        binaries = modules.go_tools(self.module, self.tools, self.environment)
        called = self.module.joinpath("called").read_text().splitlines()
        self.assertEqual(called[0], "install tool")
        self.assertEqual(binaries, self.tools / "bin")
        for line in (
            f"GOBIN={self.tools}/bin",
            f"GOMODCACHE={self.tools}/go/modules",
            f"GOCACHE={self.tools}/go/cache",
            "GOTOOLCHAIN=local",
        ):
            self.assertIn(line, called)
        self.assertTrue(any(line.startswith("GOFLAGS=-mod=readonly ") for line in called), called)

    def test_a_checksum_that_go_does_not_accept_is_told_in_its_words(self) -> None:
        self.program("go", "echo 'verifying example.com/m@v1.0.0: checksum mismatch' >&2; exit 1")
        with self.assertRaisesRegex(modules.Unavailable, r"go\.mod could not be had(.|\n)*checksum mismatch"):
            modules.go_tools(self.module, self.tools, self.environment)

    def test_every_committed_checksum_is_one(self) -> None:
        lists = sorted(modules.ROOT.glob("tests/engines/**/jars.sha256"))
        self.assertEqual([path.parent.name for path in lists], ["patterns"])
        for path in lists:
            self.assertEqual(len(modules._sums(path)), len(path.read_text().splitlines()), path)


if __name__ == "__main__":
    unittest.main()
