"""What the provider knows of the function's further settings: each is given, read, and taken back where the real one does so."""

from __future__ import annotations

import functools
import unittest
from typing import Any

from kinds import KINDS
from kinds.kind import State
from ministack import MiniStack
from provider import Provider
from world import LOGS, PACKED, architecture, started

FUNCTION = "aws:lambda/function:Function"
KIND = KINDS[FUNCTION]
GROUP = {"logFormat": "Text", "logGroup": "/aws/lambda/engines"}
# Of these AWS's provider takes back what is left out, of the others it keeps it.
TAKEN_BACK = {
    "vpcConfig": {"subnetIds": ["subnet-a", "subnet-b"], "securityGroupIds": ["sg-a"], "ipv6AllowedForDualStack": False},
    "kmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "codeSigningConfigArn": "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0",
}
KEPT = {"tracingConfig": {"mode": "Active"}, "loggingConfig": {"logFormat": "Text", "logGroup": "/mine"}}


class FunctionKind(unittest.TestCase):
    emulator: MiniStack

    @classmethod
    def setUpClass(cls) -> None:
        cls.emulator = started(LOGS / "function_kind.ministack.log", cls.addClassCleanup)

    @functools.cache
    def clients(self, service: str) -> Any:
        """A client of the emulator."""
        return self.emulator.client(service)

    def given(self, name: str, **more: Any) -> State:
        """The inputs of a function."""
        return {
            "name": name,
            "description": "",
            "runtime": "provided.al2023",
            "handler": "bootstrap",
            "architectures": [architecture(PACKED)],
            "role": "arn:aws:iam::000000000000:role/engines",
            "timeout": 30,
            "memorySize": 256,
            "reservedConcurrentExecutions": -1,
            "environment": {"variables": {"A": "b"}},
            "layers": [],
            "code": {"path": str(PACKED), "hash": "the same"},
        } | more

    def created(self, name: str, **more: Any) -> State:
        """The state of a new one, with no more deviations than the emulator's endpoint."""
        provider = Provider(self.clients)
        made = provider.create(FUNCTION, name, self.given(name, **more))
        self.assertEqual(provider.deviations, {(FUNCTION, "Environment.Variables.AWS_ENDPOINT_URL")})
        return made.state

    def updated(self, name: str, state: State, **more: Any) -> State:
        """What is read after an update."""
        assert KIND.update is not None
        given = self.given(name, **more)
        KIND.update(self.clients, name, state, given)
        found = KIND.read(self.clients, name, given | {"codeSha256": state["codeSha256"]})
        assert found is not None
        return state | found

    def assert_given(self, found: State, expected: State) -> None:
        for setting, value in expected.items():
            self.assertTrue(KIND.is_same(setting, found[setting], value), f"{setting}: {found[setting]}")

    def test_each_is_there_from_the_first_deployment_on(self) -> None:
        state = self.created("first", **TAKEN_BACK, **KEPT)
        found = KIND.read(self.clients, "first", state)
        assert found is not None
        self.assert_given(found, TAKEN_BACK | KEPT)

    def test_each_is_added_and_what_aws_does_not_keep_is_taken_back(self) -> None:
        state = self.created("later")
        found = self.updated("later", state, **TAKEN_BACK, **KEPT)
        self.assert_given(found, TAKEN_BACK | KEPT)
        without = self.updated("later", found)
        self.assert_given(without, KEPT | dict.fromkeys(TAKEN_BACK))
        self.assertEqual(KIND.computed, {"architectures", *KEPT})
        told = self.updated("later", without, tracingConfig={"mode": "PassThrough"}, loggingConfig=GROUP)
        self.assert_given(told, {"tracingConfig": {"mode": "PassThrough"}, "loggingConfig": GROUP})

    def test_the_order_of_subnets_says_nothing(self) -> None:
        turned = TAKEN_BACK["vpcConfig"] | {"subnetIds": ["subnet-b", "subnet-a"]}  # type: ignore[operator]
        self.assertTrue(KIND.is_same("vpcConfig", TAKEN_BACK["vpcConfig"], turned))


if __name__ == "__main__":
    unittest.main()
