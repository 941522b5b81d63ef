"""AWS's event-ruler on the patterns that the component emits.

    .venv/bin/python tests/engines/patterns/run.py
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

import modules
import suite

if __name__ == "__main__":
    sys.exit(suite.run(FOLDER, lambda: modules.jars(FOLDER)))
