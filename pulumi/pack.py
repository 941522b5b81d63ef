"""Packs a function's binary for Lambda: one executable named `bootstrap` in a zip.

Same binary, same zip: the entry has a fixed time and mode, whatever the file on disk has. Must not
build anything.
"""

import sys
import zipfile
from pathlib import Path

# The earliest time that a zip can contain.
TIME = (1980, 1, 1, 0, 0, 0)
# A regular file that every user may read and execute.
MODE = 0o100755


def pack(binary: Path, archive: Path) -> None:
    entry = zipfile.ZipInfo("bootstrap", TIME)
    entry.external_attr = MODE << 16
    entry.create_system = 3  # Unix, also when packed on another system
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as to:
        to.writestr(entry, binary.read_bytes(), compresslevel=9)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} BINARY ARCHIVE")
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
