/**
 * A small engine: what `pulumi` itself puts at the other end of a program, with a provider of the caller's choice.
 *
 * It records every registration. In a preview it asks no provider and answers with the inputs as a provider checks them,
 * so that all else is unknown to the program, as in a first `pulumi preview`. `make test-engines` compares it with
 * Pulumi's own.
 */

import { spawn } from "node:child_process";
import * as path from "node:path";

import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engineProto from "@pulumi/pulumi/proto/engine_pb";
import * as providerProto from "@pulumi/pulumi/proto/provider_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as resourceProto from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

import { withName } from "./automaticNames";
import { yesToEverything } from "./yesToEverything";

const EXAMPLE = path.join(__dirname, "../../example");
export const PROJECT = "start-engines";
export const STACK = "test";
const STACK_REFERENCE = "pulumi:pulumi:StackReference";

/** Inputs, outputs and arguments. */
export type Fields = Record<string, JavaScriptValue>;

/** What became of a registration. */
export interface Created {
  readonly id: string;
  /** Inputs and what the provider adds. */
  readonly state: Fields;
}

/** What creates the resources, or says so. */
export interface Provider {
  create(type: string, name: string, inputs: Fields): Created | Promise<Created>;
  invoke(token: string, args: Fields): Fields | Promise<Fields>;
}

/** One registration, as the program sent it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly inputs: Fields;
}

/** One call of a function of a provider. */
export interface Invoked {
  readonly token: string;
  /** URN and id of the provider; empty for the default one. */
  readonly provider: string;
}

/** What a run did. */
export interface Run {
  readonly exitCode: number | null;
  readonly invocations: readonly Invoked[];
  readonly registrations: readonly Recorded[];
  /** The outputs of the stack. */
  readonly outputs: Fields;
  /** What it logged as errors, and wrote. */
  readonly errors: string;
  /** What it logged as warnings. */
  readonly warnings: readonly string[];
}

/** What to run. */
export interface RunOptions {
  readonly preview: boolean;
  /** `namespace:key` and value. */
  readonly config: Readonly<Record<string, string>>;
  /** Where the program and its packages are. Default: the example. */
  readonly folder?: string;
  /** Default: what the folder's `package.json` names. */
  readonly program?: string;
  /** Default: one that says yes to everything. */
  readonly provider?: Provider;
  /** Outputs of other stacks, by the stack's whole name; of no other stack the program can ask. */
  readonly stacks?: Readonly<Record<string, Fields>>;
}

/** What an engine is made of. */
type EngineOptions = Pick<RunOptions, "preview" | "provider" | "stacks">;

/** Runs a program as `pulumi` does, to its end. */
export async function run(options: RunOptions): Promise<Run> {
  const served = await serve(options);
  try {
    const exitCode = await execute(served.address, options, served.errors);
    const { invocations, registrations, outputs, errors, warnings } = served;
    return { exitCode, invocations, registrations, outputs, errors: errors.join("\n"), warnings };
  } finally {
    served.close();
  }
}

/** What a run has told so far. */
interface Told {
  readonly registrations: Recorded[];
  readonly invocations: Invoked[];
  readonly outputs: Fields;
  readonly errors: string[];
  readonly warnings: string[];
}

/** An engine that waits for what is registered. */
export interface Served extends Told {
  /** Where it listens, for the monitor's calls and for the engine's. */
  readonly address: string;
  close(): void;
}

/** Starts the engine alone: for a plugin, which is asked to construct. */
export async function serve(options: EngineOptions): Promise<Served> {
  const told: Told = { registrations: [], invocations: [], outputs: {}, errors: [], warnings: [] };
  const server = new grpc.Server();
  server.addService(ResourceMonitorService, monitor(options, told));
  server.addService(EngineService, engine(told.errors, told.warnings));
  const address = await listen(server);
  const close = () => {
    server.forceShutdown();
  };
  return { ...told, address, close };
}

