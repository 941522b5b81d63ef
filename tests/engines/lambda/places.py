"""Where the emulator of Lambda and the packed function are."""

from __future__ import annotations

import functools
from pathlib import Path

import modules

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
LOGS = ROOT / "target" / "engines"
PACKED = ROOT / "target" / "lambda" / "start-engines-lambda" / "bootstrap.zip"


@functools.cache
def emulator() -> Path:
    """AWS's Lambda runtime interface emulator, built from its Go module."""
    return modules.go_tools(FOLDER) / "aws-lambda-rie"
