/** The unmodified example, run as `pulumi` runs it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { before, describe, test } from "node:test";

import { COMMAND, mustBeBuilt } from "./support/command";
import { fakeBundle } from "./support/fakeBundle";
import { type Recorded, run, type Run } from "./support/monitor";

const CODE = fakeBundle();
const CONFIG = {
  "aws:region": "us-east-1",
  "start-engines:image": "registry.example/engine:1",
  "start-engines:code": CODE,
  "start-engines:alarmEmail": "people@example.com",
};
/** What stands for a value that is not known yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** The key that marks assets and archives. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Registrations for people to review: sorted, documents spelled out, no path or sentinel of a single run. */
function reviewed(registrations: readonly Recorded[]): readonly { readonly resource: string }[] {
  const short = (urn: string) => urn.split("::").slice(2).join("::").replace(/^.*\$/, "");
  const first = ({ dependencies }: Recorded) => dependencies.map(short).sort();
  return [...registrations]
    .sort((one, other) => (one.urn < other.urn ? -1 : 1))
    .map((made) => ({
      resource: short(made.urn),
      parent: short(made.parent),
      ...(first(made).length > 0 ? { after: first(made) } : {}),
      inputs: spelledOut(made.inputs),
    }));
}

function spelledOut(value: unknown): unknown {
  if (value === UNKNOWN) return "(unknown)";
  if (typeof value === "string") {
    return /^[[{]/.test(value) ? { json: JSON.parse(value) as unknown } : value.replace(path.dirname(CODE), "(packed)");
  }
  if (Array.isArray(value)) return value.map(spelledOut);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== SIGNATURE);
  return Object.fromEntries(fields.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, part]) => [name, spelledOut(part)]));
}

function assertSnapshot(name: string, actual: unknown): void {
  const file = path.join(__dirname, "snapshots", `${name}.json`);
  const text = `${JSON.stringify(actual, undefined, 2)}\n`;
  if (process.env["UPDATE_SNAPSHOT"] === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), "review the difference, then npm run snapshot");
}

