/** Registers what `record.ts` has recorded of another version; the file is named by the variable RECORDED. */

import { readFileSync } from "node:fs";

import * as pulumi from "@pulumi/pulumi";

import { metricDimension } from "../../component/src/arn";

interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Outputs that others refer to. */
const OUTPUTS = { arn: undefined, url: undefined, dnsName: undefined, name: undefined };
const REFERENCE = /\{\{([^#{}]+)#(\w+)\}\}/g;
const CODE = "{{code}}";
/** The provider's, as its own classes give it: with another one there would be another provider. */
const { version } = JSON.parse(readFileSync(require.resolve("@pulumi/aws/package.json"), "utf8")) as { version: string };
const code = new pulumi.Config("start-engines").require("code");
const made = new Map<string, pulumi.Resource>();

class Replayed extends pulumi.CustomResource {}

function resolved(value: unknown): unknown {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== "object" || value === null) return value;
  if ("path" in value && value.path === CODE) return new pulumi.asset.FileArchive(code);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolved(part)]));
}

function text(value: string): pulumi.Input<string> {
  const references = [...value.matchAll(REFERENCE)];
  if (references.length === 0) return value;
  const outputs = references.map(([, resource = "", output = ""]) => {
    const found = made.get(resource) as unknown as Record<string, pulumi.Output<string>> | undefined;
    const value = output === "dimension" ? found?.["arn"]?.apply(metricDimension) : found?.[output];
    if (value === undefined) throw new Error(`${resource} has no ${output}`);
    return value;
  });
  return pulumi.all(outputs).apply((known) => references.reduce((left, [whole], n) => left.replace(whole, known[n] ?? ""), value));
}

for (const { type, name, parent, dependencies, inputs } of JSON.parse(readFileSync(process.env["RECORDED"] ?? "", "utf8")) as Recorded[]) {
  const key = `${type}::${name}`;
  const own = made.get(parent);
  const options = own === undefined ? {} : { parent: own };
  if (type.startsWith("aws:")) {
    const dependsOn = dependencies.flatMap((of) => made.get(of) ?? []);
    const properties = { ...OUTPUTS, ...(resolved(inputs) as pulumi.Inputs) };
    made.set(key, new Replayed(type, name, properties, { ...options, dependsOn, version }));
  } else {
    made.set(key, new pulumi.ComponentResource(type, name, {}, options));
  }
}
