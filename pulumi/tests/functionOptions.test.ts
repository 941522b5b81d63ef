/** Further arguments of the function itself: its variables, its network, its traces. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { environment, environmentBytes, MAX_ENVIRONMENT_BYTES, variableName } from "../component/src/environment";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { limitEnvironment } from "../component/src/limits";
import { Problems } from "../component/src/problems";
import type { SettledArgs } from "../component/src/settled";
import { type Registration, registrationsOf } from "./support/mocks";
import { SECURITY_GROUP, soundArguments, SUBNET } from "./support/soundArguments";

const FUNCTION = "aws:lambda/function:Function";

async function deploy(change: Partial<StartEnginesArgs>): Promise<Registration[]> {
  const { registrations } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), ...change }));
  return registrations;
}

function inputsOf(registrations: readonly Registration[], type: string, name = "start-engines"): Registration["inputs"] {
  const found = registrations.filter((made) => made.type === type && made.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return found[0]?.inputs ?? {};
}

function variablesOf(registrations: readonly Registration[]): Record<string, string> {
  const { variables } = inputsOf(registrations, FUNCTION)["environment"] as { variables: Record<string, string> };
  return variables;
}

function problemsOf(change: Record<string, unknown>): string[] {
  try {
    checkArguments("start-engines", known({ ...soundArguments(), ...change }));
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError);
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

describe("vpcConfig", () => {
  const subnetIds = [SUBNET, SUBNET.replace("0a", "0b")];
  const securityGroupIds = [SECURITY_GROUP];

  test("the function is in these subnets, given as ids, resources or outputs", async () => {
    const plain = inputsOf(await deploy({ vpcConfig: { subnetIds, securityGroupIds } }), FUNCTION)["vpcConfig"];
    assert.deepEqual(plain, { subnetIds, securityGroupIds });
    const { registrations } = await registrationsOf(() => {
      const here = new aws.ec2.Subnet("here", { vpcId: "vpc-0a1b2c3d" });
      const group = new aws.ec2.SecurityGroup("out");
      const vpcConfig = { subnetIds: [here], securityGroupIds: [group], ipv6AllowedForDualStack: pulumi.output(true) };
      return new StartEngines("start-engines", { ...soundArguments(), vpcConfig });
    });
    const made = inputsOf(registrations, FUNCTION)["vpcConfig"] as Record<string, string[]>;
    assert.match(made["subnetIds"]?.[0] ?? "", /^subnet-/);
    assert.match(made["securityGroupIds"]?.[0] ?? "", /^sg-/);
    assert.equal(made["ipv6AllowedForDualStack"], true);
    assert.equal(inputsOf(await deploy({}), FUNCTION)["vpcConfig"], undefined);
  });

  test("both lists need items, of the right kind and number", () => {
    assert.deepEqual(problemsOf({ vpcConfig: { subnetIds: [], typo: 1 } }), [
      "args.vpcConfig.subnetIds is missing: must have at least one item",
      "args.vpcConfig.securityGroupIds is missing: must have at least one item",
      "args.vpcConfig.typo = a number: is not a field of this object",
    ]);
    const many = Array.from({ length: 6 }, (_, n) => `${SECURITY_GROUP.slice(0, -1)}${n}`);
    assert.deepEqual(problemsOf({ vpcConfig: { subnetIds: ["vpc-1"], securityGroupIds: many, ipv6AllowedForDualStack: "yes" } }), [
      'args.vpcConfig.subnetIds[0] = "vpc-1": must be a subnet id (subnet-...)',
      "args.vpcConfig.securityGroupIds = an array of 6: must have at most 5 items, not 6",
      'args.vpcConfig.ipv6AllowedForDualStack = "yes": must be true or false',
    ]);
    assert.deepEqual(problemsOf({ vpcConfig: { subnetIds: pulumi.output([SUBNET]), securityGroupIds } }), []);
  });

  test("README lists the endpoint of each service that the code calls", () => {
    const readme = readFileSync(path.join(__dirname, "../README.md"), "utf8");
    const listed = [...readme.matchAll(/^\| `com\.amazonaws\.REGION\.(\w+)`/gm)].map((match) => match[1] ?? "");
    const endpoint = readFileSync(path.join(__dirname, "../../src/aws/transport/endpoint.rs"), "utf8");
    const [, names = ""] = /fn signing_name[^{]*\{([^}]*)\}/.exec(endpoint) ?? [];
    const signed = [...names.matchAll(/=> "(\w+)"/g)].map((match) => match[1] ?? "");
    assert.ok(signed.length >= 4, names);
    assert.deepEqual(listed.sort(), [...signed, "ec2"].sort());
  });
});

describe("logGroup", () => {
  const GROUP = "aws:cloudwatch/logGroup:LogGroup";

  test("with a log group of one's own there is no other, and the role may write to it", async () => {
    const { registrations, result } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), logGroup: "/teams/engines" }));
    assert.deepEqual(registrations.filter(({ type }) => type === GROUP), []);
    assert.deepEqual(inputsOf(registrations, FUNCTION)["loggingConfig"], { logFormat: "Text", logGroup: "/teams/engines" });
    const { Statement } = JSON.parse(String(inputsOf(registrations, "aws:iam/rolePolicy:RolePolicy")["policy"])) as { Statement: { Sid: string; Resource: unknown }[] };
    const write = Statement.find(({ Sid }) => Sid === "WriteLogs");
    assert.deepEqual(write?.Resource, ["arn:aws:logs:us-east-1:111122223333:log-group:/teams/engines:*"]);
    const name = await new Promise((resolve) => {
      result.logGroupName.apply(resolve);
    });
    assert.equal(name, "/teams/engines");
  });

  test("it may be a resource", async () => {
    const { registrations } = await registrationsOf(
      () => new StartEngines("start-engines", { ...soundArguments(), logGroup: new aws.cloudwatch.LogGroup("mine", { name: "/mine" }) }),
    );
    assert.deepEqual(registrations.filter(({ type }) => type === GROUP).map(({ name }) => name), ["mine"]);
    assert.deepEqual(inputsOf(registrations, FUNCTION)["loggingConfig"], { logFormat: "Text", logGroup: "/mine" });
  });

  test("its name must be one, and its retention is not the component's", () => {
    assert.deepEqual(problemsOf({ logGroup: "aws/x", logRetentionDays: 7 }), [
      'args.logGroup = "aws/x": must be the name of a log group: 1 to 512 letters, digits and ._/#-, and not begin with aws/',
      "args.logRetentionDays = a number: is for the component's own log group: leave it out with logGroup",
    ]);
  });

  test("by default Lambda writes to the component's own, and is told so: the provider would keep a group that was given before", async () => {
    const registrations = await deploy({});
    assert.equal(inputsOf(registrations, GROUP)["name"], "/aws/lambda/start-engines");
    assert.deepEqual(inputsOf(registrations, FUNCTION)["loggingConfig"], { logFormat: "Text", logGroup: "/aws/lambda/start-engines" });
  });
});

test("traces are as asked for, else as Lambda has it, which is said too", async () => {
  const modeOf = async (change: Partial<StartEnginesArgs>) => inputsOf(await deploy(change), FUNCTION)["tracingConfig"];
  assert.deepEqual(await modeOf({ tracing: "Active" }), { mode: "Active" });
  assert.deepEqual(await modeOf({ tracing: pulumi.output("PassThrough" as const) }), { mode: "PassThrough" });
  assert.deepEqual(await modeOf({}), { mode: "PassThrough" });
  assert.deepEqual(problemsOf({ tracing: "on" }), ['args.tracing = "on": must be one of Active, PassThrough']);
});

describe("environment", () => {
  test("further variables are the function's, beside its own, and may be outputs", async () => {
    const plain = variablesOf(await deploy({}));
    const more = { AWS_USE_FIPS_ENDPOINT: "true", AWS_CA_BUNDLE: "/opt/ca.pem" };
    assert.deepEqual(variablesOf(await deploy({ environment: more })), { ...plain, ...more });
    const outputs = { ...more, AWS_CA_BUNDLE: pulumi.output(more.AWS_CA_BUNDLE) };
    assert.deepEqual(variablesOf(await deploy({ environment: pulumi.output(outputs) })), { ...plain, ...more });
  });

  test("the command's environment is without them", async () => {
    const { result } = await registrationsOf(
      () => new StartEngines("start-engines", { ...soundArguments(), environment: { AWS_USE_FIPS_ENDPOINT: "true" } }),
    );
    const settings = await new Promise<Record<string, string>>((resolve) => {
      result.commandEnvironment.apply(resolve);
    });
    assert.equal(settings["AWS_USE_FIPS_ENDPOINT"], undefined);
    assert.ok(settings["ALLOWED_CLUSTERS"] !== undefined);
  });

  test("what is set already, what Lambda reserves, and what is no name or text is refused, without its value", () => {
    const environment = { LOG_LEVEL: "debug", AWS_REGION: "eu-west-1", "a-b": "x", A: "x", PORT: 80, GOOD: "x", LATER: pulumi.output("x") };
    assert.deepEqual(problemsOf({ environment }), [
      "args.environment.LOG_LEVEL = a text of 5 characters: is set by the component, from other arguments",
      "args.environment.AWS_REGION = a text of 9 characters: is reserved by Lambda, which sets it",
      "args.environment.a-b = a text of 1 characters: a name has at least 2 letters, digits and _, and begins with a letter",
      "args.environment.A = a text of 1 characters: a name has at least 2 letters, digits and _, and begins with a letter",
      "args.environment.PORT = a number: must be a text",
    ]);
    assert.deepEqual(problemsOf({ environment: "A=b" }), ["args.environment = a text of 3 characters: must be an object of texts"]);
  });

  test("no variable that the component sets, or that the function reads as its own, can be set", async () => {
    const own = Object.keys(variablesOf(await deploy({ buffered: true })));
    assert.ok(own.length > 15, own.join(" "));
    const file = (name: string) => readFileSync(path.join(__dirname, "../../src/core/config", name), "utf8").split("#[cfg(test)]")[0] ?? "";
    const read = [...(file("mod.rs") + file("environment.rs")).matchAll(/\("([A-Z_]{5,})"/g)].map((match) => match[1] ?? "");
    assert.ok(read.length > 15, read.join(" "));
    for (const name of [...own, ...read]) assert.notEqual(variableName(name), undefined, name);
  });

  test("4,096 bytes are for all variables together", async () => {
    const own = variablesOf(await deploy({}));
    const lists = Object.keys(own).filter((name) => name.startsWith("ALLOWED_"));
    // Where the lists do not fit, they allow nothing there: the settings file has them.
    const room = MAX_ENVIRONMENT_BYTES - environmentBytes(own) - "MORE".length;
    assert.deepEqual(variablesOf(await deploy({ environment: { MORE: "x".repeat(room) } })), { ...own, MORE: "x".repeat(room) });
    const squeezed = variablesOf(await deploy({ environment: { MORE: "x".repeat(room + 1) } }));
    assert.deepEqual(new Set(lists.map((name) => squeezed[name])), new Set(["in-the-settings-file"]));
    assert.equal(squeezed["MORE"]?.length, room + 1);
    const args = { ...soundArguments(), environment: { MORE: "x".repeat(4000) } } as unknown as SettledArgs;
    const later = { roleArn: "arn", scheduleGroup: "group", deadLetterQueueArn: "arn" };
    const problems = new Problems();
    limitEnvironment(environment(args, later, "start-engines"), problems);
    assert.match(problems.list[0] ?? "", /^the size of the function's environment = \d+: .* 4096 bytes: .* less in environment$/);
  });
});
