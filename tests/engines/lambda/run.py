"""The packed function in AWS's Lambda runtime interface emulator, with MiniStack behind it.

    .venv/bin/python tests/engines/lambda/run.py
"""

import sys
from pathlib import Path

ENGINES = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ENGINES))

import places
import suite

if __name__ == "__main__":
    # The stack in MiniStack is that of the demo.
    sys.exit(suite.run(Path(__file__).resolve().parent, places.emulator, ENGINES.parent / "local"))
