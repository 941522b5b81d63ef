"""Programs in Python and YAML that use the component by its plugin, which is installed from its archive.

Both make the same; what the component makes of it is what a program in TypeScript gets (`pulumi/tests/plugin.test.ts`).
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bounded
from install import BIN, HERE, ROOT, VENV
from inventory import inventory
from ministack import REGION, MiniStack
from summary import changes
from world import LOGS, PACKED, architecture, environment, started

CONSUMERS = HERE / "consumers"
COMPONENT = "start-engines:index:StartEngines"
VERSION = json.loads((ROOT / "pulumi/component/package.json").read_text())["version"]
SECONDS = 300.0
SHOWN_CHARACTERS = 4000
ROLE = "arn:aws:iam::000000000000:role/auth-task"
STACK = "test"


@dataclass(frozen=True)
class Ended:
    """What came of a command: how many resources it has changed in which way, and what there is then."""

    changes: dict[str, int]
    outputs: dict[str, Any]
    resources: list[dict[str, Any]]
    error: str = ""

    def made(self) -> set[tuple[str, str]]:
        """Type and name of all that the component has made."""
        inside = (each for each in self.resources if f"{COMPONENT}$" in each["urn"])
        return {(each["type"], each["urn"].split("::", 3)[3]) for each in inside}


class Consumers(unittest.TestCase):
    """One emulator and one installed plugin for each test."""

    folder: Path
    emulator: MiniStack
    environment: dict[str, str]
    archive: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="start-engines-consumers-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.archive = cls.folder / "plugin.tar.gz"
        scripts = ROOT / "pulumi"
        for words in (("stage.py", "plugin", cls.folder / "plugin", PACKED), ("archive.py", cls.folder / "plugin", cls.archive)):
            staged = bounded.run([sys.executable, str(scripts / words[0]), *map(str, words[1:])], SECONDS, cls.folder)
            assert staged.returncode == 0, staged.stderr

    def setUp(self) -> None:
        self.maxDiff = None
        self.home = self.folder / self.id().rsplit(".", 1)[-1]
        (self.home / "state").mkdir(parents=True)
        self.emulator = started(LOGS / f"{self.home.name}.ministack.log", self.addCleanup)
        own = {"PULUMI_BACKEND_URL": f"file://{self.home}/state", "PULUMI_CONFIG_PASSPHRASE": "of the test"}
        self.environment = environment(self.home, self.emulator.endpoint) | own
        install = ["plugin", "install", "resource", "start-engines", VERSION, "--file", str(self.archive)]
        self.pulumi(self.home, *install)
        elb = self.emulator.client("elbv2")
        vpc = self.emulator.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        group = {"Name": "auth", "Protocol": "HTTP", "Port": 8080, "VpcId": vpc, "TargetType": "ip"}
        self.config = {
            "aws:region": REGION,
            "targetGroupArn": elb.create_target_group(**group)["TargetGroups"][0]["TargetGroupArn"],
            "taskRoleArn": ROLE,
            "architecture": architecture(PACKED),
        }

    def pulumi(self, folder: Path, *words: str, fails: bool = False) -> str:
        """What the command of Pulumi has written."""
        ended = bounded.run([str(BIN / "pulumi"), *words, "--non-interactive"], SECONDS, folder, self.environment)
        last = f"{ended.stdout}{ended.stderr}"[-SHOWN_CHARACTERS:]
        self.assertEqual(ended.returncode != 0, fails, f"{words}: {last}")
        return ended.stdout + (ended.stderr if fails else "")

    def in_python(self, command: str, memory: str = "256", fails: bool = False) -> Ended:
        """One command with the program in Python."""
        words = [str(VENV / "bin" / "python"), str(CONSUMERS / "program.py"), command, str(self.home / "python")]
        config = json.dumps(self.config | {"memorySize": memory})
        ended = bounded.run([*words, config], SECONDS, self.home, self.environment)
        lines = ended.stdout.splitlines()
        self.assertTrue(lines, ended.stderr)
        said = json.loads(lines[-1])
        self.assertEqual("error" in said, fails, said)
        return Ended({}, {}, [], said["error"]) if fails else Ended(**said)

    def in_yaml(self, command: str, memory: str = "256", fails: bool = False) -> Ended:
        """The same with the program in YAML."""
        folder = self.home / "yaml"
        if not folder.exists():
            shutil.copytree(CONSUMERS / "yaml", folder)
            self.pulumi(folder, "stack", "init", STACK)
        for name, value in (self.config | {"memorySize": memory}).items():
            self.pulumi(folder, "config", "set", name, value)
        confirmed = [] if command == "preview" else ["--yes", "--skip-preview"]
        said = self.pulumi(folder, command, "--json", *confirmed, fails=fails)
        if fails:
            return Ended({}, {}, [], said)
        outputs = json.loads(self.pulumi(folder, "stack", "output", "--json"))
        state = json.loads(self.pulumi(folder, "stack", "export"))["deployment"]
        return Ended(changes(said), outputs, state.get("resources", []))

    def live(self, run: Callable[..., Ended]) -> Ended:
        """A preview, an update, a preview without changes, an error, and nothing left."""
        before = inventory(self.emulator.client)
        preview = run("preview")
        self.assertEqual(set(preview.changes), {"create"})
        self.assertEqual(inventory(self.emulator.client), before)
        up = run("up")
        self.assertEqual(up.changes, preview.changes)
        self.assertIn(("aws:lambda/function:Function", "engines"), up.made())
        function = self.emulator.client("lambda").get_function(FunctionName="engines")["Configuration"]
        self.assertEqual(up.outputs["functionArn"], function["FunctionArn"])
        queue = self.emulator.client("sqs").get_queue_url(QueueName=up.outputs["requestQueueUrl"].rsplit("/", 1)[-1])
        self.assertEqual(up.outputs["requestQueueUrl"], queue["QueueUrl"])
        rule = self.emulator.client("events").describe_rule(Name="engines-state-change")
        self.assertIn(up.outputs["clusterArn"], rule["EventPattern"])
        self.assertEqual(set(run("preview").changes), {"same"})
        wrong = run("preview", memory="64", fails=True)
        self.assertIn("args.memorySize = 64: must be a whole number from 128 to 10240", wrong.error)
        self.assertEqual(run("destroy").resources, [])
        self.assertEqual(inventory(self.emulator.client), before)
        return up

    def test_a_program_in_python_and_one_in_yaml_make_the_same(self) -> None:
        in_python = self.live(self.in_python)
        arn = self.emulator.client("ecs").create_cluster(clusterName="existing")["cluster"]["clusterArn"]
        self.config["clusterArn"] = arn
        in_yaml = self.live(self.in_yaml)
        self.assertEqual(in_python.made(), in_yaml.made())

    def test_the_program_of_the_readme(self) -> None:
        """In an account of the emulator's."""
        text = (ROOT / "pulumi/README.md").read_text()
        (program,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
        folder = self.home / "readme"
        folder.mkdir()
        # The archive of this test has the function for this computer only.
        program = program.replace("      sources:", f"      architecture: {architecture(PACKED)}\n      sources:")
        (folder / "Pulumi.yaml").write_text(program.replace("111122223333", "000000000000"))
        self.pulumi(folder, "stack", "init", STACK)
        self.pulumi(folder, "config", "set", "aws:region", REGION)
        steps = json.loads(self.pulumi(folder, "preview", "--json"))["steps"]
        made = {step["urn"].split("::", 2)[2] for step in steps if step["op"] == "create"}
        self.assertIn(f"{COMPONENT}$aws:lambda/function:Function::start-engines", made)

    def test_the_schema_is_one_that_pulumi_takes(self) -> None:
        said = self.pulumi(self.home, "schema", "check", str(ROOT / "pulumi/plugin/schema.json"))
        self.assertNotIn("warning", said.lower())


if __name__ == "__main__":
    unittest.main()
