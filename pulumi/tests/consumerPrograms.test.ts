/** Programs of others (`consumers/programs/`), with the packed npm package in an empty folder, as `consumer.test.ts` has it. */

import assert from "node:assert/strict";
import { cpSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { before, describe, test } from "node:test";

import { assertRan, compile, consumer, pack, VERSIONS } from "./support/consumer";
import { type Fields, type Recorded, run, type Run, type RunOptions } from "./support/monitor";
import { type Place, yesIn } from "./support/yesToEverything";

const PROGRAMS = path.join(__dirname, "consumers/programs");
const ACCOUNT = "111122223333";
const CLUSTER = `arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/engines`;
const GROUP = `arn:aws:elasticloadbalancing:us-east-1:${ACCOUNT}:targetgroup/auth/73e2d6bc24d8a067`;
const TASK_ROLE = `arn:aws:iam::${ACCOUNT}:role/auth-task`;
const CONFIG = { "aws:region": "us-east-1", "start-engines:clusterArn": CLUSTER, "start-engines:targetGroupArn": GROUP };
/** What stands for a value that is not known yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

let folder: string;
before(() => {
  folder = consumer("programs", pack().tarball, VERSIONS.newest);
  cpSync(PROGRAMS, folder, { recursive: true });
});

function runProgram(name: string, options: Partial<RunOptions> = {}): Promise<Run> {
  return run({ preview: false, config: CONFIG, folder, program: `./${name}.ts`, ...options });
}

function all(made: Run, type: string): readonly Recorded[] {
  return made.registrations.filter((each) => each.type === type);
}

function inputsOf(made: Run, type: string, name: string): Fields {
  const found = all(made, type).filter((each) => each.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return found[0]?.inputs ?? {};
}

/** A document of the settings layer. */
function settingsFile(made: Run, name: "settings.json" | "services.json"): unknown {
  const { code } = inputsOf(made, "aws:lambda/layerVersion:LayerVersion", "start-engines") as { code?: { assets: Record<string, { text: string }> } };
  return JSON.parse(code?.assets[name]?.text ?? "");
}

function patternOf(made: Run, rule: "requests" | "state-change"): Record<string, unknown> {
  const { eventPattern } = inputsOf(made, "aws:cloudwatch/eventRule:EventRule", `start-engines-${rule}`) as { eventPattern?: string };
  return JSON.parse(eventPattern ?? "") as Record<string, unknown>;
}

/** All texts in it, also in documents that are texts themselves. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return /^[[{]/.test(value) ? texts(JSON.parse(value)) : [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => [name, ...texts(part)]);
}

test("the programs compile with the tsconfig of Pulumi's template", () => {
  assert.ok(readdirSync(PROGRAMS).length > 0);
  compile(folder);
});

describe("a program that gets everything by a stack reference", () => {
  const PLATFORM = "acme/platform/prod";
  const outputs: Fields = {
    clusterArn: CLUSTER,
    families: ["auth"],
    targetGroupArn: GROUP,
    taskRoleArns: [TASK_ROLE],
    sources: ["app.tenants"],
    subnetIds: ["subnet-0a1b2c3d4e5f60718"],
    securityGroupId: "sg-0a1b2c3d4e5f60718",
  };
  const referenced = (options: { preview: boolean; outputs: Fields }) => runProgram("stackReference", {
    preview: options.preview,
    config: { ...CONFIG, "start-engines:platform": PLATFORM },
    stacks: { [PLATFORM]: options.outputs },
  });

  /** What it says of the other stack's outputs: the rules' patterns, and the settings layer. */
  function assertDeploys(made: Run): void {
    assertRan(made);
    const own = ["start-engines.operator.start-engines", "start-engines.schedules.start-engines"];
    assert.deepEqual(patternOf(made, "requests")["source"], ["app.tenants", ...own]);
    assert.deepEqual((patternOf(made, "state-change")["detail"] as Fields)["clusterArn"], [CLUSTER]);
    const settings = settingsFile(made, "settings.json") as Fields;
    assert.deepEqual(settings["ALLOWED_CLUSTERS"], [CLUSTER]);
    assert.deepEqual(settings["ALLOWED_TASK_FAMILIES"], ["auth"]);
    assert.deepEqual(settings["ALLOWED_TARGET_GROUPS"], [GROUP]);
    const { auth } = settingsFile(made, "services.json") as { auth?: Fields };
    assert.deepEqual([auth?.["cluster"], auth?.["subnets"], auth?.["securityGroups"]], [CLUSTER, outputs["subnetIds"], [outputs["securityGroupId"]]]);
  }

  test("shows in a preview what is made of them, since they are known", async () => {
    assertDeploys(await referenced({ preview: true, outputs }));
  });

  test("deploys them", async () => {
    const made = await referenced({ preview: false, outputs });
    assertDeploys(made);
    assert.ok(!JSON.stringify(made.registrations).includes(UNKNOWN));
    assert.ok(texts(inputsOf(made, "aws:iam/rolePolicy:RolePolicy", "start-engines")).includes(TASK_ROLE));
    assert.deepEqual(Object.keys(made.outputs), ["putEventsPolicyArn"]);
  });

  test("is told of an output that is no cluster, before the first resource that is made of it", async () => {
    const made = await referenced({ preview: true, outputs: { ...outputs, clusterArn: "engines" } });
    assert.notEqual(made.exitCode, 0);
    assert.match(made.errors, /args\.clusters\[0\] = "engines": must be a cluster ARN/);
    assert.deepEqual(all(made, "aws:lambda/function:Function"), []);
    assert.deepEqual(all(made, "aws:lambda/layerVersion:LayerVersion"), []);
  });

  test("is told of an output that the other stack does not have", async () => {
    const { sources, ...others } = outputs;
    assert.ok(sources !== undefined);
    const made = await referenced({ preview: true, outputs: others });
    assert.notEqual(made.exitCode, 0);
    assert.match(made.errors, /args\.sources = an output without a value: give it one, or leave it out/);
    assert.deepEqual(all(made, "aws:lambda/function:Function"), []);
  });
});

