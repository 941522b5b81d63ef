/**
 * Records what the example registers, for a later version to be upgraded from: `node --import tsx tests/record.ts > FILE`.
 *
 * A list of registrations in their order. A value that AWS gives is not recorded, but where it comes from: `{{TYPE::NAME#id}}`.
 * Run by the version that is recorded; `programs/replay.ts` registers it again. Must not know AWS beyond the names of such values.
 */

import { createHash } from "node:crypto";
import * as path from "node:path";

import { metricDimension } from "../component/src/arn";
import { withName } from "./support/automaticNames";
import { fakeBundle } from "./support/fakeBundle";
import { type Fields, type Recorded, run } from "./support/monitor";
import { idOf, stateOf, yesToEverything } from "./support/yesToEverything";

/** Outputs that others are made of, beside a name that is made. */
const OUTPUTS = ["arn", "url", "dnsName"] as const;
const CODE = fakeBundle();
const CONFIG = {
  "aws:region": "us-east-1",
  "start-engines:image": "registry.example/engine:1",
  "start-engines:code": CODE,
  "start-engines:alarmEmail": "people@example.com",
};

/** What AWS gave, and where it came from. */
const given = new Map<string, string>();

function create(type: string, name: string, inputs: Fields) {
  const isNamed = withName(type, name, inputs) !== inputs;
  // Of each type another one, so that it tells where it comes from.
  const named: Fields = isNamed ? { ...inputs, name: `${name}-${digest(type)}` } : inputs;
  const made = { id: idOf(type, name), state: stateOf(type, name, named) as Fields };
  given.set(made.id, `{{${type}::${name}#id}}`);
  for (const output of isNamed ? [...OUTPUTS, "name"] : OUTPUTS) {
    const value = made.state[output];
    if (typeof value === "string") given.set(value, `{{${type}::${name}#${output}}}`);
  }
  // CloudWatch's dimensions of load balancers and target groups.
  if (typeof made.state["arn"] === "string" && type.startsWith("aws:lb/")) {
    given.set(metricDimension(made.state["arn"]), `{{${type}::${name}#dimension}}`);
  }
  return made;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 7);
}

function referring(value: unknown): unknown {
  if (typeof value === "string") {
    // Longer ones first: an ARN may have a name in it.
    const known = [...given].sort(([one], [other]) => other.length - one.length);
    return known.reduce((text, [of, from]) => text.replaceAll(of, from), value);
  }
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== "object" || value === null) return value;
  // The packed function, of which a version may deploy a copy.
  const file = "path" in value && String(value.path).startsWith(path.dirname(CODE)) ? { path: "{{code}}" } : {};
  return Object.fromEntries(Object.entries({ ...value, ...file }).map(([name, part]) => [name, referring(part)]));
}

function shown({ type, name, parent, dependencies, inputs }: Recorded) {
  return { type, name, parent: short(parent), dependencies: dependencies.map(short), inputs: referring(inputs) };
}

function short(urn: string): string {
  return urn.split("::").slice(2).join("::").replace(/^.*\$/, "");
}

async function main(): Promise<void> {
  const made = await run({ preview: false, config: CONFIG, provider: { ...yesToEverything, create } });
  if (made.exitCode !== 0) throw new Error(made.errors);
  const own = made.registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack");
  process.stdout.write(`${JSON.stringify(own.map(shown), undefined, 1)}\n`);
}

void main();
