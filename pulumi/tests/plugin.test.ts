/** The plugin for other languages, staged as its archive has it, at the other end of gRPC. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { COMPONENT_TYPE } from "../component/src/index";
import { version } from "../component/package.json";
import { ARM64, fakeBundle, X86_64 } from "./support/fakeBundle";
import { type Fields, type Recorded, run, serve, type Served } from "./support/monitor";
import { outputValue, Plugin, STACK_URN, stagePlugin } from "./support/plugin";
import { CLUSTER, soundArguments } from "./support/soundArguments";

const CLUSTER_URN = "urn:pulumi:test::start-engines::aws:ecs/cluster:Cluster::engines";
/** Long enough for any construction: one that hangs is a failure. */
const SECONDS = { timeout: 60_000 };

const temporary = mkdtempSync(path.join(tmpdir(), "start-engines-plugin-"));
const folder = path.join(temporary, "plugin");
let engine: Served;
let plugin: Plugin;

before(() => {
  stagePlugin(folder, fakeBundle(X86_64), fakeBundle(ARM64));
});
beforeEach(async () => {
  engine = await serve({ preview: false });
  plugin = await Plugin.start(folder, engine.address);
});
afterEach(() => {
  plugin.close();
  engine.close();
});
after(() => {
  rmSync(temporary, { recursive: true });
});

/** Without `code`: the plugin has the function itself. */
function inputs(): Fields {
  return JSON.parse(JSON.stringify({ ...soundArguments(), code: undefined })) as Fields;
}

/** What the engine was told of, by URN; the place of the function's code is the plugin's own. */
function seen(registrations: readonly Recorded[]): Map<string, unknown> {
  const ofComponent = registrations.filter(({ urn }) => urn.includes(COMPONENT_TYPE));
  return new Map(ofComponent.map(({ urn, parent, inputs: { code, ...others } }) => [urn, { parent, others, hasCode: code !== undefined }]));
}

async function refusal(given: Fields): Promise<string> {
  const error: unknown = await plugin.construct(COMPONENT_TYPE, "start-engines", given, false).then(
    () => assert.fail("it was constructed"),
    (problem: unknown) => problem,
  );
  assert.ok(error instanceof Error);
  return error.message;
}

test("the plugin tells its version and its schema", SECONDS, async () => {
  assert.equal(await plugin.version(), version);
  const schema = JSON.parse(readFileSync(path.join(__dirname, "../plugin/schema.json"), "utf8")) as object;
  assert.deepEqual(await plugin.schema(), { ...schema, version });
});

test("what it constructs is what a TypeScript program makes", SECONDS, async () => {
  const { urn, state } = await plugin.construct(COMPONENT_TYPE, "start-engines", inputs(), false);
  assert.equal(urn, `urn:pulumi:test::start-engines::${COMPONENT_TYPE}::start-engines`);
  const made = await run({
    preview: false,
    config: { "start-engines:arguments": JSON.stringify({ ...inputs(), code: fakeBundle() }), "aws:region": "us-east-1" },
    program: path.join(__dirname, "programs/sound.ts"),
  });
  assert.equal(made.errors, "");
  assert.deepEqual(seen(engine.registrations), seen(made.registrations));
  assert.ok(engine.registrations.length > 40);
  assert.equal(state["functionName"], "start-engines");
  assert.equal(state["functionArn"], "arn:aws:lambda:us-east-1:111122223333:function:start-engines");
  assert.equal("requestQueueUrl" in state, false);
  assert.deepEqual(engine.errors, []);
});

test("its function is the one that the plugin carries", SECONDS, async () => {
  await plugin.construct(COMPONENT_TYPE, "start-engines", { ...inputs(), architecture: "arm64" }, false);
  const created = engine.registrations.find(({ type }) => type === "aws:lambda/function:Function");
  const { path: file } = created?.inputs["code"] as { path?: string };
  assert.equal(file, path.join(folder, "functions/arm64.zip"));
  assert.ok(existsSync(file));
});

test("buffered, its queues are outputs too", SECONDS, async () => {
  const { state } = await plugin.construct(COMPONENT_TYPE, "start-engines", { ...inputs(), buffered: true }, false);
  assert.equal(state["requestQueueUrl"], "https://sqs.us-east-1.amazonaws.com/111122223333/start-engines-requests");
});

test("arguments may be outputs", SECONDS, async () => {
  const known = await plugin.construct(COMPONENT_TYPE, "start-engines", { ...inputs(), clusters: [outputValue(CLUSTER_URN, CLUSTER)] }, false);
  assert.equal(known.state["functionName"], "start-engines");
  const rule = engine.registrations.find(({ type, name }) => type.endsWith(":EventRule") && name === "start-engines-state-change");
  const pattern = JSON.parse(rule?.inputs["eventPattern"] as string) as { detail: { clusterArn: string[] } };
  assert.deepEqual(pattern.detail.clusterArn, [CLUSTER]);
});

test("in a preview an output that is not known yet hides no child, and what is plain is checked", SECONDS, async () => {
  const planned = await serve({ preview: true });
  const another = await Plugin.start(folder, planned.address);
  try {
    const given = { ...inputs(), clusters: [outputValue(CLUSTER_URN)] };
    const { state } = await another.construct(COMPONENT_TYPE, "start-engines", given, true);
    assert.equal(state["functionName"], "start-engines");
    assert.ok(planned.registrations.length > 40);
    const wrong = another.construct(COMPONENT_TYPE, "start-engines", { ...given, memorySize: 64 }, true);
    await assert.rejects(wrong, /args\.memorySize = 64: must be a whole number from 128 to 10240/);
  } finally {
    another.close();
    planned.close();
  }
});

test("an invalid argument is an error with field, value and rule, and nothing is registered", SECONDS, async () => {
  const said = await refusal({ ...inputs(), memorySize: 64, logLevel: "loud", memory: 1 });
  assert.match(said, /StartEngines "start-engines": 3 problems in its arguments:/);
  assert.match(said, /args\.memorySize = 64: must be a whole number from 128 to 10240/);
  assert.match(said, /args\.logLevel = "loud": must be one of error, warn, info, debug/);
  assert.match(said, /args\.memory = a number: is not a field of this object/);
  assert.deepEqual(engine.registrations, []);
});

test("an output that turns out to be wrong is an error too, before the first resource that is made of it", SECONDS, async () => {
  const said = await refusal({ ...inputs(), clusters: [outputValue(CLUSTER_URN, "not-an-arn")] });
  assert.match(said, /args\.clusters\[0\] = "not-an-arn": must be/);
  const types = engine.registrations.map(({ type }) => type);
  assert.ok(types.includes(COMPONENT_TYPE));
  for (const made of ["lambda/function:Function", "lambda/layerVersion:LayerVersion", "iam/rolePolicy:RolePolicy", "iam/policy:Policy"]) {
    assert.ok(!types.includes(`aws:${made}`), made);
  }
});

test("a component of another type is refused", SECONDS, async () => {
  await assert.rejects(plugin.construct("start-engines:index:Other", "x", {}, false), /there is no component start-engines:index:Other/);
});

test("a plugin that has refused goes on", SECONDS, async () => {
  await refusal({});
  const { urn } = await plugin.construct(COMPONENT_TYPE, "start-engines", inputs(), false);
  assert.notEqual(urn, STACK_URN);
});
