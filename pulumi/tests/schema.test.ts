/**
 * `plugin/schema.json`, by which other languages know the component, against the TypeScript types: `npm run schema` writes
 * it anew, for review.
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import { Architecture, LogLevel } from "../component/src/index";
import { type Derived, derived } from "./support/schemaOf";

const FILE = path.join(__dirname, "../plugin/schema.json");
/** Arguments that only TypeScript has, each with the reason. */
const TYPESCRIPT_ONLY: Readonly<Record<string, string>> = {};

type Tree = Readonly<Record<string, unknown>>;

const committed = (): Tree & Derived => JSON.parse(readFileSync(FILE, "utf8")) as Tree & Derived;

/** What the types say, without what only TypeScript has. */
function expected(): Derived {
  const { types, resources } = derived();
  const [token, resource] = Object.entries(resources)[0] ?? [];
  assert.ok(token !== undefined && resource !== undefined);
  const kept = Object.entries(resource.inputProperties).filter(([name]) => !(name in TYPESCRIPT_ONLY));
  return { types, resources: { [token]: { ...resource, inputProperties: Object.fromEntries(kept) } } };
}

/** Every difference, by its place. */
function differences(inTypes: unknown, inSchema: unknown, place: string): string[] {
  if (!isTree(inTypes) || !isTree(inSchema)) {
    const [one, other] = [JSON.stringify(inTypes), JSON.stringify(inSchema)];
    return one === other ? [] : [`${place} is ${one} in TypeScript, and ${other} in the schema`];
  }
  return [...new Set([...Object.keys(inTypes), ...Object.keys(inSchema)])].flatMap((name) => {
    const at = `${place}.${name}`;
    if (!(name in inSchema)) return [`${at} is missing in the schema`];
    if (!(name in inTypes)) return [`${at} is in the schema only`];
    return differences(inTypes[name], inSchema[name], at);
  });
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

test("the schema has every argument and every output of the class, and nothing else", () => {
  const types = expected();
  if (process.env["UPDATE_SNAPSHOT"] === "1") {
    writeFileSync(FILE, `${JSON.stringify({ ...committed(), ...types }, null, 2)}\n`);
  }
  const { types: named, resources } = committed();
  const found = [...differences(types.resources, resources, "resources"), ...differences(types.types, named, "types")];
  assert.deepEqual(found, [], "npm run schema writes it anew");
});

test("each argument that only TypeScript has is one", () => {
  const [resource] = Object.values(derived().resources);
  const names = Object.keys(TYPESCRIPT_ONLY).filter((name) => !(name in (resource?.inputProperties ?? {})));
  assert.deepEqual(names, []);
});

test("an argument, an output or a rule that one of them lacks is named", () => {
  const one = { inputProperties: { a: { type: "string" }, b: { type: "string", plain: true } }, required: ["x"] };
  const other = { inputProperties: { b: { type: "string" }, c: { type: "string" } }, required: ["x", "y"] };
  assert.deepEqual(differences(one, other, "r"), [
    "r.inputProperties.a is missing in the schema",
    "r.inputProperties.b.plain is missing in the schema",
    "r.inputProperties.c is in the schema only",
    'r.required is ["x"] in TypeScript, and ["x","y"] in the schema',
  ]);
});

test("what is plain, eventual, one of several, or a word of a few, is so in the schema", () => {
  const { types, resources } = committed();
  const inputs = resources["start-engines:index:StartEngines"]?.inputProperties ?? {};
  const without = (name: string): Tree => Object.fromEntries(Object.entries(inputs[name] ?? {}).filter(([key]) => key !== "description"));
  assert.deepEqual(without("functionName"), { type: "string", plain: true });
  assert.deepEqual(without("memorySize"), { type: "integer" });
  assert.deepEqual(without("clusters"), { type: "array", items: { type: "string" } });
  assert.deepEqual(without("taskFamilies"), { type: "array", items: { type: "string" } });
  assert.deepEqual(without("buffered"), {
    oneOf: [{ type: "boolean" }, { $ref: "#/types/start-engines:index:Buffered" }],
    plain: true,
  });
  assert.deepEqual(without("targetGroups"), {
    type: "object",
    additionalProperties: { $ref: "#/types/start-engines:index:TargetGroup", plain: true },
    plain: true,
  });
  const words = (name: string) => types[`start-engines:index:${name}`]?.enum?.map(({ value }) => value);
  assert.deepEqual(words("Architecture"), Object.values(Architecture));
  assert.deepEqual(words("LogLevel"), Object.values(LogLevel));
});