function monitor(options: EngineOptions, { registrations, invocations, outputs }: Told): grpc.UntypedServiceImplementation {
  const provider = options.provider ?? yesToEverything;
  return {
    supportsFeature: unary((request: resourceProto.SupportsFeatureRequest) => {
      const response = new resourceProto.SupportsFeatureResponse();
      response.setHassupport(["secrets", "aliasSpecs", "deletedWith"].includes(request.getId()));
      return response;
    }),
    invoke: unary(async (request: resourceProto.ResourceInvokeRequest) => {
      invocations.push({ token: request.getTok(), provider: request.getProvider() });
      const answer = await provider.invoke(request.getTok(), request.getArgs()?.toJavaScript() ?? {});
      const response = new providerProto.InvokeResponse();
      response.setReturn(Struct.fromJavaScript(answer));
      return response;
    }),
    registerResource: unary(async (request: resourceProto.RegisterResourceRequest) => {
      const [type, name] = [request.getType(), request.getName()];
      const inputs: Fields = request.getObject()?.toJavaScript() ?? {};
      const urn = urnOf(request.getParent(), type, name);
      if (registrations.some((made) => made.urn === urn)) throw new Error(`${urn} is registered twice`);
      const dependencies = request.getDependenciesList();
      registrations.push({ urn, type, name, parent: request.getParent(), dependencies, inputs });
      const response = new resourceProto.RegisterResourceResponse();
      response.setUrn(urn);
      const isCreated = request.getCustom() && !options.preview;
      const planned = { id: "", state: withName(type, name, inputs) };
      const { id, state } = isCreated ? await provider.create(type, name, inputs) : planned;
      response.setId(id);
      response.setObject(Struct.fromJavaScript(state));
      return response;
    }),
    // What is not the program's own: of all that can be read, the outputs of other stacks.
    readResource: unary((request: resourceProto.ReadResourceRequest) => {
      const [type, id] = [request.getType(), request.getId()];
      if (type !== STACK_REFERENCE) throw new Error(`nobody reads ${type}`);
      const outputs = options.stacks?.[id];
      // The engine's own words.
      if (outputs === undefined) throw new Error(`unknown stack "${id}"`);
      const response = new resourceProto.ReadResourceResponse();
      response.setUrn(urnOf(request.getParent(), type, request.getName()));
      response.setProperties(Struct.fromJavaScript({ name: id, outputs, secretOutputNames: [] }));
      return response;
    }),
    registerResourceOutputs: unary((request: resourceProto.RegisterResourceOutputsRequest) => {
      if (request.getUrn().includes("::pulumi:pulumi:Stack::")) {
        Object.assign(outputs, request.getOutputs()?.toJavaScript() ?? {});
      }
      return new Empty();
    }),
    signalAndWaitForShutdown: unary(() => new Empty()),
  };
}

function engine(errors: string[], warnings: string[]): grpc.UntypedServiceImplementation {
  let root = "";
  return {
    log: unary((request: engineProto.LogRequest) => {
      if (request.getSeverity() === engineProto.LogSeverity.ERROR) errors.push(request.getMessage());
      if (request.getSeverity() === engineProto.LogSeverity.WARNING) warnings.push(request.getMessage());
      return new Empty();
    }),
    getRootResource: unary(() => {
      const response = new engineProto.GetRootResourceResponse();
      response.setUrn(root);
      return response;
    }),
    setRootResource: unary((request: engineProto.SetRootResourceRequest) => {
      root = request.getUrn();
      return new engineProto.SetRootResourceResponse();
    }),
  };
}

function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  const answered = async (request: Request) => answer(request);
  return (call, done) => {
    answered(call.request).then(
      (response) => {
        done(null, response);
      },
      (error: unknown) => {
        done({ code: grpc.status.INVALID_ARGUMENT, details: String(error) });
      },
    );
  };
}

/** https://www.pulumi.com/docs/iac/concepts/resources/names/#urns */
function urnOf(parent: string, type: string, name: string): string {
  const parentType = parent === "" || parent.includes("::pulumi:pulumi:Stack::") ? "" : `${parent.split("::")[2] ?? ""}$`;
  return `urn:pulumi:${STACK}::${PROJECT}::${parentType}${type}::${name}`;
}

function listen(server: grpc.Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(`127.0.0.1:${port}`);
      else reject(error);
    });
  });
}

function execute(address: string, options: RunOptions, errors: string[]): Promise<number | null> {
  const flags = [`--monitor=${address}`, `--engine=${address}`, `--project=${PROJECT}`, `--stack=${STACK}`];
  const folder = options.folder ?? EXAMPLE;
  const runner = require.resolve("@pulumi/pulumi/cmd/run", { paths: [folder] });
  const place = [`--pwd=${folder}`, ...(options.preview ? ["--dry-run"] : [])];
  const child = spawn(process.execPath, [runner, ...flags, ...place, options.program ?? "."], {
    env: {
      PATH: process.env["PATH"],
      PULUMI_CONFIG: JSON.stringify(options.config),
      PULUMI_NODEJS_TYPESCRIPT: "true",
      // The types are checked by tsc.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors.push(chunk.toString());
  });
  const end = () => child.kill();
  process.once("exit", end);
  return new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  }).finally(() => process.off("exit", end));
}
