"""The Runbook of docs/operations.md: each `aws` command in it, made as printed on the deployed stack.

The AWS CLI is not installed here; botocore has the models that it is made of, so a command becomes the
call that the CLI would make, and an option that does not exist is an error.
"""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

from botocore import xform_name

from deployment import deploy
from ministack import REGION, MiniStack
from provider import Provider
from tests.test_provider import PACKED, architecture

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


def commands() -> list[str]:
    """Every one, once."""
    runbook = PAGE.read_text().split("\n## Runbook\n")[1].split("\n## ")[0]
    return sorted(set(re.findall(r"`(aws [^`]+)`", runbook)))


def call(emulator: MiniStack, command: str) -> Any:
    """Makes the call of a command of the CLI: `aws SERVICE OPERATION --MEMBER VALUE...`."""
    _, service, operation, *options = shlex.split(command)
    client = emulator.client(service)
    model = client.meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(names[operation]).input_shape.members
    options_of = {f"--{xform_name(name, '-')}": name for name in members}
    pairs = zip(options[0::2], options[1::2], strict=True)
    given = {options_of[option]: value for option, value in pairs}
    return getattr(client, xform_name(names[operation]))(**given)


class EachAwsCommand(unittest.TestCase):
    def test_runs_as_printed(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="start-engines-runbook-"))
        self.addCleanup(shutil.rmtree, folder)
        emulator = MiniStack(folder / "ministack.log")
        self.addCleanup(emulator.stop)
        emulator.start()
        config = {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:code": str(PACKED),
            "start-engines:architecture": architecture(PACKED),
        }
        deploy(Provider(functools.cache(emulator.client)), config)
        found = commands()
        self.assertGreater(len(found), 2)
        for command in found:
            with self.subTest(command):
                answer = call(emulator, command)
                self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 200)

    def test_a_command_with_a_wrong_name_is_none(self) -> None:
        emulator = MiniStack(Path("unused"))
        for wrong in ("aws lambda get-concurrency --function-name f", "aws lambda get-function --name f"):
            with self.assertRaises(KeyError):
                call(emulator, wrong)


if __name__ == "__main__":
    unittest.main()
