"""What `doctor` finds in the emulator and would not find on AWS. Facts about MiniStack 1.5.33, each looked up in its code.

Must be kept true when the pin changes: an artefact that does not occur any more fails the test too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from looking import Finding

# By check, level and message (the whole of it): why.
ARTEFACTS: dict[tuple[str, str, str], str] = {
    (
        "permissions",
        "failure",
        r"the function's role may not call (ecs:RunTask|ecs:ListTasks|iam:PassRole|events:PutEvents) on .*",
    ): "SimulatePrincipalPolicy reads no ContextEntries: it denies what a statement allows with a condition",
    (
        "permissions",
        "not_checked",
        r"IAM's simulator says nothing of .*",
    ): "SimulatePrincipalPolicy reads the first of the resources only",
    (
        "target group",
        "failure",
        r"no listener and no rule of a load balancer forwards to (auth|billing)-\w+: its targets stay unused",
    ): "LoadBalancerArns has the load balancers whose listeners forward by default, and not those that do by a rule",
    (
        "subnets",
        "failure",
        r"subnet-\w+ is in the zone us-east-1b, and the load balancer engines-tcp-\w+ only in us-east-1a, us-east-1a: .*",
    ): "DescribeLoadBalancers shows each subnet in the zone a",
    (
        "settings",
        "not_checked",
        r"its variables name /.*/settings\.json, which is in no layer, and is not looked at",
    ): "it unpacks no layer: the provider here does, and names the files where it has put them",
    ("catalog", "not_checked", r"/.*/services\.json is in none of its layers, or is no JSON"): "the same",
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
