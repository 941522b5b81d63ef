"""Pulumi's own engine on the example: builds it, and runs its tests.

Needs Go, and `make package command component venv`.

    .venv/bin/python tests/engines/pulumi/run.py [PARTS OF NAMES OF TESTS...]
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ENGINES = FOLDER.parent
# The stack is created by the demo's provider.
PLACES = (FOLDER, ENGINES, ENGINES.parent / "local")
sys.path[:0] = map(str, PLACES)

import install
import suite

if __name__ == "__main__":
    sys.exit(suite.run(FOLDER / "tests", install.install, *PLACES))
