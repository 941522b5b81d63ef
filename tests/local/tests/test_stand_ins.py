"""What stands before the emulator in a playground: each part alone, on answers of the emulator's shape."""

from __future__ import annotations

import http.client
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from bridge import Bridge
from deployed import Rule
from engine import EnginePool
from entrance import Entrance
from events import FAILED, RUNNING, STARTING, STOPPED, NetworkInterface, described
from health import CHECKING, HEALTHY, NOT_REGISTERED, REFUSED, Checked, Health, HealthChecks, asked, check
from health import described as health_described
from health import mismatch, passes
from load_balancers import users_of_groups
from simulator import context, evaluator, lacking, members
from stand_in import Answer, Call, StandIn

GROUP = {
    "Protocol": "HTTP",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "traffic-port",
    "HealthCheckPath": "/",
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 3,
    "UnhealthyThresholdCount": 2,
    "Matcher": {"HttpCode": "200"},
}
NOT_FOUND = mismatch(404)


def form(text: str) -> Call:
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Call("POST", "/", kind, text.encode())


class HealthOfATarget(unittest.TestCase):
    def after(self, *results: Health | None, protocol: str = "HTTP") -> Health:
        """The state after these checks, of which nothing is one that it has passed."""
        checked = Checked(0.0)
        for result in results:
            checked.take(result, GROUP | {"Protocol": protocol})
        return checked.health

    def test_an_application_load_balancers_new_target_needs_one_check(self) -> None:
        self.assertEqual(self.after(), CHECKING)
        self.assertEqual(self.after(None), HEALTHY)
        self.assertEqual(self.after(None, None, protocol="TCP"), CHECKING)
        self.assertEqual(self.after(None, None, None, protocol="TCP"), HEALTHY)

    def test_it_is_initial_until_as_many_checks_have_failed_as_the_threshold_says(self) -> None:
        self.assertEqual(self.after(NOT_FOUND), CHECKING)
        self.assertEqual(self.after(NOT_FOUND, NOT_FOUND), NOT_FOUND)

    def test_one_that_was_unhealthy_needs_the_healthy_threshold(self) -> None:
        failed = (NOT_FOUND, NOT_FOUND)
        self.assertEqual(self.after(*failed, None, None), NOT_FOUND)
        self.assertEqual(self.after(*failed, None, None, None), HEALTHY)
        self.assertEqual(self.after(*failed, None, None, NOT_FOUND, None), NOT_FOUND)

    def test_a_check_is_a_request_to_the_target_itself(self) -> None:
        engine = EnginePool().start("auth", "1", 0, frozenset({"/"}))
        target = (engine.address, int(engine._server.server_address[1]))
        try:
            self.assertEqual(check(target, GROUP), NOT_FOUND)
            self.assertIsNone(check(target, GROUP | {"HealthCheckPath": "/auth/"}))
            self.assertIsNone(check(target, GROUP | {"Matcher": {"HttpCode": "200,400-404"}}))
            self.assertIsNone(check(target, GROUP | {"HealthCheckProtocol": "TCP"}))
        finally:
            engine.stop()
        self.assertEqual(check(target, GROUP), REFUSED)
        self.assertEqual(check(target, GROUP | {"HealthCheckProtocol": "TCP"}), REFUSED)

    def test_codes_that_pass(self) -> None:
        for code, matcher, right in (
            (200, "200", True),
            (204, "200", False),
            (204, "200-299", True),
            (302, "200,302", True),
            (300, "200-299,302", False),
        ):
            self.assertEqual(passes(code, matcher), right, (code, matcher))

    def test_the_answer_has_the_states_and_what_is_not_registered(self) -> None:
        answer = (
            b'<R xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><TargetHealthDescriptions><member>'
            b"<Target><Id>10.0.1.11</Id><Port>8080</Port></Target><HealthStatus>healthy</HealthStatus>"
            b"<TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions></R>"
        )
        fields = form(
            "Action=DescribeTargetHealth&Targets.member.1.Id=10.0.1.11&Targets.member.1.Port=8080"
            "&Targets.member.2.Id=10.0.1.12&Targets.member.2.Port=8080"
        ).form()
        wanted = asked(fields)
        self.assertEqual(wanted, [("10.0.1.11", 8080), ("10.0.1.12", 8080)])
        told = health_described(answer, wanted, lambda _group, _target: NOT_FOUND, "arn").decode()
        self.assertEqual(told.count("<member>"), 2)
        for text in (
            "<State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason>",
            "<Id>10.0.1.12</Id><Port>8080</Port>",
            f"<State>unused</State><Reason>{NOT_REGISTERED.reason}</Reason>",
        ):
            self.assertIn(text, told)
        self.assertNotIn("<State>healthy</State>", told)


