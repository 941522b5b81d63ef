"""The bridge's delivery: to functions at once, to queues when the window is over."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from delivery import Delivery
from deployed import Rule

RULE = Rule("state-change", "default")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:start-engines"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:changes"
OTHER = "arn:aws:sqs:us-east-1:000000000000:others"


class DeliveryTo(unittest.TestCase):
    def setUp(self) -> None:
        self.now = 100.0
        clock = mock.patch("delivery.time.monotonic", side_effect=lambda: self.now)
        clock.start()
        self.addCleanup(clock.stop)

    def delivery(self, *targets: str, window: float = 0, matches: bool = True) -> Delivery:
        self.events, self.function, self.queue = mock.Mock(), mock.Mock(), mock.Mock()
        self.events.describe_rule.return_value = {"State": "ENABLED", "EventPattern": "{}"}
        self.events.test_event_pattern.return_value = {"Result": matches}
        self.events.list_targets_by_rule.return_value = {
            "Targets": [{"Arn": target} for target in targets]
        }
        self.queue.get_queue_url.side_effect = lambda QueueName: {"QueueUrl": QueueName}
        self.queue.send_message_batch.return_value = {}
        clients = {"events": self.events, "lambda": self.function, "sqs": self.queue}
        return Delivery(clients.__getitem__, {QUEUE: window})

    def sent(self, to: str = QUEUE) -> list[list[str]]:
        """The messages of each batch that this queue has got."""
        calls: list[Any] = self.queue.send_message_batch.call_args_list
        return [
            [entry["MessageBody"] for entry in call.kwargs["Entries"]]
            for call in calls
            if to.endswith(f":{call.kwargs['QueueUrl']}")
        ]

    def test_a_function_invokes_it_at_once(self) -> None:
        self.assertTrue(self.delivery(FUNCTION, window=9).deliver(RULE, {"n": 1}))
        self.function.invoke.assert_called_once_with(
            FunctionName=FUNCTION, InvocationType="Event", Payload='{"n": 1}'
        )
        self.assertEqual(self.sent(), [])

    def test_a_queue_without_a_window_sends_at_once(self) -> None:
        self.assertTrue(self.delivery(QUEUE).deliver(RULE, {"n": 1}))
        self.assertEqual(self.sent(), [['{"n": 1}']])
        self.function.invoke.assert_not_called()

    def test_a_queue_gathers_until_the_first_message_is_as_old_as_the_window(self) -> None:
        delivery = self.delivery(QUEUE, window=1)
        delivery.deliver(RULE, {"n": 1})
        self.now += 0.9
        delivery.deliver(RULE, {"n": 2})
        self.assertEqual(self.sent(), [])
        self.now += 0.1
        delivery.send_gathered()
        self.assertEqual(self.sent(), [['{"n": 1}', '{"n": 2}']])
        delivery.send_gathered()
        delivery.deliver(RULE, {"n": 3})
        self.assertEqual(len(self.sent()), 1)

    def test_each_queue_has_a_window_of_its_own(self) -> None:
        delivery = self.delivery(QUEUE, OTHER, window=1)
        delivery.deliver(RULE, {"n": 1})
        self.assertEqual((self.sent(QUEUE), self.sent(OTHER)), ([], [['{"n": 1}']]))
        self.now += 1
        delivery.send_gathered()
        self.assertEqual(self.sent(QUEUE), [['{"n": 1}']])
        self.assertEqual(len(self.sent(OTHER)), 1)

    def test_a_queue_sends_as_many_at_once_as_sqs_takes(self) -> None:
        delivery = self.delivery(QUEUE, window=1)
        for n in range(11):
            delivery.deliver(RULE, {"n": n})
        self.now += 1
        delivery.send_gathered()
        self.assertEqual([len(batch) for batch in self.sent()], [10, 1])

    def test_a_message_that_the_queue_does_not_take_is_an_error(self) -> None:
        delivery = self.delivery(QUEUE)
        self.queue.send_message_batch.return_value = {"Failed": [{"Code": "x"}]}
        with self.assertRaisesRegex(RuntimeError, "SendMessageBatch"):
            delivery.deliver(RULE, {"n": 1})

    def test_nobody_gets_what_the_rule_holds_back(self) -> None:
        for target in (FUNCTION, QUEUE):
            self.assertFalse(self.delivery(target, matches=False).deliver(RULE, {"n": 1}))
            self.function.invoke.assert_not_called()
            self.assertEqual(self.sent(), [])


if __name__ == "__main__":
    unittest.main()
