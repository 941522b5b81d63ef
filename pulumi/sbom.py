"""Makes an SBOM of `cargo cyclonedx` or `cyclonedx-npm` the same for the same sources, whenever and wherever it is made:

    python3 pulumi/sbom.py ROOT FROM TO

The time, the random serial number and the folder of this checkout are taken out; lists are in order. What is in it stays
as the tool has written it. https://cyclonedx.org/docs/1.5/json/
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Lists whose order means nothing.
SETS = ("components", "dependencies", "dependsOn", "externalReferences", "properties")


def reproducible(bom: dict[str, Any], root: Path) -> dict[str, Any]:
    """The same without what differs from run to run."""
    without = {key: value for key, value in bom.items() if key != "serialNumber"}
    metadata = {key: value for key, value in bom.get("metadata", {}).items() if key != "timestamp"}
    plain: dict[str, Any] = _ordered(_elsewhere(without | {"metadata": metadata}, root))
    return plain


def _elsewhere(value: Any, root: Path) -> Any:
    """Without the folder of the checkout."""
    if isinstance(value, str):
        return value.replace(root.as_uri(), "file:///start-engines").replace(str(root), "/start-engines")
    if isinstance(value, dict):
        return {key: _elsewhere(part, root) for key, part in value.items()}
    return [_elsewhere(part, root) for part in value] if isinstance(value, list) else value


def _ordered(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _ordered(part, key) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_ordered(part) for part in value]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True)) if name in SETS else parts
    return value


def main() -> int:
    """Reads one file, and writes the other."""
    if len(sys.argv) != 4:
        print(f"usage: {sys.argv[0]} ROOT FROM TO", file=sys.stderr)
        return 2
    root, origin, to = map(Path, sys.argv[1:])
    bom = reproducible(json.loads(origin.read_text()), root.resolve())
    to.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
