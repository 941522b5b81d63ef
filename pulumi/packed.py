"""A packed function: a zip with the program `bootstrap`. Only reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

# `e_machine` of the ELF header, at this place: https://man7.org/linux/man-pages/man5/elf.5.html
MACHINE_AT = 18
MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}


def architecture_of(packed: Path) -> str | None:
    """What it is built for; None if it holds no Linux program for one of Lambda's architectures."""
    try:
        with zipfile.ZipFile(packed) as archive, archive.open("bootstrap") as binary:
            header = binary.read(MACHINE_AT + 2)
    except (zipfile.BadZipFile, KeyError):
        return None
    is_program = header.startswith(b"\x7fELF") and len(header) == MACHINE_AT + 2
    return MACHINES.get(int.from_bytes(header[MACHINE_AT:], "little")) if is_program else None
