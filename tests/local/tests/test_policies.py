"""Every IAM document that the Pulumi program emits, judged by parliament.

They are read from the reviewed runs of the program, direct and buffered. A finding of any severity is a failure,
unless it is accepted below.
"""

from __future__ import annotations

import json
import unittest
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # It uses pkg_resources, which says at each import that it will go.
    warnings.simplefilter("ignore")
    import parliament

SNAPSHOTS = Path(__file__).resolve().parents[3] / "pulumi/tests/snapshots"
ACCOUNT = "111122223333"
# The inputs that hold documents, by type.
DOCUMENTS = {
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/policy:Policy": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}
LIST_TASKS = (
    "its data name the container instance; where none is asked for, AWS has been seen to authorize on *, with the condition "
    "ecs:cluster: https://github.com/cdklabs/construct-hub/pull/1207"
)
# By resource, finding and subject: why the statement is right nevertheless. An entry that no longer occurs is a failure.
ACCEPTED: dict[tuple[str, str, str], str] = {
    (f"{holder}{mode}", "RESOURCE_STAR", "['ecs:ListTasks']"): LIST_TASKS
    for holder in ("aws:iam/rolePolicy:RolePolicy::start-engines", "aws:iam/policy:Policy::start-engines-operators")
    for mode in ("", " (buffered)")
} | {
    (f"aws:iam/policy:Policy::start-engines-doctor{mode}", issue, about): reason
    for mode in ("", " (buffered)")
    for issue, about, reason in (
        ("RESOURCE_STAR", "['cloudwatch:DescribeAlarms']", "asked for several alarms at once, of which some may not exist"),
        (
            "RESOURCE_MISMATCH",
            "[{'action': 'logs:DescribeLogGroups', 'required_format': '*'}]",
            "AWS's reference has log groups as its resource (service-authorization/latest/reference/list_amazoncloudwatchlogs.html)",
        ),
    )
}

Document = dict[str, Any]


def registrations() -> list[dict[str, Any]]:
    """Those of the example, and those that buffered mode changes, which come under a name of their own."""
    direct = json.loads((SNAPSHOTS / "up.json").read_text())
    buffered = json.loads((SNAPSHOTS / "buffered.json").read_text())["newOrChanged"]
    return direct + [made | {"resource": f"{made['resource']} (buffered)"} for made in buffered]


def emitted() -> dict[str, Document]:
    """All documents, by the resource that carries them."""
    found = {}
    for made in registrations():
        type, _, name = made["resource"].partition("::")
        if type in DOCUMENTS:
            document = made["inputs"][DOCUMENTS[type]]["json"]
            is_trust = DOCUMENTS[type] == "assumeRolePolicy"
            found[made["resource"]] = of_role(document, name) if is_trust else document
    return found


def of_role(trust: Document, name: str) -> Document:
    """A trust policy speaks of the role that has it; parliament wants that said."""
    resource = {"Resource": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
    return trust | {"Statement": [statement | resource for statement in trust["Statement"]]}


def findings(documents: dict[str, Document]) -> set[tuple[str, str, str]]:
    """What parliament finds: resource, kind, and what it is about."""
    return {
        (resource, finding.issue, str(finding.detail))
        for resource, document in documents.items()
        for finding in parliament.analyze_policy_string(json.dumps(document)).findings
    }


class EmittedDocuments(unittest.TestCase):
    def test_have_no_finding_but_the_accepted_ones_and_all_of_those(self) -> None:
        self.assertEqual(findings(emitted()), set(ACCEPTED))

    def test_are_all_there(self) -> None:
        holders = {made["resource"] for made in registrations() if "Statement" in json.dumps(made)}
        self.assertEqual(set(emitted()), holders)
        self.assertEqual({resource.partition("::")[0] for resource in holders}, set(DOCUMENTS))


class TheCheck(unittest.TestCase):
    def found_with(self, resource: str, **change: Any) -> set[str]:
        """The kinds of new findings, once the first statement of an emitted document is changed."""
        document = emitted()[resource]
        first, *rest = document["Statement"]
        changed = document | {"Statement": [first | change, *rest]}
        return {issue for _, issue, _ in findings({resource: changed}) - set(ACCEPTED)}

    def test_finds_what_is_wrong(self) -> None:
        function = "aws:iam/rolePolicy:RolePolicy::start-engines"
        queue = "aws:sqs/queuePolicy:QueuePolicy::start-engines-undelivered"
        trust = "aws:iam/role:Role::start-engines"
        buffer = "aws:sqs/queuePolicy:QueuePolicy::start-engines-requests (buffered)"
        for resource, change, expected in (
            (function, {"Action": ["ecs:RunTasks"]}, "UNKNOWN_ACTION"),
            (function, {"Action": ["esc:RunTask"]}, "UNKNOWN_PREFIX"),
            (function, {"Resource": "*"}, "RESOURCE_STAR"),
            (function, {"Resource": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:x"]}, "RESOURCE_MISMATCH"),
            (function, {"Condition": {"StringEquals": {"ecs:task": "x"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
            (queue, {"Action": ["sqs:SendMessages"]}, "UNKNOWN_ACTION"),
            (buffer, {"Action": ["sqs:SendMessages"]}, "UNKNOWN_ACTION"),
            (trust, {"Action": ["sts:AssumeRoles"]}, "UNKNOWN_ACTION"),
        ):
            with self.subTest(change=change):
                self.assertIn(expected, self.found_with(resource, **change))


if __name__ == "__main__":
    unittest.main()
