"""Lambda's layers. MiniStack keeps them and mounts none, so their files are unpacked, and the function is told where.

On AWS they are in /opt: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from provider.resource import Clients, Inputs, Made

# Names a folder that outlives this process, where the emulator does.
FOLDER = "START_ENGINES_LAYERS"
MOUNTED = "/opt/"
# The first time that a zip can name, for the same bytes each time.
FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def layer_version(clients: Clients, _name: str, given: Inputs) -> Made:
    lambda_ = clients("lambda")
    files = {name: asset["text"] for name, asset in given.take("code")["assets"].items()}
    zipped = _zipped(files)
    name = given.take("layerName")
    sent = {
        "Description": given.take("description"),
        "CompatibleRuntimes": given.take("compatibleRuntimes"),
    }
    made = lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": zipped}, **sent)
    arn = made["LayerVersionArn"]
    for file, text in files.items():
        place = _folder() / _folder_name(arn) / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    kept = lambda_.get_layer_version(LayerName=name, VersionNumber=made["Version"])
    sent["Content"] = {"CodeSha256": base64.b64encode(hashlib.sha256(zipped).digest()).decode()}
    outputs = {
        "arn": arn,
        "layerArn": made["LayerArn"],
        "version": str(made["Version"]),
        "codeSha256": kept["Content"]["CodeSha256"],
    }
    return Made(arn, outputs, sent, kept)


def unpacked(variables: Mapping[str, str], arns: Iterable[str]) -> dict[str, str]:
    """The variables with the names of files in layers as the emulator's functions find them."""
    places = [_folder() / _folder_name(arn) for arn in arns]

    def found(value: str) -> str:
        if not value.startswith(MOUNTED):
            return value
        files = [place / value.removeprefix(MOUNTED) for place in places]
        # A later layer covers an earlier one. What is in none is not there, as on AWS.
        return str(next((file for file in reversed(files) if file.exists()), value))

    return {name: found(value) for name, value in variables.items()}


def mounted(variables: Mapping[str, str], unpacked_in: Path | None = None) -> dict[str, str]:
    """The variables as the program has named them, of layers that were unpacked in a folder, or in this process's."""
    folder = f"{unpacked_in or _folder()}/"
    return {
        name: MOUNTED + value.removeprefix(folder).split("/", 1)[1] if value.startswith(folder) else value
        for name, value in variables.items()
    }


def _zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, FIRST_DAY), text)
    return buffer.getvalue()


def _folder_name(arn: str) -> str:
    # With the region, in each of which there may be a layer of this name.
    return arn.replace(":", "-")


@functools.cache
def _folder() -> Path:
    given = os.environ.get(FOLDER)
    if given is not None:
        return Path(given)
    made = Path(tempfile.mkdtemp(prefix="start-engines-layers-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


MAKERS: dict[str, Any] = {"aws:lambda/layerVersion:LayerVersion": layer_version}