describe("a program in another partition", () => {
  /**
   * Names of services are the same in all partitions, but that of CloudWatch Logs, which has the region and ends as hosts do:
   * https://www.pulumi.com/registry/packages/aws/api-docs/getserviceprincipal/
   */
  const PRINCIPALS = ["ecs-tasks", "ecs", "events", "lambda", "scheduler"].map((service) => `${service}.amazonaws.com`);
  const places: Place[] = [
    { partition: "aws-us-gov", region: "us-gov-west-1", dnsSuffix: "amazonaws.com" },
    { partition: "aws-cn", region: "cn-north-1", dnsSuffix: "amazonaws.com.cn" },
  ];
  for (const place of places) {
    for (const buffered of [false, true]) {
      const { partition, region, dnsSuffix } = place;

      test(`names nothing of any other: ${partition}${buffered ? ", buffered" : ""}`, async () => {
        const config = { "aws:region": region, "start-engines:partition": partition, "start-engines:buffered": String(buffered) };
        const made = await runProgram("partition", { config, provider: yesIn(place) });
        assertRan(made);
        assert.equal(all(made, "aws:lambda/eventSourceMapping:EventSourceMapping").length, buffered ? 2 : 0);
        const said = texts([made.registrations.map(({ inputs }) => inputs), made.outputs]);

        const arns = said.flatMap((text) => [...text.matchAll(/\barn:([^:]*):([^:]*):([^:]*):/g)]);
        const services = new Set(arns.map(([, , service]) => service));
        const expected = ["ecr", "ecs", "elasticloadbalancing", "events", "iam", "kms", "lambda", "logs", "scheduler", "secretsmanager", "sns", "sqs"];
        assert.deepEqual([...services].sort(), expected);
        for (const [arn, ofPartition, service, ofRegion] of arns) {
          assert.equal(ofPartition, partition, arn);
          assert.equal(ofRegion, service === "iam" ? "" : region, arn);
        }

        const principals = new Set(said.filter((text) => /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(text)));
        assert.deepEqual([...principals].sort(), [...PRINCIPALS, `logs.${region}.${dnsSuffix}`].sort());
        // Addresses of queues, and what else names a region.
        const others = said.filter((text) => !principals.has(text));
        assert.deepEqual(others.filter((text) => text.includes("us-east-1")), []);
        const hosts = others.flatMap((text) => [...text.matchAll(/[a-z0-9.-]+\.amazonaws\.com(\.cn)?/g)].map(([host]) => host));
        assert.deepEqual([...new Set(hosts)], [`sqs.${region}.${dnsSuffix}`]);
      });
    }
  }
});

