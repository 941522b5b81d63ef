"""Puts together what is released with the packed functions:

    python3 pulumi/stage.py package|plugin FOLDER ZIP...

`package` is what the npm package `start-engines` holds, for `npm pack`; `plugin` what the archive of the plugin for other
languages holds. Each has its compiled program, the license, and each packed function under the name of its architecture.
Exit code 2: something is missing, all of it is printed. Must not build anything.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from packed import architecture_of

ROOT = Path(__file__).resolve().parents[1]
COMPILED = "lib"


@dataclass(frozen=True)
class Kind:
    """What is staged beside the functions and the compiled program."""

    folder: Path
    # By it one sees that it is compiled.
    main: str
    files: tuple[str, ...]


KINDS = {
    "package": Kind(ROOT / "pulumi" / "component", "index.js", ("package.json", "README.md")),
    # With its package.json Node takes the programs for what they are, wherever the folder is.
    "plugin": Kind(ROOT / "pulumi" / "plugin", "main.js", ("package.json", "schema.json", "pulumi-resource-start-engines")),
}


def problems_of(kind: Kind, zips: list[Path]) -> list[str]:
    """Everything that is missing or wrong."""
    compiled = (kind.folder / COMPILED / kind.main).is_file()
    found = [] if compiled else [f"the {kind.folder.name} is not compiled: make component"]
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


def stage(kind: Kind, folder: Path, zips: list[Path]) -> None:
    """Fills the folder, which must not exist."""
    functions = folder / "functions"
    functions.mkdir(parents=True)
    for path in zips:
        shutil.copyfile(path, functions / f"{architecture_of(path)}.zip")
    shutil.copytree(kind.folder / COMPILED, folder / COMPILED)
    for name in kind.files:
        shutil.copy(kind.folder / name, folder)
    shutil.copy(ROOT / "LICENSE", folder)


def main() -> int:
    """Checks, then stages."""
    if len(sys.argv) < 4 or sys.argv[1] not in KINDS:
        print(f"usage: {sys.argv[0]} {'|'.join(KINDS)} FOLDER ZIP...", file=sys.stderr)
        return 2
    kind, folder, zips = KINDS[sys.argv[1]], Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]]
    problems = problems_of(kind, zips)
    if folder.exists():
        problems.append(f"{folder} exists already")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    stage(kind, folder, zips)
    return 0


if __name__ == "__main__":
    sys.exit(main())
