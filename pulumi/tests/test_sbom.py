"""`sbom.py`: two runs of a tool, at another time, in another folder and in another order, make one file."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[1] / "sbom.py"


def bom(root: Path, serial: str, time: str, reverse: bool) -> dict[str, Any]:
    components = [
        {"bom-ref": f"path+file://{root}#start-engines@0.1.0", "name": "start-engines", "version": "0.1.0"},
        {"bom-ref": "registry+https://github.com/rust-lang/crates.io-index#time@0.3.1", "name": "time", "version": "0.3.1"},
    ]
    edge = {"ref": f"path+file://{root}#start-engines@0.1.0", "dependsOn": [f"path+file://{root}/src/core#core@0.1.0", "time"]}
    if reverse:
        components.reverse()
        edge["dependsOn"] = list(reversed(edge["dependsOn"]))
    metadata = {"timestamp": time, "tools": [{"name": "cargo-cyclonedx"}]}
    return {"bomFormat": "CycloneDX", "serialNumber": serial, "metadata": metadata, "components": components, "dependencies": [edge]}


class Sbom(unittest.TestCase):
    def made(self, root: Path, content: dict[str, Any]) -> str:
        root.mkdir()
        (root / "from.json").write_text(json.dumps(content))
        words = [sys.executable, str(SCRIPT), str(root), str(root / "from.json"), str(root / "to.json")]
        subprocess.run(words, check=True, timeout=60)
        return (root / "to.json").read_text()

    def test_time_serial_folder_and_order_make_no_difference_and_nothing_else_is_lost(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            one, other = (Path(folder).resolve() / name for name in ("one", "other"))
            first = self.made(one, bom(one, "urn:uuid:1", "2026-01-01T00:00:00Z", False))
            second = self.made(other, bom(other, "urn:uuid:2", "2027-01-01T00:00:00Z", True))
        self.assertEqual(first, second)
        self.assertNotIn("urn:uuid", first)
        made = json.loads(first)
        self.assertEqual(made["metadata"], {"tools": [{"name": "cargo-cyclonedx"}]})
        self.assertEqual({each["name"] for each in made["components"]}, {"start-engines", "time"})
        self.assertEqual(made["dependencies"][0]["dependsOn"], ["path+file:///start-engines/src/core#core@0.1.0", "time"])


if __name__ == "__main__":
    unittest.main()
