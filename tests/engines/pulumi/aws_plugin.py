"""`pulumi-resource-aws`: the AWS provider that Pulumi's engine starts, over the demo's emulator.

It creates with the demo's provider (`tests/local/provider`), and does with `kinds` what Pulumi's AWS provider does
beside: check, diff, read, update and delete. It knows the emulator by AWS_ENDPOINT_URL. What a test wants to happen in
between (`orders.py`) it does at the named call. Must not know the program.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from typing import Any

import boto3
from botocore.config import Config
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as pb, provider_pb2_grpc

import plugin
from install import AWS_VERSION
from kinds import KINDS
from kinds.kind import Kind, State, is_gone
from orders import Orders
from plugin import plain, struct
from provider import MAKERS, Provider
from provider.deviations import DEVIATIONS

VERSION = AWS_VERSION.removeprefix("v")
# The inputs whose values Check has made: the name that Pulumi's bridge for such providers uses.
DEFAULTS = "__defaults"
NAME_LENGTH = 7


class AwsPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """The calls of the engine. Several at a time."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        # Of a provider that the program makes itself; else that of the environment.
        self._region: str | None = None
        lock = threading.Lock()

        @functools.cache
        def cached(service: str) -> Any:
            # Nothing is tried twice: a test that makes a call fail means this one.
            config = Config(retries={"total_max_attempts": 1}, proxies={}, max_pool_connections=32)
            return boto3.client(service, region_name=self._region, config=config)

        def clients(service: str) -> Any:
            with lock:
                return cached(service)

        self._clients = clients

    def Handshake(self, _request: Any, _context: Any) -> Any:
        return pb.ProviderHandshakeResponse(accept_secrets=False, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, _request: Any, _context: Any) -> Any:
        return pb.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, _context: Any) -> Any:
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, _request: Any, _context: Any) -> Any:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, _context: Any) -> Any:
        # Called once, before anything is asked.
        self._region = plain(getattr(request, "args")).get("region")
        return pb.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    def Invoke(self, request: Any, _context: Any) -> Any:
        answer = Provider(self._clients).invoke(request.tok, plain(getattr(request, "args")))
        return pb.InvokeResponse(**{"return": struct(answer)})

    def Check(self, request: Any, _context: Any) -> Any:
        """Gives a name to what the program gives none, the same one as before."""
        kind, _, name = self._kind(request.urn)
        news, olds = plain(request.news), plain(request.olds)
        if kind.is_named and "name" not in news:
            kept = olds["name"] if "name" in olds.get(DEFAULTS, []) else None
            # As the bridge: random, but the same in whatever one update asks.
            made = hashlib.sha256(request.randomSeed).hexdigest()[:NAME_LENGTH]
            news |= {"name": kept or f"{name}-{made}"}
            news[DEFAULTS] = ["name"]
        else:
            news[DEFAULTS] = []
        return pb.CheckResponse(inputs=struct(news))

    def Diff(self, request: Any, _context: Any) -> Any:
        kind, _, _ = self._kind(request.urn)
        olds, news = plain(request.old_inputs), plain(request.news)
        names = {*news, *(olds.keys() - kind.computed)} - {DEFAULTS}
        changed = sorted(name for name in names if not kind.is_same(name, olds.get(name), news.get(name)))
        replaces = [name for name in changed if name in kind.replaces]
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # As the bridge: two cannot have one name, and where the program has given it, it does not ask which.
            # https://github.com/pulumi/pulumi-terraform-bridge: nameRequiresDeleteBeforeReplace
            deleteBeforeReplace=bool(replaces) and kind.is_named and "name" not in news[DEFAULTS],
        )

    def Create(self, request: Any, _context: Any) -> Any:
        _, type, name = self._kind(request.urn)
        inputs = plain(request.properties)
        if request.preview:
            return pb.CreateResponse(properties=struct(inputs))
        with self._orders.call("create", type, name):
            provider = Provider(self._clients)
            made = provider.create(type, name, {key: value for key, value in inputs.items() if key != DEFAULTS})
            if found := provider.deviations - DEVIATIONS.keys():
                raise ValueError(f"not carried over: {sorted(found)}")
        return pb.CreateResponse(id=made.id, properties=struct(inputs | made.state))

    def Read(self, request: Any, _context: Any) -> Any:
        kind, type, name = self._kind(request.urn)
        state, inputs = plain(request.properties), plain(request.inputs)
        with self._orders.call("read", type, name):
            kept = self._read(kind, request.id, state)
        if kept is None:
            return pb.ReadResponse()
        if unread := inputs.keys() - kept.keys() - {DEFAULTS}:
            raise ValueError(f"{type}: nobody reads {sorted(unread)}")
        # What means the same stays as the program has written it.
        now = {
            key: inputs[key] if key in inputs and kind.is_same(key, inputs[key], value) else value
            for key, value in kept.items()
            if key in inputs or key not in kind.computed
        }
        now = {key: value for key, value in now.items() if value not in (None, "", [], {}) or key in inputs}
        now[DEFAULTS] = inputs.get(DEFAULTS, [])
        outputs = {key: value for key, value in state.items() if key not in inputs}
        return pb.ReadResponse(id=request.id, properties=struct(outputs | now), inputs=struct(now))

    def Update(self, request: Any, _context: Any) -> Any:
        kind, type, name = self._kind(request.urn)
        state, olds, news = plain(request.olds), plain(request.old_inputs), plain(request.news)
        outputs = {key: value for key, value in state.items() if key not in olds}
        if request.preview:
            return pb.UpdateResponse(properties=struct(outputs | news))
        if kind.update is None:
            raise ValueError(f"nothing of {type} can be updated")
        given = {key: value for key, value in news.items() if key != DEFAULTS}
        with self._orders.call("update", type, name):
            kind.update(self._clients, request.id, state, given)
            kept = self._read(kind, request.id, outputs | given) or {}
        lost = {key for key in news.keys() - {DEFAULTS} if not kind.is_same(key, kept.get(key), news[key])}
        if lost:
            raise ValueError(f"{type}: the update of {sorted(lost)} was not carried over")
        return pb.UpdateResponse(properties=struct(outputs | news | given))

    def Delete(self, request: Any, _context: Any) -> Any:
        kind, type, name = self._kind(request.urn)
        state = plain(request.properties)
        with self._orders.call("delete", type, name):
            try:
                kind.delete(self._clients, request.id, state)
            except Exception as error:
                # Deleted by hand; or what was said to be gone is something else, which the next line finds.
                if not is_gone(error):
                    raise
            # The emulator deletes what is in a thing with the thing, so that nothing else would show it.
            if self._read(kind, request.id, state) is not None:
                raise ValueError(f"{type}: {request.id} is still there after its delete")
        return empty_pb2.Empty()

    def _read(self, kind: Kind, id: str, state: State) -> State | None:
        try:
            return kind.read(self._clients, id, state)
        except Exception as error:
            if is_gone(error):
                return None
            raise

    @staticmethod
    def _kind(urn: str) -> tuple[Kind, str, str]:
        """What is known of the type, the type, and the program's name of the resource."""
        _, _, types, name = urn.split("::", 3)
        type = types.rsplit("$", 1)[-1]
        if type not in KINDS or type not in MAKERS:
            raise ValueError(f"{name}: nobody makes a {type} in the emulator")
        return KINDS[type], type, name


if __name__ == "__main__":
    plugin.serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(
            plugin.told(AwsPlugin(Orders.from_environment())), server
        )
    )
