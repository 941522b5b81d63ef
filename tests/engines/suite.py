"""Runs the tests of one engine's folder, so that whatever ends them ends the engines too."""

from __future__ import annotations

import os
import signal
import sys
import unittest
from collections.abc import Callable
from pathlib import Path

import modules

ENGINES = Path(__file__).resolve().parent


def run(folder: Path, fetch: Callable[[], object], *others: Path) -> int:
    """The exit code: 2 if `fetch` cannot get what the tests need.

    The tests may import what is in the folder, in this one, and in the others. The arguments of the program are parts of
    the names of those that are to be run.
    """
    sys.path[:0] = map(str, (folder, ENGINES, *others))
    try:
        fetch()
    except modules.Unavailable as unavailable:
        print(f"{folder.name}: {unavailable}", file=sys.stderr)
        return 2
    # The SDK must not read the caller's profiles, regions or endpoints.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    # As Ctrl-C: the tests end, and what was registered with `atexit` runs.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    loader = unittest.defaultTestLoader
    if sys.argv[1:]:
        loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]]
    tests = loader.discover(str(folder), top_level_dir=str(folder))
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1
