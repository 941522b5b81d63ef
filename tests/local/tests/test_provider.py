"""The example stack in the emulator: all of it, and as it was registered."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from botocore.exceptions import ParamValidationError

import provider as provider_module
from deployment import DeploymentFailed, deploy
from ministack import REGION, MiniStack
from provider import Provider, deviations
from provider.resource import Inputs, Made, lost

ROOT = Path(__file__).resolve().parents[3]
PACKED = ROOT / "target/lambda/start-engines-lambda/bootstrap.zip"
SNAPSHOTS = ROOT / "pulumi/tests/snapshots"
BUS = "aws:cloudwatch/eventBus:EventBus"


def reviewed() -> set[str]:
    """The resources of the reviewed snapshot, without components and the stack itself."""
    registrations = json.loads((SNAPSHOTS / "up.json").read_text())
    return {made["resource"] for made in registrations if made["resource"].startswith("aws:")}


def reviewed_buffered() -> set[str]:
    """The same with what buffered mode changes."""
    change = json.loads((SNAPSHOTS / "buffered.json").read_text())
    return reviewed() - set(change["gone"]) | {made["resource"] for made in change["newOrChanged"]}


class Deployed(unittest.TestCase):
    """A stack of its own, in an emulator of its own."""

    settings: dict[str, str] = {}
    emulator: MiniStack
    folder: Path
    config: dict[str, str]
    provider: Provider

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="start-engines-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.emulator = MiniStack(cls.folder / "ministack.log")
        cls.addClassCleanup(cls.emulator.stop)
        cls.emulator.start()
        cls.config = {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:code": str(PACKED),
            "start-engines:architecture": architecture(PACKED),
            "start-engines:alarmEmail": "people@example.com",
        } | cls.settings
        cls.provider = Provider(functools.cache(cls.emulator.client))
        # Fails if anything deviates by more, or by less, than the table says.
        deploy(cls.provider, cls.config)

    def created(self) -> set[str]:
        return {f"{made.type}::{made.name}" for made in self.provider.resources}


class TheBufferedStack(Deployed):
    settings = {"start-engines:buffered": "true"}

    def test_every_reviewed_registration_was_created(self) -> None:
        self.assertEqual(self.created(), reviewed_buffered())


class TheExampleStack(Deployed):
    settings = {}

    def test_every_reviewed_registration_was_created(self) -> None:
        self.assertEqual(self.created(), reviewed())
        self.assertEqual(len(self.provider.resources), len(reviewed()))

    def test_a_type_that_nobody_makes_fails_the_deployment_and_is_named(self) -> None:
        makers = {type: maker for type, maker in provider_module.MAKERS.items() if type != BUS}
        with mock.patch.object(provider_module, "MAKERS", makers):
            with self.assertRaisesRegex(DeploymentFailed, f"nobody makes a {BUS}"):
                deploy(Provider(functools.cache(self.emulator.client)), self.config)

    def test_a_value_that_aws_does_not_know_fails_the_creation(self) -> None:
        inputs = {"rule": "r", "eventBusName": "default", "retryPolicy": {"maximumTries": 1}}
        with self.assertRaisesRegex(ParamValidationError, "MaximumTries"):
            self.provider.create("aws:cloudwatch/eventTarget:EventTarget", "x", inputs)


def architecture(zipped: Path) -> str:
    """What the packed function is built for, from its ELF header."""
    header = zipfile.ZipFile(zipped).read("bootstrap")[:20]
    return {0x3E: "x86_64", 0xB7: "arm64"}[header[18]]


class Deviations(unittest.TestCase):
    def provider_of(self, made: Made) -> Provider:
        maker = mock.Mock(side_effect=lambda _clients, _name, given: (given.take("kept"), made)[1])
        patched = mock.patch.object(provider_module, "MAKERS", {"a:type": maker})
        patched.start()
        self.addCleanup(patched.stop)
        return Provider(mock.Mock())

    def test_an_input_that_is_not_passed_on_is_one(self) -> None:
        provider = self.provider_of(Made("id", {}, {}, {}))
        provider.create("a:type", "name", {"kept": 1, "forgotten": 2})
        self.assertEqual(provider.deviations, {("a:type", "forgotten")})

    def test_a_value_that_the_emulator_does_not_keep_is_one(self) -> None:
        provider = self.provider_of(Made("id", {}, {"Port": 80, "Name": "x"}, {"Port": 81, "Name": "x"}))
        provider.create("a:type", "name", {"kept": 1})
        self.assertEqual(provider.deviations, {("a:type", "Port")})

    def test_one_that_is_not_in_the_table_is_a_problem(self) -> None:
        found = {*deviations.DEVIATIONS, ("a:type", "Port")}
        self.assertEqual(deviations.problems(found), ["a:type: Port was not carried over"])

    def test_an_entry_of_the_table_that_nothing_deviates_by_is_a_problem(self) -> None:
        problems = deviations.problems(set())
        self.assertEqual(len(problems), len(deviations.DEVIATIONS))
        for problem in problems:
            self.assertRegex(problem, "in the table in vain")


class WhatIsLost(unittest.TestCase):
    def test_is_found_at_any_depth(self) -> None:
        for sent, kept, expected in (
            ({"A": 1}, {"A": 1, "B": 2}, set()),
            ({"A": 1}, {"A": "1"}, set()),
            ({"A": True}, {"A": "true"}, set()),
            ({"A": 1}, {"A": 2}, {"A"}),
            ({"A": 1}, {}, {"A"}),
            ({"A": {"B": 1, "C": 2}}, {"A": {"B": 1}}, {"A.C"}),
            ({"A": [1, 2]}, {"A": [2, 1]}, set()),
            ({"A": [1, 2]}, {"A": [2]}, {"A"}),
            ({"A": [{"B": 1, "C": 2}]}, {"A": [{"B": 3}, {"B": 1}]}, {"A.C"}),
            ({"A": '{"B": [1]}'}, {"A": {"B": [1]}}, set()),
            ({"A": '{"B": [1]}'}, {"A": '{"B":[2]}'}, {"A.B"}),
        ):
            with self.subTest(sent=sent, kept=kept):
                self.assertEqual(lost(sent, kept), expected)

    def test_taking_inputs_apart_leaves_the_program_its_own(self) -> None:
        inputs = {"target": {"arn": "x"}}
        Inputs(inputs).take("target").pop("arn")
        self.assertEqual(inputs, {"target": {"arn": "x"}})


if __name__ == "__main__":
    unittest.main()
