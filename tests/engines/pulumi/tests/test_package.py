"""The program of the README in an empty folder, with the packed npm package: previewed and made by Pulumi's own engine.

That it compiles, and what it registers with the oldest and the newest peers, is in `pulumi/tests/consumer.test.ts`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import bounded
from install import BIN, ROOT
from inventory import inventory
from ministack import REGION, MiniStack
from summary import changes
from world import IMAGE, LOGS, PACKED, architecture, environment, started

WORKSPACE = ROOT / "pulumi"
COMPONENT = "start-engines:index:StartEngines"
SECONDS = 300.0
SHOWN_CHARACTERS = 4000
STACK = "test"
# What a consumer has beside the package; linked, so that nothing is downloaded.
BESIDE = ("@pulumi/aws", "@pulumi/pulumi", "@types/node", "typescript", "ts-node")
# As `pulumi new aws-typescript` writes it: https://github.com/pulumi/templates/blob/master/aws-typescript/tsconfig.json
TSCONFIG = {
    "strict": True,
    "outDir": "bin",
    "target": "es2020",
    "module": "commonjs",
    "moduleResolution": "node",
    "sourceMap": True,
    "experimentalDecorators": True,
    "pretty": True,
    "noFallthroughCasesInSwitch": True,
    "noImplicitReturns": True,
    "forceConsistentCasingInFileNames": True,
}


class Package(unittest.TestCase):
    folder: Path
    program: Path
    emulator: MiniStack
    environment: dict[str, str]
    before: frozenset[tuple[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="start-engines-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.emulator = started(LOGS / "package.ministack.log", cls.addClassCleanup)
        (cls.folder / "state").mkdir()
        own = {"PULUMI_BACKEND_URL": f"file://{cls.folder}/state", "PULUMI_CONFIG_PASSPHRASE": "of the test"}
        cls.environment = environment(cls.folder, cls.emulator.endpoint) | own
        cls.program = cls.folder / "program"
        cls.program.mkdir()
        cls.consumer(cls.packed())
        cls.before = inventory(cls.emulator.client)
        vpc = cls.emulator.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        cls.pulumi("stack", "init", STACK)
        for name, value in {"aws:region": REGION, "image": IMAGE, "vpcId": vpc}.items():
            cls.pulumi("config", "set", name, value)

    @classmethod
    def packed(cls) -> Path:
        """The tarball, with the function for this computer only."""
        staged = cls.folder / "package"
        stage = [sys.executable, str(WORKSPACE / "stage.py"), "package", str(staged), str(PACKED)]
        for words in (stage, ["npm", "pack", "--silent", str(staged)]):
            ended = bounded.run(words, SECONDS, cls.folder)
            assert ended.returncode == 0, ended.stderr
        (tarball,) = cls.folder.glob("start-engines-*.tgz")
        return tarball

    @classmethod
    def consumer(cls, tarball: Path) -> None:
        """Fills the folder of the program."""
        (program, *_) = re.findall(r"```ts\n(.*?)```", (WORKSPACE / "README.md").read_text(), re.S)
        # The package of this test has no other.
        given = f'  architecture: "{architecture(PACKED)}",\n  sources:'
        (cls.program / "index.ts").write_text(program.replace("  sources:", given))
        # The program's project has the name of its configuration.
        (cls.program / "Pulumi.yaml").write_text("name: start-engines\nruntime: nodejs\n")
        (cls.program / "package.json").write_text(json.dumps({"name": "consumer", "main": "index.ts"}))
        (cls.program / "tsconfig.json").write_text(json.dumps({"compilerOptions": TSCONFIG}))
        words = ["npm", "install", "--offline", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = bounded.run([*words, str(tarball)], SECONDS, cls.program, cls.environment)
        assert ended.returncode == 0, ended.stderr
        for name in BESIDE:
            place = cls.program / "node_modules" / name
            place.parent.mkdir(exist_ok=True)
            place.symlink_to(WORKSPACE / "node_modules" / name)

    @classmethod
    def pulumi(cls, *words: str) -> str:
        """What the command of Pulumi has written."""
        ended = bounded.run([str(BIN / "pulumi"), *words, "--non-interactive"], SECONDS, cls.program, cls.environment)
        assert ended.returncode == 0, f"{words}: {(ended.stdout + ended.stderr)[-SHOWN_CHARACTERS:]}"
        return ended.stdout

    def made(self) -> dict[str, dict[str, Any]]:
        """The component's children in the state, by type and name."""
        state = json.loads(self.pulumi("stack", "export"))["deployment"]
        inside = (each for each in state.get("resources", []) if f"{COMPONENT}$" in each["urn"])
        return {f"{each['type']} {each['urn'].split('::', 3)[3]}": each for each in inside}

    def test_it_is_previewed_made_and_destroyed(self) -> None:
        preview = json.loads(self.pulumi("preview", "--json"))
        self.assertEqual(set(preview["changeSummary"]), {"create"})
        self.assertEqual([each for each in preview.get("diagnostics", []) if each["severity"] == "warning"], [])
        children = {step["urn"].split("::", 2)[2] for step in preview["steps"] if f"{COMPONENT}$" in step["urn"]}
        self.assertIn(f"{COMPONENT}$aws:lambda/function:Function::start-engines", children)
        self.assertEqual(inventory(self.emulator.client), self.before)
        self.pulumi("up", "--yes", "--skip-preview")
        made = self.made()
        self.assertEqual({each["urn"].split("::", 2)[2] for each in made.values()}, children)
        function = made["aws:lambda/function:Function start-engines"]
        code = self.program / "node_modules/start-engines/functions" / f"{architecture(PACKED)}.zip"
        self.assertEqual(Path(function["inputs"]["code"]["path"]), code)
        found = self.emulator.client("lambda").get_function_configuration(FunctionName="start-engines")
        self.assertEqual(found["CodeSize"], PACKED.stat().st_size)
        outputs = json.loads(self.pulumi("stack", "output", "--json"))
        self.assertEqual(outputs, {"putEventsPolicyArn": made["aws:iam/policy:Policy start-engines-send"]["outputs"]["arn"]})
        # Not a preview: what a task definition has not, here a task role, Pulumi's SDK takes for unknown in one
        # (`resolveProperties` in https://github.com/pulumi/pulumi/blob/master/sdk/nodejs/runtime/rpc.ts).
        self.assertEqual(set(changes(self.pulumi("up", "--yes", "--skip-preview", "--json"))), {"same"})
        self.pulumi("destroy", "--yes", "--skip-preview")
        self.assertEqual(inventory(self.emulator.client), self.before)


if __name__ == "__main__":
    unittest.main()
