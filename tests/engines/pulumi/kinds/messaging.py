"""SQS queues and SNS topics."""

from __future__ import annotations

from kinds.kind import Clients, Kind, State


def _attributes(clients: Clients, url: str) -> dict[str, str]:
    answer = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def _read_queue(clients: Clients, id: str, state: State) -> State | None:
    found = _attributes(clients, id)
    # SQS has a default where the program says nothing.
    asked = {"visibilityTimeoutSeconds": int(found["VisibilityTimeout"])} if "visibilityTimeoutSeconds" in state else {}
    return asked | {
        "name": found["QueueArn"].rsplit(":", 1)[-1],
        "messageRetentionSeconds": int(found["MessageRetentionPeriod"]),
        "sqsManagedSseEnabled": found["SqsManagedSseEnabled"] == "true",
        "redrivePolicy": found.get("RedrivePolicy"),
    }


def _update_queue(clients: Clients, id: str, _old: State, new: State) -> None:
    sent = {
        "MessageRetentionPeriod": str(new["messageRetentionSeconds"]),
        "SqsManagedSseEnabled": str(new["sqsManagedSseEnabled"]).lower(),
        "VisibilityTimeout": str(new.get("visibilityTimeoutSeconds", 30)),
        "RedrivePolicy": new.get("redrivePolicy", ""),
    }
    clients("sqs").set_queue_attributes(QueueUrl=id, Attributes=sent)


def _of_attribute(document: str, attribute: str, input: str) -> Kind:
    """A resource that is an attribute of a queue."""

    def read(clients: Clients, id: str, _state: State) -> State | None:
        text = _attributes(clients, id).get(attribute)
        return {"queueUrl": id, input: text} if text else None

    def put(clients: Clients, id: str, text: str) -> None:
        clients("sqs").set_queue_attributes(QueueUrl=id, Attributes={attribute: text})

    return Kind(
        document=document,
        replaces=frozenset({"queueUrl"}),
        documents=frozenset({input}),
        read=read,
        update=lambda clients, id, _, new: put(clients, id, new[input]),
        delete=lambda clients, id, _: put(clients, id, ""),
        is_named=False,
    )


def _read_topic(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("sns").get_topic_attributes(TopicArn=id)["Attributes"]
    return {"name": found["TopicArn"].rsplit(":", 1)[-1]}


def _read_subscription(clients: Clients, _id: str, state: State) -> State | None:
    # Not by its own ARN: an address that has not confirmed yet has none.
    answer = clients("sns").list_subscriptions_by_topic(TopicArn=state["topic"])
    found = next((each for each in answer["Subscriptions"] if each["Endpoint"] == state["endpoint"]), None)
    return found and {"topic": found["TopicArn"], "protocol": found["Protocol"], "endpoint": found["Endpoint"]}


KINDS = {
    "aws:sqs/queue:Queue": Kind(
        document="sqs_queue",
        replaces=frozenset({"name"}),
        documents=frozenset({"redrivePolicy"}),
        read=_read_queue,
        update=_update_queue,
        delete=lambda clients, id, _: clients("sqs").delete_queue(QueueUrl=id),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _of_attribute("sqs_queue_policy", "Policy", "policy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _of_attribute(
        "sqs_queue_redrive_allow_policy", "RedriveAllowPolicy", "redriveAllowPolicy"
    ),
    "aws:sns/topic:Topic": Kind(
        document="sns_topic",
        replaces=frozenset({"name"}),
        read=_read_topic,
        delete=lambda clients, id, _: clients("sns").delete_topic(TopicArn=id),
    ),
    "aws:sns/topicSubscription:TopicSubscription": Kind(
        document="sns_topic_subscription",
        replaces=frozenset({"topic", "protocol", "endpoint"}),
        read=_read_subscription,
        delete=lambda clients, id, _: clients("sns").unsubscribe(SubscriptionArn=id),
        is_named=False,
    ),
}
