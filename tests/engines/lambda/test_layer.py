"""The layer with the settings file and the catalog, in /opt: as it is deployed, and as it must never be taken for sound."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator import Ending, Shown
from failures import start
from stage import stage

SETTINGS, SERVICES = "settings.json", "services.json"


class Layer(unittest.TestCase):
    def test_what_is_deployed_is_found_in_opt(self) -> None:
        variables = stage().environment
        self.assertEqual(
            (variables["SETTINGS_FILE"], variables["SERVICES_FILE"]), (f"/opt/{SETTINGS}", f"/opt/{SERVICES}")
        )
        shown = self.with_layer(lambda _: None, start())
        self.assertIs(shown.ending, Ending.SUCCESS, shown.body)

    def test_its_lists_hold_without_those_that_the_version_before_reads(self) -> None:
        for detail, field in (
            ({"taskDefinition": "others"}, "detail.taskDefinition"),
            ({"cluster": "others"}, "detail.cluster"),
        ):
            shown = self.with_layer(lambda _: None, start(detail))
            self.assertEqual((shown.ending, shown.error_type), (Ending.ERROR, "not_allowed"), shown.body)
            self.assertIn(field, shown.error_message)
        shown = self.with_layer(lambda _: None, start() | {"source": "another.app"})
        self.assertEqual((shown.ending, shown.error_type), (Ending.ERROR, "not_allowed"), shown.body)

    def test_a_file_that_is_missing_is_never_taken_for_no_lists(self) -> None:
        for name, variable in ((SETTINGS, "SETTINGS_FILE"), (SERVICES, "SERVICES_FILE")):
            with self.subTest(name):
                self.assert_refused(lambda layer, name=name: (layer / name).unlink(), f'{variable} = "/opt/{name}"')

    def test_nor_is_one_that_is_broken(self) -> None:
        for name in (SETTINGS, SERVICES):
            for text in ("", "{", "null", "[]", "\0"):
                with self.subTest(name, text=text):
                    self.assert_refused(
                        lambda layer, name=name, text=text: (layer / name).write_text(text), name.removesuffix(".json")
                    )

    def test_nor_is_a_settings_file_without_one_of_the_lists(self) -> None:
        lists = json.loads((stage().layer / SETTINGS).read_text())
        self.assertEqual(len(lists), 4)
        for name in lists:
            for value in (None, []):
                with self.subTest(name, value=value):
                    text = json.dumps(lists | {name: value})
                    self.assert_refused(
                        lambda layer, text=text: (layer / SETTINGS).write_text(text), f"settings.{name}"
                    )

    def assert_refused(self, change: Callable[[Path], Any], named: str) -> None:
        shown = self.with_layer(change, start())
        self.assertEqual((shown.ending, shown.error_type), (Ending.ERROR, "invalid_configuration"), shown.body)
        self.assertIn(named, shown.error_message)

    def with_layer(self, change: Callable[[Path], Any], event: Any) -> Shown:
        """The event, handled with a changed layer, and without the lists in the environment."""
        folder = Path(tempfile.mkdtemp(prefix="start-engines-layer-"))
        self.addCleanup(shutil.rmtree, folder)
        layer = folder / "opt"
        shutil.copytree(stage().layer, layer)
        change(layer)
        lists = {name: None for name in stage().environment if name.startswith("ALLOWED_")}
        emulator = dataclasses.replace(stage(), layer=layer).function("layer", **lists)
        emulator.start()
        try:
            return emulator.invoke(event)
        finally:
            emulator.stop()


if __name__ == "__main__":
    unittest.main()
