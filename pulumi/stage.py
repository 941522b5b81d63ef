"""Puts together what the npm package `start-engines` holds, for `npm pack`:

    python3 pulumi/stage.py FOLDER ZIP...

The compiled component, its README, the license, and each packed function under the name of its architecture. Exit code
2: something is missing, all of it is printed. Must not build anything.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from packed import architecture_of

ROOT = Path(__file__).resolve().parents[1]
COMPONENT = ROOT / "pulumi" / "component"
COMPILED = COMPONENT / "lib"


def problems_of(zips: list[Path]) -> list[str]:
    """Everything that is missing or wrong."""
    found = [] if (COMPILED / "index.js").is_file() else ["the component is not compiled: make component"]
    seen: dict[str, Path] = {}
    for path in zips:
        architecture = architecture_of(path) if path.is_file() else None
        if not path.is_file():
            found.append(f"{path} is missing: make package")
        elif architecture is None:
            found.append(f"{path} holds no Linux program named bootstrap for x86_64 or arm64")
        elif architecture in seen:
            found.append(f"{path} is built for {architecture}, like {seen[architecture]}")
        else:
            seen[architecture] = path
    return found


def stage(folder: Path, zips: list[Path]) -> None:
    """Fills the folder, which must not exist."""
    functions = folder / "functions"
    functions.mkdir(parents=True)
    for path in zips:
        shutil.copyfile(path, functions / f"{architecture_of(path)}.zip")
    shutil.copytree(COMPILED, folder / COMPILED.name)
    for path in (COMPONENT / "package.json", COMPONENT / "README.md", ROOT / "LICENSE"):
        shutil.copy(path, folder)


def main() -> int:
    """Checks, then stages."""
    if len(sys.argv) < 3:
        print(f"usage: {sys.argv[0]} FOLDER ZIP...", file=sys.stderr)
        return 2
    folder, zips = Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]
    problems = problems_of(zips)
    if folder.exists():
        problems.append(f"{folder} exists already")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    stage(folder, zips)
    return 0


if __name__ == "__main__":
    sys.exit(main())