class ATask(unittest.TestCase):
    # As the emulator describes one that was stopped.
    TASK: dict[str, Any] = {
        "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/1",
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "UserInitiated",
        "stoppedReason": "CannotPullContainerError: no",
        "version": 4,
        "attachments": [],
        "containers": [{"name": "auth", "lastStatus": "STOPPED", "exitCode": 0}],
        **dict.fromkeys(("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt"), 1.0),
        **dict.fromkeys(("stoppingAt", "stoppedAt", "executionStoppedAt"), 2.0),
    }

    def test_is_told_as_far_as_its_events_are(self) -> None:
        interface = NetworkInterface("10.0.1.11", "subnet-1")
        early = described(self.TASK, STARTING[0], None)
        self.assertEqual((early["lastStatus"], early["version"], early["attachments"]), ("PROVISIONING", 1, []))
        later = {"pullStartedAt", "startedAt", "stoppingAt", "stoppedAt", "stopCode", "stoppedReason"}
        self.assertFalse(later & early.keys())
        running = described(self.TASK, RUNNING, interface)
        self.assertIn("startedAt", running)
        self.assertFalse({"stoppedAt", "stopCode"} & running.keys())
        self.assertEqual(running["containers"][0]["networkInterfaces"][0]["privateIpv4Address"], "10.0.1.11")
        self.assertNotIn("exitCode", running["containers"][0])
        stopped = described(self.TASK, STOPPED, interface)
        self.assertEqual((stopped["stopCode"], stopped["containers"][0]["exitCode"]), ("UserInitiated", 0))
        self.assertEqual(stopped["attachments"][0]["status"], "DELETED")

    def test_whose_image_cannot_be_pulled_has_never_run(self) -> None:
        failed = described(self.TASK, FAILED[-1], NetworkInterface("10.0.1.11", "subnet-1"))
        self.assertEqual((failed["lastStatus"], failed["stopCode"]), ("STOPPED", "TaskFailedToStart"))
        self.assertNotIn("startedAt", failed)
        [container] = failed["containers"]
        self.assertEqual(container["reason"], "CannotPullContainerError: no")
        self.assertNotIn("exitCode", container)


