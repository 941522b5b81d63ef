"""`stage.py` and `archive.py`: what npm package and plugin hold, and what is said where something is missing.

That `npm pack` takes all of it, and that it can be used, is in `consumer.test.ts`; that the plugin runs, in
`plugin.test.ts`.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

PULUMI = Path(__file__).resolve().parents[1]
X86_64, ARM64 = 0x3E, 0xB7


class Stage(unittest.TestCase):
    """A copy of what the script needs, compiled."""

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="start-engines-stage-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.component = self.root / "pulumi" / "component"
        self.plugin = self.root / "pulumi" / "plugin"
        for folder in (self.component, self.plugin):
            (folder / "lib").mkdir(parents=True)
        for path in ("pulumi/stage.py", "pulumi/packed.py", "pulumi/component/package.json", "pulumi/component/README.md",
                     "pulumi/plugin/package.json", "pulumi/plugin/schema.json",
                     "pulumi/plugin/pulumi-resource-start-engines", "LICENSE"):
            shutil.copy(PULUMI.parent / path, self.root / path)
        (self.component / "lib" / "index.js").write_text("compiled")
        (self.plugin / "lib" / "main.js").write_text("bundled")
        self.folder = self.root / "out" / "package"

    def pack(self, name: str, machine: int) -> Path:
        path = self.root / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bootstrap", b"\x7fELF".ljust(18, b"\0") + machine.to_bytes(2, "little"))
        return path

    def stage(self, *zips: Path, kind: str = "package") -> tuple[int, list[str]]:
        words = [sys.executable, str(self.root / "pulumi" / "stage.py"), kind, str(self.folder), *map(str, zips)]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return ended.returncode, ended.stderr.splitlines()

    def test_each_function_has_the_name_of_its_architecture(self) -> None:
        first, second = self.pack("one.zip", ARM64), self.pack("two.zip", X86_64)
        self.assertEqual(self.stage(first, second), (0, []))
        staged = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        functions = ["functions/arm64.zip", "functions/x86_64.zip"]
        self.assertEqual(staged, ["LICENSE", "README.md", *functions, "lib/index.js", "package.json"])
        self.assertEqual((self.folder / functions[0]).read_bytes(), first.read_bytes())
        self.assertEqual((self.folder / functions[1]).read_bytes(), second.read_bytes())

    def test_the_plugin_has_its_executable_and_schema_and_no_other_packages(self) -> None:
        self.assertEqual(self.stage(self.pack("one.zip", ARM64), kind="plugin"), (0, []))
        staged = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        executable = "pulumi-resource-start-engines"
        self.assertEqual(staged, ["LICENSE", "functions/arm64.zip", "lib/main.js", "package.json", executable, "schema.json"])
        self.assertTrue(os.access(self.folder / executable, os.X_OK))

    def test_the_same_files_make_the_same_archive_whatever_their_times_owners_and_order(self) -> None:
        packed = []
        for names, mask in ((("a", "b/c"), 0o077), (("b/c", "a"), 0o022)):
            folder = self.root / f"folder-{mask}"
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name)
                (folder / name).chmod((0o777 if name == "a" else 0o666) & ~mask)
                os.utime(folder / name, (mask, mask))
            first, second = self.root / f"{mask}.tar.gz", self.root / f"{mask}-again.tar.gz"
            words = [sys.executable, str(PULUMI / "archive.py"), str(folder), str(first), str(second)]
            subprocess.run(words, check=True, timeout=60)
            packed += [first.read_bytes(), second.read_bytes()]
        self.assertEqual(len(set(packed)), 1)
        with tarfile.open(fileobj=io.BytesIO(packed[0])) as archive:
            self.assertEqual([(each.name, each.mode, each.mtime, each.uid) for each in archive.getmembers()],
                             [("a", 0o755, 0, 0), ("b/c", 0o644, 0, 0)])

    def test_a_plugin_that_is_not_bundled_is_named(self) -> None:
        (self.plugin / "lib" / "main.js").unlink()
        said = self.stage(self.pack("one.zip", ARM64), kind="plugin")
        self.assertEqual(said, (2, ["the plugin is not compiled: make component"]))

    def test_says_everything_that_is_missing(self) -> None:
        (self.component / "lib" / "index.js").unlink()
        self.folder.mkdir(parents=True)
        arm, again = self.pack("arm.zip", ARM64), self.pack("again.zip", ARM64)
        other, absent = self.pack("other.zip", 0x08), self.root / "absent.zip"
        status, said = self.stage(arm, again, other, absent)
        self.assertEqual(status, 2)
        self.assertEqual(said, [
            "the component is not compiled: make component",
            f"{again} is built for arm64, like {arm}",
            f"{other} holds no Linux program named bootstrap for x86_64 or arm64",
            f"{absent} is missing: make package",
            f"{self.folder} exists already",
        ])
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
