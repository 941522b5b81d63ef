"""What `doctor` finds on this stack and would not find on AWS, with the playground's stand-ins before the emulator.

Must be kept true when the pin changes: an artefact that does not occur any more fails the test too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from looking import Finding

# By check, level and message (the whole of it): why.
ARTEFACTS: dict[tuple[str, str, str], str] = {
    (
        "image",
        "not_checked",
        r"registry\.example/engine:1 is in another registry, which is not looked at",
    ): "of the test: the image is in no registry",
}


def unexplained(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are not well, and no artefact."""
    return [each for each in found if each.level != "ok" and _artefact(each) is None]


def missing(found: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """The artefacts that do not occur."""
    occurring = {_artefact(each) for each in found}
    return [artefact for artefact in ARTEFACTS if artefact not in occurring]


def _artefact(finding: Finding) -> tuple[str, str, str] | None:
    for check, level, message in ARTEFACTS:
        if (check, level) == (finding.check, finding.level) and re.fullmatch(message, finding.message):
            return check, level, message
    return None
