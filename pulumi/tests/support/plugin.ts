/** The plugin as Pulumi's engine uses it: started from its folder, asked over gRPC. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as path from "node:path";

import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as providerProto from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

import { type Fields, PROJECT, STACK } from "./monitor";

const STAGE = path.join(__dirname, "../../stage.py");
/** The stack, which the engine registers before anything else. */
export const STACK_URN = `urn:pulumi:${STACK}::${PROJECT}::pulumi:pulumi:Stack::${PROJECT}-${STACK}`;
/** https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** Fills a folder as the archive does, with these packed functions. */
export function stagePlugin(folder: string, ...zips: readonly string[]): void {
  execFileSync("python3", [STAGE, "plugin", folder, ...zips], { stdio: ["ignore", "inherit", "inherit"] });
}

/** What the engine sends of an output that is known, or, without a value, of one that is not. */
export function outputValue(dependency: string, value?: string): Fields {
  return { [SIGNATURE]: OUTPUT_VALUE, ...(value === undefined ? {} : { value }), dependencies: [dependency] };
}

/** What is constructed. */
export interface Constructed {
  readonly urn: string;
  readonly state: Fields;
}

/** The running plugin. */
export class Plugin {
  private constructor(
    private readonly child: ChildProcess,
    private readonly client: ResourceProviderClient,
    private readonly engine: string,
  ) {}

  /** Starts the plugin of a folder, for an engine. */
  static async start(folder: string, engine: string): Promise<Plugin> {
    const child = spawn(path.join(folder, "pulumi-resource-start-engines"), [engine], {
      // Nothing of this checkout is found from there.
      cwd: folder,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<string>((resolve, reject) => {
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("\n")) resolve(said.trim());
      });
      child.on("error", reject);
      child.on("exit", (code) => {
        reject(new Error(`the plugin has ended with ${String(code)}, and said ${said}`));
      });
    });
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    return new Plugin(child, client, engine);
  }

  async schema(): Promise<unknown> {
    const request = new providerProto.GetSchemaRequest();
    const response = await answer<providerProto.GetSchemaResponse>((done) => this.client.getSchema(request, done));
    return JSON.parse(response.getSchema());
  }

  async version(): Promise<string> {
    const info = await answer<{ getVersion(): string }>((done) => this.client.getPluginInfo(new Empty(), done));
    return info.getVersion();
  }

  async construct(type: string, name: string, inputs: Fields, isPreview: boolean): Promise<Constructed> {
    const request = new providerProto.ConstructRequest();
    request.setProject(PROJECT);
    request.setStack(STACK);
    request.setDryrun(isPreview);
    request.setMonitorendpoint(this.engine);
    request.setParallel(16);
    request.setType(type);
    request.setName(name);
    request.setParent(STACK_URN);
    request.setInputs(Struct.fromJavaScript(inputs));
    request.setAcceptsOutputValues(true);
    request.getConfigMap().set("aws:region", "us-east-1");
    const response = await answer<providerProto.ConstructResponse>((done) => this.client.construct(request, done));
    return { urn: response.getUrn(), state: response.getState()?.toJavaScript() ?? {} };
  }

  /** Ends it. */
  close(): void {
    this.client.close();
    this.child.kill();
  }
}

function answer<Response>(call: (done: grpc.requestCallback<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error !== null) reject(error);
      else if (response === undefined) reject(new Error("no answer"));
      else resolve(response);
    });
  });
}
