"""IAM's SimulatePrincipalPolicy, by the emulator's own evaluation of policies. Local only.

The emulator's answer is about the first resource only, and without the context that the caller gives. Here its
evaluator gets all of both, with the policies that it keeps for the role. Must not decide anything by itself.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

from stand_in import Answer, Call, PassOn

DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
XML = (("Content-Type", "text/xml"),)
ROLE = ":role/"
# For each policy its statements, as the evaluator has parsed them.
Policies = list[list[Any]]


@functools.cache
def evaluator() -> Any:
    """MiniStack's module; by its file, since a module here has the package's name."""
    file = distribution("ministack").locate_file("ministack/core/iam_evaluator.py")
    spec = importlib.util.spec_from_file_location("iam_evaluator", str(file))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look for their module here.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Simulator:
    """Answers SimulatePrincipalPolicy for roles."""

    def __init__(self, client: Callable[[str], Any], region: str) -> None:
        self._iam, self._region = client("iam"), region

    def answer(self, call: Call, pass_on: PassOn) -> Answer:
        """The decision for each action and resource."""
        form = call.form()
        principal = form["PolicySourceArn"]
        if ROLE not in principal:
            return pass_on(call)
        try:
            policies = self._policies(principal.rsplit("/", 1)[-1])
        except ClientError as error:
            code, message = (escape(error.response["Error"][name]) for name in ("Code", "Message"))
            body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            return Answer(error.response["ResponseMetadata"]["HTTPStatusCode"], XML, body.encode())
        given = context(form)
        results = "".join(
            self._result(principal, action, resource, given, policies)
            for action in members(form, "ActionNames.member")
            for resource in members(form, "ResourceArns.member") or ["*"]
        )
        body = (
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>"
            "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>"
            "</SimulatePrincipalPolicyResponse>"
        )
        return Answer(200, XML, body.encode())

    def _policies(self, role: str) -> Policies:
        """The statements of each policy of a role, inline and attached."""
        iam = self._iam
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            documents.append(found["PolicyVersion"]["Document"])
        return [evaluator().parse_policy_document(document) for document in documents]

    def _result(
        self, principal: str, action: str, resource: str, given: dict[str, Any], policies: Policies
    ) -> str:
        asked = evaluator().EvalContext(
            principal_arn=principal,
            principal_type="AssumedRole",
            principal_account=principal.split(":")[4],
            action=action,
            resource_arn=resource,
            region=self._region,
            service_context=given,
        )
        decision = DECISIONS[evaluator().evaluate(asked, policies).decision]
        missing = "" if decision == "allowed" else _members(lacking(action, given, policies))
        return (
            f"<member><EvalActionName>{escape(action)}</EvalActionName>"
            f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalDecision>{decision}</EvalDecision><MatchedStatements/>"
            f"<MissingContextValues>{missing}</MissingContextValues></member>"
        )


def context(form: dict[str, str]) -> dict[str, Any]:
    """The context entries of a request: a text, or a list of them, by the key in small letters."""
    found: dict[str, Any] = {}
    number = 1
    while f"ContextEntries.member.{number}.ContextKeyName" in form:
        entry = f"ContextEntries.member.{number}"
        values = members(form, f"{entry}.ContextKeyValues.member")
        is_list = form[f"{entry}.ContextKeyType"].endswith("List")
        found[form[f"{entry}.ContextKeyName"].lower()] = values if is_list else values[0]
        number += 1
    return found


def members(form: dict[str, str], name: str) -> list[str]:
    """The values of `NAME.1`, `NAME.2` and so on."""
    found: list[str] = []
    while f"{name}.{len(found) + 1}" in form:
        found.append(form[f"{name}.{len(found) + 1}"])
    return found


def lacking(action: str, given: dict[str, Any], policies: Policies) -> list[str]:
    """The keys that conditions on this action ask for, and the caller has not given."""
    keys = {
        key
        for statement in (each for statements in policies for each in statements)
        if any(evaluator().fnmatch_iam(action, allowed) for allowed in statement.actions)
        for conditions in statement.conditions.values()
        for key in conditions
    }
    return sorted(key for key in keys if key.lower() not in given)


def _members(values: list[str]) -> str:
    return "".join(f"<member>{escape(value)}</member>" for value in values)
