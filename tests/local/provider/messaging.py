"""SQS queues and SNS topics."""

from __future__ import annotations

from provider.resource import Clients, Inputs, Made, given_only, physical_name


def queue(clients: Clients, _name: str, given: Inputs) -> Made:
    sqs = clients("sqs")
    name, visibility = given.take("name"), given.take("visibilityTimeoutSeconds")
    sent = given_only(
        MessageRetentionPeriod=str(given.take("messageRetentionSeconds")),
        SqsManagedSseEnabled=str(given.take("sqsManagedSseEnabled")).lower(),
        VisibilityTimeout=None if visibility is None else str(visibility),
        RedrivePolicy=given.take("redrivePolicy"),
    )
    url = sqs.create_queue(QueueName=name, Attributes=sent)["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return Made(url, {"arn": kept["QueueArn"], "url": url}, sent, kept)


def queue_policy(clients: Clients, _name: str, given: Inputs) -> Made:
    sqs = clients("sqs")
    url, sent = given.take("queueUrl"), {"Policy": given.take("policy")}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=sent)
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    return Made(url, {}, sent, kept)


def redrive_allow_policy(clients: Clients, _name: str, given: Inputs) -> Made:
    sqs = clients("sqs")
    url, sent = given.take("queueUrl"), {"RedriveAllowPolicy": given.take("redriveAllowPolicy")}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=sent)
    names = ["RedriveAllowPolicy"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return Made(url, {}, sent, kept)


def topic(clients: Clients, name: str, given: Inputs) -> Made:
    sns = clients("sns")
    name = physical_name(name, given)
    arn = sns.create_topic(Name=name)["TopicArn"]
    kept = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return Made(arn, {"arn": arn, "name": name}, {"TopicArn": arn}, kept)


def topic_subscription(clients: Clients, _name: str, given: Inputs) -> Made:
    sns = clients("sns")
    sent = {
        "TopicArn": given.take("topic"),
        "Protocol": given.take("protocol"),
        "Endpoint": given.take("endpoint"),
    }
    sns.subscribe(**sent)
    kept = sns.list_subscriptions_by_topic(TopicArn=sent["TopicArn"])
    arn = kept["Subscriptions"][0]["SubscriptionArn"]
    return Made(arn, {"arn": arn}, {"Subscriptions": [sent]}, kept)


MAKERS = {
    "aws:sqs/queue:Queue": queue,
    "aws:sqs/queuePolicy:QueuePolicy": queue_policy,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": redrive_allow_policy,
    "aws:sns/topic:Topic": topic,
    "aws:sns/topicSubscription:TopicSubscription": topic_subscription,
}