describe("the example stack", () => {
  let preview: Run;
  let up: Run;
  let buffered: Run;

  before(async () => {
    preview = await run({ preview: true, config: CONFIG });
    up = await run({ preview: false, config: CONFIG });
    buffered = await run({ preview: false, config: { ...CONFIG, "start-engines:buffered": "true" } });
  });

  test("a preview and an update run to their end without a word of error, and without a warning", () => {
    for (const made of [preview, up, buffered]) {
      assert.equal(made.errors, "");
      assert.deepEqual(made.warnings, []);
      assert.equal(made.exitCode, 0);
    }
  });

  test("a preview registers what an update registers", () => {
    const urns = (made: Run) => made.registrations.map((registration) => registration.urn).sort();
    assert.deepEqual(urns(preview), urns(up));
  });

  test("an update leaves nothing unknown", () => {
    assert.ok(!JSON.stringify(up.registrations).includes(UNKNOWN));
  });

  test("the registrations of an update are those that were reviewed", () => {
    assertSnapshot("up", reviewed(up.registrations));
  });

  test("the registrations of a first preview are those that were reviewed", () => {
    assertSnapshot("preview", reviewed(preview.registrations));
  });

  test("buffered mode changes the registrations as was reviewed", () => {
    const [without, with_] = [reviewed(up.registrations), reviewed(buffered.registrations)];
    const texts = new Set(without.map((made) => JSON.stringify(made)));
    const names = new Set(with_.map((made) => made.resource));
    assertSnapshot("buffered", {
      gone: without.map((made) => made.resource).filter((resource) => !names.has(resource)),
      newOrChanged: with_.filter((made) => !texts.has(JSON.stringify(made))),
    });
  });

  test("the function that is built takes the deployed catalog and environment, and starts what they name", () => {
    mustBeBuilt();
    const deployed = up.registrations.find((made) => made.type === "aws:lambda/function:Function")?.inputs;
    const { variables } = deployed?.["environment"] as { variables: Record<string, string> };
    const layer = up.registrations.find((made) => made.type === "aws:lambda/layerVersion:LayerVersion")?.inputs;
    const { assets } = layer?.["code"] as { assets: Record<string, { text: string }> };
    const folder = mkdtempSync(path.join(tmpdir(), "start-engines-"));
    for (const [name, { text }] of Object.entries(assets)) writeFileSync(path.join(folder, name), text);
    // As the function finds them in /opt.
    const found = Object.entries(variables).map(([name, value]) => [name, value.replace(/^\/opt\//, `${folder}/`)] as const);
    // Without the variables for the version before: the lists are those of the file.
    const ofFiles = found.filter(([name]) => !name.startsWith("ALLOWED_"));
    assert.equal(found.length - ofFiles.length, 4);
    const files = Object.fromEntries(ofFiles);
    assert.equal(files["SETTINGS_FILE"], `${folder}/settings.json`);
    const validate = (detail: object) => {
      const event = { id: "7bf73129-1428-4cd3-a780-95db273d1602", source: "example.app", "detail-type": "Start ECS Task", detail };
      return spawnSync(COMMAND, ["validate", "-"], { encoding: "utf8", env: files, input: JSON.stringify(event) });
    };
    for (const service of ["auth", "billing"]) {
      const valid = validate({ service });
      assert.equal(valid.status, 0, valid.stderr);
      assert.match(valid.stdout, new RegExp(`targetgroup/${service}/`));
    }
    const foreign = validate({ service: "auth", taskDefinition: "other" });
    assert.equal(foreign.status, 2);
    assert.match(foreign.stderr, /not_allowed/);
  });

  test("every child of the component has it for a parent", () => {
    const component = up.registrations.find((made) => made.type === "start-engines:index:StartEngines");
    const own = up.registrations.filter((made) => made.type !== component?.type && made.name.startsWith("start-engines"));
    const children = own.filter((made) => made.type !== "pulumi:pulumi:Stack");
    assert.ok(children.length > 20, String(children.length));
    for (const { parent, name } of children) assert.equal(parent, component?.urn, name);
  });

  test("the outputs are what applications and operators need", () => {
    const direct = [
      "catalog",
      "clusterArn",
      "commandEnvironment",
      "doctorPolicyArn",
      "eventBus",
      "functionArn",
      "functionName",
      "networkAddress",
      "onFailureQueueUrl",
      "operatorPolicyArn",
      "putEventsPolicyArn",
      "putReconcileEventsPolicyArn",
      "putStopEventsPolicyArn",
      "ruleDeadLetterQueueUrl",
      "settings",
      "targetGroupArns",
      "url",
    ];
    assert.deepEqual(Object.keys(up.outputs).sort(), direct);
    const urls = ["requestDeadLetterQueueUrl", "requestQueueUrl", "stateChangeDeadLetterQueueUrl", "stateChangeQueueUrl"];
    assert.deepEqual(Object.keys(buffered.outputs).sort(), [...direct, ...urls].sort());
  });
});

/** Of the component, by type and name without its own. */
function childrenOf(made: Run): Map<string, Recorded> {
  const children = made.registrations.filter(({ parent }) => parent.includes("StartEngines"));
  return new Map(children.map((child) => [`${child.type.split(":").at(-1) ?? ""} ${child.name.replace(/^start-engines-?/, "")}`.trim(), child]));
}

test("a wrong argument that is known only after another resource stops the update before the first resource made of it", async () => {
  const program = path.join(__dirname, "programs/wrongOutput.ts");
  const made = await run({ preview: false, config: CONFIG, program });
  assert.notEqual(made.exitCode, 0);
  assert.equal(made.errors.match(/args\.clusters\[0\] = "not-an-arn": must be a cluster ARN/g)?.length, 1, made.errors);
  const ofClusters = ["Function", "LayerVersion", "RolePolicy", "Policy send", "Policy operators", "EventRule state-change", "Schedule reconcile", "Dashboard", "Role later"];
  const children = childrenOf(made);
  for (const child of ofClusters) assert.ok(!children.has(child), child);
});

test("two arguments that do not go together stop the update before the function", async () => {
  const made = await run({ preview: false, config: CONFIG, program: path.join(__dirname, "programs/apart.ts") });
  assert.notEqual(made.exitCode, 0);
  assert.match(made.errors, /args\.services\.auth\.targetGroupArn = "[^"]*": is not in args\.targetGroups|args\.services\.auth\.targetGroupArn = .*: is not in args\.targetGroups/);
  const children = childrenOf(made);
  for (const child of ["Function", "EventTarget requests", "EventTarget state-change", "Permission requests"]) assert.ok(!children.has(child), child);
});

describe("an argument that is not known yet", () => {
  const program = path.join(__dirname, "programs/unknownGroup.ts");

  test("hides in a preview only what is made of it", async () => {
    const made = await run({ preview: true, config: CONFIG, program });
    assert.deepEqual([made.errors, made.exitCode], ["", 0]);
    const children = childrenOf(made);
    const isKnown = (child: string, input: string) => {
      const found = children.get(child);
      assert.ok(found !== undefined, `${child} is not among ${[...children.keys()].join(", ")}`);
      return !JSON.stringify(found.inputs[input]).includes(UNKNOWN);
    };
    const known: [child: string, input: string][] = [
      ["EventRule requests", "eventPattern"],
      ["EventRule state-change", "eventPattern"],
      ["Policy send", "policy"],
      ["Policy send-stops", "policy"],
      ["Role", "assumeRolePolicy"],
      ["MetricAlarm unhealthy-web", "dimensions"],
      ["Dashboard", "dashboardBody"],
      ["Schedule reconcile", "target"],
    ];
    const [rest, schedule] = [known.slice(0, -1), known.at(-1)];
    for (const [child, input] of rest) assert.ok(isKnown(child, input), child);
    const target = children.get(schedule?.[0] ?? "")?.inputs["target"] as Record<string, unknown>;
    assert.deepEqual(JSON.parse(String(target["input"])), {
      all: true,
      requestedAt: "<aws.scheduler.scheduled-time>",
    });
    const unknown: [child: string, input: string][] = [
      ["RolePolicy", "policy"],
      ["Policy operators", "policy"],
      ["LayerVersion", "code"],
      ["MetricAlarm errors", "alarmActions"],
    ];
    for (const [child, input] of unknown) assert.ok(!isKnown(child, input), child);
  });

  test("is waited for by what is made of it, and by the function", async () => {
    const made = await run({ preview: false, config: CONFIG, program });
    assert.deepEqual([made.errors, made.exitCode], ["", 0]);
    const waits = (child: string, on: string) => {
      const found = childrenOf(made).get(child);
      assert.ok(found !== undefined, child);
      return found.dependencies.some((urn) => urn.endsWith(`::${on}`) && !urn.includes("StartEngines"));
    };
    for (const child of ["RolePolicy", "Policy operators", "LayerVersion", "Function"]) assert.ok(waits(child, "auth"), child);
    for (const child of ["Queue failures", "LogGroup", "EventRule requests", "EventRule state-change", "Policy send", "Dashboard", "Role later"]) {
      assert.ok(!waits(child, "auth") && !waits(child, "people"), child);
    }
    assert.ok(waits("MetricAlarm errors", "people") && !waits("MetricAlarm errors", "auth"));
  });
});

describe("what only the engine can tell is checked before the component has children", () => {
  const program = path.join(__dirname, "programs/wrongLater.ts");
  const arn = "arn:aws:ecs:eu-west-1:444455556666:cluster/engines";
  const knownAtOnce = [
    `args.clusters[0] = "${arn}": must be in the AWS provider's region, us-east-1, or the component gets a provider for eu-west-1`,
    `args.clusters[0] = "${arn}": must be in the AWS provider's account, 111122223333, or the component gets a provider for 444455556666`,
    "args.services.auth.overrides.containerOverrides[0].environment[0].value = a secret: would be written in clear text",
  ];
  const absent = "args.permissionsBoundary = an output without a value: give it one, or leave it out";

  for (const preview of [true, false]) {
    test(preview ? "in a preview" : "in an update", async () => {
      const made = await run({ preview, config: CONFIG, program });
      assert.notEqual(made.exitCode, 0);
      // The boundary's output is not known in a first preview.
      const expected = preview ? knownAtOnce : [...knownAtOnce, absent];
      for (const problem of expected) assert.ok(made.errors.includes(problem), `${problem}\nis not in\n${made.errors}`);
      assert.ok(!made.errors.includes("hunter2"));
      const parents = made.registrations.map(({ parent }) => parent);
      assert.ok(!parents.some((parent) => parent.includes("StartEngines")), parents.join());
    });
  }

  test("of clusters that are the output of a list", async () => {
    const made = await run({ preview: false, config: CONFIG, program: path.join(__dirname, "programs/clustersElsewhere.ts") });
    assert.notEqual(made.exitCode, 0);
    const problem = "args.clusters[1] = \"arn:aws:ecs:eu-west-1:111122223333:cluster/engines\": must be in the AWS provider's region, us-east-1";
    assert.ok(made.errors.includes(problem), made.errors);
    assert.ok(!made.errors.includes("args.clusters[0]"), made.errors);
    assert.ok(!made.registrations.some(({ type }) => type === "aws:lambda/function:Function"));
  });

  test("of the provider that the component has", async () => {
    const made = await run({ preview: false, config: CONFIG, program });
    const asked = made.invocations.map(({ token, provider }) => `${token} ${provider.replace(/^.*::/, "")}`);
    assert.deepEqual(asked.sort(), [
      "aws:index/getCallerIdentity:getCallerIdentity abroad-id",
      "aws:index/getRegion:getRegion abroad-id",
    ]);
  });
});

test("a preview warns of a function that is stopped, and of reconciles that are too rare", async () => {
  const made = await run({ preview: true, config: CONFIG, program: path.join(__dirname, "programs/stopped.ts") });
  assert.equal(made.exitCode, 0);
  const [rare, stopped, ...others] = [...made.warnings].sort();
  assert.match(rare ?? "", /^args\.reconcileSchedule = "rate\(1 day\)": should come every hour at least/);
  assert.match(stopped ?? "", /^args\.reservedConcurrency = 0: stops the function: .* leave the argument out, and .*redrive$/);
  assert.deepEqual(others, []);
});

test("a wrong plain argument stops a preview before anything of the component is registered", async () => {
  const made = await run({ preview: true, config: { ...CONFIG, "start-engines:code": "nowhere.zip" } });
  assert.notEqual(made.exitCode, 0);
  assert.match(made.errors, /args\.code = "nowhere\.zip": cannot be read \(ENOENT\): run make package first/);
  assert.ok(made.registrations.every((registration) => !registration.type.startsWith("start-engines:index")));
});

test("a port that is none stops a preview before anything is registered", async () => {
  for (const port of ["http", "65536"]) {
    const made = await run({ preview: true, config: { ...CONFIG, "start-engines:port": port } });
    assert.notEqual(made.exitCode, 0);
    assert.match(made.errors, new RegExp(`start-engines:port = "${port}": must be a port`));
    assert.deepEqual(made.registrations.map(({ type }) => type), ["pulumi:pulumi:Stack"]);
  }
});
