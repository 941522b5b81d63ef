"""What Lambda tells of the function: its variables as the program has registered them. Local only.

MiniStack gives a function neither an endpoint nor the files of its layers, so that the provider has changed variables
(`provider/deviations.py`). Must not change anything else.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from provider.function import ENDPOINT
from provider.layers import mounted
from stand_in import Answer, Answerer, Call, PassOn

API = "/2015-03-31/functions"


def function_answerers(name: str, layers: Path | None = None) -> dict[str, Answerer]:
    """GetFunction and GetFunctionConfiguration of one function, as they would answer on AWS.

    `layers` is where the provider has unpacked layers; without it, where this process does.
    """

    def answer(call: Call, pass_on: PassOn) -> Answer:
        told = pass_on(call)
        if told.status != 200:
            return told
        answer: dict[str, Any] = json.loads(told.body)
        configuration = answer.get("Configuration", answer)
        variables = mounted(configuration["Environment"]["Variables"], layers)
        variables.pop(ENDPOINT, None)
        configuration["Environment"]["Variables"] = variables
        return dataclasses.replace(told, body=json.dumps(answer).encode())

    # As `Call.operation` names them.
    return {f"GET {API}/{name}": answer, f"GET {API}/{name}/configuration": answer}
