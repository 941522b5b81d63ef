import assert from "node:assert/strict";
import * as path from "node:path";
import { describe, test } from "node:test";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { environment, environmentBytes, MAX_ENVIRONMENT_BYTES } from "../component/src/environment";
import { settingsFiles, StartEngines, type StartEnginesArgs } from "../component/src/index";
import type { SettledArgs } from "../component/src/settled";
import { settingsText } from "../component/src/settings";
import { registrationsOf } from "./support/mocks";
import { run } from "./support/monitor";
import { CLUSTER, leastArguments, soundArguments } from "./support/soundArguments";

const FUNCTION = "aws:lambda/function:Function";
const LAYER = "aws:lambda/layerVersion:LayerVersion";
const LATER = { roleArn: "arn:role", scheduleGroup: "group", deadLetterQueueArn: "arn:queue" };

async function deployed(args: StartEnginesArgs) {
  const { result, registrations } = await registrationsOf(() => new StartEngines("start-engines", args));
  const inputs = (type: string) => registrations.find((made) => made.type === type)?.inputs;
  const variables = (inputs(FUNCTION)?.["environment"] as { variables: Record<string, string> }).variables;
  return { result, inputs, variables };
}

async function filesOf(layer: Readonly<Record<string, unknown>> | undefined): Promise<Record<string, unknown>> {
  const code = layer?.["code"];
  assert.ok(code instanceof pulumi.asset.AssetArchive);
  const files: Record<string, unknown> = {};
  for (const [name, asset] of Object.entries(await code.assets)) {
    assert.ok(asset instanceof pulumi.asset.StringAsset);
    files[name] = JSON.parse(await asset.text);
  }
  return files;
}

/** With this many target groups, which no environment has room for. */
function large(groups: number): SettledArgs {
  const arn = (n: number) => `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/group-${n}/73e2d6bc24d8a067`;
  const targetGroups = Object.fromEntries(Array.from({ length: groups }, (_, n) => [`group-${n}`, { arn: arn(n) }]));
  return { ...leastArguments(), targetGroups } as unknown as SettledArgs;
}

test("the lists and the catalog are files of a layer, which the function's variables name", async () => {
  const args = soundArguments();
  const { inputs, variables } = await deployed(args);
  const files = await filesOf(inputs(LAYER));
  assert.deepEqual(files["services.json"], args.services);
  assert.deepEqual(Object.keys(files).sort(), ["services.json", "settings.json"]);
  const lists = files["settings.json"] as Record<string, string[]>;
  assert.deepEqual(lists["ALLOWED_CLUSTERS"], [CLUSTER]);
  // As the version before reads them.
  for (const [name, items] of Object.entries(lists)) assert.equal(variables[name], items.join(","), name);
  assert.equal(variables["SETTINGS_FILE"], "/opt/settings.json");
  assert.equal(variables["SERVICES_FILE"], "/opt/services.json");
  assert.deepEqual(inputs(FUNCTION)?.["layers"], ["arn:aws:lambda:us-east-1:111122223333:layer:start-engines:1"]);
});

test("without services there is no catalog, and no variable that names one", async () => {
  const { inputs, variables } = await deployed(leastArguments());
  assert.deepEqual(Object.keys(await filesOf(inputs(LAYER))), ["settings.json"]);
  assert.equal(variables["SERVICES_FILE"], undefined);
});

test("lists that do not fit into the environment allow nothing there, and are whole in the file", () => {
  const args = large(500);
  const variables = environment(args, LATER, "start-engines");
  assert.ok(environmentBytes(variables) < MAX_ENVIRONMENT_BYTES);
  const lists = Object.keys(variables).filter((name) => name.startsWith("ALLOWED_"));
  assert.equal(lists.length, 4);
  // The version before reads these alone, for the moment of an update: an unset list would allow everything.
  for (const name of lists) assert.equal(variables[name], "in-the-settings-file");
  const file = JSON.parse(settingsText(args, "start-engines")) as Record<string, string[]>;
  assert.deepEqual(Object.keys(file).sort(), lists.sort());
  assert.equal(file["ALLOWED_TARGET_GROUPS"]?.length, 500);
});

