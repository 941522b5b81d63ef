"""Refuses a program that is not what a release promises: `python3 pulumi/static.py MACHINE PROGRAM`.

It must be for the machine (`x86_64`, `aarch64`), and need no loader and so no library of the system. Only reads.
https://man7.org/linux/man-pages/man5/elf.5.html
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

MACHINES = {"x86_64": 0x3E, "aarch64": 0xB7}
# Of the 64-bit header: `e_machine`, `e_phoff`, and `e_phentsize` with `e_phnum`.
MACHINE_AT, HEADERS_AT, SIZES_AT = 18, 32, 54
# A program header that names the loader.
PT_INTERP = 3


def problem(program: bytes, machine: str) -> str | None:
    """What is wrong with it."""
    # 64 bits, little-endian.
    if not program.startswith(b"\x7fELF\x02\x01"):
        return "is no program of 64-bit Linux"
    if struct.unpack_from("<H", program, MACHINE_AT)[0] != MACHINES[machine]:
        return f"is not for {machine}"
    (offset,) = struct.unpack_from("<Q", program, HEADERS_AT)
    size, count = struct.unpack_from("<HH", program, SIZES_AT)
    types = {struct.unpack_from("<I", program, offset + n * size)[0] for n in range(count)}
    return "needs a loader: it is not static" if PT_INTERP in types else None


def main() -> int:
    """Says what is wrong, and ends with 1."""
    if len(sys.argv) != 3 or sys.argv[1] not in MACHINES:
        print(f"usage: {sys.argv[0]} {'|'.join(MACHINES)} PROGRAM", file=sys.stderr)
        return 2
    found = problem(Path(sys.argv[2]).read_bytes(), sys.argv[1])
    if found is not None:
        print(f"{sys.argv[2]} {found}", file=sys.stderr)
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main())
