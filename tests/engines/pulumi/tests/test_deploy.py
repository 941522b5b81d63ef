"""`make deploy` and `make destroy` from nothing, with the real tools: what they print is followed, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bounded
import wait
from install import BIN, ROOT, VENV
from inventory import inventory
from terminal import on_terminal
from world import LOGS, environment, started

SECONDS = 600.0
STARTED_SECONDS = 60.0
MAX_ROUNDS = 8
PASSPHRASE = "of the test"
# What the tool that a repair runs asks a person for, and the answers.
KEYS = "test\ntest\nus-east-1\njson\n"
ASKED = ("Access Key ID", "Secret Access Key", "region name", "output format")
MISSING = "missing, nothing was changed"
# The exit status of `make` when a command has failed.
MAKE_FAILED = 2


class FromNothing(unittest.TestCase):
    """A copy of the repository as after `make package component`, and a person who has just installed the tools."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="start-engines-deploy-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = self.folder / "repository"
        ignored = shutil.ignore_patterns("node_modules", "Pulumi.*.yaml")
        shutil.copytree(ROOT / "pulumi", self.root / "pulumi", ignore=ignored)
        (self.root / "pulumi" / "node_modules").symlink_to((ROOT / "pulumi" / "node_modules").resolve())
        for name in ("Makefile", "Cargo.toml", "Cargo.lock"):
            shutil.copy2(ROOT / name, self.root)
        shutil.copytree(ROOT / "src", self.root / "src")
        packed = Path("target/lambda/start-engines-lambda/bootstrap.zip")
        (self.root / packed.parent).mkdir(parents=True)
        # Newer than the sources.
        shutil.copyfile(ROOT / packed, self.root / packed)
        self.emulator = started(LOGS / f"{self.id().rsplit('.', 1)[-1]}.ministack.log", self.addCleanup)
        (self.folder / "states").mkdir()
        self.before = inventory(self.emulator.client)
        # The types are checked by tsc.
        self.environment = environment(self.folder, self.emulator.endpoint) | {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
        # The Python of `make`, before the plugins' own.
        places = [str(BIN), str(ROOT / ".venv" / "bin"), str(VENV / "bin"), self.environment["PATH"]]
        self.environment["PATH"] = os.pathsep.join(places)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            del self.environment[name]

    def shell(self, line: str, typed: str = "") -> tuple[int, str]:
        """Exit status and all output, without a terminal."""
        ended = bounded.run(["bash", "-c", line], SECONDS, self.root, self.environment, typed, is_merged=True)
        return ended.returncode, ended.stdout

    def terminal(self, line: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        """The same on a terminal, where these answers are typed."""
        return on_terminal(["bash", "-c", line], self.root, self.environment, answers, SECONDS)

    def follow(self, printed: str, run: Callable[[str], tuple[int, str]]) -> None:
        """Does what is printed under each thing that is missing: of two ways the second, which needs no account."""
        repairs = [line.strip() for line in printed.splitlines() if line.startswith("      ")]
        self.assertTrue(repairs, printed)
        for repair in repairs:
            first, _, other = repair.partition("# or: ")
            # This one keeps states in the home of the user by whom it is run, whatever HOME says.
            line = (other or first).replace("login --local", f"login file://{self.folder}/states")
            if line.startswith("export "):
                pairs = (word.partition("=") for word in shlex.split(line)[1:])
                self.environment |= {name: value for name, _, value in pairs}
                continue
            status, said = run(line)
            self.assertEqual(status, 0, f"{repair}: {said}")

    def deploy(self, make: Callable[[], tuple[int, str]], run: Callable[[str], tuple[int, str]]) -> None:
        """`make deploy`, and what it prints, until it deploys."""
        for _ in range(MAX_ROUNDS):
            status, said = make()
            if MISSING not in said:
                break
            self.assertEqual(status, MAKE_FAILED, said)
            self.assertEqual(inventory(self.emulator.client), self.before)
            self.follow(said, run)
        self.assertEqual(status, 0, said)
        self.assert_no_warning(said)
        # The emulator has what the engine says.
        self.assertIn("79 created", said)

    def assert_no_warning(self, said: str) -> None:
        self.assertNotRegex(said, r"(?i)\bwarn")

    def outputs(self) -> dict[str, Any]:
        status, said = self.shell("pulumi -C pulumi/example stack output --json")
        self.assertEqual(status, 0, said)
        outputs: dict[str, Any] = json.loads(said)
        return outputs

    def tasks(self) -> list[str]:
        arns: list[str] = self.emulator.client("ecs").list_tasks(cluster=self.outputs()["clusterArn"])["taskArns"]
        return arns

    def until_tasks(self, count: int) -> None:
        ecs, cluster = self.emulator.client("ecs"), self.outputs()["clusterArn"]
        wait.until(f"{count} tasks", lambda: len(ecs.list_tasks(cluster=cluster)["taskArns"]) == count, STARTED_SECONDS)

    def stop_as_printed(self, printed: str) -> None:
        """The commands that `make destroy` prints for the tasks that still run."""
        lines = [line.strip() for line in printed.splitlines() if line.startswith("  aws ecs stop-task")]
        self.assertTrue(lines, printed)
        for line in lines:
            status, said = self.shell(line)
            self.assertEqual(status, 0, said)

    def assert_nothing_left(self) -> None:
        self.assertEqual(inventory(self.emulator.client) - self.before, set())

    def test_without_a_terminal(self) -> None:
        def run(line: str) -> tuple[int, str]:
            status, said = self.shell(line, KEYS)
            if status != 0 and "passphrase must be set with PULUMI_CONFIG_PASSPHRASE" in said:
                self.environment["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
                return self.shell(line, KEYS)
            return status, said

        self.deploy(lambda: self.shell("make deploy"), run)
        self.from_there()
        self.until_tasks(2)
        status, said = self.shell("make destroy")
        self.assertEqual(status, MAKE_FAILED, said)
        self.assertIn("tasks that still run: 2", said)
        self.assertIn("nothing was destroyed", said)
        self.stop_as_printed(said)
        status, said = self.shell("make destroy")
        self.assertEqual(status, 0, said)
        self.assert_no_warning(said)
        self.assert_nothing_left()

    def from_there(self) -> None:
        """The lines of the documentation, as they are printed there."""
        self.environment["PATH"] += f":{ROOT / 'target/debug'}"
        setup = block(ROOT / "docs/command.md", "stack output commandEnvironment")
        status, said = self.shell(setup)
        self.assertEqual(status, 0, said)
        for service in ("auth", "billing"):
            self.assertRegex(said, rf"{service}\b[^\n]*\(no task\)")
        status, said = self.shell(setup.replace("start-engines status", "start-engines start auth"))
        self.assertEqual(status, 0, said)
        put = block(ROOT / "pulumi/README.md", "aws events put-events").split("\ncurl ")[0]
        status, said = self.shell(put)
        self.assertEqual(status, 0, said)
        self.assertEqual(json.loads(said)["FailedEntryCount"], 0)

    def test_on_a_terminal(self) -> None:
        answers = [
            *((f"{what} \\[", f"{key}\r") for what, key in zip(ASKED, KEYS.split(), strict=True)),
            ("Enter your passphrase to (protect|unlock)", f"{PASSPHRASE}\r"),
            ("Re-enter your passphrase", f"{PASSPHRASE}\r"),
            ("Do you want to perform this (update|destroy)", "yes\r"),
            ("Type the stack's name, dev", "dev\r"),
        ]
        self.deploy(lambda: self.terminal("make deploy", answers), lambda line: self.terminal(line, answers))
        status, said = self.terminal("make destroy", answers)
        self.assertEqual(status, 0, said)
        self.assert_no_warning(said)
        # It cannot ask for the passphrase a second time, so it asks whether to go on.
        self.assertRegex(said, r"cannot check whether tasks still run: [^\n]*PULUMI_CONFIG_PASSPHRASE")
        self.assert_nothing_left()


def block(page: Path, containing: str) -> str:
    """The shell commands of a page that contain this."""
    found = [text for text in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL) if containing in text]
    return str(found[0])


if __name__ == "__main__":
    unittest.main()
