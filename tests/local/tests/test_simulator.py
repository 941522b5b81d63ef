"""SimulatePrincipalPolicy as the playground answers it, read by AWS's own SDK: what it decides, and its shape."""

from __future__ import annotations

import json
import unittest
from typing import Any

import boto3
from botocore.exceptions import ClientError

from simulator import Simulator
from stand_in import StandIn

REGION = "us-east-1"
ROLE = "arn:aws:iam::111122223333:role/engines/function"
CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/engines"
TASKS = "arn:aws:ecs:us-east-1:111122223333:task/engines/*"
TASK = "arn:aws:ecs:us-east-1:111122223333:task/engines/1"
ELSEWHERE = "arn:aws:ecs:us-east-1:111122223333:task/other/1"
BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
ATTACHED = "arn:aws:iam::111122223333:policy/attached"


def statement(action: str, resource: str = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource} | more


INLINE = [
    statement("ecs:StopTask", TASKS),
    statement("ecs:RunTask", Condition={"ArnEquals": {"ecs:cluster": CLUSTER}}),
    statement("ecs:TagResource", effect="Deny"),
    statement("ecs:TagResource"),
]


class Iam:
    """A role as IAM keeps it: an inline policy, an attached one and, if there is one, a permissions boundary."""

    def __init__(self, *boundary: dict[str, Any]) -> None:
        self._documents = {ATTACHED: [statement("ec2:DescribeNetworkInterfaces")], BOUNDARY: list(boundary)}
        named = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": BOUNDARY}
        self._role = {"PermissionsBoundary": named} if boundary else {}

    def get_role(self, RoleName: str) -> dict[str, Any]:
        if RoleName != "function":
            error = {"Code": "NoSuchEntity", "Message": f"The role with name {RoleName} cannot be found."}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 404}}, "GetRole")
        return {"Role": self._role}

    def list_role_policies(self, RoleName: str) -> dict[str, Any]:
        self.get_role(RoleName)
        return {"PolicyNames": ["inline"]}

    def get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        return {"PolicyDocument": {"Statement": INLINE}}

    def list_attached_role_policies(self, RoleName: str) -> dict[str, Any]:
        return {"AttachedPolicies": [{"PolicyArn": ATTACHED}]}

    def get_policy(self, PolicyArn: str) -> dict[str, Any]:
        return {"Policy": {"DefaultVersionId": "v2"}}

    def get_policy_version(self, PolicyArn: str, VersionId: str) -> dict[str, Any]:
        assert VersionId == "v2"
        return {"PolicyVersion": {"Document": {"Statement": self._documents[PolicyArn]}}}