class Others(unittest.TestCase):
    def test_a_target_group_is_used_by_default_actions_and_by_rules(self) -> None:
        class Elb:
            def describe_load_balancers(self) -> dict[str, Any]:
                return {"LoadBalancers": [{"LoadBalancerArn": "alb"}]}

            def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:
                default = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "default"}]}}
                return {"Listeners": [{"ListenerArn": "listener", "DefaultActions": [default]}]}

            def describe_rules(self, ListenerArn: str) -> dict[str, Any]:
                fixed, forward = {"Type": "fixed-response"}, {"Type": "forward", "TargetGroupArn": "rule"}
                return {"Rules": [{"Actions": [fixed]}, {"Actions": [forward]}]}

        self.assertEqual(users_of_groups(Elb()), {"default": {"alb"}, "rule": {"alb"}})

    def test_the_evaluator_gets_the_context_and_says_what_is_missing(self) -> None:
        fields = form(
            "Action=SimulatePrincipalPolicy&ContextEntries.member.1.ContextKeyName=ecs:cluster"
            "&ContextEntries.member.1.ContextKeyType=string&ContextEntries.member.1.ContextKeyValues.member.1=one"
            "&ContextEntries.member.2.ContextKeyName=aws:TagKeys&ContextEntries.member.2.ContextKeyType=stringList"
            "&ContextEntries.member.2.ContextKeyValues.member.1=a&ContextEntries.member.2.ContextKeyValues.member.2=b"
        ).form()
        given = context(fields)
        self.assertEqual(given, {"ecs:cluster": "one", "aws:tagkeys": ["a", "b"]})
        statement = {
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            "Resource": "*",
            "Condition": {"StringEquals": {"ecs:cluster": "one", "aws:Missing": "x"}},
        }
        policies = [evaluator().parse_policy_document({"Statement": [statement]})]
        # Whatever action is asked for.
        self.assertEqual(lacking(given, policies), ["aws:Missing"])

        def decide(context: dict[str, Any]) -> str:
            asked = evaluator().EvalContext(
                principal_arn="arn:aws:iam::111122223333:role/r",
                principal_type="AssumedRole",
                principal_account="111122223333",
                action="ecs:RunTask",
                resource_arn="*",
                region="us-east-1",
                service_context=context,
            )
            return str(evaluator().evaluate(asked, policies).decision)

        self.assertEqual(decide(given | {"aws:missing": "x"}), "Allow")
        self.assertEqual(decide(given | {"aws:missing": "x", "ecs:cluster": "two"}), "ImplicitDeny")

    def test_a_list_of_the_query_protocol_ends_at_its_first_gap(self) -> None:
        self.assertEqual(members({"A.1": "x", "A.2": "y", "A.4": "z"}, "A"), ["x", "y"])


class WhatWasNotStarted(unittest.TestCase):
    def test_can_be_closed(self) -> None:
        """A signal may come between the making of each and its start."""

        def client(_service: str) -> Any:
            return None

        StandIn(lambda: 0).close()
        HealthChecks(client).close()
        Entrance(client, "engines", "111122223333", "us-east-1").close()
        Bridge(client, "engines", Rule("rule", "bus"), "subnet", 8080).close()


class AStandIn(unittest.TestCase):
    def test_passes_on_what_it_has_no_answer_for(self) -> None:
        class Emulator(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                text = f"{self.command} {self.path} {self.headers['X-Amz-Target']} {body.decode()}".encode()
                self.send_response(418)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        emulator = ThreadingHTTPServer(("127.0.0.1", 0), Emulator)
        threading.Thread(target=emulator.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(emulator.server_close)
        self.addCleanup(emulator.shutdown)
        own = Answer(200, (("X-Own", "yes"),), b"own")
        stand_in = StandIn(lambda: int(emulator.server_address[1]), {"Mine": lambda _call, _pass_on: own})
        self.addCleanup(stand_in.close)
        stand_in.start()
        self.assertEqual(self.ask(stand_in, "Service.Mine"), (200, "own"))
        self.assertEqual(self.ask(stand_in, "Service.Other"), (418, "POST /a?b=c Service.Other body"))
        stand_in.answer({"Other": lambda _call, _pass_on: own})
        self.assertEqual(self.ask(stand_in, "Service.Other"), (200, "own"))

    def ask(self, stand_in: StandIn, target: str) -> tuple[int, str]:
        place = urlsplit(stand_in.endpoint)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        try:
            connection.request("POST", "/a?b=c", b"body", {"X-Amz-Target": target})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def test_an_operation_is_named_by_each_protocol(self) -> None:
        json_call = Call("POST", "/", {"x-amz-target": "AWSEvents.PutEvents"}, b"{}")
        rest = Call("GET", "/2015-03-31/functions/f?Qualifier=1", {}, b"")
        query = form("Action=DescribeTargetHealth&Version=2015-12-01")
        names = [call.operation for call in (json_call, query, rest)]
        self.assertEqual(names, ["PutEvents", "DescribeTargetHealth", "GET /2015-03-31/functions/f"])


if __name__ == "__main__":
    unittest.main()
