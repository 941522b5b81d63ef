/** Two components of one account, region, bus and cluster: neither hears the other. And two regions with one name. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { type Registration, registrationsOf } from "./support/mocks";
import { soundArguments } from "./support/soundArguments";

const NAMES = ["dev", "prod"] as const;
type Name = (typeof NAMES)[number];

let registrations: Registration[];
let commandEnvironments: Record<Name, Record<string, string>>;

before(async () => {
  const made = await registrationsOf(() =>
    NAMES.map((name) => new StartEngines(name, { ...soundArguments(), sources: [`app.${name}`] })),
  );
  registrations = made.registrations;
  const [dev, prod] = await Promise.all(made.result.map((component) => settled(component.commandEnvironment)));
  assert.ok(dev !== undefined && prod !== undefined);
  commandEnvironments = { dev, prod };
});

function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

function inputs(type: string, name: string): Record<string, unknown> {
  const found = registrations.filter((made) => made.type === type && made.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return { ...found[0]?.inputs };
}

function heard(name: Name): string[] {
  const { eventPattern } = inputs("aws:cloudwatch/eventRule:EventRule", `${name}-requests`);
  return (JSON.parse(String(eventPattern)) as { source: string[] }).source;
}

/** The sources that a policy's holder may send from. */
function mayBe(type: string, name: string): string[] {
  const { policy } = inputs(type, name);
  const { Statement } = JSON.parse(String(policy)) as { Statement: { Condition?: Record<string, Record<string, string[]>> }[] };
  return Statement.flatMap((statement) => statement.Condition?.["ForAllValues:StringEquals"]?.["events:source"] ?? []);
}

test("no source is heard by both", () => {
  const [dev, prod] = [heard("dev"), heard("prod")];
  assert.deepEqual(dev, ["app.dev", "start-engines.operator.dev", "start-engines.schedules.dev"]);
  assert.deepEqual(prod, ["app.prod", "start-engines.operator.prod", "start-engines.schedules.prod"]);
});

test("schedules and operators of each may send to their own deployment only, and do", () => {
  for (const name of NAMES) {
    const sent = registrations.filter(({ type, name: of }) => type === "aws:scheduler/schedule:Schedule" && of.startsWith(`${name}-`));
    assert.equal(sent.length, 3);
    for (const { inputs: schedule } of sent) {
      const { eventbridgeParameters } = schedule["target"] as { eventbridgeParameters: { source: string } };
      assert.equal(eventbridgeParameters.source, `start-engines.schedules.${name}`);
    }
    assert.deepEqual(mayBe("aws:iam/rolePolicy:RolePolicy", `${name}-schedules`), [`start-engines.schedules.${name}`]);
    assert.deepEqual(mayBe("aws:iam/policy:Policy", `${name}-operators`), [`start-engines.operator.${name}`]);
    for (const policy of ["send", "send-stops", "send-reconciles"]) {
      assert.deepEqual(mayBe("aws:iam/policy:Policy", `${name}-${policy}`), [`app.${name}`]);
    }
  }
});

test("the function handles what its rule lets through, and what schedules of the version before still hold", () => {
  for (const name of NAMES) {
    const { environment } = inputs("aws:lambda/function:Function", name);
    const { variables } = environment as { variables: Record<string, string> };
    const former = ["start-engines.operator", "start-engines.schedules"];
    assert.deepEqual(variables["ALLOWED_SOURCES"]?.split(","), [...heard(name), ...former]);
    assert.equal(variables["DEPLOYMENT"], name);
    // The command refuses what no rule lets through.
    assert.deepEqual(commandEnvironments[name]["ALLOWED_SOURCES"]?.split(","), heard(name));
  }
});

test("no two resources have the same name", () => {
  const named = registrations.flatMap(({ type, inputs: given }) =>
    // Names of a schedule and of a rule hold in their group and on their bus only.
    typeof given["name"] === "string" ? [[type, given["name"], given["groupName"], given["eventBusName"]].join(" ")] : [],
  );
  assert.ok(named.length > 10, String(named.length));
  assert.deepEqual(named.filter((one, n) => named.indexOf(one) < n), []);
});

describe("two regions with one function's name", () => {
  const REGIONS = ["us-east-1", "eu-west-1"] as const;
  let made: Registration[];

  const inRegion = (region: string) =>
    JSON.parse(JSON.stringify(soundArguments()).replaceAll(":us-east-1:", `:${region}:`)) as StartEnginesArgs;

  before(async () => {
    const program = () => REGIONS.map((region) => new StartEngines(`in-${region}`, { ...inRegion(region), functionName: "engines" }));
    made = (await registrationsOf(program)).registrations;
  });

  function names(type: string, input = "name"): unknown[] {
    return made.filter((one) => one.type === type).map((one) => one.inputs[input]);
  }

  test("IAM and the dashboards, which have one set of names for all regions, have others in each", () => {
    const unique = [...names("aws:iam/role:Role"), ...names("aws:iam/policy:Policy"), ...names("aws:cloudwatch/dashboard:Dashboard", "dashboardName")];
    assert.equal(unique.length, 2 * (3 + 5 + 1));
    assert.equal(new Set(unique).size, unique.length, unique.join(" "));
    assert.deepEqual(names("aws:cloudwatch/dashboard:Dashboard", "dashboardName").sort(), ["engines-eu-west-1", "engines-us-east-1"]);
  });

  test("so they have in two stacks of the same name, project and component, which are in backends of their own", async () => {
    const namesOf = async (region: string) => {
      const { registrations: all } = await registrationsOf(() => new StartEngines("engines", inRegion(region)));
      return all.filter(({ type }) => /^aws:iam\/(role:Role|policy:Policy)$/.test(type)).map(({ inputs: given }) => String(given["name"]));
    };
    const [here, there] = [await namesOf(REGIONS[0]), await namesOf(REGIONS[1])];
    assert.equal(here.length, 3 + 5);
    assert.equal(new Set([...here, ...there]).size, 2 * here.length, [...here, ...there].join(" "));
    // The end follows from where it is, and from nothing else.
    assert.deepEqual(await namesOf(REGIONS[0]), here);
  });

  test("every name begins with the function's", () => {
    for (const { type, inputs: given } of made) {
      const name = given["name"] ?? given["dashboardName"] ?? given["layerName"];
      // Schedules are in a group of that name, and the log group is where Lambda looks for it.
      if (typeof name !== "string" || type === "aws:scheduler/schedule:Schedule") continue;
      assert.match(name, /^(\/aws\/lambda\/)?engines(-|$)/, `${type} ${name}`);
    }
  });

  test("a policy's name ends with seven digits of its own", () => {
    assert.ok(names("aws:iam/policy:Policy").every((name) => /^engines-[a-z-]+-[0-9a-f]{7}$/.test(String(name))));
  });
});
