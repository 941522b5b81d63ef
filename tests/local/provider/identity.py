"""IAM: roles and policies. The emulator keeps them and does not enforce them."""

from __future__ import annotations

import json
from typing import Any

from provider.resource import Clients, Inputs, Made, given_only, physical_name


def role(clients: Clients, name: str, given: Inputs) -> Made:
    iam = clients("iam")
    trust = given.take("assumeRolePolicy")
    sent = given_only(
        RoleName=physical_name(name, given),
        # The provider takes a document as it is, too.
        AssumeRolePolicyDocument=trust if isinstance(trust, str) else json.dumps(trust),
        Description=given.take("description"),
    )
    arn = iam.create_role(**sent)["Role"]["Arn"]
    kept = iam.get_role(RoleName=sent["RoleName"])["Role"]
    return Made(sent["RoleName"], {"arn": arn, "name": sent["RoleName"]}, sent, kept)


def role_policy(clients: Clients, name: str, given: Inputs) -> Made:
    iam = clients("iam")
    sent = {
        "RoleName": given.take("role"),
        "PolicyName": physical_name(name, given),
        "PolicyDocument": given.take("policy"),
    }
    iam.put_role_policy(**sent)
    kept = iam.get_role_policy(RoleName=sent["RoleName"], PolicyName=sent["PolicyName"])
    id = f"{sent['RoleName']}:{sent['PolicyName']}"
    return Made(id, {"name": sent["PolicyName"]}, sent, kept)


def role_policy_attachment(clients: Clients, _name: str, given: Inputs) -> Made:
    iam = clients("iam")
    role_name, sent = given.take("role"), {"PolicyArn": given.take("policyArn")}
    iam.attach_role_policy(RoleName=role_name, **sent)
    attached = iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]
    id = f"{role_name}/{sent['PolicyArn']}"
    return Made(id, {}, {"AttachedPolicies": [sent]}, {"AttachedPolicies": attached})


def policy(clients: Clients, name: str, given: Inputs) -> Made:
    iam = clients("iam")
    sent = {"PolicyName": physical_name(name, given), "Description": given.take("description")}
    document = {"PolicyDocument": given.take("policy")}
    arn = iam.create_policy(**sent, **document)["Policy"]["Arn"]
    kept = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=kept["DefaultVersionId"])
    kept["PolicyDocument"] = version["PolicyVersion"]["Document"]
    return Made(arn, {"arn": arn, "name": sent["PolicyName"]}, sent | document, kept)


def caller_identity(clients: Clients, _arguments: dict[str, Any]) -> dict[str, Any]:
    """The function `aws:index/getCallerIdentity`."""
    told = clients("sts").get_caller_identity()
    return {"id": told["Account"], "accountId": told["Account"], "arn": told["Arn"], "userId": told["UserId"]}


def region(clients: Clients, _arguments: dict[str, Any]) -> dict[str, Any]:
    """The function `aws:index/getRegion`: the provider's own region."""
    name = clients("sts").meta.region_name
    return {"id": name, "region": name, "name": name}


MAKERS = {
    "aws:iam/role:Role": role,
    "aws:iam/rolePolicy:RolePolicy": role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": role_policy_attachment,
    "aws:iam/policy:Policy": policy,
}
FUNCTIONS = {
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
}
