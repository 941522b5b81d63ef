"""What a process and all that it has started have of this machine: processes, and sockets that listen. Linux only.

They are known by a mark in their environment, which each process hands to those that it starts. Must not end anything.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
# In /proc/net/tcp: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
LISTENS, STATE, INODE = "0A", 3, 9


def processes(mark: str) -> set[int]:
    """Those that have the mark in their environment, and have not ended."""
    found: set[int] = set()
    for place in PROC.glob("[0-9]*"):
        # One that has ended meanwhile, or is of somebody else.
        with contextlib.suppress(OSError):
            if mark.encode() in (place / "environ").read_bytes():
                found.add(int(place.name))
    return found


def sockets(of: Iterable[int]) -> set[str]:
    """The sockets of these processes that listen, each by its inode, which names it alone."""
    own: set[str] = set()
    for process in of:
        with contextlib.suppress(OSError):
            for file in (PROC / str(process) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    own.update(re.findall(r"^socket:\[(\d+)\]$", str(file.readlink())))
    return own & listening()


def listening() -> set[str]:
    """All sockets that listen."""
    lines = [line for name in ("tcp", "tcp6") for line in (PROC / "net" / name).read_text().splitlines()[1:]]
    return {fields[INODE] for fields in map(str.split, lines) if fields[STATE] == LISTENS}
