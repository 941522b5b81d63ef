"""Lambda: the function, its permissions, event source mappings and on-failure destination."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import wait
from provider.layers import unpacked
from provider.resource import Clients, Inputs, Made, given_only, pascal

ACTIVE_SECONDS = 20.0
# The emulator does not give a function its own endpoint.
ENDPOINT = "AWS_ENDPOINT_URL"
SIGNING = "CodeSigningConfigArn"


def function(clients: Clients, _name: str, given: Inputs) -> Made:
    lambda_ = clients("lambda")
    zipped = Path(given.take("code")["path"]).read_bytes()
    variables = given.take("environment")["variables"]
    layers = given.take("layers", [])
    name = given.take("name")
    sent = {
        "FunctionName": name,
        "Description": given.take("description"),
        "Runtime": given.take("runtime"),
        "Handler": given.take("handler"),
        "Architectures": given.take("architectures"),
        "Role": given.take("role"),
        "Timeout": given.take("timeout"),
        "MemorySize": given.take("memorySize"),
    }
    signing = given.take("codeSigningConfigArn")
    sent |= given_only(
        TracingConfig=pascal(given.take("tracingConfig")),
        LoggingConfig=pascal(given.take("loggingConfig")),
        VpcConfig=pascal(given.take("vpcConfig")),
        KMSKeyArn=given.take("kmsKeyArn"),
    )
    changed = {ENDPOINT: lambda_.meta.endpoint_url} | unpacked(variables, layers)
    # The provider's value for no reserved concurrency.
    if given.take("reservedConcurrentExecutions") != -1:
        raise ValueError("the example sets no reserved concurrency")
    arn = lambda_.create_function(
        **sent, Layers=layers, Environment={"Variables": changed}, Code={"ZipFile": zipped}
    )["FunctionArn"]
    kept = wait.until(
        "the function to be active",
        lambda: _active(lambda_.get_function_configuration(FunctionName=name)),
        ACTIVE_SECONDS,
    )
    if signing is not None:
        # A call of its own, since MiniStack forgets what CreateFunction says of it.
        lambda_.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=signing)
        kept |= {SIGNING: lambda_.get_function_code_signing_config(FunctionName=name)[SIGNING]}
        sent[SIGNING] = signing
    sent |= {"Layers": [{"Arn": layer} for layer in layers], "Environment": {"Variables": variables}}
    sent["CodeSha256"] = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    outputs = {"arn": arn, "codeSha256": sent["CodeSha256"]}
    return Made(name, outputs, sent, kept, frozenset({f"Environment.Variables.{ENDPOINT}"}))


def _active(configuration: dict[str, object]) -> dict[str, object] | None:
    return configuration if configuration["State"] == "Active" else None


def permission(clients: Clients, _name: str, given: Inputs) -> Made:
    lambda_ = clients("lambda")
    name, sid = given.take("function"), given.take("statementId")
    action, service, source = (given.take(key) for key in ("action", "principal", "sourceArn"))
    lambda_.add_permission(
        FunctionName=name, StatementId=sid, Action=action, Principal=service, SourceArn=source
    )
    policy = json.loads(lambda_.get_policy(FunctionName=name)["Policy"])
    kept = next(statement for statement in policy["Statement"] if statement["Sid"] == sid)
    sent = {
        "Effect": "Allow",
        "Action": action,
        "Principal": {"Service": service},
        "Condition": {"ArnLike": {"AWS:SourceArn": source}},
    }
    return Made(sid, {}, sent, kept)


def invoke_config(clients: Clients, _name: str, given: Inputs) -> Made:
    lambda_ = clients("lambda")
    name = given.take("functionName")
    sent = {
        "MaximumRetryAttempts": given.take("maximumRetryAttempts"),
        "MaximumEventAgeInSeconds": given.take("maximumEventAgeInSeconds"),
        "DestinationConfig": pascal(given.take("destinationConfig")),
    }
    lambda_.put_function_event_invoke_config(FunctionName=name, **sent)
    kept = lambda_.get_function_event_invoke_config(FunctionName=name)
    return Made(name, {}, sent, kept)


def event_source_mapping(clients: Clients, _name: str, given: Inputs) -> Made:
    lambda_ = clients("lambda")
    name = given.take("functionName")
    sent = {
        "EventSourceArn": given.take("eventSourceArn"),
        "BatchSize": given.take("batchSize"),
        "MaximumBatchingWindowInSeconds": given.take("maximumBatchingWindowInSeconds"),
        "ScalingConfig": pascal(given.take("scalingConfig")),
        "FunctionResponseTypes": given.take("functionResponseTypes"),
    }
    id = lambda_.create_event_source_mapping(FunctionName=name, **sent)["UUID"]
    kept = wait.until(
        "the event source mapping to be enabled",
        lambda: _enabled(lambda_.get_event_source_mapping(UUID=id)),
        ACTIVE_SECONDS,
    )
    return Made(id, {}, sent, kept)


def _enabled(mapping: dict[str, object]) -> dict[str, object] | None:
    return mapping if mapping["State"] == "Enabled" else None


MAKERS = {
    "aws:lambda/function:Function": function,
    "aws:lambda/eventSourceMapping:EventSourceMapping": event_source_mapping,
    "aws:lambda/permission:Permission": permission,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": invoke_config,
}
