"""IAM: roles and policies."""

from __future__ import annotations

import json

from kinds.kind import Clients, Kind, State

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_POLICY_VERSIONS = 5


def _read_role(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("iam").get_role(RoleName=id)["Role"]
    return {
        "name": found["RoleName"],
        "assumeRolePolicy": json.dumps(found["AssumeRolePolicyDocument"]),
        "description": found.get("Description"),
    }


def _update_role(clients: Clients, id: str, _old: State, new: State) -> None:
    iam = clients("iam")
    iam.update_assume_role_policy(RoleName=id, PolicyDocument=new["assumeRolePolicy"])
    iam.update_role(RoleName=id, Description=new.get("description", ""))


def _of_role(state: State) -> dict[str, str]:
    return {"RoleName": state["role"], "PolicyName": state["name"]}


def _read_role_policy(clients: Clients, _id: str, state: State) -> State | None:
    found = clients("iam").get_role_policy(**_of_role(state))
    return {
        "role": found["RoleName"],
        "name": found["PolicyName"],
        "policy": json.dumps(found["PolicyDocument"]),
    }


def _read_attachment(clients: Clients, _id: str, state: State) -> State | None:
    attached = clients("iam").list_attached_role_policies(RoleName=state["role"])["AttachedPolicies"]
    is_attached = any(each["PolicyArn"] == state["policyArn"] for each in attached)
    return {"role": state["role"], "policyArn": state["policyArn"]} if is_attached else None


def _read_policy(clients: Clients, id: str, _state: State) -> State | None:
    iam = clients("iam")
    found = iam.get_policy(PolicyArn=id)["Policy"]
    version = iam.get_policy_version(PolicyArn=id, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    return {
        "name": found["PolicyName"],
        "description": found["Description"],
        "policy": json.dumps(version["Document"]),
    }


def _other_versions(clients: Clients, id: str) -> list[str]:
    """All but the default, oldest first."""
    versions = clients("iam").list_policy_versions(PolicyArn=id)["Versions"]
    others = [each["VersionId"] for each in versions if not each["IsDefaultVersion"]]
    return sorted(others, key=lambda version: int(version.removeprefix("v")))


def _update_policy(clients: Clients, id: str, _old: State, new: State) -> None:
    others = _other_versions(clients, id)
    if len(others) + 1 >= MAX_POLICY_VERSIONS:
        clients("iam").delete_policy_version(PolicyArn=id, VersionId=others[0])
    clients("iam").create_policy_version(PolicyArn=id, PolicyDocument=new["policy"], SetAsDefault=True)


def _delete_policy(clients: Clients, id: str, _state: State) -> None:
    for version in _other_versions(clients, id):
        clients("iam").delete_policy_version(PolicyArn=id, VersionId=version)
    clients("iam").delete_policy(PolicyArn=id)


KINDS = {
    "aws:iam/role:Role": Kind(
        document="iam_role",
        replaces=frozenset({"name"}),
        documents=frozenset({"assumeRolePolicy"}),
        read=_read_role,
        update=_update_role,
        delete=lambda clients, id, _: clients("iam").delete_role(RoleName=id),
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        document="iam_role_policy",
        replaces=frozenset({"name", "role"}),
        documents=frozenset({"policy"}),
        read=_read_role_policy,
        update=lambda clients, _, old, new: clients("iam").put_role_policy(
            **_of_role(old), PolicyDocument=new["policy"]
        ),
        delete=lambda clients, _, state: clients("iam").delete_role_policy(**_of_role(state)),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        document="iam_role_policy_attachment",
        replaces=frozenset({"role", "policyArn"}),
        read=_read_attachment,
        delete=lambda clients, _, state: clients("iam").detach_role_policy(
            RoleName=state["role"], PolicyArn=state["policyArn"]
        ),
        is_named=False,
    ),
    "aws:iam/policy:Policy": Kind(
        document="iam_policy",
        replaces=frozenset({"name", "description"}),
        documents=frozenset({"policy"}),
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
}
