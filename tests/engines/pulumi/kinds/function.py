"""Lambda: the function, its permissions, event source mappings and on-failure destination."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import wait
from kinds.kind import Clients, Kind, State, camel, given_only
from provider.function import ACTIVE_SECONDS, ENDPOINT, SIGNING
from provider.layers import mounted, unpacked
from provider.resource import pascal

IPV6 = "ipv6AllowedForDualStack"


def _read_function(clients: Clients, id: str, state: State) -> State | None:
    lambda_ = clients("lambda")
    found = lambda_.get_function_configuration(FunctionName=id)
    variables = {name: value for name, value in found["Environment"]["Variables"].items() if name != ENDPOINT}
    layers = [layer["Arn"] for layer in found.get("Layers", [])]
    reserved = lambda_.get_function_concurrency(FunctionName=id).get("ReservedConcurrentExecutions", -1)
    signing = lambda_.get_function_code_signing_config(FunctionName=id)[SIGNING]
    # AWS keeps no archive, but says what was uploaded.
    is_kept = found["CodeSha256"] == state["codeSha256"]
    return {
        "tracingConfig": camel(found["TracingConfig"]),
        "loggingConfig": camel(found["LoggingConfig"]),
        "vpcConfig": _vpc(found["VpcConfig"], state.get("vpcConfig") or {}),
        "kmsKeyArn": found.get("KMSKeyArn") or None,
        "codeSigningConfigArn": signing or None,
        "name": found["FunctionName"],
        "description": found["Description"],
        "runtime": found["Runtime"],
        "handler": found["Handler"],
        "architectures": found["Architectures"],
        "role": found["Role"],
        "timeout": found["Timeout"],
        "memorySize": found["MemorySize"],
        "environment": {"variables": mounted(variables)},
        "layers": layers,
        "reservedConcurrentExecutions": reserved,
        "code": state["code"] if is_kept else state["code"] | {"hash": found["CodeSha256"]},
    }


def _vpc(kept: State, given: State) -> State | None:
    """Nothing if the function is in no VPC."""
    if not kept["SubnetIds"]:
        return None
    found = {"subnetIds": kept["SubnetIds"], "securityGroupIds": kept["SecurityGroupIds"]}
    is_dual = bool(kept.get("Ipv6AllowedForDualStack"))
    # What is not given is false to the provider.
    return found | ({IPV6: is_dual} if is_dual or IPV6 in given else {})


def _update_function(clients: Clients, id: str, old: State, new: State) -> None:
    lambda_ = clients("lambda")
    if new["reservedConcurrentExecutions"] != -1:
        raise ValueError("the example sets no reserved concurrency")
    lambda_.delete_function_concurrency(FunctionName=id)
    lambda_.update_function_configuration(
        FunctionName=id,
        Description=new["description"],
        Runtime=new["runtime"],
        Handler=new["handler"],
        Role=new["role"],
        Timeout=new["timeout"],
        MemorySize=new["memorySize"],
        Layers=new["layers"],
        Environment={
            "Variables": unpacked(new["environment"]["variables"], new["layers"]) | {ENDPOINT: lambda_.meta.endpoint_url}
        },
        # What is left out is taken back, but for what is `computed`.
        VpcConfig=pascal(new.get("vpcConfig")) or {"SubnetIds": [], "SecurityGroupIds": []},
        KMSKeyArn=new.get("kmsKeyArn", ""),
        **given_only(TracingConfig=pascal(new.get("tracingConfig")), LoggingConfig=pascal(new.get("loggingConfig"))),
    )
    _until_updated(clients, id)
    if signing := new.get("codeSigningConfigArn"):
        lambda_.put_function_code_signing_config(FunctionName=id, CodeSigningConfigArn=signing)
    elif old.get("codeSigningConfigArn"):
        lambda_.delete_function_code_signing_config(FunctionName=id)
    if new["code"]["hash"] != old["code"]["hash"] or new["architectures"] != old["architectures"]:
        zipped = Path(new["code"]["path"]).read_bytes()
        lambda_.update_function_code(FunctionName=id, ZipFile=zipped, Architectures=new["architectures"])
        _until_updated(clients, id)
        new["codeSha256"] = base64.b64encode(hashlib.sha256(zipped).digest()).decode()


def _until_updated(clients: Clients, id: str) -> None:
    def is_updated() -> bool:
        found = clients("lambda").get_function_configuration(FunctionName=id)
        return bool(found.get("LastUpdateStatus", "Successful") == "Successful" and found["State"] == "Active")

    wait.until("the function to be updated", is_updated, ACTIVE_SECONDS)


def _read_layer_version(clients: Clients, id: str, state: State) -> State | None:
    found = clients("lambda").get_layer_version_by_arn(Arn=id)
    is_kept = found["Content"]["CodeSha256"] == state["codeSha256"]
    return {
        "layerName": found["LayerArn"].rsplit(":", 1)[-1],
        "description": found["Description"],
        "compatibleRuntimes": found["CompatibleRuntimes"],
        "code": state["code"] if is_kept else state["code"] | {"hash": found["Content"]["CodeSha256"]},
    }


def _delete_layer_version(clients: Clients, id: str, state: State) -> None:
    clients("lambda").delete_layer_version(LayerName=state["layerName"], VersionNumber=int(state["version"]))


def _read_permission(clients: Clients, id: str, state: State) -> State | None:
    policy = json.loads(clients("lambda").get_policy(FunctionName=state["function"])["Policy"])
    found = next((each for each in policy["Statement"] if each["Sid"] == id), None)
    return found and {
        "function": state["function"],
        "statementId": found["Sid"],
        "action": found["Action"],
        "principal": found["Principal"]["Service"],
        "sourceArn": found["Condition"]["ArnLike"]["AWS:SourceArn"],
    }


def _read_invoke_config(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("lambda").get_function_event_invoke_config(FunctionName=id)
    destinations = {name: value for name, value in found["DestinationConfig"].items() if value}
    return {
        "functionName": id,
        "maximumRetryAttempts": found["MaximumRetryAttempts"],
        "maximumEventAgeInSeconds": found["MaximumEventAgeInSeconds"],
        "destinationConfig": camel(destinations),
    }


def _put_invoke_config(clients: Clients, id: str, _old: State, new: State) -> None:
    clients("lambda").put_function_event_invoke_config(
        FunctionName=id,
        MaximumRetryAttempts=new["maximumRetryAttempts"],
        MaximumEventAgeInSeconds=new["maximumEventAgeInSeconds"],
        DestinationConfig=pascal(new["destinationConfig"]),
    )


def _read_source_mapping(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("lambda").get_event_source_mapping(UUID=id)
    return {
        "eventSourceArn": found["EventSourceArn"],
        "functionName": found["FunctionArn"].rsplit(":", 1)[-1],
        "batchSize": found["BatchSize"],
        "maximumBatchingWindowInSeconds": found["MaximumBatchingWindowInSeconds"],
        "scalingConfig": camel(found["ScalingConfig"]),
        "functionResponseTypes": found["FunctionResponseTypes"],
    }


def _update_source_mapping(clients: Clients, id: str, _old: State, new: State) -> None:
    clients("lambda").update_event_source_mapping(
        UUID=id,
        FunctionName=new["functionName"],
        BatchSize=new["batchSize"],
        MaximumBatchingWindowInSeconds=new["maximumBatchingWindowInSeconds"],
        ScalingConfig=pascal(new["scalingConfig"]),
        FunctionResponseTypes=new["functionResponseTypes"],
    )


KINDS = {
    "aws:lambda/function:Function": Kind(
        document="lambda_function",
        replaces=frozenset({"name"}),
        sets=frozenset({"vpcConfig.subnetIds", "vpcConfig.securityGroupIds"}),
        computed=frozenset({"architectures", "tracingConfig", "loggingConfig"}),
        read=_read_function,
        update=_update_function,
        delete=lambda clients, id, _: clients("lambda").delete_function(FunctionName=id),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Kind(
        document="lambda_event_source_mapping",
        replaces=frozenset({"eventSourceArn"}),
        sets=frozenset({"functionResponseTypes"}),
        read=_read_source_mapping,
        update=_update_source_mapping,
        delete=lambda clients, id, _: clients("lambda").delete_event_source_mapping(UUID=id),
        is_named=False,
    ),
    "aws:lambda/layerVersion:LayerVersion": Kind(
        document="lambda_layer_version",
        replaces=frozenset({"layerName", "description", "compatibleRuntimes", "code"}),
        sets=frozenset({"compatibleRuntimes"}),
        read=_read_layer_version,
        delete=_delete_layer_version,
        is_named=False,
    ),
    "aws:lambda/permission:Permission": Kind(
        document="lambda_permission",
        replaces=frozenset({"function", "statementId", "action", "principal", "sourceArn"}),
        read=_read_permission,
        delete=lambda clients, id, state: clients("lambda").remove_permission(
            FunctionName=state["function"], StatementId=id
        ),
        is_named=False,
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Kind(
        document="lambda_function_event_invoke_config",
        replaces=frozenset({"functionName"}),
        read=_read_invoke_config,
        update=_put_invoke_config,
        delete=lambda clients, id, _: clients("lambda").delete_function_event_invoke_config(FunctionName=id),
        is_named=False,
    ),
}
