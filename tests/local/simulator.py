"""IAM's SimulatePrincipalPolicy, by the emulator's own evaluation of policies. Local only.

The emulator's answer is about the first resource only, without the context that the caller gives, and without the
role's permissions boundary. Here its evaluator gets all of them, with the policies that it keeps for the role. Must not
decide anything by itself.

The answer is as IAM's own model describes it:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResourceSpecificResult.html. It leaves out what is optional there
and not known here: the matched statements, what an organization says, and, where resources are given, the template of
their ARNs.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

from stand_in import Answer, Call, PassOn

NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
# The decision of several resources together, the most restrictive one first: so it is said of `EvalDecisionDetails`.
RESTRICTIVE = ("explicitDeny", "implicitDeny", "allowed")
XML = (("Content-Type", "text/xml"),)
ROLE = ":role/"
ANY = "*"
# How many results there are in one answer at most, if the caller does not say so.
MAX_ITEMS = 100
# What would change the decisions, and is not evaluated here.
UNKNOWN = ("ResourcePolicy", "CallerArn", "ResourceOwner", "PolicyExclusionList.", "ResourceHandlingOption")
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


@dataclass(frozen=True)
class Decided:
    """What is said of one action on one resource. The boundary's part is nothing for a role without one."""

    decision: str
    missing: tuple[str, ...]
    allowed_by_boundary: bool | None


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
        unknown = sorted(name for name in form if name.startswith(UNKNOWN))
        if unknown:
            return _error(400, "InvalidInput", f"{unknown[0]}: this stand-in for IAM does not evaluate it")
        try:
            role = principal.rsplit("/", 1)[-1]
            policies, boundary = self._policies(role), self._boundary(role)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return _error(status, error.response["Error"]["Code"], error.response["Error"]["Message"])
        policies += _parsed(members(form, "PolicyInputList.member"))
        given = members(form, "PermissionsBoundaryPolicyInputList.member")
        boundary = _parsed(given) if given else boundary
        return _answer(
            form,
            members(form, "ActionNames.member"),
            members(form, "ResourceArns.member") or [ANY],
            lambda action, resource: self._decide(principal, action, resource, context(form), policies, boundary),
        )

    def _policies(self, role: str) -> Policies:
        """The statements of each policy of a role, inline and attached."""
        iam = self._iam
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return _parsed([*documents, *(self._document(each["PolicyArn"]) for each in attached)])

    def _boundary(self, role: str) -> Policies | None:
        """The statements of a role's permissions boundary."""
        found = self._iam.get_role(RoleName=role)["Role"].get("PermissionsBoundary")
        return None if found is None else _parsed([self._document(found["PermissionsBoundaryArn"])])

    def _document(self, arn: str) -> Any:
        """A managed policy's current document."""
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def _decide(
        self,
        principal: str,
        action: str,
        resource: str,
        given: dict[str, Any],
        policies: Policies,
        boundary: Policies | None,
    ) -> Decided:
        """What IAM's evaluation logic comes to: an explicit deny in either denies, an allow must be in both.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        """
        asked = evaluator().EvalContext(
            principal_arn=principal,
            principal_type="AssumedRole",
            principal_account=principal.split(":")[4],
            action=action,
            resource_arn=resource,
            region=self._region,
            service_context=given,
        )
        limits = [] if boundary is None else [boundary]
        decision = DECISIONS[evaluator().evaluate(asked, policies, *limits).decision]
        missing = lacking(given, [*policies, *(boundary or [])])
        allowed = None if boundary is None else evaluator().evaluate(asked, boundary).decision == "Allow"
        return Decided(decision, tuple(missing), allowed)


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


def lacking(given: dict[str, Any], policies: Policies) -> list[str]:
    """The keys of all conditions, whatever the statement is about, that the caller has not given.

    https://github.com/boto/boto3/issues/3111
    """
    keys = {
        key
        for statement in (each for statements in policies for each in statements)
        for conditions in statement.conditions.values()
        for key in conditions
    }
    return sorted(key for key in keys if key.lower() not in given)


def _parsed(documents: Iterable[Any]) -> Policies:
    return [evaluator().parse_policy_document(document) for document in documents]


def _answer(
    form: dict[str, str], actions: list[str], resources: list[str], decide: Callable[[str, str], Decided]
) -> Answer:
    """A page of results, one for each action."""
    first, size = int(form.get("Marker", "0")), int(form.get("MaxItems", MAX_ITEMS))
    page = actions[first : first + size]
    results = "".join(
        _result(action, {resource: decide(action, resource) for resource in resources}) for action in page
    )
    rest = first + size
    is_truncated = rest < len(actions)
    marker = f"<Marker>{rest}</Marker>" if is_truncated else ""
    body = (
        f'<SimulatePrincipalPolicyResponse xmlns="{NAMESPACE}"><SimulatePrincipalPolicyResult>'
        f"<EvaluationResults>{results}</EvaluationResults>"
        f"<IsTruncated>{_flag(is_truncated)}</IsTruncated>{marker}</SimulatePrincipalPolicyResult>"
        f"{_metadata()}</SimulatePrincipalPolicyResponse>"
    )
    return Answer(200, XML, body.encode())


def _result(action: str, by_resource: dict[str, Decided]) -> str:
    """One action's result: of all resources together and, where they are named, of each.

    `EvalResourceName` beside the action is a template of ARNs, and that of a named resource is with its own result:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    every = list(by_resource.values())
    whole = Decided(
        next(each for each in RESTRICTIVE if each in {one.decision for one in every}),
        tuple(sorted({key for one in every for key in one.missing})),
        None if every[0].allowed_by_boundary is None else all(one.allowed_by_boundary for one in every),
    )
    name = f"<EvalActionName>{escape(action)}</EvalActionName>"
    if list(by_resource) == [ANY]:
        return f"<member>{name}{_decided(whole, 'EvalDecision', ANY)}</member>"
    specific = "".join(
        f"<member>{_decided(one, 'EvalResourceDecision', resource)}<EvalDecisionDetails/></member>"
        for resource, one in by_resource.items()
    )
    return (
        f"<member>{name}{_decided(whole, 'EvalDecision')}<EvalDecisionDetails/>"
        f"<ResourceSpecificResults>{specific}</ResourceSpecificResults></member>"
    )


def _decided(one: Decided, field: str, resource: str = "") -> str:
    name = f"<EvalResourceName>{escape(resource)}</EvalResourceName>" if resource else ""
    missing = "".join(f"<member>{escape(key)}</member>" for key in one.missing)
    boundary = ""
    if one.allowed_by_boundary is not None:
        allowed = f"<AllowedByPermissionsBoundary>{_flag(one.allowed_by_boundary)}</AllowedByPermissionsBoundary>"
        boundary = f"<PermissionsBoundaryDecisionDetail>{allowed}</PermissionsBoundaryDecisionDetail>"
    return (
        f"{name}<{field}>{one.decision}</{field}><MatchedStatements/>"
        f"<MissingContextValues>{missing}</MissingContextValues>{boundary}"
    )


def _error(status: int, code: str, message: str) -> Answer:
    body = (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error>{_request_id()}</ErrorResponse>"
    )
    return Answer(status, XML, body.encode())


def _metadata() -> str:
    return f"<ResponseMetadata>{_request_id()}</ResponseMetadata>"


def _request_id() -> str:
    return f"<RequestId>{uuid.uuid4()}</RequestId>"


def _flag(value: bool) -> str:
    return str(value).lower()