test("a program with a queue before the function has its own settings, and the defaults of the other queue", async () => {
  const made = await runProgram("buffered");
  assertRan(made);
  const batches = all(made, "aws:lambda/eventSourceMapping:EventSourceMapping").map(({ name, inputs }) => {
    return [name, inputs["batchSize"], inputs["maximumBatchingWindowInSeconds"]];
  });
  assert.deepEqual(batches.sort(), [["start-engines-requests", 10, 0], ["start-engines-state-changes", 500, 2]]);
  // Rules feed the queues, and may not invoke the function.
  const targets = all(made, "aws:cloudwatch/eventTarget:EventTarget").map(({ inputs }) => inputs["arn"]);
  const queue = (name: string) => `arn:aws:sqs:us-east-1:${ACCOUNT}:start-engines-${name}`;
  assert.deepEqual(targets.sort(), [queue("requests"), queue("state-changes")]);
  assert.deepEqual(all(made, "aws:lambda/permission:Permission"), []);
  const urls = Object.values(made.outputs);
  assert.equal(new Set(urls).size, 4);
  for (const url of urls) assert.match(JSON.stringify(url), /^"https:\/\/sqs\.us-east-1\.amazonaws\.com\/111122223333\/start-engines-/);
});

describe("a program with its own bus and topic", () => {
  const BUS = `arn:aws:events:us-east-1:${ACCOUNT}:event-bus/engines`;
  let made: Run;
  before(async () => {
    made = await runProgram("ownBus");
  });

  test("has requests, schedules and outcomes on the bus, and ECS's events on the default one", () => {
    assertRan(made);
    const busOf = (rule: string) => inputsOf(made, "aws:cloudwatch/eventRule:EventRule", `start-engines-${rule}`)["eventBusName"] ?? "default";
    assert.deepEqual([busOf("requests"), busOf("state-change")], ["engines", "default"]);
    const targets = all(made, "aws:scheduler/schedule:Schedule").map(({ inputs }) => (inputs["target"] as Fields)["arn"]);
    assert.deepEqual(targets, [BUS, BUS, BUS]);
    const { variables } = inputsOf(made, "aws:lambda/function:Function", "start-engines")["environment"] as { variables: Fields };
    assert.ok(texts(variables["OUTCOME_EVENT_BUS"]).some((bus) => bus === "engines" || bus === BUS));
    assert.equal(made.outputs["eventBus"], "engines");
  });

  test("lets an application send to that bus only, and only starts from its own source", () => {
    const { policy } = inputsOf(made, "aws:iam/rolePolicy:RolePolicy", "application") as { policy?: string };
    const { Statement } = JSON.parse(policy ?? "") as { Statement: Fields[] };
    assert.deepEqual(Statement.map(({ Action, Resource }) => [Action, Resource]), [[["events:PutEvents"], [BUS]]]);
    const said = texts(Statement);
    assert.ok(said.includes("app.tenants") && said.includes("Start ECS Task") && !said.includes("Stop ECS Task"));
  });

  test("tells its topic of every alarm", () => {
    const alarms = all(made, "aws:cloudwatch/metricAlarm:MetricAlarm");
    const topics = new Set(alarms.map(({ inputs }) => JSON.stringify(inputs["alarmActions"])));
    assert.deepEqual([...topics], [JSON.stringify([`arn:aws:sns:us-east-1:${ACCOUNT}:people`])]);
    assert.deepEqual([...(made.outputs["alarmNames"] as string[])].sort(), alarms.map(({ inputs }) => inputs["name"] as string).sort());
  });
});

test("a program with 500 services has a start and a stop of each, and settings that name all in full", async () => {
  const config = { ...CONFIG, "start-engines:vpcId": "vpc-0a1b2c3d", "start-engines:taskRolePrefix": `arn:aws:iam::${ACCOUNT}:role/` };
  const made = await runProgram("manyServices", { config });
  assertRan(made);
  const schedules = all(made, "aws:scheduler/schedule:Schedule");
  // And a reconcile of the cluster.
  assert.equal(schedules.length, 1001);
  assert.equal(new Set(schedules.map(({ inputs }) => inputs["name"])).size, 1001);
  const settings = settingsFile(made, "settings.json") as Record<string, string[]>;
  assert.equal(new Set(settings["ALLOWED_TASK_FAMILIES"]).size, 500);
  assert.equal(Object.keys(settingsFile(made, "services.json") as object).length, 500);
  const role = inputsOf(made, "aws:iam/rolePolicy:RolePolicy", "start-engines");
  assert.ok(texts(role).some((text) => text.endsWith(":role/engine-*")));
});
