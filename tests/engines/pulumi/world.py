"""One test's world: an emulator, a folder with the engine's state, and the example under the engine."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import unittest
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orders
from install import AWS_VERSION, BIN, PLUGINS, PROVIDER, ROOT, VENV
from ministack import REGION, MiniStack
from orders import Orders
from provider import layers
from session import Session

PACKED = ROOT / "target/lambda/start-engines-lambda/bootstrap.zip"
IMAGE = "registry.example/engine:1"
ACCOUNT = "000000000000"
# Kept for whoever looks into a failure.
LOGS = ROOT / "target" / "engines"


def layers_in(folder: Path) -> Path:
    """Where the provider unpacks the layers of functions."""
    return folder / "layers"


def environment(folder: Path, endpoint: str) -> dict[str, str]:
    """A complete environment with the AWS provider installed: nothing of the caller's but where programs are."""
    plugin = folder / "home" / "plugins" / f"resource-aws-{AWS_VERSION}" / PROVIDER
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to(PLUGINS / PROVIDER)
    node = Path(shutil.which("node") or "/usr/bin/node").parent
    places = [str(BIN), str(VENV / "bin"), str(node), "/usr/bin", "/bin"]
    return {
        "PATH": os.pathsep.join(places),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        orders.FOLDER: str(folder),
        layers.FOLDER: str(layers_in(folder)),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def started(log: Path, add_cleanup: Callable[[Callable[[], None]], object], account: str = ACCOUNT) -> MiniStack:
    """An emulator that is ended with a test, or with the run if that is interrupted in the middle of it."""
    emulator = MiniStack(log, account)
    add_cleanup(emulator.stop)
    atexit.register(emulator.stop)
    emulator.start()
    return emulator


class World(unittest.TestCase):
    """Made once for a class; its tests run in the order of their names, each on what the one before has left.

    After one that fails the others are skipped.
    """

    folder: Path
    emulator: MiniStack
    orders: Orders
    session: Session
    # What a class may have other values of.
    account = ACCOUNT
    variables: Mapping[str, str] = {}
    failed = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="start-engines-pulumi-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.emulator = started(LOGS / f"{cls.__name__}.ministack.log", cls.addClassCleanup, cls.account)
        cls.orders = Orders(cls.folder)
        (cls.folder / "state").mkdir()
        own = {"PULUMI_BACKEND_URL": f"file://{cls.folder}/state", "PULUMI_CONFIG_PASSPHRASE": "of the test"}
        everything = environment(cls.folder, cls.emulator.endpoint) | own | cls.variables
        cls.session = Session(cls.folder, everything, LOGS / f"{cls.__name__}.node.log")
        cls.addClassCleanup(cls.session.close)
        atexit.register(cls.session.close)

    def setUp(self) -> None:
        if self.failed:
            self.skipTest(f"after {self.failed}")

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Remembers a failure: what comes after it would only fail by it."""
        before = _failures(result)
        result = super().run(result)
        if _failures(result) > before:
            type(self).failed = self.id().rsplit(".", 1)[-1]
        return result

    @classmethod
    def config(cls, **more: str) -> dict[str, str]:
        """The example's configuration, with these values of its own project."""
        return {
            "aws:region": REGION,
            "start-engines:image": IMAGE,
            "start-engines:code": str(PACKED),
            "start-engines:architecture": architecture(PACKED),
            "start-engines:alarmEmail": "people@example.com",
        } | {f"start-engines:{name}": value for name, value in more.items()}

    def client(self, service: str) -> Any:
        """A client of one AWS service in the emulator."""
        return self.emulator.client(service)


def _failures(result: unittest.TestResult | None) -> int:
    return len(result.failures) + len(result.errors) if result else 0


def architecture(zipped: Path) -> str:
    """What the packed function is built for, from its ELF header."""
    header = zipfile.ZipFile(zipped).read("bootstrap")[:20]
    return {0x3E: "x86_64", 0xB7: "arm64"}[header[18]]
