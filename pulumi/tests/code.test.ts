import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { ARM64, fakeBundle } from "./support/fakeBundle";
import { registrationsOf } from "./support/mocks";
import { leastArguments, soundArguments } from "./support/soundArguments";

const S3 = { s3Bucket: "artifacts", s3Key: "start-engines/x86_64.zip", s3ObjectVersion: "3HL4kqtJlcpXroDTDmJ" };

function problemsOf(code: unknown, more: Record<string, unknown> = {}): string[] {
  try {
    checkArguments("start-engines", known({ ...leastArguments(), ...more, code }));
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError);
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

async function deployed(args: StartEnginesArgs): Promise<Readonly<Record<string, unknown>>> {
  const { registrations } = await registrationsOf(() => new StartEngines("start-engines", args));
  return registrations.find((made) => made.type === "aws:lambda/function:Function")?.inputs ?? {};
}

test("a checkout has no packed function, which is said with the way out", () => {
  for (const [architecture, more] of [["x86_64", {}], ["arm64", { architecture: "arm64" }]] as const) {
    assert.deepEqual(problemsOf(undefined, more), [
      `args.code is missing: the package's own function for ${architecture} cannot be read (ENOENT): ` +
        `build it (make package ARCH=${architecture}) and name the zip`,
    ]);
  }
});

test("of a path, what it holds and for which architecture is checked", () => {
  assert.deepEqual(problemsOf(fakeBundle(ARM64), { architecture: "arm64" }), []);
  assert.match(problemsOf(fakeBundle(ARM64)).join(), /is built for arm64, not for x86_64/);
  assert.deepEqual(problemsOf(""), ['args.code = "": must be the path of a zip']);
});

test("an archive is deployed as it is", async () => {
  const archive = new pulumi.asset.RemoteArchive("https://artifacts.example/x86_64.zip");
  assert.deepEqual(problemsOf(archive), []);
  const { code, s3Bucket } = await deployed({ ...leastArguments(), code: archive });
  assert.ok(code instanceof pulumi.asset.RemoteArchive);
  assert.equal(await code.uri, "https://artifacts.example/x86_64.zip");
  assert.equal(s3Bucket, undefined);
});

test("an object in S3 is deployed from there", async () => {
  assert.deepEqual(problemsOf(S3), []);
  const { code, s3Bucket, s3Key, s3ObjectVersion } = await deployed({
    ...leastArguments(),
    code: { ...S3, s3Key: pulumi.output(S3.s3Key) },
  });
  assert.deepEqual({ s3Bucket, s3Key, s3ObjectVersion }, S3);
  assert.equal(code, undefined);
});

test("every problem of an object in S3 is named", () => {
  assert.deepEqual(problemsOf({ s3Bucket: "Artifacts", s3Version: "1" }), [
    'args.code.s3Bucket = "Artifacts": must be the name of an S3 bucket',
    "args.code.s3Key is missing: the packed function's key in the bucket",
    "args.code.s3Version = a text of 1 characters: is not a field of this object",
  ]);
});

test("services are in a layer, whatever the code is", () => {
  const { services, targetGroups } = soundArguments();
  for (const code of [S3, new pulumi.asset.FileArchive("function.zip")]) assert.deepEqual(problemsOf(code, { targetGroups, services }), []);
});

test("what decides how the function is made must be known", () => {
  assert.match(problemsOf(pulumi.output("function.zip")).join(), /^args\.code = an output: must be known/);
  assert.match(problemsOf(7).join(), /^args\.code = a number: must be a path, an archive/);
});
