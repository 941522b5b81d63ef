"""Where the deployed stack differs from what the program registered, and why.

Facts about MiniStack 1.5.33. The table is exact: a deviation that is not in it fails the
deployment, and so does an entry that nothing deviates by any more.
"""

from __future__ import annotations

from collections.abc import Set

# By type and property: as the program names it where it was not passed on, in AWS's words
# where it was sent and is not there, or was added.
Deviation = tuple[str, str]

DEVIATIONS: dict[Deviation, str] = {
    ("aws:lambda/function:Function", "Environment.Variables.AWS_ENDPOINT_URL"): (
        "added, since MiniStack does not give a function its own endpoint"
    ),
    ("aws:lambda/function:Function", "Environment.Variables.SETTINGS_FILE"): (
        "names the file where it was unpacked, since MiniStack mounts no layers"
    ),
    ("aws:lambda/function:Function", "Environment.Variables.SERVICES_FILE"): (
        "names the file where it was unpacked, since MiniStack mounts no layers"
    ),
}


def problems(found: Set[Deviation]) -> list[str]:
    """Deviations that are not in the table, and entries of the table that do not occur."""
    known = set(DEVIATIONS)
    return [
        *(f"{type}: {path} was not carried over" for type, path in sorted(found - known)),
        *(f"{type}: {path} is in the table in vain" for type, path in sorted(known - found)),
    ]
