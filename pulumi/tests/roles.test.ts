/** Where the roles are in IAM, and what they are called. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { registrationsOf } from "./support/mocks";
import { soundArguments } from "./support/soundArguments";

async function roles(change: Partial<StartEnginesArgs>): Promise<Readonly<Record<string, unknown>>[]> {
  const { registrations } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), ...change }));
  return registrations.filter(({ type }) => type === "aws:iam/role:Role").map(({ inputs }) => inputs);
}

function problemsOf(change: Record<string, unknown>): string[] {
  try {
    checkArguments("start-engines", known({ ...soundArguments(), ...change }));
  } catch (error) {
    return (error as Error).message.split("\n  ").slice(1);
  }
  return [];
}

test("all roles have the path and begin with the prefix", async () => {
  const plain = await roles({});
  assert.equal(plain.length, 3);
  for (const role of plain) assert.equal(role["path"], undefined);
  const moved = await roles({ rolePath: pulumi.output("/teams/engines/"), roleNamePrefix: "app-" });
  assert.deepEqual(moved.map((role) => role["path"]), Array(3).fill("/teams/engines/"));
  assert.deepEqual(moved.map((role) => role["name"]), plain.map((role) => `app-${String(role["name"])}`));
});

test("no role's name is longer than IAM allows, up to the last character", async () => {
  const functionName = "f".repeat(40);
  const change = { functionName, roleNamePrefix: "p".repeat(6) };
  assert.deepEqual(problemsOf(change), []);
  const lengths = (await roles(change)).map((role) => String(role["name"]).length);
  assert.equal(Math.max(...lengths), 64);
  assert.deepEqual(problemsOf({ functionName, roleNamePrefix: "p".repeat(7) }), [
    'args.roleNamePrefix = "ppppppp": IAM allows 64 characters, and after it the roles\' names have up to 58: at most 6',
  ]);
});

test("path and prefix must be what IAM takes, and the prefix is plain", () => {
  assert.deepEqual(problemsOf({ rolePath: "teams/", roleNamePrefix: "a b" }), [
    'args.rolePath = "teams/": must begin and end with /, and have at most 512 characters, none of them a space',
    'args.roleNamePrefix = "a b": must be letters, digits and +=,.@_-',
  ]);
  assert.deepEqual(problemsOf({ rolePath: "/" }), []);
  assert.match(problemsOf({ roleNamePrefix: pulumi.output("a") })[0] ?? "", /^args\.roleNamePrefix = an output: must be a plain value/);
});
