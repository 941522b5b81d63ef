"""`pulumi-language-nodejs`: starts a program of Node as Pulumi's own language host does, which no Go module proxy has.

It runs `@pulumi/pulumi/cmd/run` of the program's packages, as the real one does. Must not know the program.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2 as pb, language_pb2_grpc, plugin_pb2

import install
import plugin

# The exit code of a program that has told the engine itself what is wrong.
# https://github.com/pulumi/pulumi: nodeJSProcessExitedAfterLoggingUserActionableMessage
LOGGED = 32
VERSION = install.VERSION.removeprefix("v")


class NodePlugin(language_pb2_grpc.LanguageRuntimeServicer):
    """The calls of the engine."""

    def __init__(self) -> None:
        self._engine = ""
        self._program: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """Ends the program, if it runs."""
        if self._program is not None:
            self._program.kill()

    def Handshake(self, request: Any, _context: Any) -> Any:
        self._engine = request.engine_address
        return pb.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def About(self, _request: Any, _context: Any) -> Any:
        return pb.AboutResponse(executable="node")

    def GetRequiredPlugins(self, _request: Any, _context: Any) -> Any:
        return pb.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, _request: Any, _context: Any) -> Any:
        return pb.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, _request: Any, _context: Any) -> Any:
        return pb.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, _request: Any, _context: Any) -> Any:
        return pb.RuntimeOptionsResponse()

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    def Run(self, request: Any, _context: Any) -> Any:
        folder = Path(request.info.program_directory)
        # npm puts what several programs of a workspace need into a folder above them.
        find = ["node", "-p", "require.resolve('@pulumi/pulumi/cmd/run')"]
        run = subprocess.run(find, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        command = [
            "node",
            run,
            f"--monitor={request.monitor_address}",
            f"--engine={self._engine}",
            f"--project={request.project}",
            f"--stack={request.stack}",
            f"--pwd={request.pwd}",
            f"--organization={request.organization}",
            *(["--dry-run"] if request.dryRun else []),
            *([f"--parallel={request.parallel}"] if request.parallel > 0 else []),
            request.info.entry_point,
        ]
        environment = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            "PULUMI_NODEJS_TYPESCRIPT": "true",
        }
        self._program = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        status = self._program.wait()
        if status == LOGGED:
            return pb.RunResponse(bail=True)
        error = f"the program ended with exit code {status}" if status else ""
        return pb.RunResponse(error=error)


if __name__ == "__main__":
    node = NodePlugin()
    plugin.serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(plugin.told(node), server), node.end
    )