test("the last list that fits is there, up to Lambda's last byte", () => {
  const bytes = (groups: number) => environmentBytes(environment(large(groups), LATER, "start-engines"));
  const fits = Array.from({ length: 60 }, (_, n) => n + 1).filter((n) => bytes(n) > bytes(500));
  const most = Math.max(...fits);
  assert.ok(most > 20 && most < 60, String(most));
  assert.ok(bytes(most) <= MAX_ENVIRONMENT_BYTES && bytes(most) + 100 > MAX_ENVIRONMENT_BYTES, String(bytes(most)));
});

test("a layer of one's own is taken as it is, and the outputs are what it is made of", async () => {
  const settingsLayerArn = "arn:aws:lambda:us-east-1:111122223333:layer:signed:7";
  const codeSigningConfigArn = "arn:aws:lambda:us-east-1:111122223333:code-signing-config:csc-0123456789abcdef0";
  const { result, inputs } = await deployed({ ...soundArguments(), settingsLayerArn, codeSigningConfigArn });
  assert.equal(inputs(LAYER), undefined);
  assert.deepEqual(inputs(FUNCTION)?.["layers"], [settingsLayerArn]);
  assert.equal(inputs(FUNCTION)?.["codeSigningConfigArn"], codeSigningConfigArn);
  const text = await new Promise<string>((resolve) => result.settings.apply(resolve));
  assert.equal(Object.keys(JSON.parse(text) as object).length, 4);
});

describe("the files before there is a component", () => {
  const functionName = "start-engines";

  function settled<T>(output: pulumi.Output<T>): Promise<T> {
    return new Promise((resolve) => void output.apply(resolve));
  }

  test("are those of its own layer, and nothing is registered", async () => {
    for (const args of [soundArguments(), leastArguments()]) {
      const { inputs } = await deployed(args);
      const { result, registrations } = await registrationsOf(() => settingsFiles({ ...args, functionName }));
      const files = await settled(result);
      assert.deepEqual(registrations, []);
      const parsed = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, JSON.parse(text) as unknown]));
      assert.deepEqual(parsed, await filesOf(inputs(LAYER)));
    }
  });

  test("are the same of resources and outputs", async () => {
    const args = soundArguments();
    const plain = await settled(settingsFiles({ ...args, functionName }));
    const groups = Object.entries(args.targetGroups).map(([name, group]) => {
      const { arn, loadBalancerArn } = group as { arn: string; loadBalancerArn: string };
      return [name, { arn: pulumi.output(arn), loadBalancerArn }] as const;
    });
    const outputs = { ...args, clusters: [pulumi.output(CLUSTER)], sources: pulumi.output(["app.tenants"]), targetGroups: Object.fromEntries(groups) };
    const services = { auth: { ...args.services?.["auth"], cluster: pulumi.output(CLUSTER) } };
    const found = await settled(settingsFiles({ ...outputs, functionName, services }));
    assert.deepEqual(found, plain);
    const { result } = await registrationsOf(() => {
      const auth = new aws.ecs.TaskDefinition("auth", { family: "auth", containerDefinitions: "[]" });
      return settingsFiles({ ...args, taskFamilies: [auth], functionName });
    });
    assert.deepEqual(await settled(result), plain);
  });

  test("need the function's name", () => {
    assert.throws(() => settingsFiles(soundArguments() as never), /args\.functionName is missing/);
  });

  test("are refused with all that is wrong: at once what is known, and the rest when it is", async () => {
    assert.throws(() => settingsFiles({ ...soundArguments(), functionName: "a b", sources: ["aws.x"], memorySize: 1 }), (error: Error) => {
      assert.equal(error.message.split("\n  ").length, 1 + 3, error.message);
      return /args\.functionName = "a b"[^]*args\.memorySize = 1[^]*args\.sources\[0\] = "aws\.x"|args\.sources\[0\]/.test(error.message);
    });
    const program = path.join(__dirname, "programs/settingsFiles.ts");
    const made = await run({ preview: false, config: { "aws:region": "us-east-1", "start-engines:code": soundArguments().code }, program });
    assert.notEqual(made.exitCode, 0);
    assert.match(made.errors, /"engines": 3 problems in its arguments:/);
    assert.match(made.errors, /args\.services\.auth\.overrides\..*\.value = a secret: would be written in clear text/);
    assert.ok(!made.errors.includes("hunter2"));
    assert.match(made.errors, /args\.sources\[0\] = an output without a value: give it one, or leave it out/);
    assert.match(made.errors, /args\.taskFamilies\[0\] = "arn:aws:iam::.*": must be/);
    assert.deepEqual(made.registrations.filter(({ type }) => type === LAYER), []);
  });
});
