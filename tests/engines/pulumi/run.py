"""Pulumi's own engine on the example: builds it, and runs its tests.

Needs Go, and `make package command component venv`.

    .venv/bin/python tests/engines/pulumi/run.py [NAMES OF TESTS...]
"""

from __future__ import annotations

import signal
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "local")]

from install import InstallFailed, install  # noqa: E402
from world import AT_END  # noqa: E402


def main() -> int:
    """0 only if all tests pass."""
    try:
        install()
    except InstallFailed as failed:
        print(f"tests/engines/pulumi: {failed}", file=sys.stderr)
        return 1
    loader = unittest.defaultTestLoader
    if sys.argv[1:]:
        loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]]
    # unittest lets only this one end it, and leaves what was started; that is ended here.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with AT_END:
        suite = loader.discover(str(HERE / "tests"), top_level_dir=str(HERE / "tests"))
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    if result.testsRun == 0:
        print("tests/engines/pulumi: no test was found", file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
