"""What every plugin of Pulumi's engine is: a process that serves gRPC on a port of 127.0.0.1, which it prints.

It ends when the engine does. Must not know what it serves.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2

THREADS = 32
LOOK_SECONDS = 0.2
# An archive of the catalog's size is far below; the default of 4 MB is not much for a state.
MAX_MESSAGE = 64 * 1024 * 1024


def serve(add: Callable[[grpc.Server], None], at_end: Callable[[], None] = lambda: None) -> None:
    """Serves what `add` adds, until the engine is gone; `at_end` ends what was started for it."""
    # First of all: the engine may be killed at any time.
    engine = os.getppid()
    size = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=size)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine's way of ending a plugin.
    signal.signal(signal.SIGINT, lambda *_: _end(at_end, 0))
    print(port, flush=True)
    threading.Thread(target=_end_with, args=(engine, at_end), daemon=True).start()
    server.wait_for_termination()


def _end_with(engine: int, at_end: Callable[[], None]) -> None:
    """An engine that is killed says nothing; its plugins get another parent."""
    while os.getppid() == engine:
        time.sleep(LOOK_SECONDS)
    _end(at_end, 1)


def _end(at_end: Callable[[], None], status: int) -> None:
    at_end()
    os._exit(status)


def told(servicer: Any) -> Any:
    """The same, with each exception told to the engine in one line."""

    def wrapped(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        @functools.wraps(method)
        def answer(request: Any, context: Any) -> Any:
            try:
                return method(request, context)
            except Exception as error:
                print(f"{method.__name__}: {error!r}", file=sys.stderr, flush=True)
                context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")

        return answer

    for name in vars(type(servicer)):
        if name[0].isupper():
            setattr(servicer, name, wrapped(getattr(servicer, name)))
    return servicer


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """A message's values. Numbers come as floats, and AWS wants integers."""
    values: dict[str, Any] = _whole(json_format.MessageToDict(message))
    return values


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(part) for key, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """The other way round."""
    return json_format.ParseDict(values, struct_pb2.Struct())
