"""What Lambda tells of the function: its variables as the program has registered them. Local only.

MiniStack gives a function neither an endpoint nor the files of its layers, so that the provider has changed variables
(`provider/deviations.py`). Must not change anything else.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from provider.function import ENDPOINT
from provider.layers import mounted
from stand_in import Answer, Call, PassOn

API = "/2015-03-31/functions"


def get_function(call: Call, pass_on: PassOn) -> Answer:
    """GetFunction and GetFunctionConfiguration, as they would answer on AWS."""
    told = pass_on(call)
    if told.status != 200:
        return told
    answer: dict[str, Any] = json.loads(told.body)
    configuration = answer.get("Configuration", answer)
    variables = mounted(configuration["Environment"]["Variables"])
    variables.pop(ENDPOINT, None)
    configuration["Environment"]["Variables"] = variables
    return dataclasses.replace(told, body=json.dumps(answer).encode())


def places(name: str) -> tuple[str, str]:
    """Where the two are asked for, as `Call.operation` names them."""
    return f"GET {API}/{name}", f"GET {API}/{name}/configuration"
