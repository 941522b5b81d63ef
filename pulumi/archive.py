"""Packs a folder for release: `python3 pulumi/archive.py FOLDER ARCHIVE...`, each archive a .tar.gz of the same content.

Same files, same bytes: entries are sorted, and have neither times nor owners. Must not change the folder.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from pathlib import Path


def packed(folder: Path) -> bytes:
    """The archive of all files below the folder, by their paths in it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            # What the owner may do decides; what a umask has left of the others' rights does not.
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return gzip.compress(tar.getvalue(), compresslevel=9, mtime=0)


def main() -> int:
    """Writes each archive."""
    if len(sys.argv) < 3:
        print(f"usage: {sys.argv[0]} FOLDER ARCHIVE...", file=sys.stderr)
        return 2
    content = packed(Path(sys.argv[1]))
    for name in sys.argv[2:]:
        Path(name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
