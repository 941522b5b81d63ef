"""A day of an operator, with the packed function on the example stack."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from bridge import Bridge
from command import Command
from day import Day
from deployed import read
from deployment import deploy
from engine import usable_port
from interfaces import EcsWithInterfaces
from ministack import REGION, MiniStack
from provider import Provider
from tests.test_provider import PACKED, architecture


class ADay(unittest.TestCase):
    def test_from_the_schedules_in_the_morning_to_the_stop_in_the_evening(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="start-engines-day-"))
        self.addCleanup(shutil.rmtree, folder)
        emulator = MiniStack(folder / "ministack.log")
        self.addCleanup(emulator.stop)
        emulator.start()
        port = usable_port(8080)
        provider = Provider(functools.cache(emulator.client))
        config = {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:port": str(port),
            "start-engines:code": str(PACKED),
            "start-engines:architecture": architecture(PACKED),
        }
        outputs = deploy(provider, config)
        stack = read(outputs, provider)
        bridge = Bridge(emulator.client, stack.cluster, stack.state_rule, stack.subnet, port)
        self.addCleanup(bridge.close)
        bridge.start()
        ecs = EcsWithInterfaces(emulator.port, bridge.tasks)
        self.addCleanup(ecs.close)
        ecs.start()
        command = Command(outputs, folder, emulator.endpoint, ecs.endpoint)
        story: list[str] = []
        try:
            Day(emulator, stack, bridge, command, story.append).run()
        except BaseException:
            print("\n".join(story), file=sys.stderr)
            raise


if __name__ == "__main__":
    unittest.main()
