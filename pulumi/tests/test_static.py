"""`static.py`, on headers as linkers write them."""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "static.py"
X86_64, ARM64 = 0x3E, 0xB7
LOAD, INTERP = 1, 3


def elf(machine: int, *types: int) -> bytes:
    """A program with program headers of these types, right after its own header."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<H", header, 18, machine)
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, len(types))
    return bytes(header) + b"".join(struct.pack("<I", kind).ljust(56, b"\0") for kind in types)


class Static(unittest.TestCase):
    def said(self, machine: str, program: bytes) -> tuple[int, str]:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(program)
            words = [sys.executable, str(SCRIPT), machine, file.name]
            ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
            return ended.returncode, ended.stderr.replace(file.name, "it").strip()

    def test_a_static_program_for_the_machine_is_taken(self) -> None:
        self.assertEqual(self.said("x86_64", elf(X86_64, LOAD, LOAD)), (0, ""))
        self.assertEqual(self.said("aarch64", elf(ARM64, LOAD)), (0, ""))

    def test_one_with_a_loader_for_another_machine_or_of_another_kind_is_refused(self) -> None:
        self.assertEqual(self.said("x86_64", elf(X86_64, LOAD, INTERP)), (1, "it needs a loader: it is not static"))
        self.assertEqual(self.said("aarch64", elf(X86_64, LOAD)), (1, "it is not for aarch64"))
        self.assertEqual(self.said("x86_64", b"#!/bin/sh\n"), (1, "it is no program of 64-bit Linux"))


if __name__ == "__main__":
    unittest.main()
