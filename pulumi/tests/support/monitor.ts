/**
 * A small engine: what `pulumi` itself puts at the other end of a program, with a provider that says yes to everything.
 *
 * It records every registration. In a preview it answers with the inputs alone, so that all else is unknown to the
 * program, as in a first `pulumi preview`.
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

import { idOf, stateOf } from "./mocks";

const PROJECT_FOLDER = path.join(__dirname, "../..");
const RUN = require.resolve("@pulumi/pulumi/cmd/run");
const PROJECT = "start-engines";
const STACK = "test";
const ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"];

type Fields = Record<string, JavaScriptValue>;

/** One registration, as the program sent it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly inputs: Fields;
}

/** What a run did. */
export interface Run {
  readonly exitCode: number | null;
  readonly registrations: readonly Recorded[];
  /** The outputs of the stack. */
  readonly outputs: Fields;
  /** What it logged as errors, and wrote. */
  readonly errors: string;
}

/** What to run. */
export interface RunOptions {
  readonly preview: boolean;
  /** `namespace:key` and value. */
  readonly config: Readonly<Record<string, string>>;
  /** Default: the project's own program. */
  readonly program?: string;
}

/** Runs a program as `pulumi` does, to its end. */
export async function run(options: RunOptions): Promise<Run> {
  const registrations: Recorded[] = [];
  const outputs: Fields = {};
  const errors: string[] = [];
  const server = new grpc.Server();
  server.addService(ResourceMonitorService, monitor(options.preview, registrations, outputs));
  server.addService(EngineService, engine(errors));
  try {
    const address = await listen(server);
    const exitCode = await execute(address, options, errors);
    return { exitCode, registrations, outputs, errors: errors.join("\n") };
  } finally {
    server.forceShutdown();
  }
}

function monitor(preview: boolean, registrations: Recorded[], outputs: Fields): grpc.UntypedServiceImplementation {
  return {
    supportsFeature: unary((request: resourceProto.SupportsFeatureRequest) => {
      const response = new resourceProto.SupportsFeatureResponse();
      response.setHassupport(["secrets", "aliasSpecs", "deletedWith"].includes(request.getId()));
      return response;
    }),
    invoke: unary((request: resourceProto.ResourceInvokeRequest) => {
      const answers: Readonly<Record<string, Fields>> = {
        "aws:index/getAvailabilityZones:getAvailabilityZones": { id: "us-east-1", names: ZONES },
        "aws:index/getRegion:getRegion": { id: "us-east-1", region: "us-east-1" },
      };
      const answer = answers[request.getTok()];
      if (answer === undefined) throw new Error(`nobody answers ${request.getTok()}`);
      const response = new providerProto.InvokeResponse();
      response.setReturn(Struct.fromJavaScript(answer));
      return response;
    }),
    registerResource: unary((request: resourceProto.RegisterResourceRequest) => {
      const [type, name] = [request.getType(), request.getName()];
      const inputs: Fields = request.getObject()?.toJavaScript() ?? {};
      const urn = urnOf(request.getParent(), type, name);
      if (registrations.some((made) => made.urn === urn)) throw new Error(`${urn} is registered twice`);
      const dependencies = request.getDependenciesList();
      registrations.push({ urn, type, name, parent: request.getParent(), dependencies, inputs });
      const response = new resourceProto.RegisterResourceResponse();
      response.setUrn(urn);
      const isCreated = request.getCustom() && !preview;
      response.setId(isCreated ? idOf(type, name) : "");
      response.setObject(Struct.fromJavaScript(isCreated ? (stateOf(type, name, inputs) as Fields) : inputs));
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

function engine(errors: string[]): grpc.UntypedServiceImplementation {
  let root = "";
  return {
    log: unary((request: engineProto.LogRequest) => {
      if (request.getSeverity() === engineProto.LogSeverity.ERROR) errors.push(request.getMessage());
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

function unary<Request, Response>(answer: (request: Request) => Response): grpc.handleUnaryCall<Request, Response> {
  return (call, done) => {
    try {
      done(null, answer(call.request));
    } catch (error) {
      done({ code: grpc.status.INVALID_ARGUMENT, details: String(error) });
    }
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
  const place = [`--pwd=${PROJECT_FOLDER}`, ...(options.preview ? ["--dry-run"] : [])];
  const child = spawn(process.execPath, [RUN, ...flags, ...place, options.program ?? "."], {
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
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}