class ASimulation(unittest.TestCase):
    def ask(self, *actions: str, boundary: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
        """The answer, as the SDK reads it."""
        iam = Iam(*boundary)
        stand_in = StandIn(lambda: 0, {"SimulatePrincipalPolicy": Simulator(lambda _service: iam, REGION).answer})
        self.addCleanup(stand_in.close)
        stand_in.start()
        client = boto3.client(
            "iam",
            region_name=REGION,
            endpoint_url=stand_in.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.addCleanup(client.close)
        given = {"PolicySourceArn": ROLE, "ActionNames": list(actions)} | more
        answer: dict[str, Any] = client.simulate_principal_policy(**given)
        del answer["ResponseMetadata"]
        return answer

    def decision(self, action: str, **more: Any) -> str:
        [result] = self.ask(action, **more)["EvaluationResults"]
        return str(result["EvalDecision"])

    def test_the_three_decisions(self) -> None:
        self.assertEqual(self.decision("ec2:DescribeNetworkInterfaces"), "allowed")
        self.assertEqual(self.decision("ecs:TagResource"), "explicitDeny")
        self.assertEqual(self.decision("ecs:ListTasks"), "implicitDeny")

    def test_of_all_resources_there_is_one_result(self) -> None:
        for answer in (self.ask("ecs:RunTask"), self.ask("ecs:RunTask", ResourceArns=["*"])):
            self.assertEqual(
                answer,
                {
                    "EvaluationResults": [
                        {
                            "EvalActionName": "ecs:RunTask",
                            "EvalResourceName": "*",
                            "EvalDecision": "implicitDeny",
                            "MatchedStatements": [],
                            "MissingContextValues": ["ecs:cluster"],
                        }
                    ],
                    "IsTruncated": False,
                },
            )

    def test_of_named_resources_each_has_its_own(self) -> None:
        [result] = self.ask("ecs:StopTask", ResourceArns=[TASK, ELSEWHERE])["EvaluationResults"]
        # The key of another action's statement is missing too.
        specific = [
            {
                "EvalResourceName": resource,
                "EvalResourceDecision": decision,
                "MatchedStatements": [],
                "MissingContextValues": ["ecs:cluster"],
                "EvalDecisionDetails": {},
            }
            for resource, decision in ((TASK, "allowed"), (ELSEWHERE, "implicitDeny"))
        ]
        self.assertEqual(
            result,
            {
                "EvalActionName": "ecs:StopTask",
                "EvalDecision": "implicitDeny",
                "MatchedStatements": [],
                "MissingContextValues": ["ecs:cluster"],
                "EvalDecisionDetails": {},
                "ResourceSpecificResults": specific,
            },
        )

    def test_context_is_given_or_missing(self) -> None:
        def entry(value: str) -> dict[str, Any]:
            return {"ContextKeyName": "ecs:cluster", "ContextKeyType": "string", "ContextKeyValues": [value]}

        self.assertEqual(self.decision("ecs:RunTask", ContextEntries=[entry(CLUSTER)]), "allowed")
        self.assertEqual(self.decision("ecs:RunTask", ContextEntries=[entry(f"{CLUSTER}2")]), "implicitDeny")
        [result] = self.ask("ecs:RunTask", ResourceArns=[TASK])["EvaluationResults"]
        [specific] = result["ResourceSpecificResults"]
        self.assertEqual(specific["MissingContextValues"], ["ecs:cluster"])

    def test_what_the_boundary_does_not_allow_is_denied(self) -> None:
        only_stop = (statement("ecs:StopTask", TASK),)
        self.assertEqual(self.decision("ec2:DescribeNetworkInterfaces", boundary=only_stop), "implicitDeny")
        # A boundary gives nothing by itself.
        self.assertEqual(self.decision("ecs:ListTasks", boundary=(statement("*"),)), "implicitDeny")
        denies = (statement("*"), statement("ec2:*", effect="Deny"))
        self.assertEqual(self.decision("ec2:DescribeNetworkInterfaces", boundary=denies), "explicitDeny")

    def test_the_boundarys_part_is_told_of_each_resource(self) -> None:
        only_one = (statement("ecs:StopTask", TASK), statement("ecs:ListTasks"))
        other = TASK.replace("/1", "/2")
        [result] = self.ask("ecs:StopTask", boundary=only_one, ResourceArns=[TASK, other])["EvaluationResults"]
        found = [
            (each["EvalResourceDecision"], each["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
            for each in result["ResourceSpecificResults"]
        ]
        self.assertEqual(found, [("allowed", True), ("implicitDeny", False)])
        self.assertEqual(result["EvalDecision"], "implicitDeny")
        self.assertEqual(result["PermissionsBoundaryDecisionDetail"], {"AllowedByPermissionsBoundary": False})
        # What only the boundary allows is not what it denies.
        [listed] = self.ask("ecs:ListTasks", boundary=only_one)["EvaluationResults"]
        self.assertEqual(listed["EvalDecision"], "implicitDeny")
        self.assertEqual(listed["PermissionsBoundaryDecisionDetail"], {"AllowedByPermissionsBoundary": True})

    def test_the_boundarys_conditions_ask_for_context_too(self) -> None:
        tagged = statement("ec2:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})
        [result] = self.ask("ec2:DescribeNetworkInterfaces", boundary=(tagged,))["EvaluationResults"]
        self.assertEqual(result["EvalDecision"], "implicitDeny")
        self.assertEqual(result["MissingContextValues"], ["aws:PrincipalTag/team", "ecs:cluster"])

    def test_documents_that_are_given_count(self) -> None:
        def document(action: str) -> list[str]:
            return [json.dumps({"Statement": [statement(action)]})]

        self.assertEqual(self.decision("ecs:ListTasks", PolicyInputList=document("ecs:List*")), "allowed")
        boundary = (statement("ec2:*"),)
        given = {"PermissionsBoundaryPolicyInputList": document("ecs:*")}
        self.assertEqual(self.decision("ec2:DescribeNetworkInterfaces", boundary=boundary, **given), "implicitDeny")

    def test_a_long_answer_comes_in_pages(self) -> None:
        actions = [f"ecs:Action{number}" for number in range(101)]
        first = self.ask(*actions)
        self.assertEqual((len(first["EvaluationResults"]), first["IsTruncated"]), (100, True))
        rest = self.ask(*actions, Marker=first["Marker"])
        self.assertEqual([each["EvalActionName"] for each in rest["EvaluationResults"]], ["ecs:Action100"])
        self.assertFalse(rest["IsTruncated"])
        self.assertEqual(len(self.ask(*actions, MaxItems=3)["EvaluationResults"]), 3)

    def test_what_it_does_not_evaluate_is_refused(self) -> None:
        with self.assertRaisesRegex(ClientError, "InvalidInput.*ResourcePolicy"):
            self.ask("ecs:StopTask", ResourcePolicy="{}")

    def test_a_role_that_does_not_exist(self) -> None:
        with self.assertRaises(ClientError) as raised:
            self.ask("ecs:StopTask", PolicySourceArn="arn:aws:iam::111122223333:role/nobody")
        error = raised.exception.response["Error"]
        self.assertEqual(error, {"Type": "Sender", "Code": "NoSuchEntity", "Message": error["Message"]})
        self.assertIn("nobody", error["Message"])


if __name__ == "__main__":
    unittest.main()
