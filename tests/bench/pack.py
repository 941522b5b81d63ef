"""Packs what is compared as it would be deployed: the programs alone, and Python's with boto3 beside it."""

import importlib.util
import sys
import zipfile
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
# boto3 with all that it needs.
PACKAGES = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"]


def pack(archive: Path, files: list[tuple[Path, str]]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path, name in files:
            out.write(path, name)


def modules() -> list[tuple[Path, str]]:
    files = []
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        origin = Path(found.origin)
        if not found.submodule_search_locations:
            files.append((origin, origin.name))
            continue
        root = origin.parent
        inside = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
        files.extend((path, str(path.relative_to(root.parent))) for path in inside)
    return files


def main(folder: Path, others: list[str]) -> None:
    pack(folder / "floor.zip", [(folder / "packed/floor/bootstrap", "bootstrap")])
    pack(folder / "runtime-only.zip", [(folder / "packed/runtime-only/bootstrap", "bootstrap")])
    pack(folder / "trimmed.zip", [(folder / "packed/trimmed/bootstrap", "bootstrap")])
    pack(folder / "default.zip", [(folder / "release/default", "bootstrap")])
    pack(folder / "javascript.zip", [(folder / "javascript/index.js", "index.js")])
    if (folder / "go/bootstrap").exists():
        pack(folder / "go.zip", [(folder / "go/bootstrap", "bootstrap")])
    pack(folder / "python.zip", [(PEERS / "python/bootstrap.py", "bootstrap.py"), *modules()])
    for other in others:
        name, path = other.split("=", 1)
        pack(folder / f"{name}.zip", [(Path(path), "bootstrap")])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
